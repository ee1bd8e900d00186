# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Each part of the protection is removed under traffic."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.api import Result, Test, Wire, await_listener
from testbed.applications import SIDE_CHANNEL
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.refusals import has_reason_of
from testbed.states import ETH0, MAC, MACSEC0, Network
from testbed.stream import FLUSHED, Ending, Event, Stream, change, put_back

TIME_LIMIT = 900
CONTROL_S = 2  # s for which the bare controls continue
ATTEMPTS = 4  # until the kernel has not ended the queue pair itself
REPEATS = int(os.environ.get("RDMASEC_REPEATS", "5"))
A, B = ETH0["a"][0], ETH0["b"][0]
RX = f"macsec0 rx port 1 address {MAC['b']}"
OUT_EXPIRED = ("outbound-sa-missing", "outbound-sa-expired")  # the kernel removes the SA, before or after the engine looks

Lines = Callable[[Network], Sequence[str]]


@dataclass(frozen=True)
class Case:
    """A change by ip in guest a, its undoing, the codes that may be in the audit log, and the behaviour of the bare kernel."""

    what: str
    addresses: dict
    event: Lines
    undo: Lines
    codes: Sequence[str]
    leaks: bool = False  # the kernel lets packets pass in clear: without a gate they leave the host
    stops: bool = False  # the kernel itself ends the QP


def ipsec(what: str, event: Lines, undo: Lines, codes: Sequence[str], **kernel: Any) -> Case:
    return Case(what, ETH0, event, undo, codes, **kernel)


def macsec(what: str, event: Sequence[str], undo: Lines, codes: Sequence[str], **kernel: Any) -> Case:
    return Case(what, MACSEC0, lambda net: event, undo, codes, **kernel)


def sa(source: str) -> Lines:
    return lambda net: net.made("a", f"xfrm state add src {source}")


def policy(source: str) -> Lines:
    return lambda net: net.made("a", f"xfrm policy add src {source}")


def deleted(made: Lines) -> Lines:
    """Returns the lines that delete: ip xfrm state|policy delete takes the first words of the line that added."""

    def lines(net: Network) -> list[str]:
        words = (line.split() for line in made(net))
        return [f"{first} {second} delete {' '.join(rest[1:9])}" for first, second, *rest in words]

    return lines


def limited(limit: str) -> Lines:
    return lambda net: [f"{line.replace('state add', 'state update')} limit {limit}" for line in sa(A)(net)]


def before_others(action: str) -> tuple[Lines, Lines]:
    selector = f"src {A} dst {B} dir out"
    return again(f"xfrm policy add {selector} priority 1 action {action}"), again(f"xfrm policy delete {selector}")


def all_of(*parts: Lines) -> Lines:
    return lambda net: [line for part in parts for line in part(net)]


def again(*lines: str) -> Lines:
    return lambda net: lines


def setting(name: str, bad: str, good: str) -> tuple[list[str], Lines]:
    return [f"link set macsec0 type macsec {name} {bad}"], again(f"link set macsec0 type macsec {name} {good}")


# rdmasecd knows when an SA has expired, up to a second before the kernel removes it
NEW_SAS = all_of(again("xfrm state flush"), sa(A), sa(B))
OUT_DELETED = ipsec("outbound SA deleted", deleted(sa(A)), sa(A), ("outbound-sa-missing",))
ENCRYPT_OFF = macsec("encrypt off", *setting("encrypt", "off", "on"), ("macsec-encrypt-off",), leaks=True)
CASES = (
    OUT_DELETED,
    ipsec("inbound SA deleted", deleted(sa(B)), sa(B), ("inbound-sa-missing",)),
    ipsec("all SAs flushed", again("xfrm state flush"), all_of(sa(A), sa(B)), ("outbound-sa-missing", "inbound-sa-missing")),
    ipsec("outbound SA expires by time", limited("time-hard 1"), NEW_SAS, OUT_EXPIRED),
    ipsec("outbound SA expires by packets", limited("packet-hard 1"), NEW_SAS, OUT_EXPIRED),
    ipsec("a policy of higher priority lets packets pass", *before_others("allow"), ("outbound-policy-clear",), leaks=True),
    ipsec("a policy of higher priority blocks", *before_others("block"), ("outbound-policy-blocks",), stops=True),
    ipsec("outbound policy deleted", deleted(policy(A)), policy(A), ("outbound-no-policy",), leaks=True),
    ipsec("inbound policy deleted", deleted(policy(B)), policy(B), ("inbound-no-policy",)),
    ipsec("all policies flushed", again("xfrm policy flush"), all_of(policy(A), policy(B)),
          ("outbound-no-policy", "inbound-no-policy"), leaks=True),
    macsec("transmit SA off", ["macsec set macsec0 tx sa 0 off"], again("macsec set macsec0 tx sa 0 on"), ("macsec-tx-sa-inactive",)),
    macsec("receive SA off", [f"macsec set {RX} sa 0 off"], again(f"macsec set {RX} sa 0 on"), ("macsec-no-rx-sa",)),
    macsec("transmit SA deleted", ["macsec set macsec0 tx sa 0 off", "macsec del macsec0 tx sa 0"],
           lambda net: net.made("a", "macsec add macsec0 tx sa"), ("macsec-tx-sa-inactive", "macsec-tx-sa-missing")),
    macsec("receive SA deleted", [f"macsec set {RX} sa 0 off", f"macsec del {RX} sa 0"],
           lambda net: net.made("a", f"macsec add {RX} sa"), ("macsec-no-rx-sa",)),
    ENCRYPT_OFF,
    macsec("protect off", *setting("protect", "off", "on"), ("macsec-protect-off",), leaks=True),
    macsec("validate check", *setting("validate", "check", "strict"), ("macsec-validate",)),
    macsec("netdev down", ["link set macsec0 down"],
           again("link set macsec0 up", f"neigh replace {MACSEC0['b'][0]} lladdr {MAC['b']} dev macsec0"),
           ("macsec-down", "macsec-not-operational", "route-netdev", "route-unknown", "gid-no-netdev", "gid-empty"), stops=True),
)  # fmt: skip


