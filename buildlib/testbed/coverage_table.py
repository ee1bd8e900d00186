# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The table of coverage in README, made from the results of a run of the scenario coverage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .coverage import DOORS, GUARDED, NOT_COVERED, NOT_STARTED, PROGRAMS, SEEN
from .pair import TOP

README = TOP / "README.md"
RESULTS = TOP / "tests" / "scenarios" / "coverage" / "results.json"
BEGIN = "<!-- made by buildlib/coverage from tests/scenarios/coverage/results.json: do not edit -->"
END = "<!-- end of what buildlib/coverage made -->"
READABLE = ("clear_data", "clear_cm", "macsec_unencrypted", "malformed")
NOT_RUN = "not run"

Cell = dict[str, Any]


def readable(run: Cell) -> int:
    return sum(run["frames"].get(kind, 0) for kind in READABLE)


def borne_out(cell: Cell) -> bool:
    """Returns whether the figures of a cell bear out its verdict."""
    bare, refused, protected = cell["bare"], cell["refused"], cell["protected"]
    if not bare["ran"] or not bare["frames"].get("clear_data"):
        return False  # the capture would not have shown the program
    if cell["verdict"] == GUARDED:
        refusal = refused["exit"] != 0 and not readable(refused) and refused["said"]
        return bool(refusal and protected and protected["ran"] and protected["frames"].get("esp") and not readable(protected))
    if cell["verdict"] == NOT_STARTED:
        by_itself = refused["exit"] != 0 and not refused["said"]  # it did not reach verbs
        return (refused["exit"] == 126 or by_itself) and not refused["frames"]
    return cell["verdict"] == SEEN and refused["ran"] and refused["frames"].get("clear_data", 0) > 0


def render(results: dict) -> str:
    cells = {(cell["program"], cell["door"]): cell for cell in results["cells"]}
    names = [program.name for program in PROGRAMS if any(name == program.name for name, _ in cells)]
    names += [name for name in dict.fromkeys(name for name, _ in cells) if name not in names]  # of an older run
    notes: list[str] = []

    def text(name: str, door: str) -> str:
        cell = cells.get((name, door))
        if not cell or cell["verdict"] == GUARDED:
            return GUARDED if cell else NOT_RUN
        _, why = NOT_COVERED.get((name, door), ("", "and should not be"))
        note = f"{cell['verdict']}: {why}"
        if note not in notes:
            notes.append(note)
        return f"not covered [{notes.index(note) + 1}]"

    doors = [door.name for door in DOORS]
    rows = [["", *doors], ["---"] * (1 + len(doors))]
    rows += [[name, *(text(name, door) for door in doors)] for name in names]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    footnotes = "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))
    run_on = f"Run on Linux {results['kernel']} with rdma-core {results['rdma-core']}, on software RoCE."
    return "\n\n".join(part for part in (table, footnotes, run_on) if part)


def spliced(readme: str, table: str) -> str:
    """Returns the README with another table. Raises ValueError if the markers are missing."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def write(results: dict) -> None:
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    README.write_text(spliced(README.read_text(), render(results)))


def faults() -> list[str]:
    """Returns the faults of the table in README, and of the results behind it."""
    results = json.loads(RESULTS.read_text())
    wrong = [f"{cell['program']}, {cell['door']}: its figures do not bear out '{cell['verdict']}'"
             for cell in results["cells"] if not borne_out(cell)]  # fmt: skip
    readme = README.read_text()
    if BEGIN not in readme or spliced(readme, render(results)) != readme:
        wrong.append("README.md has another table than tests/scenarios/coverage/results.json: run buildlib/coverage")
    return wrong


def load(paths: Sequence[Path]) -> dict:
    """Returns the results of one run, or of several parts of one. Raises ValueError if they do not fit together."""
    parts = [json.loads(path.read_text()) for path in paths]
    if len({(part["kernel"], part["rdma-core"]) for part in parts}) != 1:
        raise ValueError("runs on different kernels or releases of rdma-core")
    cells = [cell for part in parts for cell in part["cells"]]
    if len({(cell["program"], cell["door"]) for cell in cells}) != len(cells):
        raise ValueError("a program and a door are in several of them")
    return {**parts[0], "cells": cells}
