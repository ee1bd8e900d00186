# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The scenarios on disk: each is a folder with a description in prose and a run(t)."""

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
TIME_LIMIT = 600  # s without progress (patience.py); a scenario may have a TIME_LIMIT of its own


@dataclass(frozen=True)
class Loaded:
    """The contents of a scenario's module."""

    run: Callable[[Test], None]
    time_limit: float
    environments: tuple[Environment, ...]  # it runs in each of them


@dataclass(frozen=True)
class Scenario:
    name: str
    folder: Path

    @property
    def summary(self) -> str:
        """Returns the first paragraph of the description, on one line."""
        text = (self.folder / "description.txt").read_text()
        return " ".join(text.strip().split("\n\n")[0].split())

    def load(self) -> Loaded:
        # Each module has a name of its own: many are loaded at once.
        module_name = f"scenario_{self.name.replace('-', '_')}"
        spec = importlib.util.spec_from_file_location(module_name, self.folder / "scenario.py")
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.folder}: scenario.py cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module  # dataclasses look there for the names of annotations
        spec.loader.exec_module(module)
        return Loaded(module.run, getattr(module, "TIME_LIMIT", TIME_LIMIT), environments(module))


def environments(module: ModuleType) -> tuple[Environment, ...]:
    """Returns a scenario's GUESTS, each a (root, kernel); or the usual guests, with its ROOT if it has one."""
    usual = [(getattr(module, "ROOT", USUAL.root), USUAL.kernel)]
    return tuple(Environment(*words) for words in getattr(module, "GUESTS", usual))


def find(names: list[str]) -> list[Scenario]:
    """Returns the scenarios of these names, or all except those that run on request only (a file `on-request`).

    Raises KeyError for an unknown name.
    """
    known = {path.parent.name: Scenario(path.parent.name, path.parent) for path in sorted(FOLDER.glob("*/scenario.py"))}
    if names:
        return [known[name] for name in names]
    return [scenario for scenario in known.values() if not (scenario.folder / "on-request").exists()]
