# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Cleartext RoCE is stopped on the netdev by which it would leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from testbed.api import Test
from testbed.applications import Addresses, Trial, guard, try_out
from testbed.gate import DETOURS, FLOOD, PINGPONG, RPING, SEND_RAW, Detour, held_back, ipsec, lockdown, macsec, on_both, running, stopped
from testbed.states import ETH0, MACSEC0


def is_led_past(t: Test, detour: Detour) -> None:
    detour.network(t)
    trial = try_out(t, PINGPONG, detour.addresses, guarded="ab")
    t.check(trial.ran and not trial.readable, f"{detour.what}: before it, a guarded pingpong is protected", trial)
    t.a.run(detour.change, check=True)
    with running(t, PINGPONG, detour.addresses):
        leaked = t.readable_frames(0.5)
    t.check(leaked > 0, f"control: {detour.what}: without the gate its packets leave in clear", leaked)
    on_both(t, "on")
    wire = held_back(t, PINGPONG, detour.addresses, guard(t))
    t.check(not wire.clear, f"{detour.what}: with the gate nothing is readable", wire)
    t.a.run(detour.undo, check=True)
    trial = try_out(t, PINGPONG, detour.addresses, guarded="ab")
    t.check(trial.ran and not trial.readable, f"{detour.what}: undone, the pingpong runs under the gate", trial)
    on_both(t, "off")


# ---- the gate alone ----


def stops_clear(t: Test) -> None:
    t.net.clear()
    trial = try_out(t, RPING, ETH0)
    t.check(trial.ran and trial.wire["clear_cm"] > 0, "control: a clear rping runs", trial)
    t.check(lockdown(t, t.a, "on --dry-run").out.startswith("eth0: cleartext RoCE would be stopped"), "a dry run names eth0")
    t.check(stopped(t, t.a)["out"] == "open", "a dry run changes nothing", stopped(t, t.a))
    on_both(t, "on")
    for application in (PINGPONG, RPING):
        wire = held_back(t, application, ETH0)
        t.check(not wire.clear, f"{application.name} in clear: nothing is readable", wire)
    t.check(lockdown(t, t.a, "status", check=False).code == 0, "status: stopped everywhere")


def stops_raw(t: Test) -> None:
    before = stopped(t, t.a)["stopped_out"]
    with t.wire() as wire:
        t.a.run(f"python3 - <<'END'\n{SEND_RAW}\nEND", check=True)
    t.check(wire.clear == 0, "RoCE of a packet socket, both versions: nothing leaves", wire)
    counted = stopped(t, t.a)["stopped_out"] - before
    t.check(counted == 3 * FLOOD, f"RoCE of a packet socket: all {3 * FLOOD} frames are counted", counted)
    lockdown(t, t.a, "off eth0")
    before = stopped(t, t.b)["stopped_in"]
    with t.wire() as wire:
        t.a.run(f"python3 - <<'END'\n{SEND_RAW}\nEND", check=True)
    t.check(wire.clear == 3 * FLOOD, "control: without the gate all frames leave", wire)
    counted = t.eventually(lambda: stopped(t, t.b)["stopped_in"] - before >= 3 * FLOOD)
    t.check(counted, "the gate of the other guest stops them on their way in", stopped(t, t.b))


def opens_remotes(t: Test) -> None:
    policy = f"[rule open]\nmatch-remote = {ETH0['b'][0]}\nrequire = none\n"
    t.a.write_file("/run/open.policy", policy)
    lockdown(t, t.a, "on -p /run/open.policy")
    t.b.write_file("/run/open.policy", policy.replace(ETH0["b"][0], ETH0["a"][0]))
    lockdown(t, t.b, "on -p /run/open.policy")
    trial = try_out(t, PINGPONG, ETH0)
    t.check(trial.ran and trial.wire["clear_data"] > 0, "a remote without requirement: a clear pingpong runs under the gate", trial)
    wire = held_back(t, PINGPONG, ETH0, version=1)
    t.check(not wire.clear, "another remote stays closed", wire)


def is_removed(t: Test) -> None:
    t.a.run("tc filter add dev eth0 egress protocol all prio 7 matchall action pass", check=True)
    on_both(t, "off")
    t.check(t.a.run("tc filter show dev eth0 egress").out.count("matchall") > 0, "off: a filter of another program stays")
    t.check("clsact" not in t.b.run("tc qdisc show dev eth0").out, "off: nothing is left", t.b.run("tc qdisc show dev eth0"))
    t.check(not t.b.run("test -e /sys/fs/bpf/rdmasec").ok, "off: no map is left")
    t.a.run("tc qdisc del dev eth0 clsact", check=True)
    trial = try_out(t, RPING, ETH0)
    t.check(trial.ran, "off: a clear rping runs on the RDMA device of before", trial)


def lets_protected_run(t: Test, what: str, network: Callable[[Test], None], addresses: Addresses) -> None:
    network(t)
    on_both(t, "on")
    before = [stopped(t, guest) for guest in (t.a, t.b)]
    for application in (PINGPONG, RPING):
        trial: Trial = try_out(t, application, addresses, guarded="ab")
        t.check(trial.ran and not trial.readable, f"{what}: {application.name} runs under the gate", trial)
    after = [stopped(t, guest) for guest in (t.a, t.b)]
    t.check(before == after, f"{what}: nothing is stopped", (before, after))
    on_both(t, "off")


PROTECTED: Sequence[tuple[str, Callable[[Test], None], Addresses]] = (
    ("MACsec", macsec, MACSEC0),
    ("IPsec", ipsec, ETH0),
    ("IPsec, tunnel mode", lambda t: t.net.ipsec(mode="tunnel"), ETH0),
)


def run(t: Test) -> None:
    stops_clear(t)
    stops_raw(t)
    opens_remotes(t)
    is_removed(t)
    for what, network, addresses in PROTECTED:
        lets_protected_run(t, what, network, addresses)
    for detour in DETOURS:
        is_led_past(t, detour)
