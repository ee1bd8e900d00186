# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasec-agentd in a guest."""

from __future__ import annotations

import signal

from .api import Test
from .guest import Guest, Process
from .stream import await_words

SOCKET = "/run/rdmasec/seccomp.sock"


class ContainerAgent:
    """One agent. The constructor starts it; rdmasecd must have made its folder before."""

    def __init__(self, t: Test, guest: Guest) -> None:
        self.t = t
        self.guest = guest
        self.process = self.start()

    def start(self) -> Process:
        """Starts it, also after kill()."""
        self.process = self.guest.start(f"exec {self.t.build}/bin/rdmasec-agentd")
        await_words(self.process, "rdmasec-agentd: ready")
        return self.process

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.kill(number)
        self.process.wait()

    def serving(self) -> list[int]:
        """Returns the processes that serve containers."""
        return [int(pid) for pid in self.guest.run("pgrep -x rdmasec-oci").out.split()]


__all__ = ["ContainerAgent"]
