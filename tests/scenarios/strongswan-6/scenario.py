# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""An ACQUIRE makes strongSwan 6 of Debian trixie negotiate SAs."""

from __future__ import annotations

from testbed.api import Test
from testbed.negotiations import negotiates

TIME_LIMIT = 900
ROOT = "trixie"


def run(t: Test) -> None:
    negotiates(t, "6.")
