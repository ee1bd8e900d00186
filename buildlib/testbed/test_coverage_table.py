# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unit tests: cells without figures that bear them out, and tables edited by hand, are found."""

from __future__ import annotations

import copy
import unittest
from typing import Any

from . import coverage_table as table
from .coverage import GUARDED, NOT_STARTED, PRELOAD, SEEN, UNDECIDED

GUARDED_CELL: dict[str, Any] = {
    "program": "rping",
    "door": PRELOAD,
    "bare": {"ran": True, "exit": 0, "frames": {"clear_data": 60}, "said": []},
    "refused": {"ran": False, "exit": 1, "frames": {}, "said": ["rdmasec: refused"]},
    "protected": {"ran": True, "exit": 0, "frames": {"esp": 65}, "said": []},
    "verdict": GUARDED,
}
RAN_IN_CLEAR = {"ran": True, "exit": 0, "frames": {"clear_data": 4}, "said": []}


def changed(**fields: Any) -> dict[str, Any]:
    """Returns the cell above with other fields in some of its runs."""
    cell = copy.deepcopy(GUARDED_CELL)
    for name, change in fields.items():
        cell[name] = {**cell[name], **change} if isinstance(change, dict) else change
    return cell


class BorneOut(unittest.TestCase):
    def test_guarded(self) -> None:
        self.assertTrue(table.borne_out(GUARDED_CELL))

    def test_guarded_needs_each_figure(self) -> None:
        for what, cell in {
            "bare: the wire shows no data": changed(bare={"frames": {}}),
            "bare: it fails": changed(bare={"ran": False}),
            "refused: data in clear": changed(refused={"frames": {"clear_data": 1}}),
            "refused: connection management in clear": changed(refused={"frames": {"clear_cm": 1}}),
            "refused: a frame that cannot be parsed": changed(refused={"frames": {"malformed": 1}}),
            "refused: exit status 0": changed(refused={"exit": 0}),
            "refused: no line of rdmasec": changed(refused={"said": []}),
            "protected: not run": changed(protected=None),
            "protected: it fails": changed(protected={"ran": False}),
            "protected: no ESP": changed(protected={"frames": {}}),
            "protected: data in clear": changed(protected={"frames": {"esp": 65, "clear_data": 1}}),
        }.items():
            self.assertFalse(table.borne_out(cell), what)

    def test_not_covered_needs_its_figures(self) -> None:
        self.assertTrue(table.borne_out(changed(verdict=SEEN, refused=RAN_IN_CLEAR)))
        self.assertFalse(table.borne_out(changed(verdict=SEEN)))
        self.assertTrue(table.borne_out(changed(verdict=NOT_STARTED, refused={"exit": 126})))
        self.assertTrue(table.borne_out(changed(verdict=NOT_STARTED, refused={"exit": 1, "said": []})))
        self.assertFalse(table.borne_out(changed(verdict=NOT_STARTED, refused={"exit": 1, "said": [], "frames": {"esp": 1}})))
        self.assertFalse(table.borne_out(changed(verdict=NOT_STARTED)))
        self.assertFalse(table.borne_out(changed(verdict=UNDECIDED)))


class Rendered(unittest.TestCase):
    RESULTS = {
        "kernel": "6.12",
        "rdma-core": "44",
        "cells": [GUARDED_CELL, {**changed(verdict=SEEN, refused=RAN_IN_CLEAR), "program": "a Go program"}],
    }

    def test_renders_cells_and_notes(self) -> None:
        lines = table.render(self.RESULTS).splitlines()
        self.assertIn("| rping | guarded | not run | not run | not run |", lines)
        self.assertIn("| a Go program | not covered [1] | not run | not run | not run |", lines)
        self.assertTrue(any(line.startswith(f"1. {SEEN}: ") for line in lines))

    def test_replaces_table_between_markers(self) -> None:
        readme = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
        once = table.spliced(readme, "new")
        self.assertEqual(once, table.spliced(once, "new"))
        self.assertNotIn("old", once)
        self.assertTrue(once.startswith("before\n") and once.endswith("\nafter\n"))
        with self.assertRaises(ValueError):
            table.spliced("no markers", "new")


if __name__ == "__main__":
    unittest.main()
