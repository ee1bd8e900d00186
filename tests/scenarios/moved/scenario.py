"""A process that nobody guards changes the address of a guarded program's queue pair."""

from __future__ import annotations

import time

from testbed.api import Result, Test
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.refusals import has_reason
from testbed.states import DEVICE, ETH0
from testbed.stream import Stream

WITHIN = 60  # s, on a busy host; what it took is noted
REMOTE = ETH0["b"][1]
GROUP_NOTIFY = 1 << 3  # RDMA_NL_GROUP_NOTIFY, 4, as a bit
TO_IPV6 = f"[default]\nrequire = any\n[rule in-clear]\nmatch-remote = {REMOTE}\nrequire = none\n"
BY_NAME = f"[default]\nrequire = any\n[rule in-clear]\nmatch-device = {DEVICE}\nrequire = none\n"


def run(t: Test) -> None:
    t.net.ipsec()
    control(t)
    t.net.ipsec()
    taken_down(t, on_both(t))
    t.net.ipsec()
    from_clear(t, Daemon(t, t.a, TO_IPV6))
    t.net.ipsec(families=(4, 6))
    goes_on(t, on_both(t))
    t.net.clear()
    renamed(t, Daemon(t, t.a, BY_NAME))


def moved(t: Test, stream: Stream, back: bool = False) -> Result:
    """By root, and with no door.  rxe goes on by the route that it has, IPsec's, until something on the host changes."""
    index = t.net.gid_index(t.a, ETH0["a"][0 if back else 1])
    remote = f"::ffff:{ETH0['b'][0]}" if back else REMOTE
    return t.a.run(f"{t.build}/tests/verbs_move {stream.client.pid} {index} {remote} && ip route flush cache", 60)


def control(t: Test) -> None:
    stream = Stream(t, ETH0)
    result = moved(t, stream)
    deadline = time.monotonic() + WITHIN
    while True:
        with t.wire(busy=True) as wire:
            time.sleep(2)
        if wire.clear or time.monotonic() > deadline:
            break
    t.check(result.ok, "control, bare: the kernel gives another process' queue pair another address", result)
    t.check(wire.clear > 0, "control, bare: what it sends is in clear from then on", wire)
    t.note(f"bare: {wire.clear} frames in clear in 2 s")
    stream.stop()


def guarded(t: Test) -> Stream:
    guard = by_library(t)
    return Stream(t, ETH0, wrap_a=guard, wrap_b=guard, user=USER)


def taken_down(t: Test, daemon: Daemon) -> None:
    stream = guarded(t)
    began = float(t.a.run("echo $EPOCHREALTIME").out)
    with t.wire(busy=True) as wire:
        result = moved(t, stream)
        ending = stream.end_of_a(WITHIN)
    ours = lambda record: record["pid"] == stream.client.pid
    found, revoked = (daemon.await_record(event, ours, began, WITHIN) for event in ("adopted", "revoked"))
    with t.wire(busy=True) as later:
        time.sleep(1)
    t.check(result.ok, "guarded: it is given another address", result)
    t.check(ending and ending.flushed, "guarded: its program sees its work flushed", ending or stream.client.output())
    t.check(found and found["remote"] == REMOTE, "guarded: the audit log says where it was found to send", daemon.log(began))
    t.check(revoked and revoked["remote"] == REMOTE and has_reason(revoked, "no outbound xfrm policy covers it"),
            "guarded: and why it was taken down", daemon.log(began))  # fmt: skip
    t.check(later.clear == 0, "guarded: after its end nothing more in clear", later)
    if ending:
        t.note(f"guarded: ended after {ending.at - began:.1f} s, {wire.clear} frames in clear: {revoked and revoked['reason']}")
    stream.stop()


def goes_on(t: Test, daemon: Daemon) -> None:
    """b's end has another peer and hears nothing of it, so the stream itself does not."""
    stream = guarded(t)
    began = float(t.a.run("echo $EPOCHREALTIME").out)
    with t.wire(busy=True) as wire:
        result = moved(t, stream)
        ours = lambda record: record["pid"] == stream.client.pid
        found = daemon.await_record("adopted", ours, began, WITHIN)
    t.check(result.ok, "protected there as well: it is given another address", result)
    t.check(found and found["remote"] == REMOTE and found["verdict"] == "protected",
            "protected there as well: found, and judged by that address", daemon.log(began))  # fmt: skip
    lost = [record for record in daemon.log(began) if record["event"] == "revoked"]
    t.check(not lost, "protected there as well: nothing is taken down", lost)
    t.check(wire.clear == 0, "protected there as well: nothing in clear", wire)
    stream.stop()


def from_clear(t: Test, daemon: Daemon) -> None:
    """rxe goes on by the route that it has: none of IPsec's."""
    v6 = {name: (addresses[1], addresses[1]) for name, addresses in ETH0.items()}
    stream = Stream(t, v6, wrap_a=by_library(t), user=USER)
    began = float(t.a.run("echo $EPOCHREALTIME").out)
    result = moved(t, stream, back=True)
    ending = stream.end_of_a(WITHIN)
    revoked = daemon.await_record("revoked", lambda record: record["pid"] == stream.client.pid, began, WITHIN)
    t.check(result.ok, "let send in clear: it is given an address that is protected", result)
    t.check(ending and ending.flushed, "let send in clear: its program sees its work flushed", ending or stream.client.output())
    t.check(has_reason(revoked, "it has been let send in clear"), "let send in clear: the audit log says why", daemon.log(began))
    stream.stop()


def renamed(t: Test, daemon: Daemon) -> None:
    """A device by whose name a rule allows what the others do not."""
    stream = Stream(t, ETH0, wrap_a=by_library(t), user=USER)
    listed = daemon.qps(stream.client.pid)
    heard = t.a.run(f"awk '$2 == 20 && $4 == \"{GROUP_NOTIFY:08x}\"' /proc/net/netlink", check=True).out
    t.check(heard, "the daemon hears what RDMA netlink tells of devices", t.a.run("cat /proc/net/netlink").out)
    t.check([row.get("rule") for row in listed] == ["in-clear"], "control: by the device's name it may send in clear", listed)
    began = float(t.a.run("echo $EPOCHREALTIME").out)
    t.a.run(f"rdma dev set {DEVICE} name other0", check=True)
    ending = stream.end_of_a(WITHIN)
    revoked = daemon.await_record("revoked", lambda record: record["pid"] == stream.client.pid, began, WITHIN)
    t.check(ending and ending.flushed, "the device gets another name: its program sees its work flushed", ending)
    t.check(revoked and (revoked["device"], revoked["rule"]) == ("other0", "default"), "the device gets another name: the audit log says so",
            daemon.log(began))  # fmt: skip
    if ending:
        t.note(f"the device gets another name: ended after {ending.at - began:.1f} s")
    stream.stop()
    t.a.run(f"rdma dev set other0 name {DEVICE}", check=True)
