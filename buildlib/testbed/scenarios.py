# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The scenarios on disk: a folder each, with a description in prose and a run(t)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from .api import Test
from .environment import USUAL, Environment
from .pair import TOP

FOLDER = TOP / "tests" / "scenarios"
TIME_LIMIT = 600  # s, several times what they take: hosts are busy; a scenario may have a TIME_LIMIT of its own


@dataclass(frozen=True)
class Loaded:
    """What a scenario's module says."""

    run: Callable[[Test], None]
    time_limit: float
    environments: tuple[Environment, ...]  # it runs in each of them


@dataclass(frozen=True)
class Scenario:
    name: str
    folder: Path

    @property
    def summary(self) -> str:
        """The description's first paragraph, on one line."""
        text = (self.folder / "description.txt").read_text()
        return " ".join(text.strip().split("\n\n")[0].split())

    def load(self) -> Loaded:
        # A name of its own for each: many are loaded at once.
        module_name = f"scenario_{self.name.replace('-', '_')}"
        spec = importlib.util.spec_from_file_location(module_name, self.folder / "scenario.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module  # where dataclasses look for what annotations name
        spec.loader.exec_module(module)
        return Loaded(module.run, getattr(module, "TIME_LIMIT", TIME_LIMIT), environments(module))


def environments(module: ModuleType) -> tuple[Environment, ...]:
    """A scenario's GUESTS are (root, kernel) each; or it has a ROOT; or runs in the usual guests."""
    usual = [(getattr(module, "ROOT", USUAL.root), USUAL.kernel)]
    return tuple(Environment(*words) for words in getattr(module, "GUESTS", usual))


def find(names: list[str]) -> list[Scenario]:
    """The scenarios of these names, or all but those that run on request only (a file `on-request` is in the folder).

    An unknown name is a KeyError.
    """
    known = {path.parent.name: Scenario(path.parent.name, path.parent) for path in sorted(FOLDER.glob("*/scenario.py"))}
    if names:
        return [known[name] for name in names]
    return [scenario for scenario in known.values() if not (scenario.folder / "on-request").exists()]
