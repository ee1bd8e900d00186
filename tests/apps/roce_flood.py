#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Sends cleartext RoCE as fast as the host can, past the RDMA stack: WAY COUNT SOURCE DESTINATION [NETDEV DESTINATION_MAC].

WAY is one of WAYS; more floods follow, each after a comma. Prints for each, on a line, how many frames the kernel has taken, and how
many a second those were.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROCE_PORT, ETHERTYPE_ROCE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 4791, 0x8915, 0x0800, 0x86DD
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
SOL_IPV6, IPV6_HDRINCL = 41, 36
IB_GRH = 0x1B  # the next header of a global route header: a base transport header follows
AT_ONCE = 256  # frames of a call
# RC SEND only, partition 0xffff, queue pair 0x123, sequence number 1, sixteen bytes of data.
BTH = bytes.fromhex("0400ffff0000012300000001") + bytes(range(16))


def udp_header(size: int) -> bytes:
    """From RoCE's own port, and without a checksum: RoCE v2 has none over IPv4."""
    return struct.pack("!HHHH", ROCE_PORT, ROCE_PORT, 8 + size, 0)


def ipv4(source: str, destination: str, payload: bytes) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, socket.IPPROTO_UDP, 0)
    return header + socket.inet_aton(source) + socket.inet_aton(destination) + payload


def ipv6(source: str, destination: str, payload: bytes, following: int = socket.IPPROTO_UDP) -> bytes:
    """Also the form of a global route header: InfiniBand Architecture annex A16."""
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
    return struct.pack("!IHBB", 6 << 28, len(payload), following, 64) + ends + payload


def checksummed(source: str, destination: str) -> bytes:
    """A datagram whose checksum a receiver of IPv6 accepts (RFC 8200, 8.1)."""
    data = struct.pack("!HHH", ROCE_PORT, ROCE_PORT, 8 + len(BTH))
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
    summed = ends + struct.pack("!II", 8 + len(BTH), socket.IPPROTO_UDP) + data + b"\0\0" + BTH
    total = sum(struct.unpack(f"!{len(summed) // 2}H", summed))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return data + struct.pack("!H", (total ^ 0xFFFF) or 0xFFFF) + BTH


class Vector(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Header(ctypes.Structure):
    """struct msghdr"""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Message(ctypes.Structure):
    """struct mmsghdr"""

    _fields_ = (("header", Header), ("sent", ctypes.c_uint))


class Flood:
    """A socket and a frame. Messages go out many in a call: each by itself, an emulated processor sends few."""

    def __init__(self, sender: socket.socket, frame: bytes) -> None:
        self.sender = sender
        self.frame = ctypes.create_string_buffer(frame, len(frame))
        self.vector = Vector(ctypes.addressof(self.frame), len(frame))
        message = Message(Header(vectors=ctypes.pointer(self.vector), vector_count=1))
        self.messages = (Message * AT_ONCE)(*[message] * AT_ONCE)
        self.call = ctypes.CDLL(None, use_errno=True).sendmmsg

    def send(self, count: int) -> int:
        """Returns how many the kernel has taken: all, or those before an error."""
        sent = 0
        while sent < count:
            taken = self.call(self.sender.fileno(), self.messages, min(AT_ONCE, count - sent), 0)
            if taken > 0:
                sent += taken
            elif ctypes.get_errno() not in (errno.ENOBUFS, errno.EINTR, errno.EAGAIN):
                print(f"sendmmsg: {errno.errorcode[ctypes.get_errno()]}", file=sys.stderr)
                break
        return sent


def packet_socket(netdev: str) -> socket.socket:
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sender.bind((netdev, 0))
    return sender


def ether(netdev: str, mac: str, ethertype: int) -> bytes:
    mine = Path(f"/sys/class/net/{netdev}/address").read_text(encoding="ascii").strip()
    return bytes.fromhex((mac + mine).replace(":", "")) + ethertype.to_bytes(2, "big")


def by_packet(source: str, destination: str, netdev: str, mac: str) -> Flood:
    if ":" in source:
        packet, ethertype = ipv6(source, destination, checksummed(source, destination)), ETHERTYPE_IPV6
    else:
        packet, ethertype = ipv4(source, destination, udp_header(len(BTH)) + BTH), ETHERTYPE_IPV4
    return Flood(packet_socket(netdev), ether(netdev, mac, ethertype) + packet)


def by_packet_v1(source: str, destination: str, netdev: str, mac: str) -> Flood:
    return Flood(packet_socket(netdev), ether(netdev, mac, ETHERTYPE_ROCE) + ipv6(source, destination, BTH, IB_GRH))


def by_bypass(source: str, destination: str, netdev: str, mac: str) -> Flood:
    """Past the queues, and all filters of tc."""
    flood = by_packet(source, destination, netdev, mac)
    flood.sender.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    return flood


def by_raw(source: str, destination: str) -> Flood:
    """Its own IP header."""
    if ":" in source:
        sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        sender.setsockopt(SOL_IPV6, IPV6_HDRINCL, 1)
        frame = ipv6(source, destination, checksummed(source, destination))
    else:
        sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        frame = ipv4(source, destination, udp_header(len(BTH)) + BTH)
    sender.connect((destination, 0))
    return Flood(sender, frame)


def by_udp(source: str, destination: str) -> Flood:
    """An ordinary socket: RoCE's port is that of software RoCE itself, so it sends from another one."""
    sender = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((source, 0))
    sender.connect((destination, ROCE_PORT))
    return Flood(sender, BTH)


WAYS: dict[str, Callable[..., Flood]] = {"packet": by_packet, "packet-v1": by_packet_v1, "bypass": by_bypass, "raw": by_raw, "udp": by_udp}


def run(way: str, count: int, *ends: str) -> None:
    flood = WAYS[way](*ends)
    began = time.monotonic()
    sent = flood.send(count)
    print(f"{sent} frames, {sent / max(time.monotonic() - began, 1e-9):.0f} a second", flush=True)


def main(words: list[str]) -> None:
    for _, one in itertools.groupby(words, lambda word: word == ","):
        way, *rest = one
        if way != ",":
            run(way, int(rest[0]), *rest[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
