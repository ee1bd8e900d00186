# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""A missing SA may return within the grace, where waiting leaks nothing. All of it under the gate."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from testbed.api import Test
from testbed.daemon import POLICY, USER, Daemon, by_library, on_both, try_qp
from testbed.refusals import has_reason_of
from testbed.states import ETH0, MACSEC0
from testbed.stream import Event, Stream, change

TIME_LIMIT = 900
LONG, SHORT = 300, 3  # s
# 4.096 us * 2^22 is 17 s, and a QP gives up after eight of them
VERY_PATIENT = "-T 22"
TX = "macsec0 tx sa 0"


def run(t: Test) -> None:
    t.net.ipsec(policy="priority 100")
    daemon = on_both(t, policy(LONG), gate=True)
    added = t.net.made("a", f"xfrm state add src {ETH0['a'][0]}")
    words = added[0].split()
    deleted = [f"xfrm state delete {' '.join(words[3:11])}"]
    continues_after_return(t, "IPsec", daemon, ETH0, deleted, added)
    above = f"src {ETH0['a'][0]} dst {ETH0['b'][0]} dir out"
    allow, remove = [f"xfrm policy add {above} priority 1 action allow"], [f"xfrm policy delete {above}"]
    has_no_grace(t, "a policy of higher priority lets packets pass", daemon, ETH0, allow, remove, "outbound-policy-clear")
    ends_without_return(t, daemon, deleted, added)

    t.net.macsec()
    daemon = on_both(t, policy(LONG), gate=True)
    continues_after_return(t, "MACsec", daemon, MACSEC0, [f"macsec set {TX} off"], [f"macsec set {TX} on"])
    off, on = ([f"link set macsec0 type macsec encrypt {value}"] for value in ("off", "on"))
    has_no_grace(t, "encrypt off", daemon, MACSEC0, off, on, "macsec-encrypt-off")


def policy(grace: int) -> str:
    return f"[default]\nrequire = any\nsetup = none\ngrace = {grace}s\n"


def guarded(t: Test, addresses: dict) -> Stream:
    guard = by_library(t)
    return Stream(t, addresses, wrap_a=guard, wrap_b=guard, user=USER, options=VERY_PATIENT)


def events_of(daemon: Daemon, stream: Stream, since: float) -> list[str]:
    return [record["event"] for record in daemon.log(since) if record.get("pid") == stream.client.pid]


def await_event(daemon: Daemon, stream: Stream, what: str, since: Event) -> dict | None:
    return daemon.await_record(what, lambda record: record["pid"] == stream.client.pid, since.began)


def continues_after_return(t: Test, what: str, daemon: Daemon, addresses: dict, away: Sequence[str], back: Sequence[str]) -> None:
    stream = guarded(t, addresses)
    with t.wire(busy=True) as wire:
        event = change(t.a, *away)
        lost = await_event(daemon, stream, "grace", event)
        new = try_qp(t, addresses)
        change(t.a, *back)
        returned = await_event(daemon, stream, "changed", event)
        continues = stream.continues()
    log = daemon.log(event.began)
    t.check(lost and lost["outcome"] == "refused", f"{what}, SA removed: the audit log has the loss", log)
    t.check(not new.passed, f"{what}, SA removed: no new queue pair passes", new)
    t.check(returned and returned["verdict"] == "protected", f"{what}, SA put back: the audit log has the return", log)
    t.check(continues, f"{what}, SA put back: the stream continues", stream.client.output())
    t.check("revoked" not in events_of(daemon, stream, event.began), f"{what}, SA put back: nothing is revoked", log)
    t.check(wire.clear == 0, f"{what}, SA put back: nothing leaves in clear", wire)
    stream.stop()


def has_no_grace(t: Test, what: str, daemon: Daemon, addresses: dict, away: Sequence[str], back: Sequence[str], code: str) -> None:
    stream = guarded(t, addresses)
    with t.wire(busy=True) as wire:
        event = change(t.a, *away)
        ending = stream.end_of_a()
    revoked = await_event(daemon, stream, "revoked", event)
    t.check(ending and ending.flushed, f"{what}: the program sees its work flushed", ending or stream.client.output())
    log = daemon.log(event.began)
    # the gate may see a packet before the engine has the kernel's message
    t.check(has_reason_of(revoked, (code, "gate-stopped")), f"{what}: the audit log names the cause", revoked or log)
    t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)
    t.check("grace" not in events_of(daemon, stream, event.began), f"{what}: there is no grace", log)
    stream.stop()
    change(t.a, *back)


def reload(t: Test, daemon: Daemon, grace: int) -> None:
    """Reloads the policy, and waits until the daemon decides by it."""
    times = daemon.process.output().count("policy reloaded")
    t.a.write_file(POLICY, policy(grace))
    daemon.process.kill(signal.SIGHUP)
    t.eventually(lambda: daemon.process.output().count("policy reloaded") > times)


def ends_without_return(t: Test, daemon: Daemon, away: Sequence[str], back: Sequence[str]) -> None:
    """First a new policy ends the grace; then its time ends it."""
    stream = guarded(t, ETH0)
    with t.wire(busy=True) as wire:
        event = change(t.a, *away)
        await_event(daemon, stream, "grace", event)
        t.check(not stream.client.poll(), "SA not put back: the queue pair stays", stream.client.output())
        reload(t, daemon, 0)
        ending = stream.end_of_a()
    what = "SA not put back"
    t.check(ending and ending.flushed, f"{what}: a new policy ends the grace and the queue pair", daemon.log(event.began))
    stream.stop()
    change(t.a, *back)
    reload(t, daemon, SHORT)
    stream = guarded(t, ETH0)
    with t.wire(busy=True) as later:
        event = change(t.a, *away)
        ending = stream.end_of_a()
    seen = events_of(daemon, stream, event.began)
    taken_down = ending and ending.flushed and "revoked" in seen
    t.check(taken_down, f"{what}: the queue pair is taken down", daemon.log(event.began))
    t.check(ending and ending.at - event.began >= SHORT, f"{what}: not before its {SHORT} s have passed", ending)
    t.check(wire.clear == 0 and later.clear == 0, f"{what}: nothing leaves in clear", (wire, later))
    if ending:
        t.note(f"grace of {SHORT} s: ended after {ending.at - event.began:.1f} s")
    stream.stop()
    change(t.a, *back)
