# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""An ACQUIRE makes strongSwan 5.9 of Debian bookworm negotiate SAs."""

from __future__ import annotations

from testbed.api import Test
from testbed.negotiations import negotiates

TIME_LIMIT = 900


def run(t: Test) -> None:
    negotiates(t, "5.9.")