def run(t: Test) -> None:
    for addresses in (ETH0, MACSEC0):
        cases = [case for case in CASES if case.addresses is addresses]
        if addresses is ETH0:
            t.net.ipsec(policy="priority 100")
        else:
            t.net.macsec()
        for case in cases:
            if case.leaks:
                leaks_bare(t, case)
        if addresses is ETH0:
            policies_switched_off_bare(t)
        daemon = on_both(t, gate=True)
        for case in cases:
            ends_guarded(t, daemon, case)
        repeated(t, daemon, OUT_DELETED if addresses is ETH0 else ENCRYPT_OFF)
        if addresses is ETH0:
            policies_switched_off(t, daemon)
            unmodified(t, daemon)
        t.check(daemon.alive(), "after all cases: the daemon is alive", daemon.process.output())
    netdev_deleted(t, daemon)


def leaks_bare(t: Test, case: Case) -> None:
    stream = Stream(t, case.addresses)
    change(t.a, *case.event(t.net))
    clear = t.readable_frames(CONTROL_S)
    stream.stop()
    put_back(t.a, case.undo(t.net))
    t.check(clear > 0, f"control, bare: {case.what}: packets leave in clear")
    t.note(f"bare, {case.what}: {clear} frames in clear in {CONTROL_S} s")


@dataclass(frozen=True)
class Seen:
    """The results of one case under a guarded stream."""

    event: Event
    ending: Ending | None
    result: Result
    wire: Wire
    revoked: dict | None  # the audit log's record

    @property
    def flushed(self) -> bool:
        return bool(self.ending and self.ending.flushed and self.result.code == FLUSHED)

    @property
    def took(self) -> float:
        return self.ending.at - self.event.began if self.ending else 0.0


def invalid_states(t: Test) -> int:
    """Returns how many packets of a met an SA that had ended since its lookup (xfrm_output_one() in net/xfrm/xfrm_output.c)."""
    stat = t.a.read_file("/proc/net/xfrm_stat").decode()
    return int(re.findall(r"^XfrmOutStateInvalid\s+(\d+)$", stat, re.MULTILINE)[0])


def take_away(t: Test, daemon: Daemon, case: Case, more: int = ATTEMPTS - 1) -> Seen:
    """Starts a stream, makes the change, awaits the end, and undoes the change.

    Once more if the kernel ended the queue pair itself: a packet that meets an ended SA is an error to rxe, which sets ERR before
    the daemon has the kernel's message. Then there is nothing to revoke. Seen in 2 of 114 expiries.
    """
    guard = by_library(t)
    before = invalid_states(t)
    stream = Stream(t, case.addresses, wrap_a=guard, wrap_b=guard, keep=case.stops, user=USER)
    with t.wire(busy=True) as wire:
        event = change(t.a, *case.event(t.net))
        ending = stream.end_of_a()
    if ending and case.leaks:
        with t.wire(busy=True) as later:
            time.sleep(0.5)
        t.check(later.clear == 0, f"{case.what}: after the end nothing leaves in clear", later)
    by_kernel = invalid_states(t) != before
    revoked = None if by_kernel else daemon.await_revoked(stream.client, event.began)
    result = stream.stop()
    put_back(t.a, case.undo(t.net))
    if by_kernel and more:
        t.check(wire.clear == 0, f"{case.what}: the kernel ends the queue pair itself: nothing leaves in clear", wire)
        return take_away(t, daemon, case, more - 1)
    return Seen(event, ending, result, wire, revoked)


def ends_guarded(t: Test, daemon: Daemon, case: Case) -> Seen:
    seen = take_away(t, daemon, case)
    t.check(seen.flushed, f"{case.what}: the program sees its work flushed", seen.result)
    reason = str(seen.revoked["text"]) if seen.revoked else ""
    # the gate may see a packet before the engine has the kernel's message
    named = has_reason_of(seen.revoked, (*case.codes, "gate-stopped") if case.leaks else case.codes)
    t.check(named, f"{case.what}: the audit log names the cause", seen.revoked or daemon.log(seen.event.began))
    t.check(seen.wire.clear == 0, f"{case.what}: nothing leaves in clear", seen.wire)
    if seen.ending:
        t.note(f"{case.what}: ended after {seen.took * 1000:.0f} ms: {reason}")
    return seen


