# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""How long the testbed waits: while something moves, and by the guests' own work rather than by the clock.

A busy host runs the guests slowly. A limit in seconds of its clock would fail a scenario that is merely slow, so a limit
counts seconds as guests have them, and starts again whenever a sign of progress changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

WITHIN = 120.0  # s without progress: far more than a guest needs for any one step
CAP = 3600.0  # s of the clock, whatever moves: a program that repeats itself for ever is ended
IDLE = 0.1  # the share of a processor that an idle guest stays below, and a starved one does not
PAUSE = 0.2  # s between two looks

Seconds = Callable[[], float]
Value = TypeVar("Value")


class Patience:
    """The limit of one wait.

    While any guest works, a second counts as the processor time that the busiest guest was given in it. While all are
    idle, it counts in full: they wait for something else, and no host is to blame.
    """

    def __init__(
        self,
        limit: float,
        work: Sequence[Seconds] = (),
        signs: Sequence[Callable[[], object]] = (),
        clock: Seconds = time.monotonic,
    ) -> None:
        """work: the processor time of each guest. signs: values that change when there is progress."""
        self.limit = limit
        self.work = work
        self.signs = signs
        self.clock = clock
        self.began = self.looked_at = clock()
        self.worked = [each() for each in work]
        self.seen = [sign() for sign in signs]
        self.spent = 0.0

    def is_over(self) -> bool:
        now = self.clock()
        if now - self.began >= CAP:
            return True
        seen = [sign() for sign in self.signs]
        if seen != self.seen:
            self.seen = seen
            self.look(now)
            self.spent = 0.0
            return False
        if now - self.looked_at >= 1:
            self.look(now)
            return self.spent >= self.limit
        return self.spent + self.counted(now - self.looked_at, [each() for each in self.work]) >= self.limit

    def look(self, now: float) -> None:
        worked = [each() for each in self.work]
        self.spent += self.counted(now - self.looked_at, worked)
        self.looked_at, self.worked = now, worked

    def counted(self, elapsed: float, worked: Sequence[float]) -> float:
        given = max((after - before for after, before in zip(worked, self.worked)), default=0.0)
        return min(given, elapsed) if given > IDLE * elapsed else elapsed


def eventually(patience: Patience, holds: Callable[[], Value], pause: float = PAUSE) -> Value:
    """Calls holds() until it returns something true or the patience is over. Returns its last value."""
    while not (value := holds()) and not patience.is_over():
        time.sleep(pause)
    return value
