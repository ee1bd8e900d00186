# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Cleartext RoCE is stopped on the netdev by which it would leave."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from testbed.api import Guest, Process, Result, Test, Wire
from testbed.applications import APPLICATIONS, Addresses, Application, Trial, guard, try_out
from testbed.states import ETH0, MAC, MACSEC0, PEER

PINGPONG, RPING = APPLICATIONS["ibv_rc_pingpong"], APPLICATIONS["rping"]
ROUTED = {"a": ("10.80.0.1", "fd78::1"), "b": ("10.80.0.2", "fd78::2")}  # on macsec0, and in a subnet of eth0
FLOOD = 1000  # frames
# Frames of both versions, to queue pair 0x123, by a packet socket.
SEND_RAW = f"""
import socket
ether = bytes.fromhex("{MAC['b']}{MAC['a']}".replace(":", ""))
bth = bytes.fromhex("0400ffff000001230000000100112233445566778899aabbccddeeff")
udp = bytes.fromhex("c00012b700240000") + bth
v4 = bytes.fromhex("0800450000380001000040110000" "0a4d0001" "0a4d0002") + udp
v6 = bytes.fromhex("86dd600000000024" "1140") + bytes.fromhex("fd77" + 13 * "00" + "01" + "fd77" + 13 * "00" + "02") + udp
v1 = bytes.fromhex("8915" + "600000000024" + "1b40") + bytes(32) + bth
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for _ in range({FLOOD}):
    for frame in (v4, v6, v1):
        s.send(ether + frame)
"""


def lockdown(t: Test, guest: Guest, words: str, check: bool = True) -> Result:
    return guest.run(f"{t.build}/bin/rdmasec lockdown {words}", check=check)


def on_both(t: Test, words: str) -> None:
    for guest in (t.a, t.b):
        lockdown(t, guest, words)


def stopped(t: Test, guest: Guest) -> dict[str, Any]:
    """Returns the row of eth0 in `lockdown status`."""
    return next(row for row in json.loads(lockdown(t, guest, "status --json", check=False).out) if row["netdev"] == "eth0")


@contextmanager
def running(t: Test, application: Application, addresses: Addresses, wrap: str = "", version: int = 0) -> Iterator[Process]:
    """An application between the guests, which is killed at the end of the block. Gives its client."""
    server_address = addresses["b"][0 if application.side_channel else version]

    def call(guest: Guest, command: str) -> str:
        gid = t.net.gid_index(guest, addresses[guest.name][version]) if "{gid}" in command else None
        return f"exec {wrap} {command.format(gid=gid, server=server_address)}"

    server = t.b.start(call(t.b, application.server))
    application.wait_for_server(server)
    client = t.a.start(call(t.a, application.client))
    yield client
    for process in (client, server):
        process.kill(signal.SIGKILL)
        process.wait()


def held_back(t: Test, application: Application, addresses: Addresses, wrap: str = "", version: int = 0) -> Wire:
    """Runs an application until the gate of guest a stops a frame of it. Returns what crossed the wire.

    It would not end: rxe takes seven retries for endless ones (rxe_comp.c).
    """
    before = stopped(t, t.a)["stopped_out"]
    with t.wire() as wire, running(t, application, addresses, wrap, version) as client:
        t.eventually(lambda: stopped(t, t.a)["stopped_out"] > before or client.poll())
        ended = client.poll()
    t.check(ended is None or not ended.ok, f"{application.name}: it does not succeed", ended)
    t.check(stopped(t, t.a)["stopped_out"] > before, f"{application.name}: the gate counts what it stopped", stopped(t, t.a))
    return wire


# ---- what leads packets past their protection ----


@dataclass(frozen=True)
class Detour:
    """A change in guest a after which the packets of a protected path leave in clear, and its undoing."""

    what: str
    network: Callable[[Test], None]
    addresses: Addresses
    change: str
    undo: str


def macsec(t: Test) -> None:
    t.net.macsec()


