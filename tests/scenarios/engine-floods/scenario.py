# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd under files that never close and under floods: another user is served, and a successor can start."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.api import USER, Process, Test
from testbed.applications import bare_is_seen
from testbed.daemon import Daemon, by_library, on_both, try_qp
from testbed.states import ETH0
from testbed.stream import Stream, await_words

FLOOD = Path(__file__).resolve().with_name("flood.py")
ATTACK = FLOOD.parents[1] / "hostile" / "attack.py"
HOSTILE = (1301, 1302, 1303, 1304)
LATE_MS = 1000
ANSWERS = 12  # under each attack, and at least


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.ipsec()
    t.a.run("modprobe fuse && chmod 666 /dev/fuse", check=True)  # as udev has it
    daemon = on_both(t)
    asker = Asker(t)
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, user=USER)
    with t.wire(busy=True) as wire:
        for attacks, processes in ((files_that_never_close, 2), (floods, 2), (connections, len(HOSTILE))):
            if attacks.__name__ not in os.environ.get("RDMASEC_FLOODS", attacks.__name__):
                continue
            asker.busy(processes)
            attacks(t, daemon, asker)
            asker.busy(processes)
            asker.compare()
        t.check(stream.continues(), "the guarded stream continues", stream.client.output())
        held = hostile(t, "sent")
        daemon_killed(t, daemon)
        t.check(stream.continues(), "after the restart: the guarded stream continues", stream.client.output())
        end(t, [held])
    t.check(wire.clear == 0, "nothing leaves in clear", wire)
    stream.stop()


def hostile(t: Test, what: str, uid: int = HOSTILE[0]) -> Process:
    process = begin(t, what, uid, FLOOD)
    said = await_words(process, "ready", 300)
    t.check("ready" in said, f"control, {what}: the attack runs", said)
    return process


def begin(t: Test, what: str, uid: int, program: Path) -> Process:
    as_user = f"setpriv --reuid {uid} --regid {uid} --clear-groups"
    return t.a.start(f"ulimit -n 70000; exec {as_user} /usr/bin/python3 {program} {what}")


def starter(t: Test, what: str, uid: int) -> Callable[[], list[Process]]:
    return lambda: [hostile(t, what, uid)]


def nothing() -> None:
    """Of an attack that shows in nothing else."""


def more_helpers_hang(t: Test, name: str, before: int) -> Callable[[], None]:
    def check() -> None:
        found = t.eventually(lambda: stuck_helpers(t) > before)
        t.check(found, f"control, {name}: a helper hangs in close(2)", stuck_helpers(t))

    return check


class Asker:
    """A user that asks all the time, and how long the answers took."""

    def __init__(self, t: Test) -> None:
        self.t, self.windows = t, 0
        self.controls: list[dict[str, Any]] = []
        self.attacks: dict[str, dict[str, Any]] = {}
        self.process = t.a.start(f"exec /usr/bin/python3 {FLOOD} ask", user=USER)
        await_words(self.process, "asks")

    def next_window(self) -> dict[str, Any]:
        self.windows += 1
        self.process.kill(signal.SIGUSR1)
        said = await_words(self.process, f"window {self.windows} ")
        return json.loads(re.findall(rf"^window {self.windows} (.*)$", said, re.MULTILINE)[0])

    def asks_more(self) -> dict[str, Any]:
        """Returns a window of some answers: progress, not time, ends it."""
        first = self.next_window()
        self.t.eventually(lambda: add(first, self.next_window())["asked"] >= ANSWERS)
        return first

    def busy(self, processes: int) -> None:
        """Measures the control: beside as many processes as an attack has, which only use the processor."""
        self.controls.append(self.beside(lambda: [hostile(self.t, "spin", uid) for uid in HOSTILE[:processes]]))
        self.t.note(f"{processes} busy processes: {describe(self.controls[-1])}")

    def under(self, name: str, processes: Callable[[], list[Process]], during: Callable[[], None] = nothing) -> None:
        self.judge(name, self.beside(processes, during))

    def judge(self, name: str, seen: dict[str, Any]) -> None:
        self.t.check(not seen["others"], f"{name}: another user's questions pass", seen)
        self.t.note(f"{name}: {describe(seen)}")
        self.attacks[name] = seen

    def compare(self) -> None:
        """Compares the answers beside the attacks since the last but one control with the two controls around them."""
        longest = max(control["longest_ms"] for control in self.controls[-2:])
        for name, seen in self.attacks.items():
            late = seen["longest_ms"] - longest
            self.t.check(late <= LATE_MS, f"{name}: no answer is a second later than on a busy host", (seen, self.controls))
        self.attacks.clear()

    def beside(self, start: Callable[[], list[Process]], during: Callable[[], None] = nothing) -> dict[str, Any]:
        running = start()
        self.next_window()  # of the time before
        seen = self.asks_more()
        during()
        end(self.t, running)
        return seen


