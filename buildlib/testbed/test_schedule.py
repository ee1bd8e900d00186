# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unit tests of what runs where and when."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from testbed import kernel, schedule
from testbed.environment import USUAL, Environment
from testbed.scenarios import Loaded, environments

SID = Environment("sid", "7.2")
TRIXIE = Environment("trixie", kernel.DEFAULT_SERIES)


class Scenario:
    """Named, and loaded from nowhere."""

    def __init__(self, name: str, *guests: Environment, limit: float = 600) -> None:
        self.name = name
        self.guests = guests
        self.limit = limit

    def load(self) -> Loaded:
        if not self.guests:
            raise ImportError(self.name)
        return Loaded(lambda t: None, self.limit, self.guests)


class Schedule(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name)
        environment = mock.patch.dict(os.environ, RDMASEC_CACHE=folder.name)
        environment.start()
        self.addCleanup(environment.stop)

    def order(self, runs: list[schedule.Run], guests: Environment | None = None, longest_first: bool = True) -> list[str]:
        """The names in the order of one worker that keeps these guests, or those of the run before."""
        waiting, names = schedule.Schedule(runs, longest_first), []
        while run := waiting.next(guests):
            guests = run.environment
            names.append(run.name)
        return names

    def test_each_of_its_guests_is_a_run_with_a_name_of_its_own(self) -> None:
        runs = schedule.runs([Scenario("one", USUAL), Scenario("two", USUAL, SID)], None, None)
        self.assertEqual([run.name for run in runs], ["one", f"two-{USUAL}", "two-sid-7.2"])

    def test_a_named_kernel_replaces_and_does_not_repeat(self) -> None:
        runs = schedule.runs([Scenario("two", USUAL, Environment("host", "6.1"), SID)], None, "7.2")
        self.assertEqual([run.environment for run in runs], [Environment("host", "7.2"), SID])

    def test_what_cannot_be_loaded_fails_alone(self) -> None:
        broken, well = schedule.runs([Scenario("broken"), Scenario("well", USUAL)], None, None)
        self.assertIsInstance(broken.error, ImportError)
        self.assertIsNone(well.error)

    def test_the_longest_of_last_time_comes_first_and_the_unknown_by_its_limit(self) -> None:
        (self.cache / "seconds.json").write_text(json.dumps({"short": 5, "long": 300}))
        runs = schedule.runs([Scenario(name, USUAL) for name in ("short", "long", "new")], None, None)
        self.assertEqual(self.order(runs), ["new", "long", "short"])
        self.assertEqual(self.order(runs, longest_first=False), ["short", "long", "new"])

    def test_guests_are_kept_while_something_runs_in_them(self) -> None:
        limits = (("a", USUAL, 1), ("b", SID, 900), ("c", USUAL, 800), ("d", TRIXIE, 850))
        runs = schedule.runs([Scenario(name, guests, limit=limit) for name, guests, limit in limits], None, None)
        self.assertEqual(self.order(runs, USUAL), ["c", "a", "b", "d"])

    def test_what_it_took_is_remembered_and_a_broken_memory_is_none(self) -> None:
        run = schedule.Run(Scenario("one", USUAL), USUAL)
        schedule.Schedule([run], True).took(run, 12.34)
        self.assertEqual(schedule.read_seconds(), {"one": 12.3})
        for broken in ("{", "[]", '{"one": "x"}', '{"one": null}'):
            (self.cache / "seconds.json").write_text(broken)
            self.assertEqual(schedule.read_seconds(), {})

    def test_guests_of_a_module(self) -> None:
        self.assertEqual(environments(SimpleNamespace()), (USUAL,))
        self.assertEqual(environments(SimpleNamespace(ROOT="trixie")), (TRIXIE,))
        self.assertEqual(environments(SimpleNamespace(GUESTS=[("sid", "7.2"), ("host", "6.12")])), (SID, USUAL))

    def test_only_what_is_of_sid_moves(self) -> None:
        moving = [Environment(*words).moves for words in (("host", "6.12"), ("trixie", "6.1"), ("host", "7.2"), ("sid", "6.1"))]
        self.assertEqual(moving, [False, False, True, True])


class Parts(unittest.TestCase):
    """A kernel in several packages, as sid has it, and in one."""

    def parts(self, depends: str) -> list[str]:
        return kernel.PrivateApt.parts(SimpleNamespace(field=lambda package, name: depends), "linux-image")

    def test_its_own_parts_alone(self) -> None:
        release = "7.2.13+deb14-amd64"
        named = [f"linux-{part}-{release}" for part in ("base", "binary", "modules")]
        depends = "dracut | linux-initramfs-tool, " + ", ".join(f"{name} (= 7.2.13-1)" for name in named)
        self.assertEqual(self.parts(depends), named)
        self.assertEqual(self.parts("kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+deb8u2)"), [])


if __name__ == "__main__":
    unittest.main()
