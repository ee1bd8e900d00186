# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd keeps the gate, and judges again what the gate stops."""

from __future__ import annotations

import json
import signal
import statistics
from shlex import quote
from typing import Any

from testbed.api import SIDE_CHANNEL, Guest, Process, Test, await_listener
from testbed.applications import Addresses, try_out
from testbed.daemon import ANY, POLICY, USER, Daemon, by_library, on_both, try_qp
from testbed.gate import (
    DETOURS,
    FLOOD,
    MORE_DETOURS,
    PINGPONG,
    RPING,
    SEND_RAW,
    Detour,
    held_back,
    ipsec,
    lockdown,
    running,
    stopped,
)
from testbed.refusals import has_reason
from testbed.states import DEVICE, ETH0, MAC
from testbed.stream import GENTLE, Stream, await_words, change, put_back

TIME_LIMIT = 900
CONTROL_S = 0.5  # s for which the bare controls continue
FLOWS = 6000  # more than the gate counts
TRIES = 3  # of each time that is printed
# Frames of so many flows that do not belong to a queue pair, by a packet socket, as fast as the guest can, until it is
# ended. Prints after each round how many a second they were.
MANY_FLOWS = f"""
import socket, time
ether = bytes.fromhex("{MAC['b']}{MAC['a']}".replace(":", ""))
head = bytes.fromhex("0800450000380001000040110000" "0a4d0001" "0a4d0002" "c00012b700240000" "0400ffff00")
tail = bytes.fromhex("0000000100112233445566778899aabbccddeeff")
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
while True:
    began = time.monotonic()
    for qpn in range({FLOWS}):
        s.send(ether + head + (0x800000 + qpn).to_bytes(3, "big") + tail)
    print(f"{{{FLOWS} / (time.monotonic() - began):.0f}} a second", flush=True)
"""

CONTAINER_PORT = 18700
# A container behind docker0.
CONTAINER = """
set -e
ip netns add container
ip link add docker0 type bridge
ip link add veth0 type veth peer name eth0 netns container
ip link set veth0 master docker0
ip addr add 172.17.0.1/16 dev docker0
ip link set docker0 up
ip link set veth0 up
ip -n container addr add 172.17.0.2/16 dev eth0
ip -n container link set eth0 up
ip -n container route add default via 172.17.0.1
echo 1 >/proc/sys/net/ipv4/ip_forward
"""
# What dockerd and kube-proxy load: natively, and by the two programs of iptables.
NFT_RULES = """
table ip nat {
 chain DOCKER { iifname != "docker0" tcp dport 8080 dnat to 172.17.0.2:80; }
 chain KUBE-SERVICES { ip daddr 10.96.0.10 udp dport 53 meta mark set meta mark or 0x4000 dnat to 172.17.0.2:53; }
 chain PREROUTING { type nat hook prerouting priority -100; jump DOCKER; jump KUBE-SERVICES; }
 chain OUTPUT { type nat hook output priority -100; ip daddr != 127.0.0.0/8 jump DOCKER; jump KUBE-SERVICES; }
 chain POSTROUTING { type nat hook postrouting priority 100;
  ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
  meta mark and 0x4000 != 0 masquerade
 }
}
table ip filter {
 chain FORWARD { type filter hook forward priority 0; policy drop;
  oifname "docker0" ct state established,related accept
  iifname "docker0" accept
 }
}
"""
IPTABLES_RULES = """
*nat
:DOCKER - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m udp --dport 53 -j KUBE-MARK-MASQ
-A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker0 -j ACCEPT
COMMIT
"""
CONTAINER_RULES = (
    ("nftables", f"nft -f - <<'END'{NFT_RULES}END", "nft flush ruleset"),
    ("iptables-nft", f"iptables-nft-restore <<'END'{IPTABLES_RULES}END", "nft flush ruleset"),
    ("iptables-legacy", f"iptables-legacy-restore <<'END'{IPTABLES_RULES}END",
     "iptables-legacy -t nat -F && iptables-legacy -t nat -X && iptables-legacy -P FORWARD ACCEPT && iptables-legacy -F"),
)  # fmt: skip
ANSWERS = f"""
import socket
s = socket.create_server(("{ETH0['b'][0]}", {CONTAINER_PORT}))
while True:
    c, peer = s.accept()
    c.sendall(peer[0].encode())
    c.close()
"""
ASKS = f"import socket; print(socket.create_connection(('{ETH0['b'][0]}', {CONTAINER_PORT})).recv(100).decode())"


