# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""An unguarded process changes the address of a guarded program's queue pair."""

from __future__ import annotations

import re
import time

from testbed.api import Result, Test
from testbed.daemon import USER, Daemon, Record, by_library, on_both
from testbed.refusals import has_reason
from testbed.states import DEVICE, ETH0, MAC, batch
from testbed.stream import Stream

CONTROL_S = 2  # s for which the bare control continues
# A second address of b. It is IPv4 as the first one is: rxe keeps the route of a queue pair, and the kernel can crash if
# a packet of one family leaves by a route of the other.
OTHER = "10.77.0.3"
OTHER_B = {"a": ETH0["a"], "b": (OTHER, OTHER)}
SECOND = {"a": [f"neigh replace {OTHER} lladdr {MAC['b']} dev eth0"], "b": [f"address add {OTHER}/24 dev eth0"]}
GROUP_NOTIFY = 1 << 3  # RDMA_NL_GROUP_NOTIFY, 4, as a bit
TO_OTHER = f"[default]\nrequire = any\n[rule in-clear]\nmatch-remote = {OTHER}\nrequire = none\n"
BY_NAME = f"[default]\nrequire = any\n[rule in-clear]\nmatch-device = {DEVICE}\nrequire = none\n"


def run(t: Test) -> None:
    t.net.ipsec(extra=SECOND)
    control(t)
    t.net.ipsec(extra=SECOND)
    moved_to_clear(t, on_both(t))
    t.net.ipsec(extra=SECOND)
    moved_under_gate(t, on_both(t, gate=True))
    t.net.ipsec(extra=SECOND)
    moved_from_clear(t, Daemon(t, t.a, TO_OTHER))
    t.net.ipsec(extra=SECOND)
    protect_other(t)
    moved_to_protected(t, on_both(t))
    t.net.clear()
    device_renamed(t, Daemon(t, t.a, BY_NAME))


def protect_other(t: Test) -> None:
    """Policies and SAs for b's second address, as those for its first one."""

    def other(line: str) -> str:
        line = line.replace(f"{ETH0['b'][0]} ", f"{OTHER} ")
        return re.sub(r"spi (0x[0-9a-f]+)", lambda spi: f"spi {int(spi[1], 16) ^ 1:#x}", line)

    for guest in (t.a, t.b):
        guest.run(batch([other(line) for line in t.net.made(guest.name, "xfrm ")]), check=True)


def move(t: Test, stream: Stream, remote: str = OTHER) -> Result:
    """Moves the queue pair, by root and without a door. rxe keeps its route until something on the host changes."""
    index = t.net.gid_index(t.a, ETH0["a"][0])
    return t.a.run(f"{t.build}/tests/verbs_move {stream.client.pid} {index} ::ffff:{remote} && ip route flush cache")


def control(t: Test) -> None:
    stream = Stream(t, ETH0)
    result = move(t, stream)
    clear = t.readable_frames(CONTROL_S)
    t.check(result.ok, "control, bare: the kernel lets a process change the address of another's queue pair", result)
    t.check(clear > 0, "control, bare: its packets are then in clear")
    t.note(f"bare: {clear} frames in clear in {CONTROL_S} s")
    stream.stop()


def guarded(t: Test) -> Stream:
    guard = by_library(t)
    return Stream(t, ETH0, wrap_a=guard, wrap_b=guard, user=USER)


def adopted(daemon: Daemon, stream: Stream, since: float) -> Record | None:
    return daemon.await_record("adopted", lambda record: record["pid"] == stream.client.pid, since)


def moved_to_clear(t: Test, daemon: Daemon) -> None:
    stream = guarded(t)
    began = t.a.now()
    with t.wire(busy=True) as wire:
        result = move(t, stream)
        ending = stream.end_of_a()
    found = adopted(daemon, stream, began)
    revoked = daemon.await_revoked(stream.client, began)
    with t.wire(busy=True) as later:
        time.sleep(1)
    t.check(result.ok, "moved to clear: the kernel changes the address", result)
    t.check(ending and ending.flushed, "moved to clear: the program sees its work flushed", ending or stream.client.output())
    t.check(found and found["remote"] == OTHER, "moved to clear: the audit log has the new remote", daemon.log(began))
    t.check(revoked and revoked["remote"] == OTHER and has_reason(revoked, "outbound-no-policy"),
            "moved to clear: the audit log has the reason of the revocation", daemon.log(began))  # fmt: skip
    t.check(later.clear == 0, "moved to clear: after the end nothing leaves in clear", later)
    if ending:
        reason = revoked and revoked["reason"]
        t.note(f"moved to clear: ended after {ending.at - began:.1f} s, {wire.clear} frames in clear: {reason}")
    stream.stop()


