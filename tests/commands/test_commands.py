# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The programs from outside: exit status, output and errors that need no RDMA device and no engine.

    test_commands.py BUILD      BUILD: the build folder
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path()
NOTHING = "rdmasec-none0"  # neither a device nor a netdev
UNKNOWN, USAGE = 3, 2
# The commands that print JSON -> the form: an array of objects, one object, or one object a line.
PATH = ("-d", NOTHING, "-g", "0")
JSON: dict[tuple[str, ...], type] = {
    ("status",): list,
    ("check", *PATH): dict,
    ("check", "-n", NOTHING): list,
    ("wait", *PATH, "--timeout", "0"): dict,
    ("wait", "-n", NOTHING, "--timeout", "0"): list,
    ("wait", "--all", "--timeout", "0"): list,
    ("qps",): list,
    ("monitor",): dict,
}
SUBCOMMANDS = ("run", "status", "check", "wait", "qps", "monitor", "lockdown", "policy", "install-provider", "remove-provider")


def call(program: str, *arguments: str, stdout: int | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Without an engine, unless a variable names one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RDMASEC_")}
    environment |= {"RDMASEC_ENGINE": "@rdmasec-test-none"} | variables
    return subprocess.run(
        [BUILD / "bin" / program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        timeout=60,
    )


class Output(unittest.TestCase):
    def fails(self, program: str, *arguments: str) -> None:
        with open("/dev/full", "w") as full:
            done = call(program, *arguments, stdout=full.fileno())
        self.assertNotIn(done.returncode, (0, -13), arguments)
        self.assertIn("No space left on device", done.stderr, arguments)

    def test_full_device_fails_each_program(self) -> None:
        for program in ("rdmasec", "rdmasecd", "rdmasec-agentd"):
            for option in ("--help", "-h", "--version")[:: 2 if program == "rdmasec" else 1]:
                self.fails(program, option)

    def test_full_device_fails_each_command(self) -> None:
        self.fails("rdmasec", "help")
        for name in SUBCOMMANDS:
            self.fails("rdmasec", name, "--help")
        for command in JSON:
            self.fails("rdmasec", *command, "--json")
        for command in JSON:
            if command[0] in ("check", "wait"):
                self.fails("rdmasec", *command)
        with tempfile.NamedTemporaryFile() as empty:
            self.fails("rdmasec", "policy", "check", empty.name)

    def test_closed_output_fails(self) -> None:
        done = subprocess.run(["sh", "-c", f"{BUILD}/bin/rdmasec --version >&-"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, UNKNOWN)
        self.assertIn("Bad file descriptor", done.stderr)

    def test_closed_reader_is_no_error(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        done = call("rdmasec", "--help", stdout=writer)
        os.close(writer)
        self.assertIn(done.returncode, (0, -13))
        self.assertEqual(done.stderr, "")


class Json(unittest.TestCase):
    def test_each_command_prints_json(self) -> None:
        for command, form in JSON.items():
            done = call("rdmasec", *command, "--json")
            said = json.loads(done.stdout)
            self.assertIsInstance(said, form, command)
            objects = said if isinstance(said, list) else [said]
            self.assertTrue(all(isinstance(item, dict) and item for item in objects), command)
            if not Path("/sys/class/infiniband").exists():
                self.assertEqual(done.returncode, UNKNOWN, command)

    def test_mistake_in_policy_is_printed_as_json(self) -> None:
        for command, form in JSON.items():
            if command[0] in ("status", "check", "wait"):
                done = call("rdmasec", *command, "--json", "-p", "/nonexistent")
                said = json.loads(done.stdout)
                self.assertIsInstance(said, form, command)
                self.assertIn("/nonexistent", (said[0] if form is list else said)["error"])
                self.assertEqual(done.returncode, USAGE, command)

    def test_device_that_does_not_exist_is_unknown(self) -> None:
        for command in ("check", "wait"):
            timeout = ("--timeout", "0") if command == "wait" else ()
            for choice in (PATH, ("-n", NOTHING)):
                done = call("rdmasec", command, *choice, *timeout)
                self.assertEqual(done.returncode, UNKNOWN, done)
                self.assertTrue(done.stdout.startswith("unknown: "), done)
                said = json.loads(call("rdmasec", command, *choice, *timeout, "--json").stdout)
                said = said[0] if isinstance(said, list) else said
                self.assertEqual(said["verdict"], "unknown")
                self.assertIn(said["reason"], ("device-unknown", "no-gid"))


class Arguments(unittest.TestCase):
    def test_wrong_arguments_print_usage(self) -> None:
        for command in (
            ("check",),
            ("check", "-d", "rxe0"),
            ("check", "-g", "1"),
            ("check", *PATH, "-n", NOTHING),
            ("check", *PATH, "-i", "0"),
            ("check", *PATH, "-r", "10.0.0"),
            ("check", "-d", "", "-g", "1"),
            ("check", "-n", ""),
            ("check", *PATH, "--all"),
            ("check", *PATH, "more"),
            ("wait",),
            ("wait", "--all", "-n", NOTHING),
            ("wait", "--all", "-r", "10.0.0.1"),
            ("wait", "--all", "--timeout", "-1"),
            ("wait", "--all", "--timeout", "1s"),
            ("wait", "--all", "--timeout", ""),
            ("wait", "--all", "--timeout", "99999999999"),
            ("status", "more"),
            ("qps", "--all"),
            ("monitor", "more"),
            ("policy", "check"),
            ("nonsense",),
            (),
        ):
            done = call("rdmasec", *command)
            self.assertEqual(done.returncode, USAGE, command)
            self.assertIn("usage:", done.stderr, command)
            self.assertEqual(done.stdout, "", command)

    def test_each_program_has_help_and_version(self) -> None:
        for program in ("rdmasec", "rdmasecd", "rdmasec-agentd"):
            version = call(program, "--version")
            self.assertEqual((version.returncode, version.stderr), (0, ""))
            self.assertRegex(version.stdout, rf"^{program} \d+\.\d+\.\d+\n$")
            for option in ("--help", "-h"):
                done = call(program, option)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("usage:", done.stdout)
        for name in SUBCOMMANDS:
            for option in ("--help", "-h"):
                done = call("rdmasec", name, option)
                self.assertEqual((done.returncode, done.stderr), (0, ""), name)
                self.assertTrue(done.stdout.startswith(f"usage: rdmasec {name}"), name)

    def test_empty_variables_count_as_unset(self) -> None:
        self.assertEqual(
            call("rdmasec", "check", *PATH, RDMASEC_POLICY="").stdout, call("rdmasec", "check", *PATH).stdout
        )
        self.assertEqual(call("rdmasec", "check", *PATH, RDMASEC_POLICY="/nonexistent").returncode, USAGE)
        empty = call("rdmasec", "monitor", RDMASEC_ENGINE="")
        self.assertNotIn("cannot ask the engine :", empty.stderr)
        done = call("rdmasec", "check", *PATH, "-p", "")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("the name of the policy file is empty", done.stderr)


class Waiting(unittest.TestCase):
    def test_timeout_ends_the_wait_with_the_reason(self) -> None:
        done = call("rdmasec", "wait", *PATH, "--timeout", "1")
        self.assertEqual(done.returncode, UNKNOWN)
        self.assertTrue(done.stdout.startswith("unknown: "))
        self.assertTrue(done.stderr.startswith("rdmasec: waiting: "), done.stderr)
        self.assertIn("unknown (reason=device-unknown): ", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, "each reason is said once")


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Units(unittest.TestCase):
    def test_systemd_accepts_units(self) -> None:
        """The programs stand in the build folder, not where the units expect them."""
        sources = [*BUILD.rglob("rdmasec*.service"), *(TOP / "contrib/systemd").glob("*.socket")]
        sources += (TOP / "contrib/systemd").glob("*.target")
        self.assertGreaterEqual(len({path.name for path in sources}), 5)
        with tempfile.TemporaryDirectory() as folder:
            for path in sources:
                text = re.sub(r"(?<==)/\S*/(?=rdmasec)", f"{BUILD}/bin/", path.read_text())
                (Path(folder) / path.name).write_text(text)
            units = [str(path) for path in sorted(Path(folder).iterdir())]
            command = ["systemd-analyze", "verify", "--man=no", *units]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:"})
            said = [line for line in done.stderr.splitlines() if "rdmasec" in line]
            self.assertEqual((done.returncode, said), (0, []), done.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BUILD = Path(sys.argv.pop(1)).resolve()
    unittest.main()
