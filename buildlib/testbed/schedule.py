# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The order of scenarios, and their guests.

Pairs of guests that run side by side should end at about the same time, so the longest scenario comes first, by its last
duration on this machine. Guests are kept as long as a scenario can run in them, since a boot takes time.
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
    """One scenario in one pair of guests. If it could not be loaded, loaded is None and error is the cause."""

    scenario: Scenario
    environment: Environment
    loaded: Loaded | None = None
    error: Exception | None = None

    @property
    def name(self) -> str:
        """The name of its results: that of the scenario, with the environment if it runs in several."""
        several = self.loaded and len(self.loaded.environments) > 1
        return f"{self.scenario.name}-{self.environment}" if several else self.scenario.name


def runs(scenarios: list[Scenario], root: str | None, series: str | None) -> list[Run]:
    """Returns each scenario in each of its environments, with another root or kernel if one is given."""
    found = []
    for scenario in scenarios:
        try:
            loaded = scenario.load()
        except Exception as error:  # any error in a module fails this scenario only
            found.append(Run(scenario, USUAL, error=error))
            continue
        wanted = dict.fromkeys(environment.instead(root, series) for environment in loaded.environments)
        found += [Run(scenario, environment, loaded) for environment in wanted]
    return found


class Schedule:
    """The waiting runs, for workers in several threads."""

    def __init__(self, waiting: list[Run], longest_first: bool) -> None:
        self.lock = threading.Lock()
        self.seconds_of = read_seconds()
        self.waiting = sorted(waiting, key=self.expected, reverse=True) if longest_first else list(waiting)

    def expected(self, run: Run) -> float:
        """Returns the seconds of its last run, or its limit if it never ran."""
        return self.seconds_of.get(run.name, run.loaded.time_limit if run.loaded else 0)

    def next(self, guests: Environment | None) -> Run | None:
        """Returns the next run for a worker with these guests, or None if none is left."""
        with self.lock:
            fitting = [run for run in self.waiting if run.environment == guests]
            if not self.waiting:
                return None
            run = (fitting or self.waiting)[0]
            self.waiting.remove(run)
            return run

    def took(self, run: Run, seconds: float) -> None:
        """Stores a duration. Only the order of later runs depends on it."""
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
