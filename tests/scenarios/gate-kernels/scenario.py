# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""A few cases of the gate, on other kernels than that of most scenarios."""

from __future__ import annotations

from testbed.api import Test
from testbed.applications import try_out
from testbed.daemon import USER, by_library, on_both
from testbed.floods import WAYS, delivered, none_is_delivered, none_leaves
from testbed.gate import PINGPONG, RPING, held_back, lockdown, stopped
from testbed.gate import on_both as gate_on_both
from testbed.refusals import has_reason
from testbed.states import ETH0
from testbed.stream import GENTLE, Stream, change

GUESTS = (("host", "6.1"), ("sid", "7.2"))
FRAMES = 500  # of each way to send


def run(t: Test) -> None:
    by_hand(t)
    by_daemon(t)


def by_hand(t: Test) -> None:
    t.net.clear()
    gate_on_both(t, "on")
    wire = held_back(t, RPING, ETH0)
    t.check(not wire.clear, "an unguarded rping: nothing is readable", wire)
    none_leaves(t, FRAMES)
    lockdown(t, t.a, "off eth0")
    none_is_delivered(t, FRAMES)
    lockdown(t, t.b, "off eth0")
    seen, _ = delivered(t, WAYS, FRAMES)
    t.check(all(seen.values()), "control: without any gate frames of every kind are delivered", seen)
    trial = try_out(t, RPING, ETH0)
    t.check(trial.ran and trial.readable > 0, "control, the gate is off: the rping runs in clear, on the same RDMA device", trial)


def by_daemon(t: Test) -> None:
    t.net.ipsec()
    daemon = on_both(t, gate=True)
    trial = try_out(t, PINGPONG, ETH0, guarded="ab")
    t.check(trial.ran and not trial.readable, "rdmasecd: over IPsec a guarded pingpong runs", trial)
    rows = [stopped(t, guest) for guest in (t.a, t.b)]
    quiet = all(row["out"] == row["in"] == "stopped" and row["stopped_out"] == row["stopped_in"] == 0 for row in rows)
    t.check(quiet, "rdmasecd keeps the gate, which stops nothing that is protected", rows)
    words = [line.split() for line in t.net.made("a", f"xfrm policy add src {ETH0['a'][0]}")]
    wrap = by_library(t)
    stream = Stream(t, ETH0, wrap_a=wrap, wrap_b=wrap, options=GENTLE, keep=True, user=USER)
    with t.wire(busy=True) as wire:
        event = change(t.a, *(f"xfrm policy delete {' '.join(line[3:line.index('dir') + 2])}" for line in words))
        ending = stream.end_of_a()
    revoked = daemon.await_revoked(stream.client, event.began)
    stream.stop()
    t.check(wire.clear == 0, "outbound policy deleted: nothing leaves in clear", wire)
    t.check(ending and ending.flushed, "outbound policy deleted: the program sees its work flushed", ending or stream.client.output())
    t.check(has_reason(revoked, "outbound-no-policy"), "outbound policy deleted: the audit log names the cause", revoked)
