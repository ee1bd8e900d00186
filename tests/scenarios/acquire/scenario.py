# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""charon runs on both guests, without an SA: programs cause a negotiation and continue."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Callable, Mapping

from testbed.api import Test
from testbed.applications import APPLICATIONS, Application, bare_is_seen, try_out
from testbed.charon import ON_REQUEST, Charon
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.states import DEVICE, ETH0

TIME_LIMIT = 1500
TIMES = int(os.environ.get("RDMASEC_TIMES", "4"))  # of each kind; the durations are printed only
PROCESSES, QPS_EACH = 8, 25
PATIENT = "[default]\nsetup-timeout = 5m\n"  # a busy host needs minutes for a negotiation
PROGRAMS = (
    APPLICATIONS["ibv_rc_pingpong"],
    APPLICATIONS["ib_write_bw"],
    Application("ib_write_bw -R", "ib_write_bw -R -F -n 50 -s 4096", "ib_write_bw -R -F -n 50 -s 4096 {server}",
                side_channel=False, own_race=APPLICATIONS["ib_send_lat -R"].own_race),
    APPLICATIONS["rping"],
    Application("ucmatose -c 32", "ucmatose -c 32", "ucmatose -c 32 -s {server}", side_channel=False),
)

Charons = Mapping[str, Charon]


def run(t: Test) -> None:
    bare_is_seen(t)
    bare = times(t, "bare", lambda: None, wrap="")
    t.net.clear()
    charons = {guest.name: Charon(guest, changes=ON_REQUEST) for guest in (t.a, t.b)}
    daemon = on_both(t, PATIENT)
    for application in PROGRAMS:
        runs_without_sa(t, charons, application)
    one_negotiation_serves_many(t, charons, daemon)
    measure(t, charons, bare)


def make_cold(charons: Charons, what: str = "--ike roce-peer") -> None:
    """Leaves the traps alone (and with another `what` the IKE_SA): no state in the kernel, on either side."""
    for charon in charons.values():
        charon.forget(what)
    for charon in charons.values():
        charon.wait_for("no SA", lambda: not charon.guest.run("ip xfrm state", check=True).out)


def runs_without_sa(t: Test, charons: Charons, application: Application) -> None:
    make_cold(charons)
    trial = try_out(t, application, ETH0, guarded="ab", wrap=by_library(t), user=USER)
    t.check(trial.ran, f"{application.name}, cold: it runs", trial)
    t.check(trial.wire["esp"] > 0, f"{application.name}, cold: ESP crosses the wire", trial)
    t.check(trial.readable == 0, f"{application.name}, cold: nothing leaves in clear", trial)


def one_negotiation_serves_many(t: Test, charons: Charons, daemon: Daemon) -> None:
    make_cold(charons)
    before = len(charons["a"].child_sas())
    with t.wire() as wire:
        index = t.net.gid_index(t.a, ETH0["a"][0])
        ends = f"{DEVICE} {index} {ETH0['b'][0]}"
        command = f"exec {by_library(t)} {t.build}/tests/verbs_many -a {ends} {PROCESSES} {QPS_EACH}"
        program = t.a.start(command, user=USER)
        said = program.output_with("waiting")
        listed = len(daemon.qps())
        program.kill()
        program.wait()
    what = f"{PROCESSES * QPS_EACH} QPs of {PROCESSES} processes, cold"
    t.check("waiting" in said, f"{what}: all are connected", said)
    t.check(listed == PROCESSES * QPS_EACH, f"{what}: the daemon lists all as guarded", listed)
    made = charons["a"].child_sas()[before:]
    t.check(len(made) == 1, f"{what}: charon negotiates once", f"{made}\n{charons['a'].log()[-3000:]}")
    t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)


def times(t: Test, what: str, before: Callable[[], None], wrap: str) -> list[float]:
    """Returns the ms of calls to ibv_modify_qp(RTR), one of each new program."""
    index = t.net.gid_index(t.a, ETH0["a"][0])
    found = []
    for _ in range(TIMES):
        before()
        program = t.a.start(f"exec {wrap} {t.build}/tests/verbs_many {DEVICE} {index} {ETH0['b'][0]} 1 1", user=USER)
        took = re.findall(r"^rtr (\S+)", program.output_with("waiting"), re.MULTILINE)
        program.kill()
        result = program.wait()
        if not t.check(took, f"{what}: a queue pair connects", result):
            break
        found.append(float(took[0]) / 1000)
    return found


def measure(t: Test, charons: Charons, bare: list[float]) -> None:
    guard = by_library(t)
    found = {
        "bare": bare,
        "cold": times(t, "cold", lambda: make_cold(charons), guard),
        "with the SA": times(t, "with the SA", lambda: None, guard),
        "warm": times(t, "warm", lambda: make_cold(charons, "--child roce"), guard),
    }
    base = statistics.median(bare)
    for what, each in found.items():
        middle = statistics.median(each)
        ratio = f"{middle / base:.0f} x bare"
        t.note(f"ibv_modify_qp(RTR), {what}: median of {len(each)} {middle:.1f} ms, worst {max(each):.1f}, {ratio}")
