# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd is killed, stopped and started again under load."""

from __future__ import annotations

import re
import signal
from typing import Any

from testbed.api import Test
from testbed.applications import bare_is_seen
from testbed.daemon import USER, Daemon, by_library, on_both, try_qp
from testbed.refusals import has_reason
from testbed.states import ETH0
from testbed.stream import Stream, change, put_back

ANSWER_WITHIN = 15  # s; WIRE_TIMEOUT_MS of core/messages/protocol.h
V6 = {name: (addresses[1], addresses[1]) for name, addresses in ETH0.items()}


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.ipsec(families=(4, 6))
    daemon = on_both(t, gate=True)
    daemon_killed(t, daemon)
    daemon_stopped(t, daemon)
    child_holds_qp(t, daemon)
    program_killed(t, daemon)


def guarded(t: Test, addresses: dict, **how: Any) -> Stream:
    guard = by_library(t)
    return Stream(t, addresses, wrap_a=guard, wrap_b=guard, user=USER, **how)


def daemon_killed(t: Test, daemon: Daemon) -> None:
    stays, loses = guarded(t, ETH0), guarded(t, V6, port=18601)
    (before,) = daemon.qps(stays.client.pid)
    with t.wire(busy=True) as wire:
        daemon.kill(signal.SIGKILL)
        t.check(stays.continues() and loses.continues(), "daemon killed: running QPs continue")
        refused = try_qp(t, ETH0)
        named = has_reason(refused.result.err, "no-engine")
        t.check(not refused.passed and named, "daemon killed: a new QP is refused", refused)
        t.note(f"daemon killed: refused after {refused.took:.1f} s")
        outbound = t.net.made("a", f"xfrm state add src {ETH0['a'][1]}")[0]
        change(t.a, f"xfrm state delete {' '.join(outbound.split()[3:11])}")
        t.check(loses.end_of_a(1) is None, "daemon killed: a QP that loses its protection continues")
        restarted = t.a.now()
        daemon.start()
        ending = loses.end_of_a()
    t.check(ending and ending.flushed, "daemon started again: the QP without its SA is taken down", ending)
    revoked = daemon.await_revoked(loses.client, restarted)
    t.check(has_reason(revoked, "outbound-sa-missing"), "daemon started again: the audit log has the reason", revoked)
    adopted = daemon.await_record("adopted", lambda record: record["pid"] == stays.client.pid, restarted)
    t.check(adopted, "daemon started again: the protected QP is adopted", daemon.log(restarted))
    listed = daemon.qps(stays.client.pid)
    known = [(row["verdict"], row.get("qp_type"), row.get("qpn")) for row in listed]
    expected = [("protected", "RC", before["qpn"])]
    t.check(known == expected, "daemon started again: the list has the adopted QP with its type and number", listed)
    t.check(stays.continues(), "daemon started again: the adopted QP continues", stays.client.output())
    t.check(wire.clear == 0, "daemon killed and started again: nothing leaves in clear", wire)
    if ending:
        t.note(f"taken down {1000 * (ending.at - restarted):.0f} ms after the daemon was started")
    loses.stop()
    put_back(t.a, [outbound])
    adopted_is_revoked(t, daemon, stays)


def adopted_is_revoked(t: Test, daemon: Daemon, stream: Stream) -> None:
    """An adopted QP is revoked like any other."""
    outbound = t.net.made("a", f"xfrm state add src {ETH0['a'][0]}")[0]
    event = change(t.a, f"xfrm state delete {' '.join(outbound.split()[3:11])}")
    ending = stream.end_of_a()
    t.check(ending and ending.flushed, "an adopted QP loses its SA: it is taken down", ending)
    revoked = daemon.await_revoked(stream.client, event.began)
    t.check(revoked, "an adopted QP loses its SA: the audit log has the revocation", daemon.log(event.began))
    stream.stop()
    put_back(t.a, [outbound])


def daemon_stopped(t: Test, daemon: Daemon) -> None:
    stream = guarded(t, ETH0)
    daemon.process.kill(signal.SIGSTOP)
    refused = try_qp(t, ETH0)
    named = has_reason(refused.result.err, "engine-answer")
    t.check(not refused.passed and named, "daemon stopped: a new QP is refused", refused)
    t.note(f"daemon stopped: refused after {refused.took:.1f} s, of which {ANSWER_WITHIN} are the wait for an answer")
    t.check(stream.continues(), "daemon stopped: a running QP continues")
    daemon.process.kill(signal.SIGCONT)
    passed = try_qp(t, ETH0)
    t.check(passed.passed, "daemon continued: a new QP passes", passed)
    listed = daemon.qps(stream.client.pid)
    t.check(len(listed) == 1, "daemon continued: the list has the running QP", listed)
    stream.stop()


def child_holds_qp(t: Test, daemon: Daemon) -> None:
    """rxe still acknowledges packets for a QP that a child holds."""
    stream = guarded(t, ETH0, options="-f")
    child = int(re.findall(r"^child (\d+)$", stream.client.output(), re.MULTILINE)[0])
    (qp,) = daemon.qps(stream.client.pid)
    t.a.run(f"kill -KILL {stream.client.pid}", check=True)
    stream.client.ends()
    listed = t.eventually(lambda: daemon.qps(child))
    same = [row["qpn"] for row in listed] == [qp["qpn"]]
    t.check(same, "a forked child holds the QP of its dead parent: the list has it", listed or daemon.qps())
    holds = listed and listed[0]["verdict"] == "protected"
    t.check(holds, "a forked child holds the QP of its dead parent: the list has it as protected", listed)
    outbound = t.net.made("a", f"xfrm state add src {ETH0['a'][0]}")[0]
    event = change(t.a, f"xfrm state delete {' '.join(outbound.split()[3:11])}")
    revoked = daemon.await_record("revoked", lambda record: record["qpn"] == qp["qpn"], event.began)
    t.check(revoked, "a forked child holds the QP of its dead parent: without its SA it is taken down", daemon.log(event.began))
    state = t.a.run(f"rdma resource show qp link rxe0 lqpn {qp['qpn']}", check=True).out
    t.check("state ERR" in state, "a forked child holds the QP of its dead parent: the kernel then has it in ERR", state)
    stream.stop()
    put_back(t.a, [outbound])


def program_killed(t: Test, daemon: Daemon) -> None:
    stream = guarded(t, ETH0)
    t.check(len(daemon.qps(stream.client.pid)) == 1, "a program runs: the list has its QP", daemon.qps())
    stream.client.kill(signal.SIGKILL)
    stream.client.wait()
    gone = daemon.holds_none(stream.client.pid)
    t.check(gone, "a program is killed: its QP leaves the list", daemon.qps(stream.client.pid))
    stream.stop()