def run(t: Test) -> None:
    daemon = stands_by_default(t)
    comes_on_later_netdevs(t, daemon)
    outlives(t, daemon)
    follows_the_policy(t, daemon)
    for detour in (*DETOURS, *MORE_DETOURS):
        is_led_past(t, detour)
    policy_deleted(t)
    containers_go_on(t)
    flood_holds_nobody(t)


def gates(t: Test, guest: Guest) -> dict[str, dict[str, Any]]:
    """Returns the rows of `lockdown status`, by netdev."""
    return {row["netdev"]: row for row in json.loads(lockdown(t, guest, "status --json", check=False).out)}


def is_gated(t: Test, guest: Guest, netdev: str) -> bool:
    row = gates(t, guest).get(netdev)
    return bool(row and row["out"] == row["in"] == "stopped")


def reload(t: Test, daemon: Daemon, policy: str) -> None:
    """Has the daemon take this policy, and waits until it has."""
    times = daemon.process.output().count("policy reloaded")
    daemon.guest.write_file(POLICY, policy)
    daemon.process.kill(signal.SIGHUP)
    t.eventually(lambda: daemon.process.output().count("policy reloaded") > times)


def stands_by_default(t: Test) -> Daemon:
    t.net.clear()
    trial = try_out(t, RPING, ETH0)
    t.check(trial.ran and trial.wire["clear_cm"] > 0, "control: without rdmasecd a clear rping runs", trial)
    daemon = on_both(t, gate=True)
    for guest in (t.a, t.b):
        t.check(is_gated(t, guest, "eth0"), f"{guest.name}: rdmasecd puts up the gate by default", gates(t, guest))
    for application in (PINGPONG, RPING):
        wire = held_back(t, application, ETH0)
        t.check(not wire.clear, f"unguarded {application.name}: nothing is readable", wire)
    ipsec(t)
    daemon = on_both(t, gate=True)
    before = stopped(t, t.a)
    trial = try_out(t, PINGPONG, ETH0, guarded="ab")
    t.check(trial.ran and not trial.readable, "over IPsec a guarded pingpong runs", trial)
    t.check(stopped(t, t.a) == before, "over IPsec nothing is stopped", (before, stopped(t, t.a)))
    return daemon


def comes_on_later_netdevs(t: Test, daemon: Daemon) -> None:
    t.a.run("ip link add later0 type veth peer name later1 && ip link set later0 up && ip link set later1 up", check=True)
    t.check("later0" not in gates(t, t.a), "a virtual netdev without an RDMA device has no gate", gates(t, t.a))
    t.a.run("rdma link add rxe9 type rxe netdev later0", check=True)
    t.check(t.eventually(lambda: is_gated(t, t.a, "later0")), "an RDMA device that comes later brings the gate", gates(t, t.a))
    t.a.run("rdma link delete rxe9; ip link delete later0", check=True)
    t.a.run("tc qdisc delete dev eth0 clsact", check=True)
    t.check(t.eventually(lambda: is_gated(t, t.a, "eth0")), "rdmasecd puts back a gate that was removed", daemon.process.output())


def outlives(t: Test, daemon: Daemon) -> None:
    t.a.run("nft flush ruleset; ip link set eth0 down; ip link set eth0 up", check=True)
    t.check(is_gated(t, t.a, "eth0"), "`nft flush ruleset`, eth0 down and up: the gate stands", gates(t, t.a))
    for what, number in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
        daemon.kill(number)
        before = stopped(t, t.a)["stopped_out"]
        with t.wire() as wire:
            t.a.run(f"python3 - <<'END'\n{SEND_RAW}\nEND", check=True)
        counted = stopped(t, t.a)["stopped_out"] - before
        t.check(wire.clear == 0 and counted == 3 * FLOOD, f"rdmasecd {what}: all of {3 * FLOOD} frames are stopped", (wire, counted))
        daemon.start()
        t.check(is_gated(t, t.a, "eth0"), f"rdmasecd {what} and started again: the gate stands", daemon.process.output())


def follows_the_policy(t: Test, daemon: Daemon) -> None:
    reload(t, daemon, f"{ANY}gate = off\n")
    t.check(not is_gated(t, t.a, "eth0"), "gate = off removes the gate", gates(t, t.a))
    with t.wire() as wire:
        t.a.run(f"python3 - <<'END'\n{SEND_RAW}\nEND", check=True)
    t.check(wire.clear == 3 * FLOOD, "control: without the gate all frames leave", wire)
    reload(t, daemon, "[default]\nmode = audit\n")
    t.check(not is_gated(t, t.a, "eth0"), "mode = audit: no gate stands", gates(t, t.a))
    reload(t, daemon, ANY)
    t.check(is_gated(t, t.a, "eth0"), "mode = enforce puts it up again", daemon.process.output())


