# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Results whose figures do not bear them out are told, and so is a table that was edited by hand."""

from __future__ import annotations

import copy
import unittest

from . import coverage_table as table
from .coverage import GUARDED, NOT_STARTED, PRELOAD, SEEN, UNDECIDED

GUARDED_CELL = {
    "program": "rping",
    "door": PRELOAD,
    "bare": {"ran": True, "exit": 0, "frames": {"clear_data": 60}, "said": []},
    "refused": {"ran": False, "exit": 1, "frames": {}, "said": ["rdmasec: refused"]},
    "protected": {"ran": True, "exit": 0, "frames": {"esp": 65}, "said": []},
    "verdict": GUARDED,
}
RAN_IN_CLEAR = {"ran": True, "exit": 0, "frames": {"clear_data": 4}, "said": []}


def changed(**fields: dict[str, object]) -> dict:
    """The cell above with other fields in some of its runs."""
    cell = copy.deepcopy(GUARDED_CELL)
    for name, change in fields.items():
        cell[name] = {**cell[name], **change} if isinstance(change, dict) else change
    return cell


class BorneOut(unittest.TestCase):
    def test_guarded(self) -> None:
        self.assertTrue(table.borne_out(GUARDED_CELL))

    def test_guarded_without_what_it_takes(self) -> None:
        for what, cell in {
            "bare was not seen": changed(bare={"frames": {}}),
            "bare did not run": changed(bare={"ran": False}),
            "went on in clear": changed(refused={"frames": {"clear_data": 1}}),
            "sent connection management in clear": changed(refused={"frames": {"clear_cm": 1}}),
            "sent what could not be parsed": changed(refused={"frames": {"malformed": 1}}),
            "ended well": changed(refused={"exit": 0}),
            "was refused by nobody": changed(refused={"said": []}),
            "never ran protected": changed(protected=None),
            "failed protected": changed(protected={"ran": False}),
            "sent no ESP": changed(protected={"frames": {}}),
            "sent other than ESP": changed(protected={"frames": {"esp": 65, "clear_data": 1}}),
        }.items():
            self.assertFalse(table.borne_out(cell), what)

    def test_not_covered(self) -> None:
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

    def test_cells_and_notes(self) -> None:
        lines = table.render(self.RESULTS).splitlines()
        self.assertIn("| rping | guarded | not run | not run | not run |", lines)
        self.assertIn("| a Go program | not covered [1] | not run | not run | not run |", lines)
        self.assertTrue(any(line.startswith(f"1. {SEEN}: ") for line in lines))

    def test_spliced(self) -> None:
        readme = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
        once = table.spliced(readme, "new")
        self.assertEqual(once, table.spliced(once, "new"))
        self.assertNotIn("old", once)
        self.assertTrue(once.startswith("before\n") and once.endswith("\nafter\n"))
        with self.assertRaises(ValueError):
            table.spliced("no markers", "new")


if __name__ == "__main__":
    unittest.main()
