#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Runs rdma-core's own python tests in this process, and writes the result of each: run_suite.py --help.

One JSON object per line, written before and after each test, so that the last line names the test in which a guest died.
The names on stdout are the progress that the testbed sees.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import shutil
import signal
import sys
import tempfile
import time
import traceback
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

SUITE = Path("/usr/share/doc/rdma-core/tests")  # of Debian's rdma-core, partly gzipped


class TookTooLong(Exception):
    """A test that does not end fails, and the run continues."""


def unpack(suite: Path, folder: Path) -> None:
    for source in suite.iterdir():
        if source.suffix == ".gz":
            with gzip.open(source) as packed, (folder / source.stem).open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        else:
            shutil.copy(source, folder)


def each(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        else:
            yield test


class Diary(unittest.TestResult):
    """A TestResult that writes a file."""

    def __init__(self, file: TextIO, limit: int) -> None:
        super().__init__()
        self.file = file
        self.limit = limit
        self.outcome: dict[str, str] = {}
        self.began = 0.0

    def write(self, **fields: object) -> None:
        self.file.write(json.dumps(fields) + "\n")
        self.file.flush()

    def startTest(self, test: unittest.TestCase) -> None:
        print(test.id(), flush=True)
        self.write(test=test.id(), outcome="started")
        self.outcome = {"outcome": "passed"}
        self.began = time.monotonic()
        signal.alarm(self.limit)

    def stopTest(self, test: unittest.TestCase) -> None:
        signal.alarm(0)
        self.write(test=test.id(), seconds=round(time.monotonic() - self.began, 2), **self.outcome)

    def addFailure(self, test: unittest.TestCase, error: Any) -> None:
        # A subtest or teardown that fails comes later, and must not be lost.
        self.outcome = {"outcome": "failed", "why": "".join(traceback.format_exception(*error))[-2000:]}

    def addError(self, test: unittest.TestCase, error: Any) -> None:
        self.addFailure(test, error)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, error: Any) -> None:
        if error:
            self.addFailure(test, error)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.outcome = {"outcome": "skipped", "why": reason}


def give_address(base: Any, netdev: str) -> None:
    """Gives the rdma_cm tests an address: rxe has no device/net in sysfs, where the suite looks for one."""

    def get_ip_mac(self: Any, dev: str, port: int, index: int) -> None:
        self.args.append([dev, port, index, *self.get_ip_mac_address(netdev)])

    base.RDMATestCase._get_ip_mac = get_ip_mac


def expire(*_: object) -> None:
    raise TookTooLong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", required=True)
    parser.add_argument("--gid", required=True, type=int)
    parser.add_argument("--netdev", required=True, help="whose first address rdma_cm is to use")
    parser.add_argument("--out", required=True, type=Path, help="the diary")
    parser.add_argument("--limit", type=int, default=600, help="seconds for one test")
    parser.add_argument("--exclude", action="append", default=[], help="a test, as test_qp.QPTest.test_...")
    parser.add_argument("modules", nargs="*", help="test_qp ...; all, if none is given")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder, options.out.open("w") as diary:
        home = Path(folder) / "tests"
        home.mkdir()
        unpack(SUITE, home)
        # As in run_tests.py: the helpers of the suite are in its own folder, and it reads its options from argv.
        sys.path[:0] = [folder, str(home)]
        sys.argv = ["run_tests.py", "--dev", options.dev, "--gid", str(options.gid)]
        importlib.import_module("args_parser").parser.parse_args()
        give_address(importlib.import_module("tests.base"), options.netdev)
        names = options.modules or sorted(path.stem for path in home.glob("test_*.py"))
        result = Diary(diary, options.limit)
        signal.signal(signal.SIGALRM, expire)
        for name in names:
            for test in each(unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(f"tests.{name}"))):
                if test.id().removeprefix("tests.") not in options.exclude:
                    test.run(result)
        result.write(outcome="ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
