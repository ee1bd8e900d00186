# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unit tests of the commands that need no shell."""

from __future__ import annotations

import os
import subprocess
import unittest

from .agent import in_shell, without_shell


def output(words: list[str], more: dict[str, str]) -> str:
    return subprocess.run(words, env={**os.environ, **more}, capture_output=True, text=True).stdout


class WithoutShell(unittest.TestCase):
    def test_plain_words_are_the_program_and_its_arguments(self) -> None:
        self.assertEqual(without_shell("ip -j  link show\tdev eth0"), (["ip", "-j", "link", "show", "dev", "eth0"], {}))

    def test_exec_is_what_happens_anyway(self) -> None:
        self.assertEqual(without_shell("exec env A=b /bin/true"), (["env", "A=b", "/bin/true"], {}))

    def test_assignments_before_the_program_are_its_environment(self) -> None:
        self.assertEqual(without_shell("A=b C= exec /bin/true D=e"), (["/bin/true", "D=e"], {"A": "b", "C": ""}))

    def test_an_assignment_after_exec_is_the_name_of_a_program(self) -> None:
        self.assertEqual(without_shell("exec A=b true"), (["A=b", "true"], {}))

    def test_a_builtin_needs_the_shell(self) -> None:
        for cmd in (":", "echo there", "exec", "A=b", "cd /", "kill -9 1", "wait", "time ip link", "test -e /x", "A=b exec"):
            self.assertEqual(without_shell(cmd), (in_shell(cmd), {}), cmd)

    def test_what_the_shell_would_read_needs_it(self) -> None:
        for sign in "|&;<>()$`\\\"' *?[]#~{}!^\n\r\v":
            if sign != " ":
                cmd = f"ip link{sign}"
                self.assertEqual(without_shell(cmd), (in_shell(cmd), {}), cmd)

    def test_all_words_of_the_shell_are_known(self) -> None:
        told = subprocess.run(["/bin/bash", "-c", "compgen -bk"], capture_output=True, text=True, check=True).stdout
        for word in told.split():
            self.assertEqual(without_shell(word), (in_shell(word), {}), word)

    def test_program_and_environment_are_those_that_the_shell_gives(self) -> None:
        cmd = "A=b exec env C=d printenv A C"
        words, more = without_shell(cmd)
        self.assertNotEqual(words, in_shell(cmd))
        bare, shell = output(words, more), output(in_shell(cmd), {})
        self.assertEqual(bare, shell)
        self.assertEqual(bare.split(), ["b", "d"])


if __name__ == "__main__":
    unittest.main()
