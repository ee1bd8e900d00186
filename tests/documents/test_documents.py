# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Documents and tree agree on options, commands, keys, variables and files.

    test_documents.py BUILD      BUILD: the build folder
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterable
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
MAN = TOP / "man"
BUILD = Path()
DOCUMENTS = [*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *MAN.glob("*.scd"), *TOP.glob("*/README*"), *TOP.glob("*/*/README*")]
SUBCOMMANDS = ("run", "status", "check", "wait", "qps", "monitor", "lockdown", "policy", "install-provider", "remove-provider")


def output(program: str, *arguments: str) -> str:
    done = subprocess.run([BUILD / "bin" / program, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, f"{program} {arguments}: {done}"
    return re.sub(r"\n {15,}(?=\[)", " ", done.stdout)  # a synopsis that continues on another line


def page(name: str) -> str:
    return (MAN / f"{name}.scd").read_text()


def section(text: str, title: str) -> str:
    match = re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", text, re.M | re.S)
    assert match, f"no section {title}"
    return match[1]


def plain(text: str) -> str:
    """Returns the text without the marks of scdoc."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<![\w\\])[*_]|(?<!\\)[*_](?!\w)", "", text))


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z]+(?:-[a-z]+)*", text))


def found(pattern: str, text: str, flags: int = 0) -> str:
    """Returns the first group of the first match, which must exist."""
    match = re.search(pattern, text, flags)
    assert match, f"{pattern} is not in the text"
    return match[1]


def usage(text: str) -> str:
    """Returns the usage line of a command."""
    return found(r"^usage: (.*)$", text, re.M)


def sources(folders: Iterable[str], ending: str) -> str:
    return "".join(path.read_text() for folder in folders for path in sorted((TOP / folder).rglob(f"*{ending}")))


class Commands(unittest.TestCase):
    def test_synopsis_equals_help(self) -> None:
        documented = [line.strip() for line in output("rdmasec", "--help").splitlines() if line.startswith("  rdmasec ")]
        lines = plain(section(page("rdmasec.1"), "SYNOPSIS")).replace("++", "").split("\n")
        self.assertEqual(documented, [line for line in lines if line])

    def test_help_of_each_subcommand_equals_general_help(self) -> None:
        documented = output("rdmasec", "--help")
        for name in SUBCOMMANDS:
            self.assertIn(f"  {usage(output('rdmasec', name, '--help'))}\n", documented)

    def test_help_lists_all_subcommands(self) -> None:
        named = {line.split()[1] for line in output("rdmasec", "--help").splitlines() if line.startswith("  rdmasec ")}
        self.assertEqual(named - {"--version"}, set(SUBCOMMANDS))

    def test_pages_of_daemons_equal_their_help(self) -> None:
        for name in ("rdmasecd", "rdmasec-agentd"):
            text, documented = page(f"{name}.8"), output(name, "-h")
            self.assertEqual(documented, output(name, "--help"))
            self.assertRegex(output(name, "--version"), rf"^{name} \d+\.\d+\.\d+\n$")
            self.assertIn("*--help*, *--version*", section(text, "OPTIONS"))
            self.assertEqual(plain(section(text, "SYNOPSIS")).strip(), usage(documented))
            described = set(re.findall(r"^\*(-\w)\*", section(text, "OPTIONS"), re.M))
            self.assertEqual(described, options(usage(documented)), name)
            self.assertEqual(described, set(re.findall(r"^  (-\w) ", documented, re.M)), name)

    def test_help_lists_options_of_getopt(self) -> None:
        for source, command in {
            "rdmasecd/main.c": ("rdmasecd", "-h"),
            "agent/main.c": ("rdmasec-agentd", "-h"),
            "tools/cmd_run.c": ("rdmasec", "run", "--help"),
            "tools/cmd_status.c": ("rdmasec", "status", "--help"),
            "tools/cmd_check.c": ("rdmasec", "check", "--help"),
            "tools/cmd_wait.c": ("rdmasec", "wait", "--help"),
            "tools/options.c": ("rdmasec", "qps", "--help"),
            "tools/cmd_provider.c": ("rdmasec", "install-provider", "--help"),
        }.items():
            text = (TOP / source).read_text()
            letters = found(r'getopt(?:_long)?\(argc, argv, "\+?([a-z:]+)"', text).replace(":", "")
            taken = {f"-{letter}" for letter in letters}
            taken |= {f"--{word}" for word in re.findall(r'\{ "([a-z-]+)", (?:no|required)_argument', text)}
            self.assertEqual(taken - {"-h", "--help", "--version"}, options(usage(output(*command))), source)


class Policy(unittest.TestCase):
    def test_page_lists_keys_of_parser(self) -> None:
        known = set(re.findall(r'^\t\[KEY_\w+\] = \{ "([a-z-]+)"', (TOP / "core/policy/keys.c").read_text(), re.M))
        self.assertGreater(len(known), 10)
        documented = set(re.findall(r"^\*([a-z-]+)\* = ", page("rdmasec.policy.5"), re.M))
        self.assertEqual(documented, known)

    def test_page_has_built_in_values(self) -> None:
        with tempfile.NamedTemporaryFile() as empty:
            said = output("rdmasec", "policy", "check", empty.name)
        built_in = dict(re.findall(r"^([a-z-]+) = (.*)$", said, re.M))
        keys = re.split(r"^\*([a-z-]+)\* = ", section(page("rdmasec.policy.5"), "KEYS"), flags=re.M)[1:]
        documented = {key: re.search(r"Built in: [*_]([a-z0-9]+)[*_]", text) for key, text in zip(keys[::2], keys[1::2])}
        self.assertEqual(set(documented), set(built_in))
        for key, value in documented.items():
            if key != "ciphers":
                self.assertEqual(value and value[1], built_in[key], key)


class Reasons(unittest.TestCase):
    """rdmasec-reasons(7) has the codes of core/messages/reason.def, in that order, each with the same hint."""

    def test_codes_and_hints(self) -> None:
        known: list[tuple[str, str]] = []
        source = (TOP / "core/messages/reason.def").read_text()
        text = r'((?:"[^"]*"\s*)+)'
        rows = re.findall(rf'^(REASON|DIRECTED)\(\w+, "([a-z0-9-]+)", \w+,\s*{text},\s*{text}\)$', source, re.M)
        self.assertEqual(len(rows), len(re.findall(r"^REASON\(|^DIRECTED\(", source, re.M)))
        for kind, code, _, texts in rows:
            hint = "".join(re.findall(r'"([^"]*)"', texts))
            codes = [code] if kind == "REASON" else [f"outbound-{code}", f"inbound-{code}"]
            if (codes[-1], hint) != (known or [("", "")])[-1]:  # else another sentence of the same code
                known += [(code, hint) for code in codes]
        self.assertGreater(len(known), 100)
        self.assertEqual(len(known), len({code for code, _ in known}), "a code has two hints, or is listed twice")
        documented: list[tuple[str, str]] = []
        for named, text in re.findall(r"^(\*[a-z0-9-]+\*(?:, \*[a-z0-9-]+\*)?)\n((?:\t.*\n)+)", page("rdmasec-reasons.7"), re.M):
            tried = re.search(r" Try: \*([^*]*)\*$", " ".join(text.split()))
            documented += [(code, tried[1] if tried else "") for code in re.findall(r"[a-z0-9-]+", named)]
        self.assertEqual(documented, known)


class Variables(unittest.TestCase):
    def test_page_lists_variables_of_programs(self) -> None:
        read = set(re.findall(r'getenv\("(\w+)"\)', sources(("door", "interpose", "providers", "tools"), ".c"))) - {"PATH"}
        self.assertEqual(set(re.findall(r"^_(\w+)_$", section(page("rdmasec.1"), "ENVIRONMENT"), re.M)), read)

    def test_readme_lists_variables_of_testbed(self) -> None:
        text = sources(("buildlib", "tests/scenarios"), ".py")
        read = set(re.findall(r'environ(?:\.get\(|\[)"(RDMASEC_\w+)"', text))
        documented = set(re.findall(r"^\| `(\w+)` \|", (TOP / "buildlib/testbed/README.md").read_text(), re.M))
        self.assertEqual(documented, read)


class Files(unittest.TestCase):
    def test_named_files_exist(self) -> None:
        folders = [path.name for path in TOP.iterdir() if path.is_dir() and not path.name.startswith((".", "build-"))]
        named = re.compile(rf"(?<![\w/.$\-])((?:{'|'.join(folders)})/[\w.\-/]*\w)")
        for document in DOCUMENTS:
            for path in named.findall(document.read_text()):
                if path == "contrib/seccomp" or path.startswith("tests/scenarios/my-first"):  # containerd's; a reader's
                    continue
                here = (BUILD.parent if path.startswith("build/") else TOP) / path
                built = BUILD / Path(path).relative_to("build") if path.startswith("build/") else here
                self.assertTrue(built.exists(), f"{document.relative_to(TOP)}: {path}")

    def test_documents_name_each_folder(self) -> None:
        text = (TOP / "README.md").read_text()
        for path in sorted(TOP.glob("*/")):
            if path.is_dir() and not path.name.startswith((".", "build")) and path.name != "LICENSES":
                self.assertRegex(text, rf"\| .*`{path.name}/", path.name)

    def test_documents_name_each_page(self) -> None:
        text = (TOP / "README.md").read_text()
        made = (MAN / "CMakeLists.txt").read_text()
        for path in MAN.glob("*.scd"):
            name, number = path.stem.rsplit(".", 1)
            self.assertIn(f"{name}({number})", text)
            self.assertRegex(made, rf"\s{re.escape(name)}\.{number}\b")
            self.assertEqual(path.read_text().split("\n")[0], f"{name}({number})")

    def test_referenced_pages_exist(self) -> None:
        for document in DOCUMENTS:
            for name, number in re.findall(r"\b(rdma(?:sec|_sec)[\w.-]*)\*?\((\d)\)", document.read_text()):
                self.assertTrue((MAN / f"{name}.{number}.scd").exists(), f"{document.relative_to(TOP)}: {name}({number})")

    def test_page_lists_json_keys(self) -> None:
        text = (TOP / "core/engine/record_json.c").read_text()
        added = set(re.findall(r'add_(?:text|number)\(maker, "(\w+)"', text))
        table = found(r"^(\[\[ \*Key\*.*?\n\n)", section(page("rdmasec.1"), "JSON"), re.M | re.S)
        documented = {key for row in re.findall(r"^\|  ([\w, ]+)$", table, re.M) for key in row.split(", ")}
        self.assertEqual(documented, added)


class Protocol(unittest.TestCase):
    """docs/protocol.md has the messages of core/messages/protocol.h: their numbers, their sizes, the version."""

    HEADER = "core/messages/protocol.h"
    STRUCTS = {"LIST_QPS": "request", "LIST_STATUS": "request", "MONITOR": "request"}
    PAGE = (TOP / "docs/protocol.md").read_text()
    TABLE = re.findall(r"^\| (\d+) \| ([A-Z_]+) \| (\d+) \|", PAGE, re.M)

    def test_page_lists_message_types(self) -> None:
        names = found(r"^enum wire_type \{(.*?)^\};", (TOP / self.HEADER).read_text(), re.M | re.S)
        known = re.findall(r"^\tWIRE_(\w+)", re.sub(r"^\tWIRE_TYPE_COUNT.*\n", "", names, flags=re.M), re.M)
        self.assertIn("ASK = 1", names)
        self.assertEqual([(int(number), name) for number, name, _ in self.TABLE], list(enumerate(known, 1)))

    def test_page_has_version(self) -> None:
        version = found(r"WIRE_VERSION = (\d+)", (TOP / self.HEADER).read_text())
        self.assertIn(f"\nVersion {version}. ", self.PAGE)
        self.assertIn(f"| version | u16 | {version};", self.PAGE)

    @unittest.skipUnless(shutil.which("cc"), "no C compiler is installed")
    def test_page_has_sizes_of_messages(self) -> None:
        structs = [(self.STRUCTS.get(name, name.lower()), size) for _, name, size in self.TABLE]
        asserts = "".join(f'_Static_assert(sizeof(struct wire_{name}) == {size}, "{name}");\n' for name, size in structs)
        code = f'#include "messages/protocol.h"\n{asserts}'
        command = ["cc", "-std=c11", "-D_GNU_SOURCE", "-x", "c", "-fsyntax-only", "-iquote", str(TOP / "core"), "-"]
        done = subprocess.run(command, input=code, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)


class Header(unittest.TestCase):
    """rdma_sec.h compiles in C++, and the example of its page compiles."""

    def compiles(self, language: str, code: str) -> None:
        command = ["clang", "-x", language, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
        command += [f"-std={'c++11' if language == 'c++' else 'c11'}", f"-I{TOP / 'include'}", "-"]
        done = subprocess.run(command, input=code, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(shutil.which("clang"), "clang is not installed")
    def test_header_compiles_as_cplusplus(self) -> None:
        body = "uint32_t value = RDMASEC_REQUIRE_IPSEC; return rdmasec_qp_option(qp, RDMASEC_REQUIRE, &value, sizeof(value));"
        self.compiles("c++", f"#include <rdmasec/rdma_sec.h>\nint set(struct ibv_qp *qp) {{ {body} }}\n")

    @unittest.skipUnless(shutil.which("clang"), "clang is not installed")
    def test_example_compiles(self) -> None:
        example = found(r"```\n(.*?)```", section(page("rdma_sec.3"), "EXAMPLE"), re.S).replace("\\\\", "\\")
        includes = "".join(f"#include <{name}>\n" for name in ("errno.h", "rdma/rdma_cma.h", "rdmasec/rdma_sec.h", "stdio.h"))
        self.compiles("c", f"{includes}int set(struct rdma_cm_id *id);\nint set(struct rdma_cm_id *id)\n{{\n{example}\treturn 0;\n}}\n")


class Scenarios(unittest.TestCase):
    FOLDERS = {path.parent.name: path.parent for path in (TOP / "tests/scenarios").glob("*/scenario.py")}

    def test_page_lists_scenarios_on_request(self) -> None:
        documented = found(r"run only by name: ([^.]*)\.", (TOP / "docs/testing.md").read_text())
        kept = {name for name, folder in self.FOLDERS.items() if (folder / "on-request").exists()}
        self.assertEqual(set(re.findall(r"`([\w-]+)`", documented)), kept)

    def test_each_scenario_has_a_description(self) -> None:
        for name, folder in self.FOLDERS.items():
            self.assertTrue((folder / "description.txt").read_text().strip(), name)
            if (folder / "on-request").exists():
                self.assertTrue((folder / "on-request").read_text().strip(), name)

    def test_named_scenarios_exist(self) -> None:
        for document in DOCUMENTS:
            for names in re.findall(r"\bscenarios?\s+((?:`[\w-]+`(?:, |\s+and\s+)?)+)", document.read_text()):
                for name in re.findall(r"`([\w-]+)`", names):
                    self.assertIn(name, self.FOLDERS, document)

    def test_commands_of_testbed_have_known_options(self) -> None:
        taken = options(subprocess.run([TOP / "buildlib/testbed/run", "--help"], capture_output=True, text=True).stdout)
        for document in DOCUMENTS:
            for call in re.findall(r"buildlib/testbed/run ([^`\n]*)", document.read_text()):
                self.assertLessEqual(options(call.split("  ")[0]), taken, document)

    def test_named_modules_of_testbed_exist(self) -> None:
        text = (TOP / "buildlib/testbed/README.md").read_text()
        for name in re.findall(r"`(\w+\.py)`", text):
            self.assertTrue((TOP / "buildlib/testbed" / name).exists() or name == "scenario.py", name)


class Prose(unittest.TestCase):
    def test_avoided_words(self) -> None:
        """CONTRIBUTING.md says which, and quotes them."""
        words = re.compile(r"\b(whoever|whom|somebody|nobody|anew|meanwhile|let be|is to be)\b", re.I)
        for document in DOCUMENTS:
            if document.name != "CONTRIBUTING.md":
                found = words.search(document.read_text())
                self.assertIsNone(found, f"{document.relative_to(TOP)}: {found}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BUILD = Path(sys.argv.pop(1)).resolve()
    unittest.main()