# ---- evidence ----


def guarded(t: Test, addresses: Addresses) -> Stream:
    """Its program keeps its queue pair: where the kernel ends that itself, the daemon still says why."""
    wrap = by_library(t)
    return Stream(t, addresses, wrap_a=wrap, wrap_b=wrap, options=GENTLE, keep=True, user=USER)


def leaks_bare(t: Test, detour: Detour) -> None:
    """The control, without a gate."""
    t.a.run(detour.change, check=True)
    with running(t, PINGPONG, detour.addresses, side=ETH0):  # begun afterwards: some changes end a queue pair that is there
        clear = t.readable_frames(CONTROL_S)
    t.a.run(detour.undo, check=True)
    t.check(clear > 0, f"control, bare: {detour.what}: packets leave in clear", clear)


def is_led_past(t: Test, detour: Detour) -> None:
    """The judgement does not see it; the gate does."""
    detour.network(t)
    leaks_bare(t, detour)
    daemon = on_both(t, gate=True)
    monitor = t.a.start(f"exec {t.build}/bin/rdmasec monitor")
    with t.wire(busy=True) as wire:
        began, program, flushed = (begins_led_past if detour.comes_first else stream_led_past)(t, detour)
    revoked = daemon.await_revoked(program, began)
    t.check(wire.clear == 0, f"{detour.what}: nothing leaves in clear", wire)
    t.check(flushed, f"{detour.what}: the program sees its work flushed", program.output())
    named = any(has_reason(revoked, reason) for reason in detour.reasons)
    t.check(named, f"{detour.what}: the audit log names the cause", revoked or daemon.log(began))
    if has_reason(revoked, "gate-stopped"):
        is_reported(t, detour, daemon, monitor, began)
    program.kill(signal.SIGKILL)
    program.wait()
    t.a.run(detour.undo, check=True)


def stream_led_past(t: Test, detour: Detour) -> tuple[float, Process, bool]:
    """Returns when the change began, the program, and whether its work was flushed."""
    stream = guarded(t, detour.addresses)
    event = change(t.a, shell=detour.change)
    ending = stream.end_of_a()
    if ending:
        t.note(f"{detour.what}: ended after {(ending.at - event.began) * 1000:.0f} ms")
    stream.server.kill(signal.SIGKILL)
    stream.server.wait()
    return event.began, stream.client, bool(ending and ending.flushed)


def begins_led_past(t: Test, detour: Detour) -> tuple[float, Process, bool]:
    """The same for a program that begins under the change. Only a's end is guarded: nothing protects what b answers."""
    event = change(t.a, shell=detour.change)
    call = f"ibv_rc_pingpong -d {DEVICE} -g"
    server = t.b.start(f"exec {call} {t.net.gid_index(t.b, detour.addresses['b'][0])}")
    await_listener(server, SIDE_CHANNEL)
    index = t.net.gid_index(t.a, detour.addresses["a"][0])
    client = t.a.start(f"exec {by_library(t)} {call} {index} {ETH0['b'][0]}", user=USER)
    client.ends()
    server.kill(signal.SIGKILL)
    server.wait()
    return event.began, client, "Work Request Flushed Error" in client.output()


def is_reported(t: Test, detour: Detour, daemon: Daemon, monitor: Process, began: float) -> None:
    told = daemon.await_record("stopped", lambda record: "of a guarded queue pair" in record["text"], began)
    said = told and told["count"] > 0 and told["netdev"] == "eth0"
    t.check(said, f"{detour.what}: the audit log says what was stopped", told or daemon.log(began))
    t.check(monitor.says("stopped at the gate"), f"{detour.what}: so does a monitor", monitor.output())


