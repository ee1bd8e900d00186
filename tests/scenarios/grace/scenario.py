"""A while to put a missing SA back, where waiting leaks nothing."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Sequence

from testbed.api import Test
from testbed.daemon import POLICY, USER, Daemon, by_library, on_both, try_qp
from testbed.refusals import has_reason
from testbed.states import ETH0, MACSEC0
from testbed.stream import Event, Stream, happen

TIME_LIMIT = 900
WITHIN = 60  # s, on a busy host
LONG, SHORT = 300, 3  # s
# 4.096 us * 2^21 is 8.6 s, and eight of them pass before a QP gives up by itself
VERY_PATIENT = "-T 21"
TX = "macsec0 tx sa 0"


def run(t: Test) -> None:
    t.net.ipsec(policy="priority 100")
    daemon = on_both(t, policy(LONG))
    added = t.net.made("a", f"xfrm state add src {ETH0['a'][0]}")
    words = added[0].split()
    deleted = [f"xfrm state delete {' '.join(words[3:11])}"]
    returns(t, "IPsec", daemon, ETH0, deleted, added)
    above = f"src {ETH0['a'][0]} dst {ETH0['b'][0]} dir out"
    no_grace(t, "a policy above lets pass", daemon, ETH0, [f"xfrm policy add {above} priority 1 action allow"],
             [f"xfrm policy delete {above}"], r"\(priority 1\) lets these packets pass in clear")  # fmt: skip
    stays_away(t, daemon, deleted, added)

    t.net.macsec()
    daemon = on_both(t, policy(LONG))
    returns(t, "MACsec", daemon, MACSEC0, [f"macsec set {TX} off"], [f"macsec set {TX} on"])
    off, on = ([f"link set macsec0 type macsec encrypt {value}"] for value in ("off", "on"))
    no_grace(t, "encrypt off", daemon, MACSEC0, off, on, "encrypt off")


def policy(grace: int) -> str:
    return f"[default]\nrequire = any\nsetup = none\ngrace = {grace}s\n"


def guarded(t: Test, addresses: dict) -> Stream:
    guard = by_library(t)
    return Stream(t, addresses, wrap_a=guard, wrap_b=guard, user=USER, options=VERY_PATIENT)


def events_of(daemon: Daemon, stream: Stream, since: float) -> list[str]:
    return [record["event"] for record in daemon.log(since) if record.get("pid") == stream.client.pid]


def told(daemon: Daemon, stream: Stream, what: str, since: Event) -> dict | None:
    return daemon.await_record(what, lambda record: record["pid"] == stream.client.pid, since.began, WITHIN)


def returns(t: Test, what: str, daemon: Daemon, addresses: dict, away: Sequence[str], back: Sequence[str]) -> None:
    stream = guarded(t, addresses)
    with t.wire(busy=True) as wire:
        event = happen(t.a, *away)
        lost = told(daemon, stream, "grace", event)
        new = try_qp(t, addresses)
        happen(t.a, *back)
        found = told(daemon, stream, "changed", event)
        goes_on = stream.goes_on(WITHIN)
    t.check(lost and lost["outcome"] == "refused", f"{what}, put back: the audit log tells of the loss", daemon.log(event.began))
    t.check(not new.passed, f"{what}, put back: nothing new is let pass meanwhile", new)
    t.check(found and found["verdict"] == "protected", f"{what}, put back: the audit log tells of the return", daemon.log(event.began))
    t.check(goes_on, f"{what}, put back: the stream goes on", stream.client.output())
    t.check("revoked" not in events_of(daemon, stream, event.began), f"{what}, put back: nothing is revoked", daemon.log(event.began))
    t.check(wire.clear == 0, f"{what}, put back: nothing in clear", wire)
    stream.stop()


def no_grace(t: Test, what: str, daemon: Daemon, addresses: dict, away: Sequence[str], back: Sequence[str], cause: str) -> None:
    stream = guarded(t, addresses)
    event = happen(t.a, *away)
    ending = stream.end_of_a(WITHIN)
    revoked = told(daemon, stream, "revoked", event)
    t.check(ending and ending.flushed, f"{what}: its program sees its work flushed", ending or stream.client.output())
    t.check(has_reason(revoked, re.compile(cause)), f"{what}: the audit log names the cause", revoked or daemon.log(event.began))
    t.check("grace" not in events_of(daemon, stream, event.began), f"{what}: there was no grace", daemon.log(event.began))
    stream.stop()
    happen(t.a, *back)


def reload(t: Test, daemon: Daemon, grace: int) -> None:
    """Awaited: the next stream is to be judged by it."""
    times = daemon.process.output().count("policy reloaded")
    t.a.write_file(POLICY, policy(grace))
    daemon.process.kill(signal.SIGHUP)
    deadline = time.monotonic() + WITHIN
    while daemon.process.output().count("policy reloaded") == times and time.monotonic() < deadline:
        time.sleep(0.1)


def stays_away(t: Test, daemon: Daemon, away: Sequence[str], back: Sequence[str]) -> None:
    """First a new policy ends the grace, then its time."""
    stream = guarded(t, ETH0)
    with t.wire(busy=True) as wire:
        event = happen(t.a, *away)
        told(daemon, stream, "grace", event)
        t.check(not stream.client.poll(), "not put back: the queue pair is let be", stream.client.output())
        reload(t, daemon, 0)
        ending = stream.end_of_a(WITHIN)
    t.check(ending and ending.flushed, "not put back: a new policy ends the grace, and the queue pair", daemon.log(event.began))
    stream.stop()
    happen(t.a, *back)
    reload(t, daemon, SHORT)
    stream = guarded(t, ETH0)
    with t.wire(busy=True) as later:
        event = happen(t.a, *away)
        ending = stream.end_of_a(WITHIN)
    seen = events_of(daemon, stream, event.began)
    t.check(ending and ending.flushed and "revoked" in seen, "not put back: the queue pair is taken down", daemon.log(event.began))
    t.check(ending and ending.at - event.began >= SHORT, f"not put back: and not before its {SHORT} s have passed", ending)
    t.check(wire.clear == 0 and later.clear == 0, "not put back: nothing in clear", (wire, later))
    if ending:
        t.note(f"grace of {SHORT} s: ended after {ending.at - event.began:.1f} s")
    stream.stop()
    happen(t.a, *back)
