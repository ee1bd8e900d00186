# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The interface of scenarios: run(t) of tests/scenarios/NAME/scenario.py receives a Test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import wire
from .guest import Guest, GuestDied, Process, Result
from .pair import Pair
from .patience import WITHIN, Value
from .states import DEVICE, ETH0, Network

SETTLE = 0.15  # s without a new frame: the guests have sent what they had to send
SETTLE_LIMIT = 1.5  # retransmissions never settle
BUSY_LIMIT = 0.5  # nor does traffic that continues
SIDE_CHANNEL = 18515  # the TCP port by which ibv_*_pingpong and perftest exchange their QPs
EXCHANGE_PORT = 18600  # the TCP port by which programs of tests/apps exchange theirs
USER = 1234  # an ordinary user

Report = Callable[["Outcome"], None]


@dataclass(frozen=True)
class Outcome:
    """One line of the results."""

    what: str
    passed: bool
    detail: str = ""
    skipped: str = ""  # the reason


@dataclass
class Wire:
    """The frames of a with-block. counts has its values once the block has ended."""

    counts: dict[str, int] = field(default_factory=dict)

    @property
    def clear(self) -> int:
        """Frames of RoCE that are readable on the wire."""
        return sum(self.counts[name] for name in ("clear_data", "clear_cm", "macsec_unencrypted"))

    def __str__(self) -> str:
        return ", ".join(f"{name} {frames}" for name, frames in self.counts.items() if frames) or "nothing"


class Test:
    """The pair of guests of a scenario, and its checks."""

    def __init__(self, pair: Pair, build: Path, results: Path, report: Report) -> None:
        self.a: Guest = pair.a
        self.b: Guest = pair.b
        self.net = Network(pair.a, pair.b)
        self.build = build  # programs in bin, libraries in lib, test programs in tests
        self.results = results  # a folder of the host, kept when the scenario fails
        self.share = pair.folder  # both guests have it as /run/results
        self.pair = pair
        self.report = report
        self.slices = 0
        self.log_lines = 0  # the runner sees progress by it
        self.are_guests_spoiled = False
        self.capture_end = wire.PCAP_HEADER.size  # how far the capture has been read
        self.last_size = 0  # the size of the capture at the last look
        self.quiet_since = self.started = time.monotonic()

    def check(self, condition: object, what: str, detail: object = "") -> bool:
        """Reports whether a condition holds, and returns that. The scenario continues in either case."""
        self.say(f"{'ok' if condition else 'NOT OK'}: {what} {detail}".rstrip())
        self.report(Outcome(what, bool(condition), str(detail)))
        return bool(condition)

    def skip(self, what: str, reason: str) -> None:
        """Reports what cannot be tested here, and why."""
        self.say(f"skipped: {what}: {reason}")
        self.report(Outcome(what, True, skipped=reason))

    def spoils_guests(self) -> None:
        """Has the next scenario boot other guests: nothing undoes what this one does from now on."""
        self.are_guests_spoiled = True

    def note(self, text: str) -> None:
        """Prints a remark."""
        self.say(text)
        print("".join(f"# {line}\n" for line in text.splitlines()), end="", flush=True)

    def say(self, text: str) -> None:
        """Writes into the scenario's log, beside the commands and their output."""
        self.log_lines += 1
        with (self.results / "log.txt").open("a") as log:
            log.write(f"{time.monotonic() - self.started:8.2f} {text}\n")

    @contextmanager
    def wire(self, busy: bool = False) -> Iterator[Wire]:
        """Counts the frames that cross the wire during the block. busy: traffic continues, so its end is not awaited."""
        seen = Wire()
        start = self.now_on_the_wire() if busy else self.settle(at_least=SETTLE / 3)
        try:
            yield seen
        finally:
            self.take(seen, start, self.settle(at_least=SETTLE, limit=BUSY_LIMIT if busy else SETTLE_LIMIT))

    def take(self, seen: Wire, start: int, end: int) -> None:
        """Counts the frames of this part of the capture, and keeps them."""
        self.slices += 1
        kept = self.results / f"wire-{self.slices}.pcap"
        wire.cut(self.pair.capture, start, end, kept)
        seen.counts = wire.count(kept)
        self.say(f"wire-{self.slices}.pcap: {seen}")

    def readable_frames(self, seconds: float, since: int | None = None) -> int:
        """Looks at the wire every few seconds, since now or since an earlier now_on_the_wire(). Returns its readable RoCE frames.

        Returns as soon as there are any, or 0 when the limit is over. No frame crosses between two looks.
        """
        start = self.now_on_the_wire() if since is None else since

        def look() -> int:
            nonlocal start
            time.sleep(seconds)
            seen, end = Wire(), self.now_on_the_wire()
            self.take(seen, start, end)
            start = end
            return seen.clear

        return self.eventually(look)

    def settle(self, at_least: float, limit: float = SETTLE_LIMIT) -> int:
        """Returns the end of the capture once the wire is quiet. Looks at it for at_least seconds.

        The time for which it has been quiet already counts.
        """
        began = time.monotonic()
        while True:
            size, now = self.pair.capture.stat().st_size, time.monotonic()
            if size != self.last_size:
                self.last_size, self.quiet_since = size, now
            if now > began + limit or now >= max(self.quiet_since + SETTLE, began + at_least):
                return self.now_on_the_wire()
            time.sleep(0.02)

    def now_on_the_wire(self) -> int:
        """Returns the end of the last whole record of the capture."""
        self.capture_end = wire.complete_end(self.pair.capture, self.capture_end)
        return self.capture_end

    def pingpong(
        self,
        address_a: str,
        address_b: str,
        *,
        host: str | None = None,
        options: str = "-n 100",
        program: str = "ibv_rc_pingpong",
        device: str = DEVICE,
        wrap_a: str = "",
        wrap_b: str = "",
        within: float = WITHIN,
        **how: Any,
    ) -> tuple[Result, Result]:
        """Runs one of the unmodified ibv_*_pingpong, its server on b and its client on a. Returns both results, a's first.

        The addresses choose the GIDs. host is the address of b's TCP side channel, by default b's IPv4 address on eth0.
        wrap_a and wrap_b precede the program ("rdmasec run --"); how is for Guest.start (user, env, cwd).
        """
        command = f"{program} -d {device} {options} -g"
        served = self.b.start(f"{wrap_b} {command} {self.net.gid_index(self.b, address_b, device)}", **how)
        await_listener(served, SIDE_CHANNEL)
        index = self.net.gid_index(self.a, address_a, device)
        client = self.a.start(f"{wrap_a} {command} {index} {host or ETH0['b'][0]}", **how)
        result = client.wait(within)
        if not result.ok:  # the server may wait for ever for a client that is gone
            try_end(served, SIDE_CHANNEL, at_once=bool(wrap_a) and not wrap_b)
        return result, served.wait(within)

    def eventually(self, holds: Callable[[], Value], within: float = WITHIN) -> Value:
        """Calls holds() until it returns something true or the limit is over. Returns its last value."""
        return self.a.eventually(holds, within)


