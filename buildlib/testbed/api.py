# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""What a scenario is given: run(t) of tests/scenarios/NAME/scenario.py receives a Test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import wire
from .guest import GRACE, Guest, GuestDied, Process, Result
from .pair import Pair
from .states import DEVICE, Network

SETTLE = 0.15  # s without a new frame: the guests have said what they had to say
SETTLE_LIMIT = 1.5  # retransmissions never settle
BUSY_LIMIT = 0.5  # nor does what goes on

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
    """The frames of a with-block; counts is there when the block has ended."""

    counts: dict[str, int] = field(default_factory=dict)

    @property
    def clear(self) -> int:
        """Frames of RoCE that anybody on the wire could read."""
        return sum(self.counts[name] for name in ("clear_data", "clear_cm", "macsec_unencrypted"))

    def __str__(self) -> str:
        return ", ".join(f"{name} {frames}" for name, frames in self.counts.items() if frames) or "nothing"


class Test:
    """The pair a scenario works with, and where it says what it found."""

    def __init__(self, pair: Pair, build: Path, results: Path, report: Report) -> None:
        self.a: Guest = pair.a
        self.b: Guest = pair.b
        self.net = Network(pair.a, pair.b)
        self.build = build  # programs in bin, libraries in lib, test programs in tests
        self.results = results  # a folder of the host that is kept when the scenario fails
        self.share = pair.folder  # both guests have it as /run/results
        self.pair = pair
        self.report = report
        self.slices = 0
        self.capture_end = wire.PCAP_HEADER.size  # as far as it has been looked at
        self.last_size = 0  # the capture's, when it was last looked at
        self.quiet_since = self.started = time.monotonic()

    def check(self, condition: object, what: str, detail: object = "") -> bool:
        """What must hold; says on in the scenario even when it does not, and answers whether it did."""
        self.say(f"{'ok' if condition else 'NOT OK'}: {what} {detail}".rstrip())
        self.report(Outcome(what, bool(condition), str(detail)))
        return bool(condition)

    def skip(self, what: str, reason: str) -> None:
        """What could not be looked at here, and why."""
        self.say(f"skipped: {what}: {reason}")
        self.report(Outcome(what, True, skipped=reason))

    def note(self, text: str) -> None:
        """Something worth showing."""
        self.say(text)
        print("".join(f"# {line}\n" for line in text.splitlines()), end="", flush=True)

    def say(self, text: str) -> None:
        """Into the scenario's log, beside the commands and their output."""
        with (self.results / "log.txt").open("a") as log:
            log.write(f"{time.monotonic() - self.started:8.2f} {text}\n")

    @contextmanager
    def wire(self, busy: bool = False) -> Iterator[Wire]:
        """Count the frames that cross the wire during the block.  busy: traffic is under way, and need not be awaited."""
        seen = Wire()
        start = self.now_on_the_wire() if busy else self.settle(at_least=SETTLE / 3)
        try:
            yield seen
        finally:
            end = self.settle(at_least=SETTLE, limit=BUSY_LIMIT if busy else SETTLE_LIMIT)
            self.slices += 1
            kept = self.results / f"wire-{self.slices}.pcap"
            wire.cut(self.pair.capture, start, end, kept)
            seen.counts = wire.count(kept)
            self.say(f"wire-{self.slices}.pcap: {seen}")

    def settle(self, at_least: float, limit: float = SETTLE_LIMIT) -> int:
        """Where the capture ends once the wire is quiet.

        That it was quiet for a while already counts, but for so many seconds at least it is looked at now.
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
        """Where the capture's last whole record ends."""
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
        timeout: float = 60,
        **how: object,
    ) -> tuple[Result, Result]:
        """Run one of the unmodified ibv_*_pingpong, b serving and a connecting, and return both results, a's first.

        The addresses choose the GIDs.  host is where a reaches b's TCP side channel, by default over IPv4 on eth0.
        wrap_a and wrap_b go before the program ("rdmasec run --"); how goes to Guest.start (user, env, cwd).
        """
        command = f"{program} -d {device} {options} -g"
        served = self.b.start(f"{wrap_b} {command} {self.net.gid_index(self.b, address_b, device)}", timeout, **how)
        await_listener(self.b, 18515, served)
        index = self.net.gid_index(self.a, address_a, device)
        client = self.a.start(f"{wrap_a} {command} {index} {host or '10.77.0.2'}", timeout, **how)
        result = client.wait(timeout + 10)
        if not result.ok:  # then the server may wait for ever for a client that is gone
            try_end(served, 18515, at_once=bool(wrap_a) and not wrap_b)
        return result, served.wait(timeout + 10)


def await_listener(guest: Guest, port: int, server: Process, timeout: float = 120) -> bool:
    """Wait until somebody listens on a TCP port of the guest; false when the server ended before."""
    answer = guest.channel.call("listener", timeout + GRACE, port=port, job=server.job, timeout=timeout)
    if answer["listens"] is not None:
        return answer["listens"]
    raise TimeoutError(f"{guest.name}: nobody listens on port {port}")


def await_cm_listener(guest: Guest, server: Process, timeout: float = 60) -> bool:
    """Wait until somebody listens by rdma_cm in the guest; false when the server ended before."""
    answer = guest.channel.call("cm_listener", timeout + GRACE, job=server.job, timeout=timeout)
    if answer["listens"] is not None:
        return answer["listens"]
    raise TimeoutError(f"{guest.name}: nobody listens by rdma_cm")


def still_listens(server: Process, port: int) -> bool:
    """Whether a server waits for its first client yet."""
    return bool(server.guest.channel.call("listener", port=port, job=server.job, timeout=0.01)["listens"])


def try_end(server: Process, port: int, at_once: bool = False) -> None:
    """A moment to end by itself, as one does that has lost its client, then a signal; or that at once.

    One that nobody came to has nothing to end for.
    """
    if at_once or still_listens(server, port) or server.ended_within(2) is None:
        server.kill()



__all__ = ["Guest", "GuestDied", "Outcome", "Process", "Result", "Test", "Wire", "await_cm_listener", "await_listener", "still_listens", "try_end"]
