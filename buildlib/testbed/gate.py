# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The gate in a guest: what it has stopped, programs that it holds back, and what leads packets past their protection."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from .api import Guest, Process, Result, Test, Wire
from .applications import APPLICATIONS, Addresses, Application
from .guest import CommandFailed
from .states import ETH0, MAC, MACSEC0, PEER, batch, link_lines, rxe_on, together

PINGPONG, RPING = APPLICATIONS["ibv_rc_pingpong"], APPLICATIONS["rping"]
ROUTED = {"a": ("10.80.0.1", "fd78::1"), "b": ("10.80.0.2", "fd78::2")}  # on macsec0, and in a subnet of eth0
VLAN = {"a": ("10.81.0.1", "fd81::1"), "b": ("10.81.0.2", "fd81::2")}
OWN = "10.77.0.5"  # of a, while a rule leads it out to b
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
    together(lambda guest: lockdown(t, guest, words), (t.a, t.b))


@contextmanager
def gated(t: Test) -> Iterator[None]:
    """`rdmasec lockdown` stands in both guests during the block."""
    on_both(t, "on")
    yield
    on_both(t, "off")


def stopped(t: Test, guest: Guest) -> dict[str, Any]:
    """Returns the row of eth0 in `lockdown status`."""
    return next(row for row in json.loads(lockdown(t, guest, "status --json", check=False).out) if row["netdev"] == "eth0")


@contextmanager
def running(
    t: Test, application: Application, addresses: Addresses, wrap: str = "", version: int = 0, side: Addresses | None = None
) -> Iterator[Process]:
    """An application between the guests, which is killed at the end of the block. Gives its client.

    side: the addresses of its TCP connection, if it has one.
    """
    server_address = (side or addresses)["b"][0] if application.side_channel else addresses["b"][version]

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

    def counted() -> dict[str, Any] | None:
        row = stopped(t, t.a)
        return row if row["stopped_out"] > before else None

    with t.wire() as wire, running(t, application, addresses, wrap, version) as client:
        row = t.eventually(lambda: counted() or client.poll())
        ended = client.poll()
    t.check(ended is None or not ended.ok, f"{application.name}: it does not succeed", ended)
    t.check(isinstance(row, dict), f"{application.name}: the gate counts what it stopped", row)
    return wire


# ---- what leads packets past their protection ----


@dataclass(frozen=True)
class Detour:
    """A change in guest a after which the packets of a protected path leave in clear, and its undoing.

    reasons: those for which a queue pair may be revoked that was there before; the first of two events wins.
    comes_first: it acts on queue pairs that are connected after it.
    """

    what: str
    network: Callable[[Test], None]
    addresses: Addresses
    change: str
    undo: str
    reasons: tuple[str, ...] = ("gate-stopped",)
    comes_first: bool = False


def macsec(t: Test) -> None:
    t.net.macsec()


def macsec_with_clsact(t: Test) -> None:
    """Making clsact takes the netdev's queue away for a moment (qdisc_graft()), which may end a queue pair of rxe by itself."""
    t.net.macsec()
    t.a.run("tc qdisc replace dev macsec0 clsact", check=True)


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


def vlan(t: Test) -> None:
    """A VLAN on MACsec, whose addresses are GIDs of the rxe device below it."""
    t.net.macsec(rxe_on_link=None)
    for guest in (t.a, t.b):
        lines = ["link add link macsec0 name macsec0.7 type vlan id 7", *link_lines("macsec0.7", VLAN, guest.name)]
        guest.run(f"set -e\n{batch(lines)}{rxe_on('macsec0', VLAN[guest.name])}", check=True)


def own_address_on_both(t: Test) -> None:
    """a has an address that b has, too; IPsec protects others."""
    t.net.ipsec()
    for guest in (t.a, t.b):
        neighbour = f"ip neigh replace {OWN} lladdr {MAC['b']} dev eth0" if guest is t.a else ":"
        guest.run(f"ip addr add {OWN}/24 dev eth0 && {neighbour}", check=True)
        t.eventually(partial(has_gid, t, guest, OWN))


def has_gid(t: Test, guest: Guest, address: str) -> bool:
    try:
        t.net.gid_index(guest, address)
    except CommandFailed:  # the device makes its GIDs a moment later
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
        macsec_with_clsact,
        MACSEC0,
        "tc filter add dev macsec0 egress matchall action mirred egress redirect dev eth0",
        "tc filter del dev macsec0 egress",
    ),
)
# Tried under rdmasecd only: the filters of the gate are the same for all.
MORE_DETOURS = (
    Detour(
        "nftables, a mark in a chain of type route",
        macsec_beside_eth0,
        ROUTED,
        nft("table ip m { chain out { type route hook output priority -150; udp dport 4791 meta mark set 7; }; }"),
        "nft delete table ip m",
    ),
    Detour(
        "an SRv6 route, IPv4",
        macsec,
        MACSEC0,
        f"ip route add {MACSEC0['b'][0]} encap seg6 mode encap segs {ETH0['b'][1]} dev macsec0",
        f"ip route del {MACSEC0['b'][0]}",
        reasons=("gate-stopped", "route-netdev"),
    ),
    Detour(
        "an SRv6 route, IPv6",
        macsec,
        {name: (v6, v6) for name, (_, v6) in MACSEC0.items()},
        f"ip -6 route add {MACSEC0['b'][1]} encap seg6 mode encap segs {ETH0['b'][1]} dev macsec0",
        f"ip -6 route del {MACSEC0['b'][1]}",
        reasons=("gate-stopped", "route-netdev"),
    ),
    Detour(
        "an own address that a rule leads out",
        own_address_on_both,
        {"a": ETH0["a"], "b": (OWN, OWN)},
        "ip rule add pref 100 lookup local && ip rule del pref 0 && "
        f"ip route add {OWN} dev eth0 table 77 && ip rule add pref 50 to {OWN} lookup 77",
        f"ip rule add pref 0 lookup local && ip rule del pref 100 && ip rule del pref 50 && ip route del {OWN} table 77",
        comes_first=True,
    ),
)
