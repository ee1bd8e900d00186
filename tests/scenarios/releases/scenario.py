# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unmodified programs of several releases of rdma-core, on several kernels, guarded by one build."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from testbed.api import Test
from testbed.applications import APPLICATIONS, Addresses, Application, Trial, same_output, try_out
from testbed.coverage import DOORS, PRELOAD, PROVIDER, Door, seen
from testbed.refusals import refusal
from testbed.states import ETH0, MACSEC0

# What others show of this host's rdma-core, on 6.12 and 6.1 (demo), is not shown again: --root host --kernel 6.1 does.
GUESTS = (("trixie", "6.12"), ("sid", "7.2"))
TIME_LIMIT = 900

PROGRAMS = [APPLICATIONS[name] for name in ("ibv_rc_pingpong", "ib_write_bw", "ib_send_lat -R", "rping")]
TRIED = (PRELOAD, PROVIDER)


@dataclass
class Row:
    """What was seen of one program behind one door."""

    release: str  # of rdma-core
    kernel: str
    program: str
    door: str
    bare: dict[str, object]
    refused: dict[str, object] = field(default_factory=dict)
    protected: dict[str, dict[str, object]] = field(default_factory=dict)  # by "esp", by "macsec"
    guarded: bool = True  # all of it was as it has to be


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
    for by, addresses, become in (("esp", ETH0, t.net.ipsec), ("macsec", MACSEC0, t.net.macsec)):
        become()
        each(t, doors, rows, "ab", lambda door, program, row: runs_protected(t, door, bare[program.name], row, addresses, by))
    (t.results / "releases.json").write_text(json.dumps([asdict(row) for row in rows.values()], indent=1) + "\n")


def each(t: Test, doors: list[Door], rows: dict, guests: str, act: Callable[[Door, Application, Row], bool]) -> None:
    """Every program behind every door, which stands in these guests."""
    for door in doors:
        with door.standing(t, [guest for guest in (t.a, t.b) if guest.name in guests]):
            for program in PROGRAMS:
                row = rows[door.name, program.name]
                row.guarded = act(door, program, row) and row.guarded


def kept(t: Test, trial: Trial) -> dict[str, object]:
    return seen(t, trial, (trial.client or trial.server).err)


def bare_is_seen(t: Test, program: Application) -> Trial:
    trial = try_out(t, program, ETH0)
    t.check(trial.ran and trial.wire["clear_data"] > 0, f"control: {program.name}, bare: runs, and the wire shows it", trial)
    return trial


def refused_in_clear(t: Test, door: Door, program: Application, row: Row) -> bool:
    """The client is guarded, its server bare."""
    trial = try_out(t, program, ETH0, guarded="a", wrap=door.wrap(t))
    row.refused = kept(t, trial)
    what = f"{program.name}, {door.name}, in clear"
    failed = trial.client is not None and not trial.client.ok
    told = t.check(failed and refusal(trial.client), f"{what}: refused, and says why", trial)
    return t.check(trial.readable == 0, f"{what}: nothing of it on the wire", trial) and told


def runs_protected(t: Test, door: Door, bare: Trial, row: Row, addresses: Addresses, by: str) -> bool:
    program = bare.application
    trial = try_out(t, program, addresses, guarded="ab", wrap=door.wrap(t))
    row.protected[by] = kept(t, trial)
    what = f"{program.name}, {door.name}, {'with IPsec' if by == 'esp' else 'over MACsec'}"
    ran = t.check(same_output(trial, bare), f"{what}: runs, and says what it says bare", trial)
    return t.check(trial.wire[by] > 0 and trial.readable == 0, f"{what}: nothing in clear", trial) and ran
