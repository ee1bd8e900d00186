# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The IPv6 route through MACsec ends without an event, and another one leads out in clear."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.api import Test
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.guest import CommandFailed
from testbed.refusals import has_reason
from testbed.states import MAC, MACSEC0
from testbed.stream import FLUSHED, Event, Stream, change

LOCAL, REMOTE = MACSEC0["a"][1], "fd99::2"
ADDRESSES = {"a": (LOCAL, LOCAL), "b": (REMOTE, REMOTE)}
ADVERTISE = Path(__file__).resolve().parents[2] / "apps/router_advertisement.py"
CONTROL_S = 1  # s for which the frames of a bare stream are counted
LONG, SHORT = 600, 2  # s


@dataclass(frozen=True)
class Case:
    """The route by macsec0, and how it ends."""

    what: str
    begin: Callable[[Test], object]
    end: Callable[[Test], Event]


CASES = (
    Case("lifetime ends", lambda t: t.a.run(f"ip route add {REMOTE}/128 dev macsec0", check=True),
         lambda t: change(t.a, f"route replace {REMOTE}/128 dev macsec0 expires {SHORT}")),
    Case("router's lifetime is shortened", lambda t: advertised(t, LONG), lambda t: advertised(t, SHORT)),
    Case("router falls silent", lambda t: advertised(t, LONG), lambda t: silent(t)),
)  # fmt: skip


def run(t: Test) -> None:
    for case in CASES:
        prepare(t, case)
        leaks_bare(t, case)
    for case in CASES:
        prepare(t, case)
        ends_guarded(t, on_both(t), case)
    for case in (CASES[0], CASES[-1]):
        prepare(t, case)
        ends_under_gate(t, on_both(t, gate=True), case)


def prepare(t: Test, case: Case) -> None:
    """The other route is there all the time."""
    t.net.macsec()
    t.b.run(f"ip address add {REMOTE}/128 dev macsec0", check=True)
    lines = [f"ip neigh replace {REMOTE} lladdr {MAC['b']} dev {netdev}" for netdev in ("macsec0", "eth0")]
    t.a.run(" && ".join([*lines, "ip -6 route add default dev eth0 metric 4000"]), check=True)
    case.begin(t)
    has_gid = t.eventually(lambda: gid_of_remote(t) is not None)
    t.check(has_gid and route(t) == "macsec0", f"{case.what}: the route leads by macsec0", t.a.run("ip -6 route"))


def gid_of_remote(t: Test) -> int | None:
    try:
        return t.net.gid_index(t.b, REMOTE)
    except CommandFailed:
        return None


def route(t: Test) -> str:
    """Returns the netdev by which a packet leaves now."""
    words = t.a.run(f"ip -6 route get {REMOTE} from {LOCAL} oif macsec0").out.split()
    return words[words.index("dev") + 1] if "dev" in words else ""


def router(t: Test) -> str:
    """Returns b's address as a router."""
    words = t.b.run("ip -6 -o address show dev macsec0 scope link", check=True).out.split()
    return words[words.index("inet6") + 1].split("/")[0]


def advertised(t: Test, lifetime: int) -> Event:
    """b is a router for that long."""
    t.a.run("echo 1 > /proc/sys/net/ipv6/conf/macsec0/accept_ra", check=True)
    began = t.a.now()
    t.b.run(f"/usr/bin/python3 {ADVERTISE} macsec0 {lifetime}", check=True)
    if lifetime == LONG:
        t.eventually(lambda: route(t) == "macsec0")
        # On a busy host b may answer later than a waits for a router; so a does not ask before silent() has it ask.
        t.a.run(f"ip neigh replace {router(t)} lladdr {MAC['b']} dev macsec0 nud permanent", check=True)
    return Event(began, t.a.now(), t.a.run("ip -6 route"))


def silent(t: Test) -> Event:
    """b does not answer as a router any more, and a asks it."""
    address = router(t)
    t.b.run(f"ip address delete {address}/64 dev macsec0", check=True)
    return change(t.a, f"neigh change {address} lladdr {MAC['b']} dev macsec0 nud probe")


def leaks_bare(t: Test, case: Case) -> None:
    stream = Stream(t, ADDRESSES)
    case.end(t)
    ended = t.eventually(lambda: route(t) == "eth0")
    clear = t.readable_frames(CONTROL_S)
    stream.stop()
    t.check(ended and clear > 0, f"control, bare: {case.what}: packets leave in clear", t.a.run("ip -6 route; ip -6 neigh"))
    t.note(f"bare, {case.what}: {clear} frames in clear in {CONTROL_S} s")


def ends_guarded(t: Test, daemon: Daemon, case: Case) -> None:
    guard = by_library(t)
    stream = Stream(t, ADDRESSES, wrap_a=guard, wrap_b=guard, user=USER)
    with t.wire(busy=True) as wire:
        event = case.end(t)
        ending = stream.end_of_a()
    with t.wire(busy=True) as later:
        time.sleep(CONTROL_S)
    revoked = daemon.await_revoked(stream.client, event.began)
    result = stream.stop()
    t.check(ending and ending.flushed and result.code == FLUSHED, f"{case.what}: the program sees its work flushed", result)
    named = has_reason(revoked, "outbound-no-policy")
    t.check(named and revoked, f"{case.what}: the audit log names the cause", revoked or daemon.log(event.began))
    t.check(later.clear == 0, f"{case.what}: after the end nothing leaves in clear", later)
    if ending:
        t.note(f"{case.what}: ended {ending.at - event.began:.2f} s after it began, {wire.clear} frames in clear: "
               f"{revoked and revoked['text']}")  # fmt: skip


def ends_under_gate(t: Test, daemon: Daemon, case: Case) -> None:
    """Whether the watch or the gate is first: not one frame leaves."""
    guard = by_library(t)
    stream = Stream(t, ADDRESSES, wrap_a=guard, wrap_b=guard, user=USER)
    with t.wire(busy=True) as wire:
        event = case.end(t)
        ending = stream.end_of_a()
        t.eventually(lambda: route(t) == "eth0")
    revoked = daemon.await_revoked(stream.client, event.began)
    stream.stop()
    t.check(ending and ending.flushed, f"{case.what}, under the gate: the program sees its work flushed", ending or stream.client.output())
    t.check(wire.clear == 0, f"{case.what}, under the gate: nothing leaves in clear", wire)
    named = any(has_reason(revoked, reason) for reason in ("outbound-no-policy", "gate-stopped"))
    t.check(named, f"{case.what}, under the gate: the audit log names the cause", revoked or daemon.log(event.began))