def describe(seen: dict[str, Any]) -> str:
    return f"{seen['asked']} answers, the longest after {seen['longest_ms']} ms"


def end(t: Test, processes: list[Process]) -> None:
    """With its server each file of a silent mount closes, and so its users end."""
    for process in processes:
        process.kill(9)
    t.a.run("pkill -9 silent-fuse; true", check=True)
    for process in processes:
        process.wait()


def add(total: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    total["asked"] += more["asked"]
    total["others"] += more["others"]
    total["longest_ms"] = max(total["longest_ms"], more["longest_ms"])
    return total


def stuck_helpers(t: Test) -> int:
    """Helpers that wait uninterruptibly. ps(1) would wait for processes in execve(2)."""
    look = "grep -l '^Name:.rdmasec-file$' /proc/[0-9]*/status 2>/dev/null | xargs -r grep -l '^State:.D' 2>/dev/null | wc -l"
    return int(t.a.run(look).out)


def door(t: Test) -> str:
    return f"{t.build}/lib/librdmasec-preload.so"


def files_that_never_close(t: Test, daemon: Daemon, asker: Asker) -> None:
    for number, (name, what) in enumerate(
        (
            ("a file sent", "sent"),
            ("files left unread", "unread"),
            ("a file taken by a scan", f"taken {door(t)}"),
            ("slow files", "slow"),
            ("processes that hang in execve", "execs"),
        )
    ):
        before = stuck_helpers(t)
        hangs = what not in ("unread", "slow", "execs")  # the release of an unread one is asynchronous

        asker.under(name, starter(t, what, HOSTILE[number % 4]), more_helpers_hang(t, name, before) if hangs else nothing)
        t.check(daemon.alive(), f"{name}: the daemon is alive", daemon.process.output())


def floods(t: Test, daemon: Daemon, asker: Asker) -> None:
    for name, what in (
        ("link changes", "links"),
        ("many mappings", f"mappings {door(t)}"),
        ("many files", f"files {door(t)}"),
        ("broken doors", "doors"),
    ):
        asker.under(name, starter(t, what, HOSTILE[3]))
        t.check(daemon.alive(), f"{name}: the daemon is alive", daemon.process.output())


def connections(t: Test, daemon: Daemon, asker: Asker) -> None:
    """More than the daemon has room for. The answers count while they are being made, too."""
    crowds = [begin(t, "crowd 1500", uid, ATTACK) for uid in HOSTILE]
    asker.next_window()  # of the time before
    seen = asker.next_window()
    t.eventually(lambda: add(seen, asker.next_window()) and all("held" in crowd.output() for crowd in crowds))
    add(seen, asker.asks_more())
    asker.judge("connections of four users", seen)
    said = [crowd.output() for crowd in crowds]
    t.check(all("held" in words for words in said), "control, connections of four users: the attack runs", said)
    end(t, crowds)
    t.check(daemon.alive(), "connections of four users: the daemon is alive", daemon.process.output())


def daemon_killed(t: Test, daemon: Daemon) -> None:
    """SIGKILL with FUSE files in the helpers. The guest's clock counts."""
    pid = daemon.process.pid
    lives = f"[ -d /proc/{pid} ] && ! grep -q '^State:.Z' /proc/{pid}/status"
    script = f"began=$(date +%s%N); kill -9 {pid}; while {lives}; do sleep 0.02; done; echo $((($(date +%s%N) - began) / 1000000))"
    took = t.a.run(script, within=60)
    t.check(took.ok and int(took.out) < 1000, "killed: the daemon is gone within a second", took)
    t.note(f"killed: gone after {took.out.strip()} ms")
    daemon.process.wait()
    daemon.start()
    attempt = try_qp(t, ETH0)
    t.check(attempt.passed, "its successor starts and answers", attempt)