def moved_under_gate(t: Test, daemon: Daemon) -> None:
    """The gate stops its packets until the scan of the daemon finds the change."""
    stream = guarded(t)
    began = t.a.now()
    with t.wire(busy=True) as wire:
        result = move(t, stream)
        ending = stream.end_of_a()
    revoked = daemon.await_revoked(stream.client, began)
    t.check(result.ok, "moved to clear under the gate: the kernel changes the address", result)
    t.check(wire.clear == 0, "moved to clear under the gate: nothing leaves in clear", wire)
    t.check(ending and ending.flushed, "moved to clear under the gate: the program sees its work flushed", ending or stream.client.output())
    named = any(has_reason(revoked, reason) for reason in ("gate-stopped", "outbound-no-policy"))
    t.check(named, "moved to clear under the gate: the audit log has the reason", revoked or daemon.log(began))
    if ending:
        t.note(f"moved to clear under the gate: ended after {ending.at - began:.1f} s: {revoked and revoked['reason']}")
    stream.stop()


def moved_to_protected(t: Test, daemon: Daemon) -> None:
    """The queue pair stays; its stream stops, as b's end has another peer."""
    stream = guarded(t)
    began = t.a.now()
    with t.wire(busy=True) as wire:
        result = move(t, stream)
        found = adopted(daemon, stream, began)
    t.check(result.ok, "moved to a protected address: the kernel changes the address", result)
    t.check(found and found["remote"] == OTHER and found["verdict"] == "protected",
            "moved to a protected address: the audit log has the new remote as protected", daemon.log(began))  # fmt: skip
    lost = [record for record in daemon.log(began) if record["event"] == "revoked"]
    t.check(not lost, "moved to a protected address: nothing is taken down", lost)
    t.check(wire.clear == 0, "moved to a protected address: nothing leaves in clear", wire)
    stream.stop()


def moved_from_clear(t: Test, daemon: Daemon) -> None:
    """rxe keeps its route, which is none of IPsec's."""
    stream = Stream(t, OTHER_B, wrap_a=by_library(t), user=USER)
    began = t.a.now()
    result = move(t, stream, ETH0["b"][0])
    ending = stream.end_of_a()
    revoked = daemon.await_revoked(stream.client, began)
    t.check(result.ok, "moved from clear to a protected address: the kernel changes the address", result)
    holds = ending and ending.flushed
    t.check(holds, "moved from clear to a protected address: the program sees its work flushed", ending or stream.client.output())
    named = has_reason(revoked, "route-kept")
    t.check(named, "moved from clear to a protected address: the audit log has the reason", daemon.log(began))
    stream.stop()


def device_renamed(t: Test, daemon: Daemon) -> None:
    """A rule that matches the name of the device allows its queue pairs to send in clear."""
    stream = Stream(t, ETH0, wrap_a=by_library(t), user=USER)
    listed = daemon.qps(stream.client.pid)
    heard = t.a.run(f"awk '$2 == 20 && $4 == \"{GROUP_NOTIFY:08x}\"' /proc/net/netlink", check=True).out
    t.check(heard, "the daemon listens to RDMA netlink's events of devices", t.a.run("cat /proc/net/netlink").out)
    t.check([row.get("rule") for row in listed] == ["in-clear"], "control: the rule for the device's name allows the queue pair", listed)
    began = t.a.now()
    t.a.run(f"rdma dev set {DEVICE} name other0", check=True)
    ending = stream.end_of_a()
    revoked = daemon.await_revoked(stream.client, began)
    t.check(ending and ending.flushed, "the device is renamed: the program sees its work flushed", ending)
    named = revoked and (revoked["device"], revoked["rule"]) == ("other0", "default")
    t.check(named, "the device is renamed: the audit log has the new name and rule", daemon.log(began))
    if ending:
        t.note(f"the device is renamed: ended after {ending.at - began:.1f} s")
    stream.stop()
    t.a.run(f"rdma dev set other0 name {DEVICE}", check=True)