def macsec_beside_eth0(t: Test) -> None:
    """eth0 has addresses in macsec0's subnet, and its route comes first; rxe binds its packets to macsec0."""
    t.net.macsec(rxe_on_link=None)
    for guest in (t.a, t.b):
        mine, peers = (ROUTED[name][0] for name in (guest.name, PEER[guest.name]))
        neighbour = "".join(f"ip neigh replace {peers} lladdr {MAC[PEER[guest.name]]} dev {dev}\n" for dev in ("eth0", "macsec0"))
        guest.run(
            f"set -e\nip addr add {mine}1/24 dev eth0\nip addr add {mine}/24 dev macsec0\n"
            f"rdma link add rxe0 type rxe netdev macsec0\n{neighbour}",
            check=True,
        )
        t.eventually(partial(has_gid, t, guest, mine))


def has_gid(t: Test, guest: Guest, address: str) -> bool:
    try:
        t.net.gid_index(guest, address)
    except Exception:  # the device makes its GIDs a moment later
        return False
    return True


def ipsec(t: Test) -> None:
    t.net.ipsec()


def nft(*lines: str) -> str:
    return "\n".join(["nft -f - <<'END'", *lines, "END"])


DETOURS = (
    Detour(
        "nftables, a chain of type route",
        macsec_beside_eth0,
        ROUTED,
        nft("table ip m { chain out { type route hook output priority -150; udp dport 4791 ip dscp set 26; }; }"),
        "nft delete table ip m",
    ),
    Detour(
        "nftables, masquerading",
        ipsec,
        ETH0,
        "ip addr add 10.77.0.77/24 dev eth0\n"
        + nft("table ip m { chain out { type nat hook postrouting priority 100; udp dport 4791 snat to 10.77.0.77; }; }"),
        "nft delete table ip m; ip addr del 10.77.0.77/24 dev eth0",
    ),
    Detour(
        "tc, a filter on macsec0",
        macsec,
        MACSEC0,
        "tc qdisc add dev macsec0 clsact && "
        "tc filter add dev macsec0 egress matchall action mirred egress redirect dev eth0",
        "tc qdisc del dev macsec0 clsact",
    ),
)


def is_led_past(t: Test, detour: Detour) -> None:
    detour.network(t)
    trial = try_out(t, PINGPONG, detour.addresses, guarded="ab")
    t.check(trial.ran and not trial.readable, f"{detour.what}: before it, a guarded pingpong is protected", trial)
    t.a.run(detour.change, check=True)
    with running(t, PINGPONG, detour.addresses):
        leaked = t.readable_frames(0.5)
    t.check(leaked > 0, f"control: {detour.what}: without the gate its packets leave in clear", leaked)
    on_both(t, "on")
    wire = held_back(t, PINGPONG, detour.addresses, guard(t))
    t.check(not wire.clear, f"{detour.what}: with the gate nothing is readable", wire)
    t.a.run(detour.undo, check=True)
    trial = try_out(t, PINGPONG, detour.addresses, guarded="ab")
    t.check(trial.ran and not trial.readable, f"{detour.what}: undone, the pingpong runs under the gate", trial)
    on_both(t, "off")


# ---- the gate alone ----


def stops_clear(t: Test) -> None:
    t.net.clear()
    trial = try_out(t, RPING, ETH0)
    t.check(trial.ran and trial.wire["clear_cm"] > 0, "control: a clear rping runs", trial)
    t.check(lockdown(t, t.a, "on --dry-run").out.startswith("eth0: cleartext RoCE would be stopped"), "a dry run names eth0")
    t.check(stopped(t, t.a)["out"] == "open", "a dry run changes nothing", stopped(t, t.a))
    on_both(t, "on")
    for application in (PINGPONG, RPING):
        wire = held_back(t, application, ETH0)
        t.check(not wire.clear, f"{application.name} in clear: nothing is readable", wire)
    t.check(lockdown(t, t.a, "status", check=False).code == 0, "status: stopped everywhere")