def repeated(t: Test, daemon: Daemon, case: Case) -> None:
    runs = [take_away(t, daemon, case) for _ in range(REPEATS)]
    ended = [seen for seen in runs if seen.flushed and seen.revoked]
    endings = [str(seen.ending) for seen in runs]
    t.check(len(ended) == REPEATS, f"{case.what}, {REPEATS} times: each queue pair is revoked and ends", endings)
    t.check(not any(seen.wire.clear for seen in runs), f"{case.what}, {REPEATS} times: nothing leaves in clear")
    if ended:
        took = sorted(seen.took * 1000 for seen in ended)
        t.note(f"{case.what}, {REPEATS} times: median {statistics.median(took):.0f} ms, worst {took[-1]:.0f} ms")


def policies_switched_off_bare(t: Test) -> None:
    stream = Stream(t, ETH0)
    change(t.a, shell="echo 1 >/proc/sys/net/ipv4/conf/eth0/disable_xfrm")
    clear = t.readable_frames(CONTROL_S)
    stream.stop()
    change(t.a, shell="echo 0 >/proc/sys/net/ipv4/conf/eth0/disable_xfrm")
    t.check(clear > 0, "control, bare: disable_xfrm: packets leave in clear", clear)


def policies_switched_off(t: Test, daemon: Daemon) -> None:
    """The kernel sends no event about this sysctl, but the gate does about the first packet."""
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, user=USER)
    with t.wire(busy=True) as wire:
        event = change(t.a, shell="echo 1 >/proc/sys/net/ipv4/conf/eth0/disable_xfrm")
        ending = stream.end_of_a()
    revoked = daemon.await_revoked(stream.client, event.began)
    ended = stream.stop().code == FLUSHED and ending and ending.flushed
    change(t.a, shell="echo 0 >/proc/sys/net/ipv4/conf/eth0/disable_xfrm")
    t.check(ended, "disable_xfrm: the program sees its work flushed", ending)
    named = has_reason_of(revoked, ("netdev-disable-xfrm", "gate-stopped"))
    t.check(named, "disable_xfrm: the audit log names the cause", revoked)
    t.check(wire.clear == 0, "disable_xfrm: nothing leaves in clear", wire)
    if ending:
        t.note(f"disable_xfrm: ended after {1000 * (ending.at - event.began):.0f} ms")


def unmodified(t: Test, daemon: Daemon) -> None:
    """perftest does not know rdmasec, and ends as on any broken connection."""
    index_a, index_b = (t.net.gid_index(guest, ETH0[guest.name][0]) for guest in (t.a, t.b))
    command = f"exec {by_library(t)} ib_write_bw -d rxe0 -F -D 60 -s 1024 -x"
    server = t.b.start(f"{command} {index_b}", user=USER)
    await_listener(server, SIDE_CHANNEL)
    client = t.a.start(f"{command} {index_a} {B}", user=USER)
    t.eventually(lambda: any(row["verdict"] == "protected" for row in daemon.qps(client.pid)))
    time.sleep(1)
    with t.wire(busy=True) as wire:
        event = change(t.a, *OUT_DELETED.event(t.net))
        ended = client.ends()
    revoked = daemon.await_revoked(client, event.began)
    said = client.output()
    server.kill()
    server.wait()
    put_back(t.a, OUT_DELETED.undo(t.net))
    t.check(revoked, "ib_write_bw, outbound SA deleted: its queue pair is revoked", daemon.log(event.began))
    t.check(ended is not None and ended.code != 0, "ib_write_bw, outbound SA deleted: it ends", said)
    flushed = "Flush" in said or "status 5" in said
    t.check(flushed, "ib_write_bw, outbound SA deleted: it prints that its work was flushed", said)
    t.check(wire.clear == 0, "ib_write_bw, outbound SA deleted: nothing leaves in clear", wire)


def netdev_deleted(t: Test, daemon: Daemon) -> None:
    """rxe removes its device only when no process has it open. If the daemon held it, `ip` would wait."""
    guard = by_library(t)
    stream = Stream(t, MACSEC0, wrap_a=guard, wrap_b=guard, user=USER)
    with t.wire(busy=True) as wire:
        event = change(t.a, shell="timeout 300 ip link delete macsec0", check=False)
        ending = stream.end_of_a()
    ended = stream.stop().code == FLUSHED and ending and ending.flushed
    t.check(ended, "netdev deleted: the program sees its work flushed", ending)
    t.check(event.result.ok, "netdev deleted: no process holds the device", event.result)
    t.check(wire.clear == 0, "netdev deleted: nothing leaves in clear", wire)
    t.check(daemon.alive() and not daemon.qps(stream.client.pid), "netdev deleted: the daemon continues, and does not list the QP")
