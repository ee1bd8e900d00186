#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Gives a UD queue pair a controlled Q_Key, which needs CAP_NET_RAW: prints "passed" or the error.

pyverbs_qkey.py DEVICE
"""

from __future__ import annotations

import sys

from pyverbs import enums
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsError
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr

CONTROLLED = 0x80000000


def main() -> None:
    context = Context(name=sys.argv[1])
    pd, cq = PD(context), CQ(context, 4)
    qp = QP(pd, QPInitAttr(qp_type=enums.IBV_QPT_UD, scq=cq, rcq=cq, cap=QPCap(max_send_wr=1, max_recv_wr=1)))
    attr = QPAttr(qp_state=enums.IBV_QPS_INIT, port_num=1)
    attr.qkey = CONTROLLED
    mask = enums.IBV_QP_STATE | enums.IBV_QP_PKEY_INDEX | enums.IBV_QP_PORT | enums.IBV_QP_QKEY
    try:
        qp.modify(attr, mask)
    except PyverbsError as error:
        print(error)
    else:
        print("passed")


if __name__ == "__main__":
    main()