def policy_deleted(t: Test) -> None:
    """Until the queue pair ends, the gate holds its packets back; without rdmasecd for as long as it lives."""
    ipsec(t)
    added = t.net.made("a", f"xfrm policy add src {ETH0['a'][0]}")
    words = [line.split() for line in added]
    deleted = [f"{first} {second} delete {' '.join(rest[1:9])}" for first, second, *rest in words]
    stream = Stream(t, ETH0)
    change(t.a, *deleted)
    clear = t.readable_frames(CONTROL_S)
    stream.stop()
    put_back(t.a, added)
    t.check(clear > 0, "control, bare: outbound policy deleted: packets leave in clear", clear)
    daemon = on_both(t, gate=True)
    stream = guarded(t, ETH0)
    with t.wire(busy=True) as wire:
        event = change(t.a, *deleted)
        ending = stream.end_of_a()
    t.check(wire.clear == 0, "outbound policy deleted: nothing leaves in clear", wire)
    t.check(ending and ending.flushed, "outbound policy deleted: the program sees its work flushed", stream.client.output())
    revoked = daemon.await_revoked(stream.client, event.began)
    t.check(has_reason(revoked, "outbound-no-policy"), "outbound policy deleted: the audit log names the cause", revoked)
    stream.stop()
    put_back(t.a, added)
    for what, number in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
        without_daemon(t, daemon, what, number, deleted)
        put_back(t.a, added)
        daemon.start()


def without_daemon(t: Test, daemon: Daemon, what: str, number: int, deleted: list[str]) -> None:
    stream = guarded(t, ETH0)
    daemon.kill(number)
    before = stopped(t, t.a)["stopped_out"]
    with t.wire(busy=True) as wire:
        change(t.a, *deleted)
        held = t.eventually(lambda: stopped(t, t.a)["stopped_out"] > before)
    t.check(held and wire.clear == 0, f"rdmasecd {what}, outbound policy deleted: nothing leaves in clear", wire)
    stream.stop()


def containers_go_on(t: Test) -> None:
    """Masquerading that does not concern the path changes nothing for it, and the gate nothing for a container."""
    ipsec(t)
    t.a.run(CONTAINER, check=True)
    daemon = on_both(t, gate=True)
    t.b.write_file("/run/answers.py", ANSWERS)
    server = t.b.start("exec python3 /run/answers.py")
    await_listener(server, CONTAINER_PORT)
    for program, load, unload in CONTAINER_RULES:
        what = f"docker's and Kubernetes' rules by {program}"
        before = {guest.name: stopped(t, guest) for guest in (t.a, t.b)}
        t.a.run(load, check=True)
        trial = try_out(t, PINGPONG, ETH0, guarded="ab")
        asked = t.a.run(f"ip netns exec container python3 -c {quote(ASKS)}")
        t.a.run(unload, check=True)
        t.check(trial.ran and not trial.readable, f"{what}: a guarded pingpong over IPsec runs", trial)
        t.check(asked.out.strip() == ETH0["a"][0], f"{what}: a container reaches b, masqueraded", asked)
        after = {guest.name: stopped(t, guest) for guest in (t.a, t.b)}
        t.check(after == before, f"{what}: the gate stops nothing", (before, after))
    t.check(not daemon.losses(), "docker's and Kubernetes' rules: nothing is revoked", daemon.losses())
    server.kill(signal.SIGKILL)
    server.wait()


def flood_holds_nobody(t: Test) -> None:
    """Each of its flows makes an event."""
    ipsec(t)
    daemon = on_both(t, gate=True)
    alone = statistics.median(try_qp(t, ETH0).took for _ in range(TRIES))
    t.a.write_file("/run/many-flows.py", MANY_FLOWS)
    with t.wire() as wire:
        flood = t.a.start("exec python3 /run/many-flows.py")
        trial = try_out(t, PINGPONG, ETH0, guarded="ab")
        t.check(try_qp(t, ETH0).passed, "a flood of stopped packets: the daemon answers a door")
        beside = statistics.median(try_qp(t, ETH0).took for _ in range(TRIES))
        lost = daemon.await_record("lost", lambda record: "reports of the gate" in record["text"], 0)
        said = await_words(flood, "a second").splitlines()
        flood.kill(signal.SIGKILL)
        flood.wait()
    t.check(trial.ran, "a flood of stopped packets: a guarded pingpong runs beside it", trial)
    t.check(wire.clear == 0, "a flood of stopped packets: none leaves", wire)
    status = t.a.run(f"{t.build}/bin/rdmasec status")
    t.check("gate: stops cleartext RoCE on eth0" in status.out, "status: the gate stands", status)
    t.check(lost, "a flood of stopped packets: the audit log sums up what it leaves out", daemon.log()[-3:])
    t.note(f"a flood of packets of {FLOWS} flows, {said[-1]}: a program with a queue pair takes {beside:.2f} s, without it {alone:.2f} s")