def await_listener(server: Process, port: int, within: float = WITHIN) -> bool:
    """Waits until a process listens on a TCP port of the server's guest. Returns False if the server ends before."""
    return awaited(server, f"TCP port {port}", server.await_reply("listener", within, port=port))


def await_cm_listener(server: Process, within: float = WITHIN) -> bool:
    """Waits until an id of rdma_cm listens in the server's guest. Returns False if the server ends before."""
    return awaited(server, "rdma_cm", server.await_reply("cm_listener", within))


def awaited(server: Process, what: str, reply: dict[str, Any] | None) -> bool:
    if reply is None:
        raise TimeoutError(f"{server.guest.name}: no process listens on {what}: {server.cmd}")
    return bool(reply["listens"])


def still_listens(server: Process, port: int) -> bool:
    """Returns whether a server still waits for its first client."""
    reply = server.guest.call("listener", port=port, job=server.job, seconds=0)
    return bool(reply.get("listens"))


def try_end(server: Process, port: int, at_once: bool = False) -> None:
    """Ends a server that has lost its client. It has a moment to end itself, unless at_once or if no client came."""
    if at_once or still_listens(server, port) or server.ends(2) is None:
        server.kill()


__all__ = [
    "EXCHANGE_PORT", "SIDE_CHANNEL", "USER", "Guest", "GuestDied", "Outcome", "Process", "Result", "Test", "Wire", "await_cm_listener",
    "await_listener", "still_listens", "try_end",
]  # fmt: skip
