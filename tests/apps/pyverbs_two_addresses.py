#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One RC QP that sends to one address and, once a file exists, after RESET to another. No peer need answer.

pyverbs_two_addresses.py DEVICE GID_INDEX FIRST SECOND FILE
"""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

from pyverbs.pyverbs_error import PyverbsError
from pyverbs_qp import PSN, QueuePair, completion_status, fail, wait_for

ABSENT_QPN = 0x4791
RETRIES = 2


def main() -> None:
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    device, gid_index, first, second, go = sys.argv[1:]
    pair = QueuePair(device, int(gid_index))
    for address in (first, second):
        try:
            pair.connect(ABSENT_QPN, PSN, ipaddress.IPv6Address(f"::ffff:{address}").exploded, RETRIES)
        except PyverbsError as error:
            fail(f"{address}: {error}")
        pair.send()
        wait_for(lambda: completion_status(pair.sent) is not None, "the message has no completion")
        print(f"sent to {address}", flush=True)
        if address is first:
            wait_for(Path(go).exists, f"{go} does not exist")
            pair.reset()


if __name__ == "__main__":
    main()
