# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""strongSwan 6 of Debian trixie is asked for SAs."""

from __future__ import annotations

from testbed.api import Test
from testbed.negotiations import answers

TIME_LIMIT = 900
ROOT = "trixie"


def run(t: Test) -> None:
    answers(t, "6.")
