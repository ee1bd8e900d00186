# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Two network namespaces of one guest, one of them with IPsec: different verdicts, for the right reasons."""

from __future__ import annotations

from testbed.api import EXCHANGE_PORT, Result, Test, await_listener
from testbed.daemon import USER, Daemon, by_library, on_both, try_qp
from testbed.refusals import has_reason, has_reason_of
from testbed.states import ETH0, MAC, batch, gid_of
from testbed.stream import Stream, await_words

A, B = ETH0["a"][0], ETH0["b"][0]
OWN = "10.77.0.3"  # the address of the child for its TCP, by which b finds it
ROUTES_ELSEWHERE = "rxe-routes-elsewhere"
DEVICE_ELSEWHERE = ("port-netdev-elsewhere", "gid-netdev-elsewhere", "gid-no-netdev")


def run(t: Test) -> None:
    t.net.ipsec()
    lines = t.net.made("a", "xfrm ")
    t.net.clear()
    make_child(t, lines)
    control_child_sends(t)
    on_both(t)
    refused_in_initial_namespace(t)
    if routes_in_its_own(t):
        connects_in_child(t)
    else:
        refused_in_child(t, "IPsec in the child alone", ROUTES_ELSEWHERE)

    t.net.ipsec()
    make_child(t, [])
    runs_in_initial_namespace(t, on_both(t))


def routes_in_its_own(t: Test) -> bool:
    """Returns whether rxe routes in the namespace of its netdev, as it does since 7.2 (rxe_ns.c)."""
    major, minor = t.a.run("uname -r", check=True).out.split(".")[:2]
    return (int(major), int(minor)) >= (7, 2)


def make_child(t: Test, xfrm: list[str]) -> None:
    """Makes rxe1 on a netdev with the index of eth0: the first of a namespace after lo."""
    t.a.run("ip netns add child && ip link add link eth0 name child0 netns child type macvlan mode bridge", check=True)
    lines = ["link set lo up", "link set child0 up"]
    lines += [f"address add {address}/24 dev child0" for address in (OWN, A)]
    lines += [f"neigh replace {B} lladdr {MAC['b']} dev child0", *xfrm]
    t.a.run(batch(lines).replace("ip -batch", "ip -n child -batch", 1), check=True)
    add = "ip netns exec child rdma link add rxe1 type rxe netdev child0"
    t.a.run(add, check=True)
    gids = "/sys/class/infiniband/rxe1/ports/1/gids/*"
    if not t.eventually(lambda: t.a.run(f"grep -qx {gid_of(A)} {gids} 2>/dev/null").ok):
        raise RuntimeError(f"rxe1 has no GID for {A}")


def in_child(t: Test, command: str) -> str:
    as_user = f"setpriv --reuid {USER} --regid {USER} --clear-groups"
    return f"exec ip netns exec child {as_user} {command}"


def control_child_sends(t: Test) -> None:
    """The answers go to eth0 of the initial namespace, so no QP connects; only what leaves counts."""
    index = t.net.gid_index(t.a, A, "rxe1")
    server = t.b.start(f"exec {t.build}/tests/verbs_stream -p {EXCHANGE_PORT} -g {t.net.gid_index(t.b, B)}")
    await_listener(server, EXCHANGE_PORT)
    with t.wire() as wire:
        client = t.a.start(in_child(t, f"{t.build}/tests/verbs_stream -p {EXCHANGE_PORT} -d rxe1 -g {index} {B}"))
        counter = "/sys/class/infiniband/rxe1/ports/1/hw_counters/sent_pkts"
        sent = t.eventually(lambda: int(t.a.read_file(counter)) > 0)
        client.kill(9)
    server.kill(9)
    server.wait()
    esp, clear = wire.counts["esp"] > 0, wire.counts["clear_data"] > 0
    expected = (True, False) if routes_in_its_own(t) else (False, True)
    t.check(sent and (esp, clear) == expected, "control, bare: the child's policies and SAs have an effect since 7.2 only",
            f"{wire}\n{client.wait()}")  # fmt: skip


def refused_in_initial_namespace(t: Test) -> None:
    attempt = try_qp(t, ETH0)
    said = attempt.result.err
    named = has_reason(said, "macsec-no-device", "outbound-no-policy")
    t.check(not attempt.passed and named, "IPsec in the child alone: a program of the initial namespace is refused as in clear", attempt)


def child_attempt(t: Test, device: str) -> Result:
    index = t.net.gid_index(t.a, A, device)
    command = f"{by_library(t)} {t.build}/tests/verbs_many {device} {index} {B} 1 1"
    return t.a.run(in_child(t, command))


def connects_in_child(t: Test) -> None:
    index = t.net.gid_index(t.a, A, "rxe1")
    program = t.a.start(in_child(t, f"{by_library(t)} {t.build}/tests/verbs_many rxe1 {index} {B} 1 1"))
    await_words(program, "waiting")
    t.check(program.poll() is None, "IPsec in the child alone: a program of the child connects", program.output())
    program.kill()
    program.wait()


def refused_in_child(t: Test, what: str, reason: str) -> None:
    with t.wire() as wire:
        own, initial = child_attempt(t, "rxe1"), child_attempt(t, "rxe0")
    t.check(own.code == 1 and has_reason(own.err, reason), f"{what}: a program of the child is refused: {reason}", own)
    elsewhere = has_reason_of(initial.err, DEVICE_ELSEWHERE) and "unknown" in initial.err
    t.check(initial.code == 1 and elsewhere, f"{what}: a program of the child is refused the device of the initial namespace", initial)
    t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)


def runs_in_initial_namespace(t: Test, daemon: Daemon) -> None:
    """A stream runs in the initial namespace while the child is refused."""
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, user=USER)
    reason = "outbound-no-policy" if routes_in_its_own(t) else ROUTES_ELSEWHERE
    refused_in_child(t, "IPsec in the initial namespace alone", reason)
    with t.wire(busy=True) as wire:
        continues = stream.continues()
    t.check(continues, "IPsec in the initial namespace alone: a stream continues there", stream.client.output())
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, "IPsec in the initial namespace alone: only ESP crosses the wire", wire)
    listed = daemon.qps()
    ours = [row["pid"] for row in listed] == [stream.client.pid] and listed[0]["by"] == "ipsec"
    t.check(ours, "IPsec in the initial namespace alone: the list has that QP only", listed)
    stream.stop()
