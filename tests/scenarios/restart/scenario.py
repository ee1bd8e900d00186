# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd is killed, stopped and started again under load."""

from __future__ import annotations

import re
import signal
import time

from testbed.api import Test
from testbed.applications import bare_is_seen
from testbed.daemon import USER, Daemon, by_library, on_both, try_qp
from testbed.refusals import has_reason
from testbed.states import ETH0
from testbed.stream import Stream, happen, put_back

ANSWER_WITHIN = 15  # s; WIRE_TIMEOUT_MS of core/messages/protocol.h
TAKEN_DOWN_WITHIN = 60  # s, on a busy host; how long it took is noted
V6 = {name: (addresses[1], addresses[1]) for name, addresses in ETH0.items()}


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.ipsec(families=(4, 6))
    daemon = on_both(t)
    killed(t, daemon)
    stopped(t, daemon)
    held_by_a_child(t, daemon)
    program_killed(t, daemon)


def guarded(t: Test, addresses: dict, **how: object) -> Stream:
    guard = by_library(t)
    return Stream(t, addresses, wrap_a=guard, wrap_b=guard, user=USER, **how)


def killed(t: Test, daemon: Daemon) -> None:
    stays, loses = guarded(t, ETH0), guarded(t, V6, port=18601)
    (before,) = daemon.qps(stays.client.pid)
    with t.wire(busy=True) as wire:
        daemon.kill(signal.SIGKILL)
        t.check(stays.goes_on() and loses.goes_on(), "daemon killed: running QPs go on")
        refused = try_qp(t, ETH0)
        t.check(not refused.passed and has_reason(refused.result.err, "there is no engine to ask"), "daemon killed: a new QP is refused", refused)
        t.note(f"daemon killed: refused after {refused.took:.1f} s")
        outbound = t.net.made("a", f"xfrm state add src {ETH0['a'][1]}")[0]
        happen(t.a, f"xfrm state delete {' '.join(outbound.split()[3:11])}")
        t.check(loses.end_of_a(1) is None, "daemon killed: who loses protection meanwhile is not taken down by anybody")
        restarted = float(t.a.run("echo $EPOCHREALTIME").out)
        daemon.start()
        ending = loses.end_of_a(TAKEN_DOWN_WITHIN)
    t.check(ending and ending.flushed, "started again: whose SA has gone is taken down", ending)
    revoked = daemon.await_record("revoked", lambda record: record["pid"] == loses.client.pid, restarted, TAKEN_DOWN_WITHIN)
    t.check(has_reason(revoked, "no live SA answers it"), "started again: the audit log says why", revoked)
    adopted = daemon.await_record("adopted", lambda record: record["pid"] == stays.client.pid, restarted, TAKEN_DOWN_WITHIN)
    t.check(adopted, "started again: who is still protected is adopted", daemon.log(restarted))
    listed = daemon.qps(stays.client.pid)
    known = [(row["verdict"], row.get("qp_type"), row.get("qpn")) for row in listed]
    t.check(known == [("protected", "RC", before["qpn"])], "started again: and listed as protected, with its type and number", listed)
    t.check(stays.goes_on(), "started again: and goes on", stays.client.output())
    t.check(wire.clear == 0, "daemon killed and started again: nothing in clear", wire)
    if ending:
        t.note(f"taken down {1000 * (ending.at - restarted):.0f} ms after the daemon was started")
    loses.stop()
    put_back(t.a, [outbound])
    still_judged(t, daemon, stays)


def still_judged(t: Test, daemon: Daemon, stream: Stream) -> None:
    """What was adopted is revoked like any other."""
    outbound = t.net.made("a", f"xfrm state add src {ETH0['a'][0]}")[0]
    event = happen(t.a, f"xfrm state delete {' '.join(outbound.split()[3:11])}")
    ending = stream.end_of_a(TAKEN_DOWN_WITHIN)
    t.check(ending and ending.flushed, "an adopted QP that loses its SA is taken down", ending)
    revoked = daemon.await_record("revoked", lambda record: record["pid"] == stream.client.pid, event.began, TAKEN_DOWN_WITHIN)
    t.check(revoked, "an adopted QP that loses its SA: the audit log says so", daemon.log(event.began))
    stream.stop()
    put_back(t.a, [outbound])


def stopped(t: Test, daemon: Daemon) -> None:
    stream = guarded(t, ETH0)
    daemon.process.kill(signal.SIGSTOP)
    refused = try_qp(t, ETH0)
    t.check(not refused.passed and has_reason(refused.result.err, "no valid answer"), "daemon stopped: a new QP is refused", refused)
    t.note(f"daemon stopped: refused after {refused.took:.1f} s, of which {ANSWER_WITHIN} are the wait for an answer")
    t.check(stream.goes_on(), "daemon stopped: a running QP goes on")
    daemon.process.kill(signal.SIGCONT)
    passed = try_qp(t, ETH0)
    t.check(passed.passed, "daemon continued: a new QP is served", passed)
    listed = daemon.qps(stream.client.pid)
    t.check(len(listed) == 1, "daemon continued: the running QP is still known", listed)
    stream.stop()


def held_by_a_child(t: Test, daemon: Daemon) -> None:
    """rxe goes on to acknowledge what comes in for a QP, whoever holds it."""
    stream = guarded(t, ETH0, options="-f")
    child = int(re.search(r"^child (\d+)$", stream.client.output(), re.MULTILINE)[1])
    (qp,) = daemon.qps(stream.client.pid)
    t.a.run(f"kill -KILL {stream.client.pid}", check=True)
    stream.client.ended_within(TAKEN_DOWN_WITHIN)
    deadline = time.monotonic() + TAKEN_DOWN_WITHIN
    while not (listed := daemon.qps(child)) and time.monotonic() < deadline:
        time.sleep(0.5)
    same = [row["qpn"] for row in listed] == [qp["qpn"]]
    t.check(same, "a forked child after its parent died: its QP is known", listed or daemon.qps())
    t.check(listed and listed[0]["verdict"] == "protected", "a forked child after its parent died: and judged", listed)
    outbound = t.net.made("a", f"xfrm state add src {ETH0['a'][0]}")[0]
    event = happen(t.a, f"xfrm state delete {' '.join(outbound.split()[3:11])}")
    revoked = daemon.await_record("revoked", lambda record: record["qpn"] == qp["qpn"], event.began, TAKEN_DOWN_WITHIN)
    t.check(revoked, "a forked child after its parent died: its QP is taken down as well", daemon.log(event.began))
    state = t.a.run(f"rdma resource show qp link rxe0 lqpn {qp['qpn']}", check=True).out
    t.check("state ERR" in state, "a forked child after its parent died: the kernel shows it in ERR", state)
    stream.stop()
    put_back(t.a, [outbound])


def program_killed(t: Test, daemon: Daemon) -> None:
    stream = guarded(t, ETH0)
    t.check(len(daemon.qps(stream.client.pid)) == 1, "a program's QP is listed", daemon.qps())
    stream.client.kill(signal.SIGKILL)
    stream.client.wait(60)
    deadline = time.monotonic() + TAKEN_DOWN_WITHIN
    while (left := daemon.qps(stream.client.pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    t.check(not left, "a program that is killed takes its QPs out of the list", left)
    stream.stop()
