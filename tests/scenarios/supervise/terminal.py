#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Runs in a guest: job control at a terminal, of a command that WORDS start.

    terminal.py [WORDS...]

Prints the result of each step as JSON. Without WORDS these are the results of the bare command, which must be the same.
The names of the steps on stderr are the progress that the testbed sees.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WITHIN = 600  # s for any step, on a busy host
PROMPT = "@ready@"
PID = Path(f"/tmp/terminal-{os.getuid()}.pid")
# One process: a shell that has just forked shares its memory with the child until that executes, and cannot stop.
TICKS = f"{__file__} --tick"
HEARS = f"{__file__} --hear"


class Terminal:
    """An interactive shell on a terminal of its own."""

    def __init__(self) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], os.environ | {"PS1": PROMPT, "TERM": "dumb"})
        self.text = ""
        self.until(PROMPT)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def line(self, text: str) -> None:
        self.type(text + "\n")

    def until(self, words: str) -> str:
        """Returns the output up to these words, and drops both."""
        deadline = time.monotonic() + WITHIN
        while words not in self.text:
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"no {words!r} in {self.text!r}")
            self.text += os.read(self.fd, 4096).decode(errors="replace")
        before, _, self.text = self.text.partition(words)
        return before

    def ask(self, command: str) -> str:
        """Returns the output of a command of the shell."""
        self.line(f"{command} | tr -d '\\n' | sed 's/.*/<<&>>/'")
        self.until("<<")  # as typed
        self.until("<<")
        said = self.until(">>")
        self.until(PROMPT)
        return said

    def status(self) -> str:
        """Returns the exit status of the last command; the shell is at its prompt."""
        return self.ask("echo $?")

    def hang_up(self) -> None:
        os.close(self.fd)


def await_true(what: str, holds: Callable[[], object]) -> bool:
    deadline = time.monotonic() + WITHIN
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)
    return True


def state(pid: int) -> str:
    """Returns R, S, T, ... of proc(5), or X if the process does not exist."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def begin(terminal: Terminal, command: str) -> int:
    """Starts a command in the foreground. Returns its process once it runs."""
    PID.unlink(missing_ok=True)
    terminal.line(command)
    terminal.until("\r\ntick")
    return int(PID.read_text())


def end(terminal: Terminal, key: str) -> str:
    terminal.type(key)
    terminal.until(PROMPT)
    return terminal.status()


def stopped_by_key(terminal: Terminal, command: str) -> dict:
    pid = begin(terminal, command)
    terminal.type("\x1a")
    terminal.until("Stopped")
    terminal.until(PROMPT)
    # with a supervisor the shell sees SIGSTOP, whatever signal stopped the command
    said = terminal.status() in (str(128 + signal.SIGTSTP), str(128 + signal.SIGSTOP))
    seen = {"stops": await_true("it stops", lambda: state(pid) == "T"), "the shell has it as stopped": said}
    terminal.text = ""
    terminal.line("fg")
    terminal.until("\r\ntick")
    return seen | {"continues": state(pid) in "RSD", "then Ctrl-C": end(terminal, "\x03")}


def in_background(terminal: Terminal, command: str) -> dict:
    pid = begin(terminal, command)
    terminal.type("\x1a")
    terminal.until("Stopped")
    terminal.until(PROMPT)
    terminal.line("bg")
    terminal.until("\r\ntick")
    seen: dict[str, Any] = {"continues": await_true("it continues", lambda: state(pid) in "RSD")}
    terminal.line("kill %%; wait %%; echo \"status\"=$?")
    terminal.until("status=")
    seen["killed"] = terminal.until("\r")
    terminal.until(PROMPT)
    return seen | {"and gone": await_true("it is gone", lambda: state(pid) == "X")}


def reads(terminal: Terminal, words: str) -> dict:
    """A command that reads from the terminal in the background stops. In the foreground it reads."""
    terminal.line(f"{words} cat & echo \"be\"gun")
    terminal.until("begun")
    terminal.until(PROMPT)
    await_true("it stops", lambda: "Stopped" in terminal.ask("jobs"))
    terminal.line("fg")
    terminal.until("cat\r\n")
    terminal.line("hello")
    terminal.until("hello\r\nhello\r\n")
    return {"ends with the input": end(terminal, "\x04")}


def stopped_from_elsewhere(words: list[str]) -> dict:
    """Stops faster than any process follows. The parent waits only for the end, as scripts do."""
    PID.unlink(missing_ok=True)
    program = subprocess.Popen([*words, *TICKS.split()], stdout=subprocess.DEVNULL)
    await_true("it runs", lambda: PID.exists() and PID.read_text())
    pid = int(PID.read_text())
    for _ in range(200):
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGTERM)
    return {"status": program.wait(WITHIN)}


def killed_while_stopped(terminal: Terminal, command: str) -> dict:
    pid = begin(terminal, command)
    os.kill(pid, signal.SIGSTOP)
    terminal.until("Stopped")
    terminal.until(PROMPT)
    os.kill(pid, signal.SIGKILL)
    await_true("it is gone", lambda: state(pid) in "XZ")
    await_true("the shell hears of it", lambda: "Stopped" not in terminal.ask("jobs"))
    return {"gone": True}


def hung_up(command: str) -> dict:
    terminal = Terminal()
    pid = begin(terminal, command)
    terminal.hang_up()
    gone = await_true("it ends", lambda: state(pid) in "XZ")
    return {"ends": gone, "and the shell": os.waitpid(terminal.pid, 0)[0] == terminal.pid}


def tick(hears: bool) -> None:
    if hears:
        signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
    else:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    PID.write_text(str(os.getpid()))
    while True:
        print("tick", flush=True)
        time.sleep(0.2)


def main() -> None:
    if sys.argv[1:2] in (["--tick"], ["--hear"]):
        return tick(sys.argv[1] == "--hear")
    words = shlex.join(sys.argv[1:])
    terminal = Terminal()
    steps = {
        "Ctrl-Z, fg": lambda: stopped_by_key(terminal, f"{words} {TICKS}"),
        "Ctrl-Z, bg": lambda: in_background(terminal, f"{words} {TICKS}"),
        "Ctrl-C": lambda: {"status": (begin(terminal, f"{words} {TICKS}"), end(terminal, "\x03"))[1]},
        "Ctrl-C, handled": lambda: {"status": (begin(terminal, f"{words} {HEARS}"), end(terminal, "\x03"))[1]},
        "Ctrl-backslash": lambda: {"status": (begin(terminal, f"{words} {TICKS}"), end(terminal, "\x1c"))[1]},
        "reads": lambda: reads(terminal, words),
        "stopped from elsewhere": lambda: stopped_from_elsewhere(sys.argv[1:]),
        "killed while it is stopped": lambda: killed_while_stopped(terminal, f"{words} {TICKS}"),
        "hangup": lambda: hung_up(f"{words} {TICKS}"),
    }
    seen: dict[str, Any] = {}
    for name, step in steps.items():
        print(name, file=sys.stderr, flush=True)
        try:
            seen[name] = step()
        except Exception as error:  # the other steps need this one
            seen[name] = f"{type(error).__name__}: {error}"
            break
    left = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and re.match("rdmasec", comm(p))]
    deadline = time.monotonic() + WITHIN
    while any(state(pid) not in "XZ" for pid in left) and time.monotonic() < deadline:
        time.sleep(0.1)
    seen["left behind"] = [pid for pid in left if state(pid) not in "XZ"]
    print(json.dumps(seen))


def comm(process: Path) -> str:
    try:
        return (process / "comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


if __name__ == "__main__":
    main()
