# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Runs scenarios on pairs of guests, each pair in a thread of its own, and reports the results as TAP."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from . import health, kernel, pair, root
from .api import Outcome, Test
from .environment import Environment
from .guest import CommandFailed, Guest, GuestDied
from .kernel import Kernel, KernelUnavailable
from .pair import Pair
from .patience import Patience
from .root import Root
from .scenarios import Loaded, Scenario
from .schedule import Run, Schedule

BOOT_ATTEMPTS = 3
LAST_WORDS = 40  # lines of a console: a panic with its stack


class Tap:
    """Numbered lines from any thread, and their counts."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.passed = self.failed = self.skipped = 0

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.skipped

    def report(self, scenario: str, outcome: Outcome) -> None:
        # A # would begin a directive.
        what = f"{scenario}: {outcome.what}".replace("#", "No.")
        with self.lock:
            if outcome.skipped:
                self.skipped += 1
                print(f"ok {self.total} - {what} # SKIP {outcome.skipped}", flush=True)
            elif outcome.passed:
                self.passed += 1
                print(f"ok {self.total} - {what}", flush=True)
            else:
                self.failed += 1
                print(f"not ok {self.total} - {what}\n{diagnostic(outcome.detail)}", end="", flush=True)

    def note(self, text: str) -> None:
        with self.lock:
            print(diagnostic(text), end="", flush=True)

    def finish(self) -> bool:
        """Prints the plan and the counts. Returns whether something passed and nothing failed."""
        print(f"1..{self.total}\n{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return self.failed == 0 and self.passed > 0


def diagnostic(text: str) -> str:
    return "".join(f"#   {line}\n" for line in text.splitlines())


class Outcomes:
    """Those of one attempt. holds_back: failed checks are reported at its end."""

    def __init__(self, tap: Tap, scenario: str, holds_back: bool) -> None:
        self.tap = tap
        self.scenario = scenario
        self.holds_back = holds_back
        self.all: list[Outcome] = []
        self.held_back: list[Outcome] = []
        self.ended = threading.Event()

    def report(self, outcome: Outcome) -> None:
        if self.ended.is_set():  # a scenario that was ended may still run
            return
        self.all.append(outcome)
        if self.holds_back and not outcome.passed:
            self.held_back.append(outcome)
        else:
            self.tap.report(self.scenario, outcome)

    def end(self) -> bool:
        """Reports what was held back. Returns whether all passed."""
        self.ended.set()
        for outcome in self.held_back:
            self.tap.report(self.scenario, outcome)
        return all(outcome.passed for outcome in self.all)

    def forget(self) -> None:
        """A guest failed: what failed until then is told and not counted."""
        self.ended.set()
        for outcome in self.held_back:
            self.tap.note(f"not counted, as a guest failed: {outcome.what}")


class Runner:
    def __init__(self, build: Path, results: Path, cpus: int, verbose: bool) -> None:
        self.build = build
        self.results = results
        self.cpus = cpus
        self.verbose = verbose
        self.tap = Tap()
        self.pairs: dict[int, Pair] = {}  # by worker, those that are up
        self.boots = 0
        self.stopping = False
        self.lock = threading.Lock()

    def run(self, runs: list[Run], jobs: int) -> bool:
        """Runs all of them. Returns whether something passed and nothing failed."""
        waiting = Schedule(runs, longest_first=jobs > 1)
        began = time.monotonic()
        workers = [
            threading.Thread(target=self.work, args=(number, waiting), daemon=True)
            for number in range(min(jobs, len(runs)))
        ]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        finally:
            self.stop()
        self.tap.note(f"{len(runs)} scenarios in {time.monotonic() - began:.0f} s")
        return self.tap.finish()

    def stop(self) -> None:
        """Ends all guests. Requests that wait for one fail with GuestDied."""
        with self.lock:
            self.stopping = True
            pairs = list(self.pairs.values())
        for running in pairs:
            running.close()

    def work(self, number: int, waiting: Schedule) -> None:
        """Runs scenarios on one pair. The thread outlives its guests: they are killed when the thread that started them ends."""
        try:
            while not self.stopping:
                running = self.pairs.get(number)
                run = waiting.next(running.environment if running else None)
                if run is None:
                    return
                began = time.monotonic()
                if self.perform(number, run):
                    waiting.took(run, time.monotonic() - began)
        finally:
            self.drop_pair(number)

    def perform(self, number: int, run: Run) -> bool:
        """Runs one scenario on this worker's pair. Returns whether all its checks passed.

        Emulated processors sometimes fault, and kernels crash or stop in drivers that rdmasec does not change. If a guest
        died, or runs no software RoCE any more, that is told with its last words and with the checks that had failed until
        then: its programs were at one end of them. The scenario runs once more on new guests, and the second run decides.
        """
        try:
            return self.attempt(number, run, last=False)
        except GuestDied as error:
            self.tap.note(f"{run.name}: {error}; it runs once more")
            with contextlib.suppress(OSError):
                (self.results / run.name).rename(self.results / f"{run.name}-died")
        return self.attempt(number, run, last=True)

    def attempt(self, number: int, run: Run, last: bool) -> bool:
        """Raises GuestDied if a guest has failed during the scenario, unless this is the last attempt.

        Before the last attempt, failed checks are reported when the scenario has ended with its guests alive.
        """
        scenario, folder = run.scenario, self.results / run.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        began, spent = time.monotonic(), ""
        outcomes = Outcomes(self.tap, run.name, holds_back=not last)
        report = outcomes.report
        healthy = True
        if run.error:
            report(Outcome("can be loaded", False, describe(run.error, scenario)))
        try:
            if run.loaded:
                guests = self.pair(number, run.environment)
                test = Test(guests, self.build, folder, report)
                for guest in guests.guests:
                    guest.log = self.log_to(test)
                before = guests.cpu_seconds()
                healthy = self.limited(scenario, run.loaded, test, report, last)
                if healthy and outcomes.held_back and not self.stopping:
                    self.look_for_cause(test)
                spent = f", {guests.cpu_seconds() - before:.0f} s of its guests' processors"
        except (GuestDied, KernelUnavailable) as error:
            if number in self.pairs and isinstance(error, GuestDied) and not last:
                self.tell_deaths(number)
                outcomes.forget()
                self.drop_pair(number)
                raise
            healthy = False
            gone = isinstance(error, KernelUnavailable) and run.environment.is_unreleased
            report(Outcome("has a pair of guests to run on", gone, str(error), " ".join(str(error).split()) if gone else ""))
        if not outcomes.all:
            report(Outcome("reports something", False, "run(t) ended without a check or a skip"))
        passed = outcomes.end()
        if not healthy:
            if number in self.pairs and not passed:
                self.tell_deaths(number)
            self.drop_pair(number)
        self.tap.note(f"{run.name}: {time.monotonic() - began:.1f} s{spent}")
        if not passed:
            self.tap.note(f"commands, their output and the frames: {folder}")
        else:
            for capture in folder.glob("wire-*.pcap"):
                capture.unlink()
        return passed

    def look_for_cause(self, test: Test) -> None:
        """Raises GuestDied if the kernel of a guest, and not what the scenario tests, is why checks failed."""
        if any(guest.has_ended() for guest in test.pair.guests):
            raise GuestDied("a guest has died")
        silent = health.silent_guests(test)
        if silent:
            self.keep_kernel_log(test)
            names = " and ".join(guest.name for guest in silent)
            raise GuestDied(f"the kernel of guest {names} runs no software RoCE any more, for unguarded programs neither")

    def tell_deaths(self, number: int) -> None:
        self.tap.note(f"consoles of its guests: {self.pairs[number].folder}")
        for guest in self.pairs[number].guests:
            self.tell_death(guest)

    def tell_death(self, guest: Guest) -> None:
        """Prints what a guest that has ended wrote last: a panic of its kernel, or why the emulator ended it."""
        if not guest.has_ended() or not guest.console:
            return
        self.tap.note(f"guest {guest.name} has ended, the emulator with exit status {guest.qemu.returncode}; its last words:")
        for file, lines in ((guest.console, LAST_WORDS), (guest.console.with_suffix(".qemu"), 3)):
            if file.exists():
                self.tap.note("\n".join(file.read_text(errors="replace").splitlines()[-lines:]))

    def limited(self, scenario: Scenario, loaded: Loaded, test: Test, report: Callable[[Outcome], None], last: bool) -> bool:
        """Runs a scenario until it ends, or makes no progress. Returns whether its guests can run another one.

        A line of its log is progress. Raises GuestDied if a guest has ended, unless this is the last attempt.
        """
        ending: list[BaseException] = []

        def body() -> None:
            try:
                test.net.reset(files=True)
                loaded.run(test)
            except BaseException as error:
                ending.append(error)

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        patience = Patience(loaded.time_limit, [guest.cpu_seconds for guest in test.pair.guests], [lambda: test.log_lines])
        while thread.is_alive() and not patience.is_over():
            thread.join(1)
        if thread.is_alive():
            report(Outcome(f"makes progress within {loaded.time_limit} s", False, "it did not; its guests were ended"))
            test.pair.close()
            thread.join(10)
            return False
        if not ending:
            return not test.are_guests_spoiled
        if isinstance(ending[0], GuestDied) and not last and not self.stopping and any(g.has_ended() for g in test.pair.guests):
            raise ending[0]
        report(Outcome("runs to its end", False, describe(ending[0], scenario)))
        if isinstance(ending[0], GuestDied):
            return False
        self.keep_kernel_log(test)
        return not test.are_guests_spoiled

    def keep_kernel_log(self, test: Test) -> None:
        for guest in test.pair.guests:
            try:
                guest.run("dmesg | tail -n 100")
            except GuestDied:
                return

    def log_to(self, test: Test) -> Callable[[str], None]:
        def log(text: str) -> None:
            test.say(text)
            if self.verbose:
                self.tap.note(text)

        return log

    def pair(self, number: int, wanted: Environment) -> Pair:
        """Returns this worker's pair. Boots one if it has none of this environment."""
        running = self.pairs.get(number)
        if running and running.alive() and running.environment == wanted:
            return running
        self.drop_pair(number)
        guests_kernel, guests_root = kernel.obtain(wanted.kernel), root.obtain(wanted.root)
        began = time.monotonic()
        running = self.boot(guests_kernel, guests_root)
        with self.lock:
            self.pairs[number] = running
            stopping = self.stopping
        if stopping:
            raise GuestDied("the run ends")
        on = "" if guests_root.is_host else f" on {guests_root.name}"
        self.tap.note(f"two guests with {guests_kernel.release}{on} up in {time.monotonic() - began:.1f} s")
        return running

    def boot(self, guests_kernel: Kernel, guests_root: Root) -> Pair:
        """Boots a pair. Tries again if it fails: emulated processors sometimes fault before the kernel has started."""
        attempts = BOOT_ATTEMPTS
        while True:
            attempts -= 1
            with self.lock:
                self.boots += 1
                folder = self.results / f"pair-{self.boots}"
            try:
                return pair.boot(guests_kernel, guests_root, folder, self.build, cpus=self.cpus)
            except GuestDied as error:
                if self.stopping or not attempts:
                    raise
                self.tap.note(f"booting another pair: {error}; consoles of the first: {folder}")

    def drop_pair(self, number: int) -> None:
        with self.lock:
            running = self.pairs.pop(number, None)
        if running:
            running.close()


def describe(error: BaseException, scenario: Scenario) -> str:
    """Returns the error and its place in the scenario. Errors of the testbed need no other frames."""
    if not isinstance(error, (GuestDied, CommandFailed)):
        return "".join(traceback.format_exception(error)).rstrip()
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(str(scenario.folder))]
    return f"{error}\n{''.join(traceback.format_list(frames))}".rstrip()
