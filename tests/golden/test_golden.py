# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Help texts and error messages of each program, compared with tests/golden/commands/PROGRAM.txt.

    test_golden.py BUILD         BUILD: the build folder

RDMASEC_GOLDEN=write writes the files. Only what is the same on every host is here: no case needs a device or an engine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent / "commands"
BUILD = Path()
WRITES = os.environ.get("RDMASEC_GOLDEN") == "write"

USAGE = "[the help text]\n"
MISTAKE = "[default]\nrequire = ipsec\nmode = on\n"
POLICY = "[rule storage]\nmatch-device = mlx5_*\nmatch-remote = 10.20.0.0/16\nrequire = ipsec\n[default]\nmode = audit\n"

# Command lines by program. TMP is a folder with the files of make_files(); BUILD is the build folder.
CASES: dict[str, tuple[str, ...]] = {
    "rdmasec": (
        "rdmasec --help",
        "rdmasec",
        "rdmasec no-such-command",
    ),
    "run": (
        "rdmasec run --help",
        "rdmasec run",
        "rdmasec run --no-such-option -- true",
        "rdmasec run -- TMP/no-such-program",
        "rdmasec run -- TMP/not-executable",
        "rdmasec run -- TMP/static",
    ),
    "status": (
        "rdmasec status --help",
        "rdmasec status --no-such-option",
        "rdmasec status superfluous",
        "rdmasec status -p TMP/mistake",
        "rdmasec status -p TMP/no-such-policy",
    ),
    "check": (
        "rdmasec check --help",
        "rdmasec check -d rxe0",
        "rdmasec check -d rxe0 -g -1",
        "rdmasec check -d rxe0 -g 0 -i 256",
        "rdmasec check -d rxe0 -g 0 -r 10.0.0",
        "rdmasec check -d rxe0 -g 0 -p TMP/mistake",
    ),
    "wait": (
        "rdmasec wait --help",
        "rdmasec wait --all --timeout x",
        "rdmasec wait -d rxe0 -g 0 --all",
        "rdmasec wait --all -p TMP/mistake --json",
    ),
    "qps": ("rdmasec qps --help", "rdmasec qps superfluous"),
    "monitor": (
        "rdmasec monitor --help",
        "rdmasec monitor superfluous",
        "rdmasec monitor",
        "rdmasec monitor --json",
    ),
    "lockdown": (
        "rdmasec lockdown --help",
        "rdmasec lockdown",
        "rdmasec lockdown on --json",
        "rdmasec lockdown off -p TMP/policy",
        "rdmasec lockdown status superfluous",
        "rdmasec lockdown on --dry-run no-such-netdev",
        "rdmasec lockdown on --dry-run -p TMP/mistake",
    ),
    "policy": (
        "rdmasec policy --help",
        "rdmasec policy",
        "rdmasec policy no-such-command",
        "rdmasec policy check TMP/policy",
        "rdmasec policy check TMP/mistake",
        "rdmasec policy check TMP/no-such-policy",
        "rdmasec policy check TMP",
    ),
    "install-provider": (
        "rdmasec install-provider --help",
        "rdmasec install-provider superfluous",
        "rdmasec install-provider --root TMP/no-such-root",
        "rdmasec install-provider --root TMP/root",
    ),
    "remove-provider": (
        "rdmasec remove-provider --help",
        "rdmasec remove-provider superfluous",
        "rdmasec remove-provider --root TMP/root",
    ),
    "rdmasecd": (
        "rdmasecd -h",
        "rdmasecd -x",
        "rdmasecd superfluous",
        "rdmasecd -n -p TMP/policy",
        "rdmasecd -n -p TMP/mistake",
        "rdmasecd -n -p TMP/no-such-policy",
        "rdmasecd -p TMP/policy -a TMP/no-such-folder/log",
    ),
    "rdmasec-agentd": ("rdmasec-agentd -h", "rdmasec-agentd -x", "rdmasec-agentd superfluous"),
}


def make_files(folder: Path) -> None:
    (folder / "mistake").write_text(MISTAKE)
    (folder / "policy").write_text(POLICY)
    (folder / "not-executable").write_text("")
    (folder / "root").mkdir()
    header = bytearray(Path(sys.executable).resolve().read_bytes()[:64])
    header[56:58] = b"\0\0"  # e_phnum: without PT_INTERP
    (folder / "static").write_bytes(header)
    (folder / "static").chmod(0o755)


def run(case: str, folder: Path) -> tuple[str, int]:
    """Returns what a user sees, and the exit status."""
    line = case.replace("TMP", str(folder)).replace("BUILD", str(BUILD))
    program, *arguments = line.split()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "RDMASEC_ENGINE": "@rdmasec-golden-no-engine"}
    if program == "rdmasecd" or " -p " in case:
        del environment["RDMASEC_ENGINE"]
    done = subprocess.run(
        [BUILD / "bin" / program, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    said = done.stdout.replace(str(folder), "TMP").replace(str(BUILD / "bin" / program), program).replace(str(BUILD), "BUILD")
    return said, done.returncode


def run_all(cases: Sequence[str], folder: Path) -> str:
    """Returns the file of one program. The first case is its help, which usage errors repeat."""
    ran = [(case, *run(case, folder)) for case in cases]
    usage = ran[0][1]
    parts = (f"== {case} ==\n{said.replace(usage, USAGE) if case != cases[0] else said}(exit status {code})\n" for case, said, code in ran)
    return "\n".join(parts)


class Golden(unittest.TestCase):
    maxDiff = None

    def test_each_program(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_files(folder)
            for program, cases in CASES.items():
                with self.subTest(program):
                    self.compare(GOLDEN / f"{program}.txt", run_all(cases, folder))

    def compare(self, file: Path, said: str) -> None:
        if WRITES:
            file.write_text(said)
        self.assertEqual(file.read_text() if file.exists() else "", said, file.name)

    def test_no_file_is_superfluous(self) -> None:
        self.assertEqual({file.stem for file in GOLDEN.iterdir()}, set(CASES))


if __name__ == "__main__":
    BUILD = Path(sys.argv.pop(1)).resolve()
    unittest.main()
