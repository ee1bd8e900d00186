# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The base of key managers in guests: the kernel asks them for SAs, and holds those that they install."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Mapping

from .api import Test
from .applications import APPLICATIONS, Trial, try_out
from .guest import Guest, Process
from .pair import TOP
from .patience import WITHIN
from .states import ETH0, PEER

ACQUIRE = TOP / "buildlib" / "testbed" / "acquire.py"
SECRET = "of the testbed alone, and of no use anywhere else"
PINGPONG = APPLICATIONS["ibv_rc_pingpong"]


class KeyManager:
    """A daemon in a guest that negotiates with that of the other guest."""

    name = "key manager"
    process: Process

    def __init__(self, guest: Guest, local: str | None = None, remote: str | None = None) -> None:
        """local and remote: addresses, by default those of the guests on eth0."""
        self.guest = guest
        self.local = local or ETH0[guest.name][0]
        self.remote = remote or ETH0[PEER[guest.name]][0]
        load_modules(guest)

    def fill_in(self, text: str, places: Mapping[str, str]) -> str:
        """Returns a file of contrib with other texts in these places. Raises ValueError if it lacks one of them."""
        for old, new in places.items():
            if old not in text:
                raise ValueError(f"{self.name}: its configuration has no '{old}'")
            text = text.replace(old, new)
        return text

    def log(self) -> str:
        """Returns its output since it started."""
        return self.process.output()

    def kill(self) -> None:
        """Kills it, so that it cannot notify its peer."""
        self.process.kill(signal.SIGKILL)
        self.process.wait()

    def wait_for(self, what: str, holds: Callable[[], object], within: float = WITHIN) -> float:
        """Waits until it holds. Returns the seconds it took. Raises RuntimeError, with the log, if it never does."""
        began = time.monotonic()
        held = False

        def is_decided() -> bool:
            nonlocal held
            held = bool(holds())
            return held or self.process.poll() is not None

        self.guest.eventually(is_decided, within)
        if not held:
            raise RuntimeError(f"{self.guest.name}: {self.name}: no {what}:\n{self.log()}")
        return time.monotonic() - began

    def start_acquire(self, words: str = "") -> Process:
        """Starts a program that asks for SAs through the kernel, as an engine does (acquire.py)."""
        return self.guest.start(f"exec /usr/bin/python3 -IS {ACQUIRE} {self.local} {self.remote} {words}")

    def acquire(self, words: str = "") -> None:
        """Asks for SAs through the kernel, and waits until the kernel has accepted that."""
        self.start_acquire(words).wait(check=True)

    def acquire_until(self, what: str, holds: Callable[[], object], pause: float = 2) -> None:
        """Asks for SAs again and again until it holds."""

        def holds_after_acquire() -> object:
            self.acquire()
            time.sleep(pause)
            return holds()

        self.wait_for(what, holds_after_acquire)

    def spis(self) -> tuple[set[str], set[str]]:
        """Returns the SPIs of the SAs with keys that the kernel has: inbound and outbound."""
        listed = self.guest.run("ip xfrm state list nokeys", check=True, urgent=True).out
        live = [entry for entry in re.split(r"^(?=src )", listed, flags=re.MULTILINE) if re.search(r"\baead\b", entry)]
        found = [ends for entry in live for ends in re.findall(r"\Asrc (\S+) dst (\S+)\s+proto esp spi (\S+)", entry)]
        into = {spi for src, dst, spi in found if (src, dst) == (self.remote, self.local)}
        return into, {spi for src, dst, spi in found if (src, dst) == (self.local, self.remote)}


def load_modules(guest: Guest) -> None:
    """Makes the kernel load the modules of a first SA before a daemon runs.

    It loads them with a lock held that every request about IPsec needs. On an emulated processor that takes many
    seconds, during which a daemon would seem dead.
    """
    ends = "src 192.0.2.77 dst 192.0.2.78 proto esp spi 0x7777"
    aead = f"aead 'rfc4106(gcm(aes))' 0x{7:040x} 128"
    guest.run(f"ip xfrm state add {ends} mode transport flag esn replay-window 32 {aead}", check=True)
    guest.run(f"ip xfrm state delete {ends}", check=True)


def both_have_sas(a: KeyManager, b: KeyManager) -> float:
    """Waits until both ends have an SA in each direction. Returns the seconds it took."""

    def agree() -> bool:
        (a_in, a_out), (b_in, b_out) = a.spis(), b.spis()
        return bool(a_in & b_out and a_out & b_in)

    return a.wait_for("SAs on both hosts", agree)


def runs_in_esp(t: Test, what: str, wrap: str | None = None, user: int | None = None) -> None:
    trial = pingpong(t, wrap, user)
    t.check(trial.ran and trial.wire["esp"] and not trial.readable, f"{what}: a pingpong runs, in ESP alone", trial)


def nothing_leaves(t: Test, what: str) -> None:
    trial = pingpong(t, "timeout 10")
    nothing = not trial.readable and not trial.wire["esp"]
    t.check(not trial.ran and nothing, f"{what}: a pingpong fails, and none of its packets leaves", trial)


def pingpong(t: Test, wrap: str | None = None, user: int | None = None) -> Trial:
    return try_out(t, PINGPONG, ETH0, guarded=("a", "b") if wrap else (), wrap=wrap, user=user)
