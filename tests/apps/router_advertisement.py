#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Sends a router advertisement (RFC 4861, 4.2): NETDEV LIFETIME_S."""

from __future__ import annotations

import socket
import struct
import sys

ADVERTISEMENT, ALL_NODES, SOURCE_LINK_ADDRESS = 134, "ff02::1", 1


def main(netdev: str, lifetime: int) -> None:
    with open(f"/sys/class/net/{netdev}/address", encoding="ascii") as file:
        mac = bytes.fromhex(file.read().strip().replace(":", ""))
    # The kernel fills in the checksum. Hop limit 64; no flags; no reachable time and no retransmission timer.
    message = struct.pack("!BBHBBHII", ADVERTISEMENT, 0, 0, 64, 0, lifetime, 0, 0)
    message += struct.pack("!BB6s", SOURCE_LINK_ADDRESS, 1, mac)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        raw.sendto(message, (ALL_NODES, 0, 0, socket.if_nametoindex(netdev)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
