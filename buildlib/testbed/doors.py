"""The doors, as scenarios put them before programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .api import Test


@dataclass(frozen=True)
class Door:
    """What goes before a command, and shell commands that put it into a guest and take it out again.

    {build} is the build folder.
    """

    name: str
    words: str
    stand: str = ""
    leave: str = ""

    def wrap(self, t: Test) -> str:
        return self.words.format(build=t.build)

    @contextmanager
    def standing(self, t: Test, guests: str = "ab") -> Iterator[None]:
        chosen = [guest for guest in (t.a, t.b) if guest.name in guests]
        for guest in chosen:
            if self.stand:
                guest.run(self.stand.format(build=t.build), check=True)
        try:
            yield
        finally:
            for guest in chosen:
                if self.leave:
                    guest.run(self.leave.format(build=t.build), check=True)


PRELOAD = Door("preload", "{build}/bin/rdmasec run --")
DOORS = (PRELOAD,)
