# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""RDMA netlink for the agent in a guest: to start `rdma` each time would take an emulated processor too long."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

NETLINK_RDMA = 20
RDMA_NL_NLDEV = 5
CMD_GET, CMD_RES_CM_ID_GET = 1, 11  # RDMA_NLDEV_CMD_
ATTR_DEV_INDEX, ATTR_RES_STATE, ATTR_RES_CM_ID = 1, 27, 30  # RDMA_NLDEV_ATTR_
RDMA_CM_LISTEN = 8  # of enum rdma_cm_state, as netlink gives it

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
TYPE_MASK = 0x3FFF  # without NLA_F_NESTED
HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")


def cm_listens() -> bool:
    """Returns whether any rdma_cm id of the namespace listens."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_RDMA) as link:
        link.settimeout(60)
        devices = [attributes[ATTR_DEV_INDEX] for attributes in dump(link, CMD_GET, b"")]
        return any(
            entry[ATTR_RES_STATE][0] == RDMA_CM_LISTEN
            for device in devices
            for message in dump(link, CMD_RES_CM_ID_GET, ATTRIBUTE.pack(8, ATTR_DEV_INDEX) + device)
            for _, entries in split(message.get(ATTR_RES_CM_ID, b""))
            for entry in (dict(split(entries)),)
            if ATTR_RES_STATE in entry
        )


def dump(link: socket.socket, command: int, payload: bytes) -> list[dict[int, bytes]]:
    """Returns the attributes of each message of a dump."""
    link.send(HEADER.pack(HEADER.size + len(payload), RDMA_NL_NLDEV << 10 | command, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + payload)
    found: list[dict[int, bytes]] = []
    while True:
        data = link.recv(1 << 16)
        while data:
            size, kind, *_ = HEADER.unpack_from(data)
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                return found
            found.append(dict(split(data[HEADER.size : size])))
            data = data[(size + 3) & ~3 :]


def split(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the attributes."""
    while len(data) >= ATTRIBUTE.size:
        size, kind = ATTRIBUTE.unpack_from(data)
        yield kind & TYPE_MASK, data[ATTRIBUTE.size : size]
        data = data[(size + 3) & ~3 :]
