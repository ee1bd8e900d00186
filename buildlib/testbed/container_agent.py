# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasec-agentd in a guest."""

from __future__ import annotations

import signal
import time

from .api import Test
from .guest import Guest, Process
from .stream import await_words

SOCKET = "/run/rdmasec/seccomp.sock"


class ContainerAgent:
    """One agent.  It starts when this is made, after rdmasecd has made its folder."""

    def __init__(self, t: Test, guest: Guest) -> None:
        self.t = t
        self.guest = guest
        self.process = self.start()

    def start(self) -> Process:
        """Anew, after it was killed."""
        self.process = self.guest.start(f"exec {self.t.build}/bin/rdmasec-agentd")
        await_words(self.process, "rdmasec-agentd: ready")
        return self.process

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.kill(number)
        self.process.wait(60)

    def says(self, words: str, within: float = 60) -> bool:
        """In its log, from its last start on, sooner or later."""
        deadline = time.monotonic() + within
        while words not in self.process.output():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def serving(self) -> list[int]:
        """The processes that serve containers."""
        return [int(pid) for pid in self.guest.run("pgrep -x rdmasec-oci").out.split()]


__all__ = ["ContainerAgent"]
