#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Counts the RoCE packets that the kernel delivers to a host, until SIGTERM. Then prints how many, by kind.

Raw sockets get a copy of each packet where the IP stack delivers it; a packet socket of one ethertype, where the host
delivers its frames, behind the filters of tc.
"""

from __future__ import annotations

import selectors
import signal
import socket

ROCE_PORT, ETHERTYPE_ROCE = 4791, 0x8915
BUFFER = 1 << 22


def is_roce(kind: str, packet: bytes) -> bool:
    if kind == "v1":
        return True
    header = (packet[0] & 0x0F) * 4 if kind == "v2-ipv4" else 0  # raw sockets of IPv6 give no header
    return int.from_bytes(packet[header + 2 : header + 4], "big") == ROCE_PORT


def main() -> None:
    receivers = {
        "v2-ipv4": socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP),
        "v2-ipv6": socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP),
        "v1": socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ROCE)),
    }
    seen = dict.fromkeys(receivers, 0)
    waiting = selectors.DefaultSelector()
    for kind, receiver in receivers.items():
        receiver.setblocking(False)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        waiting.register(receiver, selectors.EVENT_READ, kind)
    ended = socket.socketpair()
    ended[0].setblocking(False)
    signal.set_wakeup_fd(ended[0].fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    waiting.register(ended[1], selectors.EVENT_READ, "")
    print("counting", flush=True)
    # what was delivered before the signal is counted, too
    while ready := [key.data for key, _ in waiting.select() if key.data]:
        for kind in ready:
            seen[kind] += is_roce(kind, receivers[kind].recv(2048))
    print(" ".join(f"{kind} {count}" for kind, count in seen.items()), flush=True)


if __name__ == "__main__":
    main()
