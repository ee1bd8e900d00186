#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The scripts of contrib/slurm and contrib/apptainer: test_recipes.py LIBRARY"""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PROLOG = TOP / "contrib" / "slurm" / "task-prolog"
APPTAINER = TOP / "contrib" / "apptainer" / "rdmasec-apptainer"
LIBRARY = ""


def call(*words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", "ASAN_OPTIONS")} | settings
    return subprocess.run([str(word) for word in words], env=env, capture_output=True, text=True, check=False)


class TaskProlog(unittest.TestCase):
    """Slurm reads lines of "export NAME=VALUE" and "print TEXT"."""

    def test_exports_library(self) -> None:
        said = call(PROLOG, RDMASEC_LIBRARY=LIBRARY)
        self.assertEqual(said.returncode, 0)
        self.assertEqual(said.stdout, f"export LD_PRELOAD={LIBRARY}\nexport ASAN_OPTIONS=verify_asan_link_order=0\n")

    def test_keeps_settings_of_the_job(self) -> None:
        said = call(PROLOG, RDMASEC_LIBRARY=LIBRARY, LD_PRELOAD="libc.so.6", ASAN_OPTIONS="verify_asan_link_order=1")
        self.assertEqual(said.stdout, f"export LD_PRELOAD={LIBRARY}:libc.so.6\n")

    def test_starts_no_task_without_library(self) -> None:
        said = call(PROLOG, RDMASEC_LIBRARY="/nowhere/librdmasec-preload.so")
        self.assertEqual(said.returncode, 1)
        self.assertRegex(said.stdout, r"^print rdmasec: /nowhere/\S+ is not readable on \S+: the task is not started\n$")


# A /run in which rdmasecd is installed to run.
OWN_RUN = ("unshare", "-r", "-m", "sh", "-c", 'mount -t tmpfs run /run && mkdir /run/rdmasec && exec "$@"', "sh")


@unittest.skipUnless(call(*OWN_RUN, "true").returncode == 0, "needs a mount namespace of its own")
class Apptainer(unittest.TestCase):
    """With the substitute beside this file."""

    def run_in(self, image: str, *words: str, library: str = "") -> subprocess.CompletedProcess[str]:
        settings = {"APPTAINER": str(TOP / "tests" / "recipes" / "apptainer"), "RDMASEC_LIBRARY": library or LIBRARY}
        return call(*OWN_RUN, APPTAINER, image, *words, **settings)

    def test_loads_library_in_image(self) -> None:
        said = self.run_in("host", "grep", "-c", "librdmasec-preload", "/proc/self/maps")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertGreater(int(said.stdout), 0)

    def test_passes_status_of_command(self) -> None:
        self.assertEqual(self.run_in("host", "sh", "-c", "exit 7").returncode, 7)

    def test_starts_nothing_in_image_that_cannot_load_it(self) -> None:
        said = self.run_in("musl", "echo", "started")
        self.assertEqual((said.returncode, said.stdout), (126, ""))
        self.assertIn("musl cannot load", said.stderr)

    def test_starts_nothing_without_library(self) -> None:
        said = self.run_in("host", "echo", "started", library="/nowhere/librdmasec-preload.so")
        self.assertEqual((said.returncode, said.stdout), (126, ""))


if __name__ == "__main__":
    LIBRARY = sys.argv.pop(1)
    unittest.main()
