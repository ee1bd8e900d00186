# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Whether a guest's kernel still runs software RoCE: the drivers of some kernels stop for ever.

Linux 6.1 schedules the work of rxe's queue pairs as tasklets, without a reference to the queue pair. Once in some thousand
queue pairs no tasklet of that kernel runs any more: every later queue pair is silent, on new devices too.
"""

from __future__ import annotations

import contextlib

from .api import SIDE_CHANNEL, Test, await_listener
from .guest import CommandFailed, Guest
from .states import DEVICE, ETH0


def silent_guests(test: Test) -> list[Guest]:
    """Returns those in which an unguarded program cannot exchange messages with itself, on a new RDMA device.

    If the guests cannot be brought to that, it is not known why: none.
    """
    test.say("do the guests' kernels run software RoCE?")
    try:
        test.net.clear()
    except (CommandFailed, TimeoutError) as error:
        test.say(f"not known: {error}")
        return []
    return [guest for guest in (test.a, test.b) if not exchanges(test, guest)]


def exchanges(test: Test, guest: Guest) -> bool:
    command = f"ibv_rc_pingpong -d {DEVICE} -n 100 -g {test.net.gid_index(guest, ETH0[guest.name][0])}"
    server = guest.start(command)
    with contextlib.suppress(TimeoutError, CommandFailed):
        if await_listener(server, SIDE_CHANNEL):
            client = guest.start(f"{command} 127.0.0.1").wait()
            return client.ok and server.wait().ok
    return False
