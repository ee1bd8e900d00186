# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""A queue pair under traffic between the guests (tests/apps/verbs_stream), and how it ends."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from .api import EXCHANGE_PORT, Test, await_listener
from .guest import CommandFailed, Guest, Process, Result
from .patience import WITHIN
from .states import ETH0, batch

# 4.096 us * 2^20 is 4.3 s, and a QP gives up after eight of them. It must not do so before rdmasecd ends it.
PATIENT = 20
# Some 100 messages a second each way, where the number does not matter: it leaves processor time to the other programs.
GENTLE = "-w 10"
FLUSHED, BROKEN = 3, 4  # exit statuses of verbs_stream
ENDING = re.compile(r"^(\d+\.\d+) (.+) after \d+$", re.MULTILINE)  # its last line


@dataclass(frozen=True)
class Ending:
    """How one end of a stream ended. at: the guest's clock when the program noticed."""

    at: float
    status: str

    @property
    def flushed(self) -> bool:
        """Whether the status is that of a queue pair that was moved to ERR."""
        return self.status == "Work Request Flushed Error"


class Stream:
    """The server runs on b and the client on a. Both send all the time until the stream is ended."""

    def __init__(
        self,
        t: Test,
        addresses: Mapping[str, tuple[str, str]],
        *,
        wrap_a: str = "",
        wrap_b: str = "",
        options: str = "",
        client_options: str = "",
        keep: bool = False,
        port: int = EXCHANGE_PORT,
        **how: Any,
    ) -> None:
        """options: those of verbs_stream, for both ends; client_options: for a's end. keep: a's program keeps its queue
        pair after the end."""
        self.keep = keep
        command = f"exec {{wrap}} {t.build}/tests/verbs_stream -T {PATIENT} -p {port} {options} -g"
        index_b, index_a = (t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.b, t.a))
        self.server = t.b.start(f"{command.format(wrap=wrap_b)} {index_b}", **how)
        await_listener(self.server, port)
        kept = "-k " if keep else ""
        self.client = t.a.start(f"{command.format(wrap=wrap_a)} {index_a} {kept}{client_options} {ETH0['b'][0]}", **how)
        try:
            for process in (self.client, self.server):
                await_words(process, "streaming")
        except RuntimeError as error:
            # often the cause is at the other end
            raise RuntimeError(f"{error}\nthe server: {self.server.output()}") from error

    def sent(self) -> int:
        """Returns the number of messages that a has sent; it prints the number once a second."""
        return int((re.findall(r"(\d+) sent$", self.client.output(), re.MULTILINE) or ["0"])[-1])

    def continues(self, within: float = WITHIN) -> bool:
        """Returns whether a sends more messages from now on, and b acknowledges them."""

        def sends_more() -> bool:
            before = self.sent()
            self.client.guest.eventually(lambda: self.sent() > before or self.client.poll(), within)
            return self.sent() > before

        return sends_more() and sends_more()  # the first number may count messages that were sent before

    def end_of_a(self, within: float = WITHIN) -> Ending | None:
        """Returns how a's end ended, or None if it continues until the limit is over."""

        def ended() -> Ending | bool:
            over = self.client.poll() is not None
            found = ENDING.search(self.client.output())
            return Ending(float(found[1]), found[2]) if found else over

        ending = self.client.guest.eventually(ended, within)
        return ending if isinstance(ending, Ending) else None

    def stop(self) -> Result:
        """Ends the programs that still run. Returns a's result."""
        self.server.kill(signal.SIGKILL)
        if self.keep:
            self.client.kill()
        # A client that has not reported its end would continue until it misses the answers of its peer.
        ending = self.keep or ENDING.search(self.client.output())
        if self.client.ends(WITHIN if ending else 0) is None:
            self.client.kill(signal.SIGKILL)
        self.server.wait()
        return self.client.wait()


def await_words(process: Process, words: str, within: float = WITHIN) -> str:
    """Returns the output once the words are in it. Raises RuntimeError if they never are."""
    said = process.output_with(words, within)
    if words not in said:
        raise RuntimeError(f"{process.guest.name}: {process.cmd}: its output has no '{words}': {said}")
    return said


@dataclass(frozen=True)
class Event:
    """A change in a guest: it happened between `began` and `done` of the guest's own clock."""

    began: float
    done: float
    result: Result


# ip takes a while to start on an emulated processor, so its lines come only after it has started.
IP_START = 0.4


def change(guest: Guest, *lines: str, shell: str = "", check: bool = True) -> Event:
    """Runs lines of `ip -batch`, or a shell command. Returns when that happened."""
    text = " ".join(quote(line) for line in lines)
    feed = f"{{ sleep {IP_START}; echo $EPOCHREALTIME >&2; printf '%s\\n' {text}; }} | ip -batch -"
    script = f"echo $EPOCHREALTIME >&2; {shell}" if shell else feed
    whole = f"set -o pipefail\n{script}\nstatus=$?\necho $EPOCHREALTIME\nexit $status"
    result = guest.run(whole, urgent=True)
    if check and not result.ok:
        raise CommandFailed(f"{guest.name}: {shell or lines}\n{result}")
    return Event(float(result.err.split()[0]), float(result.out.split()[-1]), result)


def put_back(guest: Guest, lines: Sequence[str]) -> None:
    """Runs lines of `ip -batch` whose time does not matter."""
    guest.run(batch(lines), urgent=True, check=True)
