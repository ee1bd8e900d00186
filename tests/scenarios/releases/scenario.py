"""Unmodified programs of several releases of rdma-core, on several kernels, guarded by one build."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from testbed.api import Test
from testbed.applications import APPLICATIONS, Addresses, Application, Trial, refusal, same_output, try_out
from testbed.doors import DOORS, Door
from testbed.states import ETH0, MACSEC0

GUESTS = (("host", "6.1"), ("host", "6.12"), ("trixie", "6.12"), ("sid", "7.2"))
TIME_LIMIT = 900

PROGRAMS = [APPLICATIONS[name] for name in ("ibv_rc_pingpong", "ib_write_bw", "ib_send_lat -R", "rping")]


@dataclass
class Row:
    """What was seen of one program behind one door."""

    release: str  # of rdma-core
    kernel: str
    program: str
    door: str
    bare_clear_frames: int
    refused_in_clear: bool = False
    clear_frames: int = -1  # while it was refused
    protected: dict[str, bool] = field(default_factory=dict)  # by "esp", by "macsec"


def run(t: Test) -> None:
    release = t.a.run("dpkg-query -W -f '${Version}' libibverbs1", check=True).out
    kernel = t.a.run("uname -r", check=True).out.strip()
    t.note(f"rdma-core {release} on kernel {kernel}")
    t.net.clear()
    bare = {program.name: bare_is_seen(t, program) for program in PROGRAMS}
    rows = {
        (door.name, program.name): Row(release, kernel, program.name, door.name, bare[program.name].readable)
        for door in DOORS
        for program in PROGRAMS
    }
    for door in DOORS:
        with door.standing(t):
            for program in PROGRAMS:
                refused_in_clear(t, door, program, rows[door.name, program.name])
    for by, addresses, become in (("esp", ETH0, t.net.ipsec), ("macsec", MACSEC0, t.net.macsec)):
        become()
        for door in DOORS:
            with door.standing(t):
                for program in PROGRAMS:
                    row = rows[door.name, program.name]
                    row.protected[by] = runs_protected(t, door, program, bare[program.name], addresses, by)
    (t.results / "releases.json").write_text(json.dumps([asdict(row) for row in rows.values()], indent=1) + "\n")


def bare_is_seen(t: Test, program: Application) -> Trial:
    trial = try_out(t, program, ETH0)
    t.check(trial.ran and trial.wire["clear_data"] > 0, f"control: {program.name}, bare: runs, and the wire shows it", trial)
    return trial


def refused_in_clear(t: Test, door: Door, program: Application, row: Row) -> None:
    """The client is guarded, its server bare."""
    trial = try_out(t, program, ETH0, guarded="a", wrap=door.wrap(t))
    what = f"{program.name}, {door.name}, in clear"
    told = refusal(trial.client)
    row.refused_in_clear = bool(trial.client and not trial.client.ok and told)
    row.clear_frames = trial.readable
    t.check(row.refused_in_clear, f"{what}: refused, and says why", trial)
    t.check(row.clear_frames == 0, f"{what}: nothing of it on the wire", trial)


def runs_protected(t: Test, door: Door, program: Application, bare: Trial, addresses: Addresses, by: str) -> bool:
    trial = try_out(t, program, addresses, guarded="ab", wrap=door.wrap(t))
    what = f"{program.name}, {door.name}, {'with IPsec' if by == 'esp' else 'over MACsec'}"
    ran = t.check(same_output(trial, bare), f"{what}: runs, and says what it says bare", trial)
    secret = t.check(trial.wire[by] > 0 and trial.readable == 0, f"{what}: nothing in clear", trial)
    return ran and secret
