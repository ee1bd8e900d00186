# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Which scenario runs when, and in which guests.

Pairs of guests that run side by side should be done at about the same time, so the longest comes first, by what it took
last time on this machine; and guests are kept as long as there is something to run in them, since others must boot.
"""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass
from pathlib import Path

from .environment import USUAL, Environment
from .kernel import cache_dir
from .scenarios import Loaded, Scenario


@dataclass(frozen=True)
class Run:
    """One scenario in one pair of guests; loaded is None, and error says why, where it could not be loaded."""

    scenario: Scenario
    environment: Environment
    loaded: Loaded | None = None
    error: Exception | None = None

    @property
    def name(self) -> str:
        """Of the results: the scenario's, and, where it runs in several, its guests'."""
        several = self.loaded and len(self.loaded.environments) > 1
        return f"{self.scenario.name}-{self.environment}" if several else self.scenario.name


def runs(scenarios: list[Scenario], root: str | None, series: str | None) -> list[Run]:
    """Each scenario in each of its guests; with another root or kernel where one is named."""
    found = []
    for scenario in scenarios:
        try:
            loaded = scenario.load()
        except Exception as error:  # whatever a module does wrong fails this one, and the others go on
            found.append(Run(scenario, USUAL, error=error))
            continue
        wanted = dict.fromkeys(environment.instead(root, series) for environment in loaded.environments)
        found += [Run(scenario, environment, loaded) for environment in wanted]
    return found


class Schedule:
    """The runs that wait, for workers in threads of their own."""

    def __init__(self, waiting: list[Run], longest_first: bool) -> None:
        self.lock = threading.Lock()
        self.seconds_of = read_seconds()
        self.waiting = sorted(waiting, key=self.expected, reverse=True) if longest_first else list(waiting)

    def expected(self, run: Run) -> float:
        """Seconds that it will take: those of last time, or, where it never ran, what it may take."""
        return self.seconds_of.get(run.name, run.loaded.time_limit if run.loaded else 0)

    def next(self, guests: Environment | None) -> Run | None:
        """For a worker whose guests are these; None: there is nothing left."""
        with self.lock:
            fitting = [run for run in self.waiting if run.environment == guests]
            if not self.waiting:
                return None
            run = (fitting or self.waiting)[0]
            self.waiting.remove(run)
            return run

    def took(self, run: Run, seconds: float) -> None:
        """Remembered for the next time; only an order depends on it."""
        with self.lock:
            self.seconds_of[run.name] = round(seconds, 1)
            with contextlib.suppress(OSError):
                seconds_file().write_text(json.dumps(self.seconds_of, indent=1, sort_keys=True) + "\n")


def seconds_file() -> Path:
    return cache_dir() / "seconds.json"


def read_seconds() -> dict[str, float]:
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        read = json.loads(seconds_file().read_text())
        return {str(name): float(seconds) for name, seconds in read.items()}
    return {}
