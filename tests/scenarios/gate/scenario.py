# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Cleartext RoCE is stopped on the netdev by which it would leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from testbed.api import Test
from testbed.applications import Addresses, Trial, guard, try_out
from testbed.floods import BYPASS, WAYS, delivered, none_is_delivered, none_leaves
from testbed.gate import (
    DETOURS,
    PINGPONG,
    RPING,
    VLAN,
    Detour,
    held_back,
    ipsec,
    lockdown,
    macsec,
    on_both,
    running,
    stopped,
    vlan,
)
from testbed.states import ETH0, MACSEC0

FRAMES, FEW = 5000, 500  # of each way


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


def stops_floods(t: Test) -> None:
    """The gate of a on the way out; without it, the gate of b on the way in; without both, the control."""
    none_leaves(t, FRAMES)
    seen, wire = delivered(t, [BYPASS], FEW)
    t.check(wire.clear == FEW, f"{BYPASS.what}: the gate does not see its frames, as rdmasec-lockdown(7) says", wire)
    t.check(not any(seen.values()), f"{BYPASS.what}: the gate of the other guest stops them", seen)
    lockdown(t, t.a, "off eth0")
    none_is_delivered(t, FEW)
    lockdown(t, t.b, "off eth0")
    seen, wire = delivered(t, WAYS, FEW)
    t.check(all(seen.values()), "control: without any gate frames of every kind are delivered", seen)
    on_both(t, "on")


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
    ("a VLAN on MACsec", vlan, VLAN),
    ("IPsec, tunnel mode", lambda t: t.net.ipsec(mode="tunnel"), ETH0),
)


def run(t: Test) -> None:
    stops_clear(t)
    stops_floods(t)
    opens_remotes(t)
    is_removed(t)
    for what, network, addresses in PROTECTED:
        lets_protected_run(t, what, network, addresses)
    for detour in DETOURS:
        is_led_past(t, detour)
