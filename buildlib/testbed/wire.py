#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Counts the frames of a capture by what an eavesdropper can read in them.

    wire.py FILE.pcap

Every frame has exactly one category. A frame that cannot be parsed is malformed, so that a frame in clear is never counted
as a harmless one.
"""

from __future__ import annotations

import struct
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CATEGORIES = {
    "clear_data": "RoCE in clear, of applications",
    "clear_cm": "RoCE in clear, to queue pair 1: connection management",
    "macsec": "MACsec, encrypted",
    "macsec_unencrypted": "MACsec that only authenticates: its content, except ARP, ICMPv6 and TCP, is in clear",
    "esp": "ESP, also in UDP",
    "ike": "IKE",
    "arp": "ARP",
    "icmpv6": "ICMPv6",
    "tcp": "TCP",
    "other": "any other frame that can be parsed",
    "malformed": "truncated, or a later fragment without its first",
}

ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ARP = 0x0800, 0x86DD, 0x0806
ETHERTYPE_MACSEC, ETHERTYPE_ROCE_V1 = 0x88E5, 0x8915
ETHERTYPES_VLAN = (0x8100, 0x88A8, 0x9100)
PROTO_HOPOPTS, PROTO_TCP, PROTO_UDP, PROTO_ROUTING, PROTO_FRAGMENT, PROTO_ESP, PROTO_AH = 0, 6, 17, 43, 44, 50, 51
PROTO_IPIP, PROTO_IPV6, PROTO_ICMPV6, PROTO_DSTOPTS = 4, 41, 58, 60
PORT_ROCE, PORT_VXLAN, PORT_IKE, PORT_IKE_NATT = 4791, 4789, 500, 4500

# 802.1AE 9.5: an explicit SCI follows; the user data is encrypted; the user data is changed
MACSEC_TCI_SC, MACSEC_TCI_E, MACSEC_TCI_C = 0x20, 0x08, 0x04
PCAP_HEADER = struct.Struct("IHHiIII")
PCAP_RECORD_SIZE = 16
PCAP_MAGIC = 0xA1B2C3D4
LINKTYPE_ETHERNET = 1


class Truncated(Exception):
    """The frame is shorter than its headers say."""


@dataclass(frozen=True)
class View:
    """The rest of a frame."""

    data: bytes

    def u8(self, at: int) -> int:
        return self.take(at, 1)[0]

    def u16(self, at: int) -> int:
        return int.from_bytes(self.take(at, 2), "big")

    def take(self, at: int, size: int) -> bytes:
        if len(self.data) < at + size:
            raise Truncated
        return self.data[at : at + size]

    def skip(self, size: int) -> View:
        if len(self.data) < size:
            raise Truncated
        return View(self.data[size:])


@dataclass
class Classifier:
    """Counts frames. Keeps the categories of first fragments, as later ones have no headers of their own."""

    counts: Counter = field(default_factory=lambda: Counter(dict.fromkeys(CATEGORIES, 0)))
    fragments: dict[tuple, str] = field(default_factory=dict)

    def add(self, frame: bytes, length: int | None = None) -> str:
        """Counts a frame. length: on the wire; if it is larger than the frame, the end was not captured."""
        try:
            category = self.ethernet(View(frame))
        except Truncated:
            category = "malformed"
        if length is not None and length > len(frame):
            category = "malformed"
        self.counts[category] += 1
        return category

    def ethernet(self, view: View) -> str:
        ethertype, view = view.u16(12), view.skip(14)
        while ethertype in ETHERTYPES_VLAN:
            ethertype, view = view.u16(2), view.skip(4)
        if ethertype == ETHERTYPE_IPV4:
            return self.ipv4(view)
        if ethertype == ETHERTYPE_IPV6:
            return self.ipv6(view)
        if ethertype == ETHERTYPE_MACSEC:
            return self.macsec(view)
        if ethertype == ETHERTYPE_ROCE_V1:
            return roce(view.skip(40))  # a GRH, laid out as an IPv6 header
        return "arp" if ethertype == ETHERTYPE_ARP else "other"

    def macsec(self, view: View) -> str:
        """Unencrypted content is readable. Greetings to neighbours, and TCP, which is never RoCE, have their own categories."""
        control = view.u8(0)
        if control & MACSEC_TCI_E:
            return "macsec"
        if not control & MACSEC_TCI_C:
            try:
                inner = self.ethernet(View(bytes(12) + view.skip(14 if control & MACSEC_TCI_SC else 6).data))
            except Truncated:
                inner = "malformed"
            if inner in ("arp", "icmpv6", "tcp"):
                return inner
        return "macsec_unencrypted"

    def ipv4(self, view: View) -> str:
        header = (view.u8(0) & 0x0F) * 4
        total = view.u16(2)
        if view.u8(0) >> 4 != 4 or header < 20 or total < header:
            raise Truncated
        protocol, flags = view.u8(9), view.u16(6)
        offset, more = (flags & 0x1FFF) * 8, bool(flags & 0x2000)
        key = (view.take(12, 8), view.u16(4), protocol)
        # Short frames are padded; the padding is not part of the packet.
        payload = View(view.take(0, total)).skip(header)
        return self.fragment(key, offset, more, protocol, payload)

    def ipv6(self, view: View) -> str:
        if view.u8(0) >> 4 != 6:
            raise Truncated
        payload = View(view.take(40, view.u16(4)))
        return self.upper(view.u8(6), payload, addresses=view.take(8, 32))

    def fragment(self, key: tuple, offset: int, more: bool, protocol: int, payload: View) -> str:
        if offset:
            return self.fragments.get(key, "malformed")
        try:
            category = self.upper(protocol, payload, addresses=b"")
        except Truncated:
            if more:  # too short for a header: the later fragments are unknown, too
                self.fragments[key] = "malformed"
            raise
        if more:
            self.fragments[key] = category
        return category

    def upper(self, protocol: int, view: View, addresses: bytes) -> str:
        """Returns the category of the content of an IP packet, after extension headers, AH and tunnels of IP or VXLAN."""
        while True:
            if protocol in (PROTO_HOPOPTS, PROTO_ROUTING, PROTO_DSTOPTS):
                protocol, view = view.u8(0), view.skip((view.u8(1) + 1) * 8)
            elif protocol == PROTO_AH:
                protocol, view = view.u8(0), view.skip((view.u8(1) + 2) * 4)
            elif protocol == PROTO_FRAGMENT and addresses:
                word = view.u16(2)
                key = (addresses, view.take(4, 4))
                return self.fragment(key, word & 0xFFF8, bool(word & 1), view.u8(0), view.skip(8))
            else:
                break
        if protocol == PROTO_UDP:
            return self.vxlan(view) if view.u16(2) == PORT_VXLAN else udp(view)
        if protocol in (PROTO_IPIP, PROTO_IPV6):
            return self.ipv4(view) if protocol == PROTO_IPIP else self.ipv6(view)
        return {PROTO_TCP: "tcp", PROTO_ESP: "esp", PROTO_ICMPV6: "icmpv6"}.get(protocol, "other")

    def vxlan(self, view: View) -> str:
        """The frame inside, behind the headers of UDP and VXLAN (RFC 7348 5)."""
        return self.ethernet(view.skip(16))


def udp(view: View) -> str:
    source, destination = view.u16(0), view.u16(2)
    payload = view.skip(8)
    if destination == PORT_ROCE:
        return roce(payload)
    if PORT_IKE in (source, destination):
        return "ike"
    if PORT_IKE_NATT in (source, destination):
        if payload.data == b"\xff":
            return "other"  # a NAT keepalive
        return "ike" if payload.take(0, 4) == bytes(4) else "esp"
    return "other"


def roce(view: View) -> str:
    """Returns the category by the destination in the base transport header: queue pair 1 is the connection manager."""
    base_transport_header = view.take(0, 12)
    return "clear_cm" if base_transport_header[5:8] == b"\x00\x00\x01" else "clear_data"


@dataclass(frozen=True)
class Record:
    frame: bytes
    length: int  # on the wire
    end: int  # in the file


def byte_order(header: bytes) -> str:
    for order in "<>" if len(header) == PCAP_HEADER.size else "":
        magic, *_, linktype = struct.unpack(order + PCAP_HEADER.format, header)
        if magic == PCAP_MAGIC and linktype == LINKTYPE_ETHERNET:
            return order
    raise ValueError("not a pcap file of Ethernet frames")


def records(path: Path, start: int = PCAP_HEADER.size, end: int | None = None) -> Iterator[Record]:
    """Yields the records of a pcap file from start, where one begins, to end. A truncated last one has a short frame."""
    with path.open("rb") as file:
        order = byte_order(file.read(PCAP_HEADER.size))
        file.seek(start)
        while end is None or file.tell() < end:
            header = file.read(PCAP_RECORD_SIZE)
            if not header:
                return
            if len(header) < PCAP_RECORD_SIZE:
                yield Record(b"", 1, file.tell())
                return
            _, _, captured, length = struct.unpack(order + "IIII", header)
            yield Record(file.read(captured), length, file.tell())


def complete_end(path: Path, start: int = PCAP_HEADER.size) -> int:
    """Returns the end of the last whole record; the file may still grow."""
    end = start
    size = path.stat().st_size
    with path.open("rb") as file:
        order = byte_order(file.read(PCAP_HEADER.size))
        while end + PCAP_RECORD_SIZE <= size:
            file.seek(end + 8)
            captured = struct.unpack(order + "I", file.read(4))[0]
            if end + PCAP_RECORD_SIZE + captured > size:
                break
            end += PCAP_RECORD_SIZE + captured
    return end


def count(path: Path, start: int = PCAP_HEADER.size, end: int | None = None) -> dict[str, int]:
    """Returns the frames of each category between two positions of a capture."""
    classifier = Classifier()
    for record in records(path, start, end):
        classifier.add(record.frame, record.length)
    return dict(classifier.counts)


def cut(path: Path, start: int, end: int, target: Path) -> None:
    """Copies a slice of a capture into another capture."""
    with path.open("rb") as source, target.open("wb") as copy:
        copy.write(source.read(PCAP_HEADER.size))
        source.seek(start)
        copy.write(source.read(end - start))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: wire.py FILE.pcap", file=sys.stderr)
        return 2
    try:
        counts = count(Path(arguments[0]))
    except (OSError, ValueError) as error:
        print(f"wire.py: {arguments[0]}: {error}", file=sys.stderr)
        return 1
    for category, frames in counts.items():
        print(f"{frames:8} {category:<20} {CATEGORIES[category]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
