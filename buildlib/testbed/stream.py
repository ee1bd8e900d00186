# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""A queue pair under traffic between the guests (tests/apps/verbs_stream), and what becomes of it."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from .api import Test, await_listener
from .guest import CommandFailed, Guest, Process, Result
from .states import ETH0, batch

PORT = 18600
UNTIL_TRAFFIC = 60  # s
# 4.096 us * 2^18 is a second, and eight of them pass before a QP gives up by itself: time to see who ended it.
PATIENT = 18
# Some 100 messages a second each way, where nothing depends on how many: the guests' processors have time for the rest.
GENTLE = "-w 10"
FLUSHED, BROKEN = 3, 4  # exit statuses of verbs_stream
ENDING = re.compile(r"^(\d+\.\d+) (.+) after \d+$", re.MULTILINE)  # what it says then


@dataclass(frozen=True)
class Ending:
    """How one end of a stream ended; at is the guest's clock when it noticed."""

    at: float
    status: str

    @property
    def flushed(self) -> bool:
        """As it is seen by a program whose queue pair was moved to ERR."""
        return self.status == "Work Request Flushed Error"


class Stream:
    """b serves and a connects; both send, at once and all the time, until something ends it."""

    def __init__(
        self,
        t: Test,
        addresses: dict[str, tuple[str, str]],
        *,
        wrap_a: str = "",
        wrap_b: str = "",
        options: str = "",
        keep: bool = False,
        port: int = PORT,
        **how: object,
    ) -> None:
        """options are verbs_stream's, for both ends; keep: a's program keeps its queue pair after the end."""
        self.keep = keep
        command = f"exec {{wrap}} {t.build}/tests/verbs_stream -T {PATIENT} -p {port} {options} -g"
        index_b, index_a = (t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.b, t.a))
        self.server = t.b.start(f"{command.format(wrap=wrap_b)} {index_b}", **how)
        await_listener(t.b, port, self.server)
        kept = "-k " if keep else ""
        self.client = t.a.start(f"{command.format(wrap=wrap_a)} {index_a} {kept}{ETH0['b'][0]}", **how)
        for process in (self.client, self.server):
            await_words(process, "streaming")

    def sent(self) -> int:
        """How many messages a had sent when it said so last, which it does once a second."""
        return int((re.findall(r"(\d+) sent$", self.client.output(), re.MULTILINE) or ["0"])[-1])

    def goes_on(self, seconds: float = 60) -> bool:
        """Whether a sends more from now on, and is heard."""
        deadline = time.monotonic() + seconds
        for _ in range(2):  # what is told next may have been sent before
            before = self.sent()
            while self.sent() <= before:
                if self.client.poll() or time.monotonic() > deadline:
                    return False
                time.sleep(0.2)
        return True

    def end_of_a(self, within: float) -> Ending | None:
        """What a said at its end; None: it goes on."""
        deadline = time.monotonic() + within
        while True:
            over = self.client.poll()
            if found := ENDING.search(self.client.output()):
                return Ending(float(found[1]), found[2])
            if over or time.monotonic() > deadline:
                return None
            time.sleep(0.1)

    def finish(self, timeout: float = 60) -> tuple[Result, Result]:
        """Both results, a's first, of a stream whose time is up."""
        return self.client.wait(timeout), self.server.wait(timeout)

    def stop(self) -> Result:
        """End what is left of it; a's result."""
        self.server.kill(signal.SIGKILL)
        if self.keep:
            self.client.kill()
        # One that has not said that it ended would go on until it misses its peer's answers.
        ending = self.keep or ENDING.search(self.client.output())
        if self.client.ended_within(30 if ending else 0) is None:
            self.client.kill(signal.SIGKILL)
        self.server.wait(60)
        return self.client.wait(60)


def await_words(process: Process, words: str, timeout: float = UNTIL_TRAFFIC) -> str:
    """Its output, once the words are in it."""
    said = process.output_with(words, timeout)
    if words not in said:
        raise RuntimeError(f"{process.guest.name}: {process.cmd}: never said '{words}': {said}")
    return said


@dataclass(frozen=True)
class Event:
    """When something was done, by the guest's own clock: not before `began`, and all of it by `done`."""

    began: float
    done: float
    result: Result


# ip takes a while to start on an emulated CPU: it is started, and only then told what to do.
IP_START = 0.4


def happen(guest: Guest, *lines: str, shell: str = "", timeout: float = 60, check: bool = True) -> Event:
    """Has `ip -batch` do these lines, or the shell a command, and tells when."""
    text = " ".join(quote(line) for line in lines)
    feed = f"{{ sleep {IP_START}; echo $EPOCHREALTIME >&2; printf '%s\\n' {text}; }} | ip -batch -"
    script = f"echo $EPOCHREALTIME >&2; {shell}" if shell else feed
    whole = f"set -o pipefail\n{script}\nstatus=$?\necho $EPOCHREALTIME\nexit $status"
    result = guest.run(whole, timeout, urgent=True)
    if check and not result.ok:
        raise CommandFailed(f"{guest.name}: {shell or lines}\n{result}")
    return Event(float(result.err.split()[0]), float(result.out.split()[-1]), result)


def put_back(guest: Guest, lines: Sequence[str]) -> None:
    """The same, whenever it happens."""
    guest.run(batch(lines), urgent=True, check=True)
