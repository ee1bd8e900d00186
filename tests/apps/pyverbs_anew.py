#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One RC QP that sends to one address and, when a file appears, after RESET to another. Nobody has to answer.

pyverbs_anew.py DEVICE GID_INDEX FIRST SECOND FILE
"""

from __future__ import annotations

import ipaddress
import sys
import time
from pathlib import Path

from pyverbs import enums
from pyverbs.addr import GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsError
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, SendWR

SIZE = 64
PATIENCE = 60  # s
NOBODYS_QPN, PSN = 0x4791, 4711


class Sender:
    """A QP with all that belongs to it."""

    def __init__(self, device: str, gid_index: int) -> None:
        self.gid_index = gid_index
        self.context = Context(name=device)
        self.pd = PD(self.context)
        self.memory = MR(self.pd, SIZE, enums.IBV_ACCESS_LOCAL_WRITE)
        self.completions = CQ(self.context, 4)
        capabilities = QPCap(max_send_wr=4, max_recv_wr=4, max_send_sge=1, max_recv_sge=1)
        init = QPInitAttr(qp_type=enums.IBV_QPT_RC, scq=self.completions, rcq=self.completions, cap=capabilities)
        self.qp = QP(self.pd, init)

    def connect(self, address: str) -> None:
        gid = ipaddress.IPv6Address(f"::ffff:{address}").exploded
        attr = QPAttr(qp_state=enums.IBV_QPS_INIT, port_num=1)
        self.qp.to_init(attr)
        route = GlobalRoute(dgid=GID(gid), sgid_index=self.gid_index, hop_limit=64)
        attr.ah_attr = AHAttr(port_num=1, is_global=1, gr=route)
        attr.path_mtu = enums.IBV_MTU_1024
        attr.dest_qp_num, attr.rq_psn, attr.sq_psn = NOBODYS_QPN, PSN, PSN
        attr.max_rd_atomic = attr.max_dest_rd_atomic = 1
        attr.min_rnr_timer, attr.timeout, attr.retry_cnt, attr.rnr_retry = 12, 14, 2, 2
        self.qp.to_rts(attr)

    def send(self) -> None:
        sge = SGE(self.memory.buf, SIZE, self.memory.lkey)
        self.qp.post_send(SendWR(num_sge=1, sg=[sge], send_flags=enums.IBV_SEND_SIGNALED))
        wait_for(lambda: self.completions.poll()[0], "the message is neither sent nor given up")

    def reset(self) -> None:
        self.qp.modify(QPAttr(qp_state=enums.IBV_QPS_RESET), enums.IBV_QP_STATE)


def wait_for(condition: object, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"pyverbs_anew: {what}")
        time.sleep(0.01)


def main() -> None:
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    device, gid_index, first, second, go = sys.argv[1:]
    sender = Sender(device, int(gid_index))
    for address in (first, second):
        try:
            sender.connect(address)
        except PyverbsError as error:
            sys.exit(f"pyverbs_anew: {address}: {error}")
        sender.send()
        print(f"sent to {address}", flush=True)
        if address is first:
            wait_for(Path(go).exists, "nobody said to go on")
            sender.reset()


if __name__ == "__main__":
    main()
