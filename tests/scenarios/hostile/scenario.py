# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""A hostile client of rdmasecd, and another user that is served nevertheless."""

from __future__ import annotations

import json
from pathlib import Path

from testbed.api import Process, Result, Test
from testbed.daemon import Daemon, try_qp
from testbed.states import ETH0
from testbed.stream import await_words

TIME_LIMIT = 900
ATTACK = Path(__file__).resolve().with_name("attack.py")
HOSTILE = 1235  # not the user that must be served
CONNECTIONS, SILENT = 10000, 300
# The answers to a message that is not understood.
NOT_UNDERSTOOD = {"refused", "closed"}


def run(t: Test) -> None:
    t.net.ipsec()
    attacked(t, "daemon", f"{t.build}/bin/rdmasecd")
    sanitized = f"{t.build}/tests/rdmasecd-sanitized"
    if not Path(sanitized).exists():
        t.skip("the sanitized daemon", f"{sanitized} is not built")
        return
    t.net.ipsec()
    daemon = attacked(t, "sanitized", sanitized)
    said = daemon.process.output()
    t.check("Sanitizer" not in said and "runtime error" not in said, "sanitized: the sanitizers report nothing", said)


def attacked(t: Test, name: str, program: str) -> Daemon:
    daemon = Daemon(t, t.a, program=program)
    served(t, f"{name}, before")
    answered = attack(t, "proper")
    t.check(answered == {"passed": 1}, f"control, {name}: a proper question is answered", answered)
    before, memory = open_files(t, daemon), daemon.resident_kib()
    for what in ("malformed", "descriptors"):
        answered = attack(t, what)
        t.check(answered and set(answered) <= NOT_UNDERSTOOD, f"{name}: {what} messages do not pass", answered)
        served(t, f"{name}, after {what} messages")
    answered = attack(t, "random")
    all_answered = sum(answered.values()) == 300 and "silent" not in answered
    t.check(all_answered, f"{name}: all messages with random octets are answered", answered)
    answered = attack(t, "misplaced")
    passed = {"passed", "after the end: passed"} & set(answered)
    t.check(not passed, f"{name}: messages out of order do not pass", answered)
    served(t, f"{name}, after messages out of order")
    held(t, name, daemon, "silent", SILENT)
    held(t, name, daemon, "crowd", CONNECTIONS)
    settled(t, name, daemon, before)
    t.note(f"{name}: resident {memory} KiB before, {daemon.resident_kib()} KiB after")
    t.check(daemon.alive(), f"{name}: the daemon is alive", daemon.process.output())
    return daemon


def command(what: str, count: int = 0) -> str:
    """Returns the command of the attack, as another user with a high limit of open files, which only root can set."""
    as_user = f"setpriv --reuid {HOSTILE} --regid {HOSTILE} --clear-groups"
    return f"ulimit -n 20000; exec {as_user} /usr/bin/python3 {ATTACK} {what} {count}"


def attack(t: Test, what: str) -> dict[str, int]:
    result: Result = t.a.run(command(what), within=400)
    if not result.ok:
        t.check(False, f"attack.py {what}: it runs", result)
        return {}
    return json.loads(result.out)


def held(t: Test, name: str, daemon: Daemon, what: str, count: int) -> None:
    """Another user is served while the connections are held, and immediately after."""
    process: Process = t.a.start(command(what, count))
    connections = json.loads(await_words(process, "}", 300))["held"]
    t.check(connections > 0, f"{name}, {what}: the daemon accepts connections", connections)
    served(t, f"{name}, {what}, {connections} connections held")
    files = open_files(t, daemon)
    process.kill(9)
    process.wait()
    served(t, f"{name}, {what}, connections closed")
    t.note(f"{name}, {what}: {connections} connections; the daemon had {files} files open")


def served(t: Test, what: str) -> None:
    attempt = try_qp(t, ETH0)
    t.check(attempt.passed, f"{what}: another user gets a QP", attempt)
    t.note(f"{what}: another user got a QP after {attempt.took:.1f} s")


def open_files(t: Test, daemon: Daemon) -> int:
    return int(t.a.run(f"ls /proc/{daemon.process.pid}/fd | wc -l", check=True).out)


def settled(t: Test, name: str, daemon: Daemon, before: int) -> None:
    closed = t.eventually(lambda: open_files(t, daemon) <= before)
    t.check(closed, f"{name}: no more files are open than before", f"{before} before, {open_files(t, daemon)} after")
