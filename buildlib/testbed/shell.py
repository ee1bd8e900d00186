# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""A terminal in one guest of a pair, on its serial console."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

from . import pair
from .kernel import Kernel
from .root import Root
from .states import Network


def interact(kernel: Kernel, root: Root, build: Path, results: Path, name: str, cpus: int) -> None:
    """Boots a pair and gives the terminal to a shell in guest a or b until it ends."""
    with saved_terminal():
        print(f"# booting; the network will be in clear; frames are captured in {results / 'wire.pcap'}", flush=True)
        guests = pair.boot(kernel, root, results, build, shell=name, cpus=cpus)
        try:
            Network(guests.a, guests.b).clear()
            guest = guests.a if name == "a" else guests.b
            size = shutil.get_terminal_size()
            env = {
                "TERM": os.environ.get("TERM", "dumb"),
                "PATH": f"{build}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            }
            # The first terminal that a session leader opens becomes its controlling terminal.
            tty = f"exec </dev/ttyS0 >/dev/ttyS0 2>&1; stty sane rows {size.lines} cols {size.columns}"
            # A shell that is not interactive drops PS1 from its environment.
            bash = f"exec env PS1='guest {name}:\\w\\$ ' bash --noprofile --norc -i"
            shell = guest.start(f"{tty}; {bash}", env=env, cwd=str(pair.TOP))
            while shell.ends() is None:
                pass
        finally:
            guests.close()


@contextlib.contextmanager
def saved_terminal() -> Iterator[None]:
    """Restores the terminal: qemu makes it raw, and is killed before it can undo that."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
