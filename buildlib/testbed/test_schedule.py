# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unit tests of the order of scenarios and of their guests."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from types import ModuleType
from unittest import mock

from testbed import kernel, schedule
from testbed.environment import USUAL, Environment
from testbed.scenarios import Loaded, Scenario, environments

SID = Environment("sid", "7.2")
TRIXIE = Environment("trixie", kernel.DEFAULT_SERIES)


class Named(Scenario):
    """A scenario with these guests, which needs no files."""

    def __init__(self, name: str, *guests: Environment, limit: float = 600) -> None:
        super().__init__(name, Path())
        object.__setattr__(self, "loaded", Loaded(lambda t: None, limit, guests) if guests else None)

    def load(self) -> Loaded:
        loaded: Loaded | None = vars(self)["loaded"]
        if not loaded:
            raise ImportError(self.name)
        return loaded


class Schedule(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name)
        environment = mock.patch.dict(os.environ, RDMASEC_CACHE=folder.name)
        environment.start()
        self.addCleanup(environment.stop)

    def order(self, runs: list[schedule.Run], guests: Environment | None = None, longest_first: bool = True) -> list[str]:
        """Returns the names in the order of one worker that keeps these guests, or those of the last run."""
        waiting, names = schedule.Schedule(runs, longest_first), []
        while run := waiting.next(guests):
            guests = run.environment
            names.append(run.name)
        return names

    def test_names_a_run_for_each_environment(self) -> None:
        runs = schedule.runs([Named("one", USUAL), Named("two", USUAL, SID)], None, None)
        self.assertEqual([run.name for run in runs], ["one", f"two-{USUAL}", "two-sid-7.2"])

    def test_named_kernel_replaces_others_once(self) -> None:
        runs = schedule.runs([Named("two", USUAL, Environment("host", "6.1"), SID)], None, "7.2")
        self.assertEqual([run.environment for run in runs], [Environment("host", "7.2"), SID])

    def test_scenario_that_cannot_be_loaded_fails_alone(self) -> None:
        broken, well = schedule.runs([Named("broken"), Named("well", USUAL)], None, None)
        self.assertIsInstance(broken.error, ImportError)
        self.assertIsNone(well.error)

    def test_longest_run_comes_first_and_unknown_by_its_limit(self) -> None:
        (self.cache / "seconds.json").write_text(json.dumps({"short": 5, "long": 300}))
        runs = schedule.runs([Named(name, USUAL) for name in ("short", "long", "new")], None, None)
        self.assertEqual(self.order(runs), ["new", "long", "short"])
        self.assertEqual(self.order(runs, longest_first=False), ["short", "long", "new"])

    def test_keeps_guests_while_a_run_fits_them(self) -> None:
        limits = (("a", USUAL, 1), ("b", SID, 900), ("c", USUAL, 800), ("d", TRIXIE, 850))
        runs = schedule.runs([Named(name, guests, limit=limit) for name, guests, limit in limits], None, None)
        self.assertEqual(self.order(runs, USUAL), ["c", "a", "b", "d"])

    def test_remembers_durations_and_ignores_a_broken_file(self) -> None:
        run = schedule.Run(Named("one", USUAL), USUAL)
        schedule.Schedule([run], True).took(run, 12.34)
        self.assertEqual(schedule.read_seconds(), {"one": 12.3})
        for broken in ("{", "[]", '{"one": "x"}', '{"one": null}'):
            (self.cache / "seconds.json").write_text(broken)
            self.assertEqual(schedule.read_seconds(), {})

    def test_reads_guests_of_a_module(self) -> None:
        def module(**contents: object) -> ModuleType:
            made = ModuleType("scenario")
            vars(made).update(contents)
            return made

        self.assertEqual(environments(module()), (USUAL,))
        self.assertEqual(environments(module(ROOT="trixie")), (TRIXIE,))
        self.assertEqual(environments(module(GUESTS=[("sid", "7.2"), ("host", "6.12")])), (SID, USUAL))

    def test_only_sid_is_unreleased(self) -> None:
        unreleased = [Environment(*words).is_unreleased for words in (("host", "6.12"), ("trixie", "6.1"), ("host", "7.2"), ("sid", "6.1"))]
        self.assertEqual(unreleased, [False, False, True, True])


class Parts(unittest.TestCase):
    """A kernel in several packages, as in sid, and in one."""

    def parts(self, depends: str) -> list[str]:
        with mock.patch.object(kernel.PrivateApt, "field", lambda *_: depends):
            return kernel.PrivateApt.parts(mock.Mock(spec=kernel.PrivateApt, field=lambda *_: depends), "linux-image")

    def test_finds_only_parts_of_the_same_kernel(self) -> None:
        release = "7.2.13+deb14-amd64"
        named = [f"linux-{part}-{release}" for part in ("base", "binary", "modules")]
        depends = "dracut | linux-initramfs-tool, " + ", ".join(f"{name} (= 7.2.13-1)" for name in named)
        self.assertEqual(self.parts(depends), named)
        self.assertEqual(self.parts("kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+deb8u2)"), [])


if __name__ == "__main__":
    unittest.main()
