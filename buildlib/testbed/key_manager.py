# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""What all key managers in guests have in common: they are asked through the kernel, and their SAs are there."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable

from .api import Test
from .applications import APPLICATIONS, Trial, try_out
from .guest import Guest, Process
from .pair import TOP
from .states import ETH0, PEER

ACQUIRE = TOP / "buildlib" / "testbed" / "acquire.py"
SECRET = "of the testbed alone, and of no use to anybody else"
WITHIN = 120  # s for what an emulated CPU does in five, where nobody else wants it
PINGPONG = APPLICATIONS["ibv_rc_pingpong"]


class KeyManager:
    """A daemon in a guest that negotiates with the one in the other guest; process is it."""

    name = "key manager"
    process: Process

    def __init__(self, guest: Guest, local: str | None = None, remote: str | None = None) -> None:
        """local and remote are addresses, by default those of the guests on eth0."""
        self.guest = guest
        self.local = local or ETH0[guest.name][0]
        self.remote = remote or ETH0[PEER[guest.name]][0]
        load_modules(guest)

    def put_in(self, text: str, places: dict[str, str]) -> str:
        """A file of contrib with something else in these places, each of which it must have."""
        for old, new in places.items():
            if old not in text:
                raise ValueError(f"{self.name}: its configuration has no '{old}'")
            text = text.replace(old, new)
        return text

    def log(self) -> str:
        """All it has said since it started."""
        return self.process.output()

    def kill(self) -> None:
        """Without a word to anybody."""
        self.process.kill(signal.SIGKILL)
        self.process.wait(WITHIN)

    def wait_for(self, what: str, holds: Callable[[], object], within: float = WITHIN) -> float:
        """Until it holds; the seconds it took.  RuntimeError, with the log, if it does not."""
        began = time.monotonic()
        while not holds():
            if self.process.poll() or time.monotonic() > began + within:
                raise RuntimeError(f"{self.guest.name}: {self.name}: no {what} within {within} s:\n{self.log()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def asking(self, words: str = "") -> Process:
        """Somebody asks it for SAs through the kernel, as an engine does; see acquire.py."""
        return self.guest.start(f"exec /usr/bin/python3 -IS {ACQUIRE} {self.local} {self.remote} {words}", WITHIN)

    def acquire(self, words: str = "") -> None:
        """The same, and the kernel has taken it."""
        self.asking(words).wait(WITHIN, check=True)

    def spis(self) -> tuple[set[str], set[str]]:
        """Of the SAs with keys that the kernel has: inbound and outbound."""
        listed = self.guest.run("ip xfrm state list nokeys", check=True, urgent=True).out
        live = [entry for entry in re.split(r"^(?=src )", listed, flags=re.MULTILINE) if re.search(r"\baead\b", entry)]
        found = [re.match(r"src (\S+) dst (\S+)\s+proto esp spi (\S+)", entry).groups() for entry in live]
        into = {spi for src, dst, spi in found if (src, dst) == (self.remote, self.local)}
        return into, {spi for src, dst, spi in found if (src, dst) == (self.local, self.remote)}


def load_modules(guest: Guest) -> None:
    """The kernel loads what a first SA needs while it holds the lock behind which everybody waits who asks it for IPsec.

    On an emulated CPU that takes many seconds, in which a daemon seems dead: so it is done before there is one.
    """
    ends = "src 192.0.2.77 dst 192.0.2.78 proto esp spi 0x7777"
    aead = f"aead 'rfc4106(gcm(aes))' 0x{7:040x} 128"
    guest.run(f"ip xfrm state add {ends} mode transport flag esn replay-window 32 {aead}", WITHIN, check=True)
    guest.run(f"ip xfrm state delete {ends}", check=True)


def both_have_sas(a: KeyManager, b: KeyManager) -> float:
    """Until there is an SA each way that both ends have; the seconds it took."""

    def agree() -> bool:
        (a_in, a_out), (b_in, b_out) = a.spis(), b.spis()
        return bool(a_in & b_out and a_out & b_in)

    return a.wait_for("SAs on both hosts", agree)


def runs_in_esp(t: Test, what: str, wrap: str | None = None, user: int | None = None) -> None:
    trial = pingpong(t, wrap, user)
    t.check(trial.ran and trial.wire["esp"] and not trial.readable, f"{what}: it runs, in ESP alone", trial)


def nothing_leaves(t: Test, what: str) -> None:
    trial = pingpong(t, "timeout 10")
    t.check(not trial.ran and not trial.readable and not trial.wire["esp"], f"{what}: nothing of a QP leaves", trial)


def pingpong(t: Test, wrap: str | None = None, user: int | None = None) -> Trial:
    return try_out(t, PINGPONG, ETH0, guarded=("a", "b") if wrap else (), wrap=wrap, user=user)
