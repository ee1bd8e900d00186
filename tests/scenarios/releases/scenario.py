# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One build guards unmodified programs of several releases of rdma-core, on several kernels."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from testbed.api import Test
from testbed.applications import APPLICATIONS, Addresses, Application, Trial, same_output, try_out
from testbed.coverage import DOORS, PRELOAD, PROVIDER, Door, seen
from testbed.refusals import refusal
from testbed.states import ETH0, MACSEC0

# Other scenarios cover the rdma-core of this host, on 6.12 and 6.1 (demo). --root host --kernel 6.1 runs that here.
GUESTS = (("trixie", "6.12"), ("sid", "7.2"))
TIME_LIMIT = 900

PROGRAMS = [APPLICATIONS[name] for name in ("ibv_rc_pingpong", "ib_write_bw", "ib_send_lat -R", "rping")]
TRIED = (PRELOAD, PROVIDER)


@dataclass
class Row:
    """The results of one program behind one door."""

    release: str  # of rdma-core
    kernel: str
    program: str
    door: str
    bare: dict[str, object]
    refused: dict[str, object] = field(default_factory=dict)
    protected: dict[str, dict[str, object]] = field(default_factory=dict)  # by "esp", by "macsec"
    guarded: bool = True  # all checks passed


def run(t: Test) -> None:
    release = t.a.run("dpkg-query -W -f '${Version}' libibverbs1", check=True).out
    kernel = t.a.run("uname -r", check=True).out.strip()
    t.note(f"rdma-core {release} on kernel {kernel}")
    doors = [door for door in DOORS if door.name in TRIED and door.is_built(t)]
    t.net.clear()
    bare = {program.name: bare_is_seen(t, program) for program in PROGRAMS}
    rows = {
        (door.name, program.name): Row(release, kernel, program.name, door.name, kept(t, bare[program.name]))
        for door in doors
        for program in PROGRAMS
    }
    each(t, doors, rows, "a", lambda door, program, row: refused_in_clear(t, door, program, row))
    t.net.ipsec()
    each(t, doors, rows, "ab", lambda door, program, row: runs_protected(t, door, bare[program.name], row, ETH0, "esp"))
    t.net.macsec()
    each(t, doors, rows, "ab", lambda door, program, row: runs_protected(t, door, bare[program.name], row, MACSEC0, "macsec"))
    (t.results / "releases.json").write_text(json.dumps([asdict(row) for row in rows.values()], indent=1) + "\n")


def each(t: Test, doors: list[Door], rows: dict, guests: str, act: Callable[[Door, Application, Row], bool]) -> None:
    """Runs every program behind every door, which is installed in these guests."""
    for door in doors:
        with door.installed(t, [guest for guest in (t.a, t.b) if guest.name in guests]):
            for program in PROGRAMS:
                row = rows[door.name, program.name]
                row.guarded = act(door, program, row) and row.guarded


def kept(t: Test, trial: Trial) -> dict[str, object]:
    return seen(t, trial, (trial.client or trial.server).err)


def bare_is_seen(t: Test, program: Application) -> Trial:
    trial = try_out(t, program, ETH0)
    shown = trial.ran and trial.wire["clear_data"] > 0
    t.check(shown, f"control: {program.name}, bare: it runs, and the wire shows its data", trial)
    return trial


def refused_in_clear(t: Test, door: Door, program: Application, row: Row) -> bool:
    """The client is guarded, its server is bare."""
    trial = try_out(t, program, ETH0, guarded="a", wrap=door.wrap(t))
    row.refused = kept(t, trial)
    what = f"{program.name}, {door.name}, in clear"
    failed = trial.client is not None and not trial.client.ok
    printed = t.check(failed and refusal(trial.client), f"{what}: it is refused, and prints the reason", trial)
    return t.check(trial.readable == 0, f"{what}: nothing readable crosses the wire", trial) and printed


def runs_protected(t: Test, door: Door, bare: Trial, row: Row, addresses: Addresses, by: str) -> bool:
    program = bare.application
    trial = try_out(t, program, addresses, guarded="ab", wrap=door.wrap(t))
    row.protected[by] = kept(t, trial)
    what = f"{program.name}, {door.name}, {'with IPsec' if by == 'esp' else 'over MACsec'}"
    ran = t.check(same_output(trial, bare), f"{what}: it runs with the output of a bare run", trial)
    return t.check(trial.wire[by] > 0 and trial.readable == 0, f"{what}: nothing leaves in clear", trial) and ran
