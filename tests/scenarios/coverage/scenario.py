# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The programs that each door guards."""

import json
import os
from collections.abc import Sequence

from testbed.api import Test
from testbed.coverage import DOORS, GUARDED, NOT_COVERED, PROGRAMS, Coverage

TIME_LIMIT = 7200  # s for the whole table; a run takes seconds
IN_EACH_CHECK = "pyverbs,ucx_perftest"
CHOSEN = os.environ.get("RDMASEC_COVERAGE", IN_EACH_CHECK)
# Another scenario covers containers.
CHOSEN_DOORS = os.environ.get("RDMASEC_DOORS", "preload,provider module,supervisor")


def chosen(things: Sequence, names: str) -> list:
    return [thing for thing in things if names == "all" or any(part in thing.name for part in names.split(","))]


def run(t: Test) -> None:
    coverage = Coverage(t, chosen(PROGRAMS, CHOSEN), chosen(DOORS, CHOSEN_DOORS))
    coverage.in_clear()
    coverage.with_ipsec()
    for cell in coverage.cells.values():
        expected, _ = NOT_COVERED.get((cell.program, cell.door), (GUARDED, ""))
        t.check(cell.verdict == expected, f"{cell.program}, {cell.door}: {expected}", json.dumps(cell.__dict__, indent=1))
    written = {
        "kernel": t.a.run("uname -r", check=True).out.strip(),
        "rdma-core": t.a.run("dpkg-query -W -f '${Version}' libibverbs1", check=True).out,
        "cells": coverage.as_json(),
    }
    (t.results / "coverage.json").write_text(json.dumps(written, indent=1) + "\n")
