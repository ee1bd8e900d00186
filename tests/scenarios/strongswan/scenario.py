# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""strongSwan 5.9 of Debian bookworm is asked for SAs."""

from __future__ import annotations

from testbed.api import Test
from testbed.negotiations import answers

TIME_LIMIT = 900


def run(t: Test) -> None:
    answers(t, "5.9.")