def stops_raw(t: Test) -> None:
    before = stopped(t, t.a)["stopped_out"]
    with t.wire() as wire:
        t.a.run(f"python3 - <<'END'\n{SEND_RAW}\nEND", check=True)
    t.check(wire.clear == 0, "RoCE of a packet socket, both versions: nothing leaves", wire)
    counted = stopped(t, t.a)["stopped_out"] - before
    t.check(counted == 3 * FLOOD, f"RoCE of a packet socket: all {3 * FLOOD} frames are counted", counted)
    lockdown(t, t.a, "off eth0")
    before = stopped(t, t.b)["stopped_in"]
    with t.wire() as wire:
        t.a.run(f"python3 - <<'END'\n{SEND_RAW}\nEND", check=True)
    t.check(wire.clear == 3 * FLOOD, "control: without the gate all frames leave", wire)
    counted = t.eventually(lambda: stopped(t, t.b)["stopped_in"] - before >= 3 * FLOOD)
    t.check(counted, "the gate of the other guest stops them on their way in", stopped(t, t.b))


def opens_remotes(t: Test) -> None:
    policy = f"[rule open]\nmatch-remote = {ETH0['b'][0]}\nrequire = none\n"
    t.a.write_file("/run/open.policy", policy)
    lockdown(t, t.a, "on -p /run/open.policy")
    t.b.write_file("/run/open.policy", policy.replace(ETH0["b"][0], ETH0["a"][0]))
    lockdown(t, t.b, "on -p /run/open.policy")
    trial = try_out(t, PINGPONG, ETH0)
    t.check(trial.ran and trial.wire["clear_data"] > 0, "a remote without requirement: a clear pingpong runs under the gate", trial)
    wire = held_back(t, PINGPONG, ETH0, version=1)
    t.check(not wire.clear, "another remote stays closed", wire)


def is_removed(t: Test) -> None:
    t.a.run("tc filter add dev eth0 egress protocol all prio 7 matchall action pass", check=True)
    on_both(t, "off")
    t.check(t.a.run("tc filter show dev eth0 egress").out.count("matchall") > 0, "off: a filter of another program stays")
    t.check("clsact" not in t.b.run("tc qdisc show dev eth0").out, "off: nothing is left", t.b.run("tc qdisc show dev eth0"))
    t.check(not t.b.run("test -e /sys/fs/bpf/rdmasec").ok, "off: no map is left")
    t.a.run("tc qdisc del dev eth0 clsact", check=True)
    trial = try_out(t, RPING, ETH0)
    t.check(trial.ran, "off: a clear rping runs on the RDMA device of before", trial)


def lets_protected_run(t: Test, what: str, network: Callable[[Test], None], addresses: Addresses) -> None:
    network(t)
    on_both(t, "on")
    before = [stopped(t, guest) for guest in (t.a, t.b)]
    for application in (PINGPONG, RPING):
        trial: Trial = try_out(t, application, addresses, guarded="ab")
        t.check(trial.ran and not trial.readable, f"{what}: {application.name} runs under the gate", trial)
    after = [stopped(t, guest) for guest in (t.a, t.b)]
    t.check(before == after, f"{what}: nothing is stopped", (before, after))
    on_both(t, "off")


PROTECTED: Sequence[tuple[str, Callable[[Test], None], Addresses]] = (
    ("MACsec", macsec, MACSEC0),
    ("IPsec", ipsec, ETH0),
    ("IPsec, tunnel mode", lambda t: t.net.ipsec(mode="tunnel"), ETH0),
)


def run(t: Test) -> None:
    stops_clear(t)
    stops_raw(t)
    opens_remotes(t)
    is_removed(t)
    for what, network, addresses in PROTECTED:
        lets_protected_run(t, what, network, addresses)
    for detour in DETOURS:
        is_led_past(t, detour)
