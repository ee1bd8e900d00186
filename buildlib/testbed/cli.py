# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The command line of the testbed."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from . import kernel, root, scenarios, schedule, shell
from .environment import USUAL
from .guest import GuestDied
from .kernel import KernelUnavailable
from .pair import TOP
from .runner import Runner

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "depmod": "kmod",
    "rdma": "iproute2",
    "ibv_rc_pingpong": "ibverbs-utils",
}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run", description="Run scenarios of tests/scenarios on two emulated guests joined by one wire."
    )
    names = "by default all except those that run on request only"
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=names)
    parser.add_argument(
        "--kernel", choices=kernel.SUITES, help="series of the guests' kernel, instead of that of a scenario"
    )
    parser.add_argument("--build", type=Path, default=TOP / "build", help="build folder (default: build)")
    parser.add_argument("--jobs", type=positive, default=1, help="pairs of guests side by side (default: 1)")
    parser.add_argument("--cpus", type=positive, default=1, help="processors of each guest (default: 1)")
    parser.add_argument("--results", type=Path, help="keep logs and captures here, also if all passes")
    parser.add_argument("--obtain", action="store_true", help="fetch the kernels and make the roots that scenarios need, and exit")
    parser.add_argument("--list", action="store_true", help="print the scenarios and exit")
    parser.add_argument(
        "--root", choices=(root.HOST, *root.ROOTS), help="the guests' root, instead of that of a scenario"
    )
    parser.add_argument("--shell", choices=("a", "b"), help="open a shell in this guest instead of running scenarios")
    parser.add_argument("--verbose", action="store_true", help="print every command in the guests and its output")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError
    return value


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    try:
        chosen = scenarios.find(options.scenarios)
    except KeyError as error:
        print(f"run: unknown scenario {error}; --list prints them", file=sys.stderr)
        return 2
    if options.list:
        for scenario in chosen:
            print(f"{scenario.name}: {scenario.summary}")
        return 0
    if options.obtain:
        obtain(options, chosen)
        return 0
    missing = [package for program, package in PROGRAMS.items() if not found(program)]
    if missing:
        print(f"run: install {' '.join(missing)} first", file=sys.stderr)
        return 1
    # So that every finally runs. PDEATHSIG ends the guests that none of them ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    results = options.results or Path(tempfile.mkdtemp(prefix="rdmasec-scenarios-"))
    results = results.resolve()
    results.mkdir(parents=True, exist_ok=True)
    keep = options.results is not None
    try:
        passed = act(options, chosen, results)
        keep = keep or not passed
        return 0 if passed else 1
    except (KernelUnavailable, GuestDied) as error:
        keep = True
        print(f"run: {error}\nrun: consoles are in {results}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nrun: interrupted", file=sys.stderr)
        return 130
    finally:
        if not keep:
            shutil.rmtree(results, ignore_errors=True)


def obtain(options: argparse.Namespace, chosen: list[scenarios.Scenario]) -> None:
    """Fetches all kernels and roots. A scenario reports one that is not available."""
    for wanted in dict.fromkeys(run.environment for run in schedule.runs(chosen, options.root, options.kernel)):
        with contextlib.suppress(KernelUnavailable):
            kernel.obtain(wanted.kernel)
            root.obtain(wanted.root)


def act(options: argparse.Namespace, chosen: list[scenarios.Scenario], results: Path) -> bool:
    build = options.build.resolve()
    if options.shell:
        guests = USUAL.instead(options.root, options.kernel)
        image, tree = kernel.obtain(guests.kernel), root.obtain(guests.root)
        shell.interact(image, tree, build, results, options.shell, options.cpus)
        return True
    runs = schedule.runs(chosen, options.root, options.kernel)
    return Runner(build, results, options.cpus, options.verbose).run(runs, options.jobs)


def found(program: str) -> bool:
    return shutil.which(program) is not None or shutil.which(kernel.tool(program)) is not None
