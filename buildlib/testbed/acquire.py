# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Runs in a guest: asks the key managers for SAs by an XFRM_MSG_ACQUIRE, as the kernel does.

    python3 acquire.py SOURCE DESTINATION [--reqid N] [--times N] [--dport N]

Selector: the two addresses and UDP, and with --dport a destination port. Reqid and template are those of the outbound
policy for exactly these addresses and all of UDP; --reqid is another reqid, --times the number of messages.
"""

from __future__ import annotations

import argparse
import ipaddress
import socket
import struct
import sys
import time
from collections.abc import Iterator

NETLINK_XFRM = 6
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_DUMP_INTR = 0x10
XFRM_MSG_NEWPOLICY, XFRM_MSG_GETPOLICY, XFRM_MSG_ACQUIRE = 0x13, 0x15, 0x17
XFRMA_TMPL = 5
XFRM_POLICY_OUT = 1

HEADER = struct.Struct("=IHHII")
SELECTOR = struct.Struct("=16s16sHHHHHBBB3xII")  # daddr, saddr, dport, mask, sport, mask, family, lengths, proto
USERPOLICY_INFO = struct.Struct(f"={SELECTOR.size}s64x32xIIBBBB4x")  # priority, index, dir, action, flags, share
TEMPLATE = struct.Struct("=16sIB3xH2x16sIBBBxIII")  # daddr, spi, proto, family, saddr, reqid, mode, share, optional
ACQUIRE_HEAD = struct.Struct("=16sIB3x16s")  # the SA's daddr, spi and proto; its saddr


class Xfrm:
    """A netlink socket. The caller reads all messages of an answer before its next request."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
        self.sequence = 0

    def send(self, kind: int, flags: int, payload: bytes) -> None:
        self.sequence += 1
        size = HEADER.size + len(payload)
        self.socket.send(HEADER.pack(size, kind, NLM_F_REQUEST | flags, self.sequence, 0) + payload)

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Yields the messages that answer the last request."""
        while True:
            data = self.socket.recv(1 << 16)
            while data:
                size, kind, flags, sequence, _ = HEADER.unpack_from(data)
                if sequence == self.sequence:
                    if flags & NLM_F_DUMP_INTR:
                        raise OSError("the dump was interrupted")
                    if kind == NLMSG_DONE:
                        return
                    if kind == NLMSG_ERROR:
                        (error,) = struct.unpack_from("=i", data, HEADER.size)
                        if error:
                            raise OSError(-error, "xfrm")
                        return
                    yield kind, data[HEADER.size : size]
                data = data[(size + 3) & ~3 :]


def selector(source: str, destination: str, dport: int = 0) -> bytes:
    family, length = (socket.AF_INET, 32) if ipaddress.ip_address(source).version == 4 else (socket.AF_INET6, 128)
    return SELECTOR.pack(
        packed(destination), packed(source), socket.htons(dport), 0xFFFF if dport else 0, 0, 0,
        family, length, length, socket.IPPROTO_UDP, 0, 0,
    )  # fmt: skip


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed.ljust(16, b"\0")


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        yield kind, data[4:size]
        data = data[(size + 3) & ~3 :]


def outbound_policy(xfrm: Xfrm, wanted: bytes) -> tuple[bytes, bytes]:
    """Returns xfrm_userpolicy_info and template of the outbound policy with exactly this selector."""
    xfrm.send(XFRM_MSG_GETPOLICY, NLM_F_DUMP, bytes(64))
    found = None
    for kind, body in xfrm.messages():
        info = body[: USERPOLICY_INFO.size]
        _, _, _, direction, _, _, _ = USERPOLICY_INFO.unpack(info)
        if kind == XFRM_MSG_NEWPOLICY and direction == XFRM_POLICY_OUT and info[:45] == wanted[:45]:
            templates = [value for kind, value in attributes(body[USERPOLICY_INFO.size :]) if kind == XFRMA_TMPL]
            if templates:
                found = info, templates[0][: TEMPLATE.size]
    if not found:
        sys.exit("no outbound policy with a template has this selector")
    return found


def acquire(xfrm: Xfrm, source: str, destination: str, reqid: int | None, times: int, dport: int) -> None:
    info, template = outbound_policy(xfrm, selector(source, destination))
    daddr, spi, proto, family, saddr, live, *rest = TEMPLATE.unpack(template)
    template = TEMPLATE.pack(daddr, spi, proto, family, saddr, live if reqid is None else reqid, *rest)
    body = ACQUIRE_HEAD.pack(packed(destination), 0, proto, packed(source))
    body += selector(source, destination, dport) + info
    body += struct.pack("=IIII", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    body += struct.pack("=HH", 4 + len(template), XFRMA_TMPL) + template
    for _ in range(times):
        xfrm.send(XFRM_MSG_ACQUIRE, NLM_F_ACK, body)
        for _ in xfrm.messages():
            pass
    print(f"{time.time():.3f} asked {times} times, reqid {live if reqid is None else reqid}, policy's {live}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("destination")
    parser.add_argument("--reqid", type=int)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--dport", type=int, default=0)
    options = parser.parse_args()
    acquire(Xfrm(), options.source, options.destination, options.reqid, options.times, options.dport)
