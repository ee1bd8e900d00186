"""Which programs each door guards."""

import json
import os
from collections.abc import Sequence

from testbed.api import Test
from testbed.coverage import DOORS, GUARDED, NOT_STARTED, PRELOAD, PROGRAMS, PROVIDER, SEEN, Coverage

TIME_LIMIT = 7200  # all of it; seconds a run
IN_EACH_CHECK = "pyverbs,UCX"
CHOSEN = os.environ.get("RDMASEC_COVERAGE", IN_EACH_CHECK)
CHOSEN_DOORS = os.environ.get("RDMASEC_DOORS", "all")

# What is not guarded: what it does instead, and why; all others have to be.
NOT_COVERED = {
    ("a static binary", PRELOAD): (NOT_STARTED, "statically linked"),
    ("a static binary", PROVIDER): (SEEN, "it loads no libibverbs.so"),
    ("a Go program", PRELOAD): (NOT_STARTED, "statically linked"),
    ("a Go program", PROVIDER): (SEEN, "it loads no libibverbs.so"),
    ("a program with raw system calls", PRELOAD): (SEEN, "it does not call ioctl(3)"),
    ("a program with raw system calls", PROVIDER): (SEEN, "it loads no libibverbs.so"),
    ("a program in a container", PRELOAD): (SEEN, "LD_PRELOAD does not reach into the container, nor does its image have the library"),
    ("a program in a container", PROVIDER): (SEEN, "its image has no module"),
    ("a setuid program", PRELOAD): (NOT_STARTED, "the loader ignores LD_PRELOAD there"),
}


def chosen(things: Sequence, names: str) -> list:
    return [thing for thing in things if names == "all" or any(part in thing.name for part in names.split(","))]


def run(t: Test) -> None:
    coverage = Coverage(t, chosen(PROGRAMS, CHOSEN), chosen(DOORS, CHOSEN_DOORS))
    coverage.in_clear()
    coverage.with_ipsec()
    for cell in coverage.cells.values():
        expected, cell.why = NOT_COVERED.get((cell.program, cell.door), (GUARDED, ""))
        t.check(cell.verdict == expected, f"{cell.program}, {cell.door}: {expected}", json.dumps(cell.__dict__, indent=1))
    written = {
        "kernel": t.a.run("uname -r", check=True).out.strip(),
        "rdma-core": t.a.run("dpkg-query -W -f '${Version}' libibverbs1", check=True).out,
        "cells": coverage.as_json(),
    }
    (t.results / "coverage.json").write_text(json.dumps(written, indent=1) + "\n")
