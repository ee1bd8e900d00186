#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Rooms keep their boundaries: in what they include, in what they are linked to, and between their files.

    test_layering.py BUILD-DIRECTORY COMPILER

The build writes rooms/rooms.json: each room and program with the rooms that it sees and its object files. The references
between object files are read with nm(1).
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else TOP / "build"
COMPILER = sys.argv[2] if len(sys.argv) > 2 else "cc"

README_LINES = range(8, 31)

# What the preload door defines in front of libc and libibverbs.
EXEC = {"execl", "execle", "execlp", "execv", "execve", "execveat", "execvp", "execvpe", "fexecve", "posix_spawn", "posix_spawnp"}
INTERPOSED = {"ioctl", "ibv_open_device", *EXEC}

# Rooms whose files still refer to each other in a circle. This list only ever shrinks.
CIRCLES_LEFT: set[str] = set()

# Rooms that need a function of a program that links them. This list only ever shrinks.
UPCALLS_LEFT: set[str] = set()

# Rooms without a README.md. This list only ever shrinks.
READMES_LEFT: set[str] = set()


class Room:
    def __init__(self, sees: list[str], objects: list[Path]) -> None:
        self.sees = sees
        self.objects = objects


def load_rooms() -> dict[str, Room]:
    rows = json.loads((BUILD / "rooms/rooms.json").read_text())
    return {name: Room(row["sees"].split(), [Path(path) for path in row["objects"].split(":")])
            for name, row in rows.items()}


@functools.cache
def symbols(path: Path) -> tuple[set[str], set[str]]:
    """The global symbols that an object file defines, and those that it needs."""
    listing = subprocess.run(["nm", "--extern-only", path], check=True, capture_output=True, text=True).stdout
    defined: set[str] = set()
    needed: set[str] = set()
    for line in listing.splitlines():
        kind, name = line.split()[-2:]
        (needed if kind in "Uwv" else defined).add(name)
    return defined, needed


def forbidden_references(name: str, rooms: dict[str, Room], extra: tuple[Path, ...] = ()) -> list[str]:
    """The references of a room's objects, and of `extra` ones, into rooms that it does not see."""
    owners: dict[str, set[str]] = {}
    for other, room in rooms.items():
        for path in room.objects:
            for symbol in symbols(path)[0] - INTERPOSED:
                owners.setdefault(symbol, set()).add(other)
    allowed = {name, *rooms[name].sees}
    return [f"{path.name} needs {symbol} of {', '.join(sorted(owners[symbol]))}"
            for path in (*rooms[name].objects, *extra) for symbol in sorted(symbols(path)[1])
            if symbol in owners and not owners[symbol] & allowed]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other (Tarjan)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            group = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def file_graph(room: Room) -> dict[str, set[str]]:
    tables = {path.name.removesuffix(".o"): symbols(path) for path in room.objects}
    owner = {symbol: name for name, (defined, _) in tables.items() for symbol in defined}
    return {name: {owner[symbol] for symbol in needed if symbol in owner} - {name}
            for name, (_, needed) in tables.items()}


def compile_in(room: str, text: str, folder: str) -> tuple[bool, str, Path]:
    """Compiles `text` as a file of `room`: whether it compiled, the diagnostics, and the object file."""
    source, out = Path(folder) / "probe.c", Path(folder) / "probe.o"
    source.write_text(text)
    run = subprocess.run([COMPILER, "-std=c11", "-D_GNU_SOURCE", "-I/usr/include/libnl3", "-iquote", BUILD / "rooms" / room,
                          "-c", source, "-o", out], capture_output=True, text=True)
    return run.returncode == 0, run.stderr, out


class Rooms(unittest.TestCase):
    rooms = load_rooms()

    def test_rooms_see_each_other_in_no_circle(self) -> None:
        graph = {name: {other for other in room.sees if other in self.rooms} for name, room in self.rooms.items()}
        self.assertEqual(circles(graph), [])

    def test_rooms_are_linked_to_rooms_that_they_see_only(self) -> None:
        for name in self.rooms:
            with self.subTest(name):
                self.check_list(forbidden_references(name, self.rooms), name, UPCALLS_LEFT)

    def check_list(self, found: list, name: str, left: set[str]) -> None:
        if name in left:
            self.assertNotEqual(found, [], f"{name} is in order: take it out of the list of exceptions")
        else:
            self.assertEqual(found, [])

    def test_files_of_a_room_refer_to_each_other_in_no_circle(self) -> None:
        for name, room in self.rooms.items():
            with self.subTest(name):
                self.check_list(circles(file_graph(room)), name, CIRCLES_LEFT)

    def test_core_holds_rooms_only(self) -> None:
        self.assertEqual([path.name for path in (TOP / "core").iterdir() if path.is_file()], ["CMakeLists.txt"])

    def test_every_room_of_core_has_a_short_readme(self) -> None:
        for path in sorted((TOP / "core").iterdir()):
            if path.is_dir():
                with self.subTest(path.name):
                    readme = path / "README.md"
                    lines = len(readme.read_text().splitlines()) if readme.exists() else 0
                    self.check_list([] if lines in README_LINES else [lines], path.name, READMES_LEFT)

    def test_includes_name_room_and_file(self) -> None:
        for path in (TOP / "core").rglob("*.[ch]"):
            for header in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
                self.assertIn("/", header, f"{path}: {header}")

    def test_hash_tables_survive_a_lack_of_memory(self) -> None:
        """uthash ends the process by default; util/hash.h has it leave an element out."""
        for path in TOP.rglob("*.[ch]"):
            if path.relative_to(TOP).parts[0] not in ("build", "core/util") and path.name != "hash.h":
                self.assertNotIn("#include <uthash.h>", path.read_text(), path)


class Violations(unittest.TestCase):
    """Each check above fails on a violation made on purpose."""

    rooms = load_rooms()

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def refuse_include(self, room: str, header: str) -> None:
        compiled, diagnostics, _ = compile_in(room, f'#include "{header}"\n', self.folder)
        self.assertFalse(compiled, f"{room} includes {header}")
        self.assertIn("such file", diagnostics)

    def test_a_header_of_a_room_that_is_seen_compiles(self) -> None:
        compiled, diagnostics, _ = compile_in("judge", '#include "evidence/facts.h"\n', self.folder)
        self.assertTrue(compiled, diagnostics)

    def test_judge_cannot_include_netlink(self) -> None:
        self.refuse_include("judge", "netlink/dump.h")

    def test_judge_cannot_include_process(self) -> None:
        self.refuse_include("judge", "process/process.h")

    def test_door_cannot_include_judge(self) -> None:
        self.refuse_include("door", "judge/decide.h")

    def test_door_cannot_include_netlink(self) -> None:
        self.refuse_include("door", "netlink/dump.h")

    def test_reference_of_judge_to_netlink_is_found(self) -> None:
        compiled, diagnostics, probe = compile_in(
            "judge", "int netlink_open(void);\nint probe(void) { return netlink_open(); }\n", self.folder)
        self.assertTrue(compiled, diagnostics)
        self.assertEqual(forbidden_references("judge", self.rooms, (probe,)),
                         ["probe.o needs netlink_open of netlink"])

    def test_circle_between_files_is_found(self) -> None:
        self.assertEqual(circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}), [["a", "b", "c"]])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
