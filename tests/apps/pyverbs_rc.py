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
import time

from pyverbs import enums
from pyverbs.addr import GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsError
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

ENDPOINT = struct.Struct("=?3xII16s")  # struct endpoint of app.h
TCP_PORT = 18600
MESSAGE = 64
PSN = 4711
PATIENCE = 30  # s
QUESTION = b"a message that nobody on the wire may read"
REPLY = b"and its answer"


def completion(cq: CQ, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        count, completions = cq.poll()
        if count:
            if completions[0].status != enums.IBV_WC_SUCCESS:
                break
            return
        time.sleep(0.001)
    sys.exit(f"pyverbs_rc: {what}")


class Pair:
    """A QP with all that belongs to it."""

    def __init__(self, device: str, gid_index: int) -> None:
        self.gid_index = gid_index
        self.context = Context(name=device)
        self.gid = ipaddress.IPv6Address(self.context.query_gid(port_num=1, index=gid_index).gid)
        self.pd = PD(self.context)
        self.memory = MR(self.pd, 2 * MESSAGE, enums.IBV_ACCESS_LOCAL_WRITE)
        self.sent, self.received = CQ(self.context, 4), CQ(self.context, 4)
        capabilities = QPCap(max_send_wr=4, max_recv_wr=4, max_send_sge=1, max_recv_sge=1)
        init = QPInitAttr(qp_type=enums.IBV_QPT_RC, scq=self.sent, rcq=self.received, cap=capabilities)
        self.qp = QP(self.pd, init)

    def connect(self, number: int, psn: int, gid: str) -> None:
        attr = QPAttr(qp_state=enums.IBV_QPS_INIT, port_num=1)
        self.qp.to_init(attr)
        self.qp.post_recv(RecvWR(num_sge=1, sg=[SGE(self.memory.buf + MESSAGE, MESSAGE, self.memory.lkey)]))
        route = GlobalRoute(dgid=GID(gid), sgid_index=self.gid_index, hop_limit=64)
        attr.ah_attr = AHAttr(port_num=1, is_global=1, gr=route)
        attr.path_mtu = enums.IBV_MTU_1024
        attr.dest_qp_num, attr.rq_psn, attr.sq_psn = number, psn, PSN
        attr.max_rd_atomic = attr.max_dest_rd_atomic = 1
        attr.min_rnr_timer, attr.timeout, attr.retry_cnt, attr.rnr_retry = 12, 14, 7, 7
        self.qp.to_rts(attr)

    def talk(self) -> None:
        self.memory.write(QUESTION.ljust(MESSAGE, b"\0"), MESSAGE)
        sge = SGE(self.memory.buf, MESSAGE, self.memory.lkey)
        self.qp.post_send(SendWR(num_sge=1, sg=[sge], send_flags=enums.IBV_SEND_SIGNALED))
        completion(self.sent, "cannot send")
        completion(self.received, "has no answer")
        if not self.memory.read(MESSAGE, MESSAGE).startswith(REPLY):
            sys.exit("pyverbs_rc: has another answer")


def exchange(tcp: socket.socket, mine: bytes) -> tuple[int, int, str]:
    """Both ends tell each other where they are, connect, and tell that they have."""
    tcp.sendall(mine)
    data = tcp.recv(ENDPOINT.size, socket.MSG_WAITALL)
    failed, number, psn, gid = ENDPOINT.unpack(data) if len(data) == ENDPOINT.size else (True, 0, 0, bytes(16))
    if failed:
        sys.exit("pyverbs_rc: the peer has no QP for it")
    return number, psn, ipaddress.IPv6Address(gid).exploded


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    device, gid_index, server = sys.argv[1:]
    with socket.create_connection((server, TCP_PORT), PATIENCE) as tcp:
        try:
            pair = Pair(device, int(gid_index))
            mine = ENDPOINT.pack(False, pair.qp.qp_num, PSN, pair.gid.packed)
            pair.connect(*exchange(tcp, mine))
        except PyverbsError as error:
            tcp.sendall(ENDPOINT.pack(True, 0, 0, bytes(16)))
            sys.exit(f"pyverbs_rc: {error}")
        exchange(tcp, mine)
        pair.talk()
    print("1 of 1 QPs connected")


if __name__ == "__main__":
    main()
