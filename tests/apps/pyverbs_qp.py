# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One RC queue pair with its objects, for the programs of tests/apps that use pyverbs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from pyverbs import enums
from pyverbs.addr import GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

MESSAGE = 64
PSN = 4711
PATIENCE = 300  # s, far more than a busy host needs


class QueuePair:
    """The first message of its memory is sent, the second one is received."""

    def __init__(self, device: str, gid_index: int) -> None:
        self.gid_index = gid_index
        self.context = Context(name=device)
        self.pd = PD(self.context)
        self.memory = MR(self.pd, 2 * MESSAGE, enums.IBV_ACCESS_LOCAL_WRITE)
        self.sent, self.received = CQ(self.context, 4), CQ(self.context, 4)
        capabilities = QPCap(max_send_wr=4, max_recv_wr=4, max_send_sge=1, max_recv_sge=1)
        init = QPInitAttr(qp_type=enums.IBV_QPT_RC, scq=self.sent, rcq=self.received, cap=capabilities)
        self.qp = QP(self.pd, init)

    def connect(self, number: int, psn: int, gid: str, retries: int = 7) -> None:
        """Brings the queue pair from RESET to RTS, with a receive posted. Raises PyverbsError."""
        attr = QPAttr(qp_state=enums.IBV_QPS_INIT, port_num=1)
        self.qp.to_init(attr)
        self.qp.post_recv(RecvWR(num_sge=1, sg=[SGE(self.memory.buf + MESSAGE, MESSAGE, self.memory.lkey)]))
        route = GlobalRoute(dgid=GID(gid), sgid_index=self.gid_index, hop_limit=64)
        attr.ah_attr = AHAttr(port_num=1, is_global=1, gr=route)
        attr.path_mtu = enums.IBV_MTU_1024
        attr.dest_qp_num, attr.rq_psn, attr.sq_psn = number, psn, PSN
        attr.max_rd_atomic = attr.max_dest_rd_atomic = 1
        attr.min_rnr_timer, attr.timeout, attr.retry_cnt, attr.rnr_retry = 12, 14, retries, retries
        self.qp.to_rts(attr)

    def send(self) -> None:
        sge = SGE(self.memory.buf, MESSAGE, self.memory.lkey)
        self.qp.post_send(SendWR(num_sge=1, sg=[sge], send_flags=enums.IBV_SEND_SIGNALED))

    def reset(self) -> None:
        self.qp.modify(QPAttr(qp_state=enums.IBV_QPS_RESET), enums.IBV_QP_STATE)


def completion_status(cq: CQ) -> int | None:
    """Returns the status of the next completion, or None if there is none yet."""
    count, completions = cq.poll()
    return completions[0].status if count else None


def wait_for(condition: Callable[[], object], failure: str) -> None:
    """Waits until the condition holds. Ends the program if it does not."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            fail(failure)
        time.sleep(0.001)


def fail(text: object) -> None:
    sys.exit(f"{Path(sys.argv[0]).stem}: {text}")
