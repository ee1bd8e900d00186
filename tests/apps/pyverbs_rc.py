#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Connects one QP by pyverbs, sends a message and awaits the answer; verbs_threads is its server.

pyverbs_rc.py DEVICE GID_INDEX SERVER
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys

from pyverbs import enums
from pyverbs.cq import CQ
from pyverbs.pyverbs_error import PyverbsError
from pyverbs_qp import MESSAGE, PATIENCE, PSN, QueuePair, completion_status, fail, wait_for

ENDPOINT = struct.Struct("=?3xII16s")  # struct endpoint of app.h
FAILED = ENDPOINT.pack(True, 0, 0, bytes(16))
TCP_PORT = 18600
QUESTION = b"a message that must not be readable on the wire"
REPLY = b"and its answer"


def talk(pair: QueuePair) -> None:
    pair.memory.write(QUESTION.ljust(MESSAGE, b"\0"), MESSAGE)
    pair.send()
    await_completion(pair.sent, "cannot send")
    await_completion(pair.received, "has no answer")
    if not pair.memory.read(MESSAGE, MESSAGE).startswith(REPLY):
        fail("has another answer")


def await_completion(cq: CQ, failure: str) -> None:
    status: int | None = None

    def is_complete() -> bool:
        nonlocal status
        status = completion_status(cq)
        return status is not None

    wait_for(is_complete, failure)
    if status != enums.IBV_WC_SUCCESS:
        fail(failure)


def exchange(tcp: socket.socket, mine: bytes) -> tuple[int, int, str]:
    """Exchanges an endpoint with the peer. Returns the peer's QP number, PSN and GID."""
    tcp.sendall(mine)
    data = tcp.recv(ENDPOINT.size, socket.MSG_WAITALL)
    failed, number, psn, gid = ENDPOINT.unpack(data if len(data) == ENDPOINT.size else FAILED)
    if failed:
        fail("the peer has no QP for it")
    return number, psn, ipaddress.IPv6Address(gid).exploded


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    device, gid_index, server = sys.argv[1:]
    with socket.create_connection((server, TCP_PORT), PATIENCE) as tcp:
        try:
            pair = QueuePair(device, int(gid_index))
            gid = ipaddress.IPv6Address(pair.context.query_gid(port_num=1, index=int(gid_index)).gid)
            mine = ENDPOINT.pack(False, pair.qp.qp_num, PSN, gid.packed)
            pair.connect(*exchange(tcp, mine))
        except PyverbsError as error:
            tcp.sendall(FAILED)
            fail(error)
        exchange(tcp, mine)
        talk(pair)
    print("1 of 1 QPs connected")


if __name__ == "__main__":
    main()
