# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The unmodified verbs applications that scenarios run between the guests, bare or guarded, and their results."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .api import SIDE_CHANNEL, Test, await_cm_listener, await_listener, still_listens
from .guest import Guest, Process, Result
from .refusals import refusal
from .states import ETH0, PEER

TIME_ENOUGH = 60  # s without progress of one side of one application; seconds are normal
SLOW = 240  # s for one that loads much, or asks the kernel thousands of times
RACES = 5  # attempts at an application that races against itself

Addresses = Mapping[str, tuple[str, str]]  # ETH0 or MACSEC0

# Frames whose content belongs to an application and is readable.
READABLE = ("clear_data", "clear_cm", "macsec_unencrypted", "malformed")
# The kernels' own greetings on a link, whatever applications do.
NEIGHBOURS = ("arp", "icmpv6")


@dataclass(frozen=True)
class Application:
    """A program and its commands. {gid} is the side's GID index, {server} an address of the server.

    {build} is the build folder. The guard comes first, or at {guard}, or nowhere if there is {unguarded}. A client that
    also starts a process on the server's host has {peer_guard} for that one.
    """

    name: str
    server: str
    client: str
    datagrams: bool = False  # a UD queue pair; the program chooses the remotes in its own memory
    side_channel: bool = True  # over TCP; otherwise rdma_cm connects
    port: int = SIDE_CHANNEL  # of that TCP
    time_enough: float = TIME_ENOUGH
    # The output of a client that lost a race against its own server: it is run again, which is noted.
    own_race: str | None = None
    # When its time is up it is run once more. The note and the log say so, and what all processes were doing.
    once_more: bool = False

    def wait_for_server(self, server: Process) -> bool:
        """Waits until a client can connect. Returns False if the server ends before."""
        if self.side_channel:
            return await_listener(server, self.port)
        return await_cm_listener(server)


def pingpong(kind: str, datagrams: bool = False) -> Application:
    call = f"ibv_{kind}_pingpong -d rxe0 -n 50 -s 1024 -g {{gid}}"
    return Application(f"ibv_{kind}_pingpong", call, f"{call} {{server}}", datagrams)


def perftest(program: str) -> Application:
    call = f"{program} -d rxe0 -F -n 50 -s 4096 -x {{gid}}"
    return Application(program, call, f"{call} {{server}}")


APPLICATIONS = {
    application.name: application
    for application in (
        pingpong("rc"),
        pingpong("uc"),
        pingpong("ud", datagrams=True),
        pingpong("srq"),
        pingpong("xsrq"),
        perftest("ib_write_bw"),
        perftest("ib_send_lat"),
        perftest("ib_read_lat"),
        Application(
            "ib_send_lat -R",
            "ib_send_lat -R -F -n 50 -s 4096",
            "ib_send_lat -R -F -n 50 -s 4096 {server}",
            side_channel=False,
            # It connects twice: once to exchange its parameters, then for the test. For the second time it does not
            # wait until its server listens again. Error 8 is IB_CM_REJ_INVALID_SERVICE_ID: no process listens.
            own_race="Event: RDMA_CM_EVENT_REJECTED; error: 8.",
            # It reads every entry of the GID table twice; under a supervisor each read wakes a process.
            time_enough=SLOW,
            once_more=True,
        ),
        Application("rping", "rping -s -v -C 5 -a {server}", "rping -c -v -C 5 -a {server}", side_channel=False),
        Application("ucmatose", "ucmatose", "ucmatose -s {server}", side_channel=False),
        Application("udaddy", "udaddy", "udaddy -s {server}", datagrams=True, side_channel=False),
    )
}


@dataclass
class Trial:
    """One run of an application: the results of both sides, and the frames that crossed the wire during the run."""

    application: Application
    server: Result
    client: Result | None = None  # None: the server ended before a client could connect
    wire: dict[str, int] = field(default_factory=dict)

    @property
    def ran(self) -> bool:
        return self.server.ok and self.client is not None and self.client.ok

    @property
    def said(self) -> str:
        """The stderr of both sides, on one line."""
        return "; ".join(side.err.strip() for side in (self.client, self.server) if side).replace("\n", "; ")

    @property
    def readable(self) -> int:
        """Frames in which any content of RDMA is readable on the wire."""
        return sum(self.wire[category] for category in READABLE)

    def only(self, *allowed: str) -> bool:
        """Returns whether nothing but these categories and the kernels' greetings crossed the wire."""
        return not any(frames for kind, frames in self.wire.items() if kind not in (*allowed, *NEIGHBOURS))

    def __str__(self) -> str:
        frames = ", ".join(f"{kind} {count}" for kind, count in self.wire.items() if count) or "nothing"
        return f"client {self.client}\nserver {self.server}\nwire {frames}"


def guard(t: Test, options: str = "") -> str:
    """Returns the words that precede a command to guard it by `rdmasec run`."""
    return f"{t.build}/bin/rdmasec run {options} -- "


def try_out(
    t: Test,
    application: Application,
    addresses: Addresses,
    *,
    guarded: Collection[str] = (),
    family: int = 4,
    options: str = "",
    wrap: str | None = None,
    user: int | None = None,
) -> Trial:
    """Runs an application, its server on b and its client on a, guarded in the guests that `guarded` names.

    wrap precedes a guarded command instead of `rdmasec run` and its options.
    """
    version = 0 if family == 4 else 1
    # The family is that of RDMA; servers of the TCP side channel listen on IPv4 only.
    server_address = addresses["b"][0 if application.side_channel else version]

    def call(guest: Guest, command: str) -> str:
        index = t.net.gid_index(guest, addresses[guest.name][version]) if "{gid}" in command else None
        before = guard(t, options) if wrap is None else f"{wrap} "
        mine, peers = (before if name in guarded else "" for name in (guest.name, PEER[guest.name]))
        first = "" if "{guard}" in command or "{unguarded}" in command else "{guard}"
        places = {"gid": index, "server": server_address, "build": t.build}
        places |= {"guard": mine, "peer_guard": peers, "unguarded": ""}
        return f"{first}{command}".format(**places)

    def once() -> tuple[Result, Result | None]:
        server = t.b.start(call(t.b, application.server), user=user)
        client = None
        if application.wait_for_server(server):
            started = t.a.start(call(t.a, application.client), user=user)
            if started.ends(application.time_enough) is None:
                t.say(f"{application.name}: its time is up\n{doing(t)}")
            client = started.wait(0)
        if client is None or not client.ok:
            # The server waits for a client that is gone, unless it has an error of its own to report.
            deserted = application.side_channel and still_listens(server, application.port)
            if deserted or set(guarded) == {"a"} or server.ends(1) is None:
                server.kill()
        return server.wait(application.time_enough), client

    once_more = application.once_more
    with t.wire() as wire:  # of all attempts together
        for _ in range(RACES):
            served, client = once()
            said = client.out + client.err if client else ""
            if client and client.timed_out and once_more:
                t.note(f"{application.name}: not done in {application.time_enough} s; run once more")
                once_more = False
                continue
            if not application.own_race or application.own_race not in said:
                break
            t.note(f"{application.name}: its client connected before its server listened again; run once more")
    return Trial(application, served, client, wire.counts)


DOING = (
    "for _ in 1 2; do date +%T; ps --ppid 2 -N -o pid,stat,time,wchan:24,comm --sort=-time | head -n 20; "
    "rdma resource show qp; rdma resource show cm_id; rdma statistic show link rxe0/1; sleep 2; done"
)


def doing(t: Test) -> str:
    """Returns what processes wait for in both guests: it shows whether one is slow or stuck."""
    return "\n".join(f"{guest.name}: {guest.run(DOING)}" for guest in (t.a, t.b))


def bare_is_seen(t: Test) -> None:
    """The positive control of a scenario that finds nothing in clear: without rdmasec the capture shows data."""
    t.net.clear()
    trial = try_out(t, APPLICATIONS["ibv_rc_pingpong"], ETH0)
    t.check(trial.ran and trial.wire["clear_data"] > 0, "control: bare in clear, a pingpong runs and the wire shows its data", trial)


def shape(output: str) -> list[str]:
    """Returns output in a form that all runs share: a word with a digit is #, and blanks do not count."""
    lines = (" ".join("#" if re.search(r"\d|^-?(nan|inf)$", word) else word for word in line.split())
             for line in output.splitlines())  # fmt: skip
    return [line for line in lines if line]


def same_output(trial: Trial, bare: Trial) -> bool:
    """Returns whether both sides have the same stdout as without rdmasec."""
    return trial.ran and all(
        one is not None and other is not None and shape(one.out) == shape(other.out)
        for one, other in ((trial.client, bare.client), (trial.server, bare.server))
    )


class Table:
    """A row for each application: its result in each state of the network, for people to read."""

    WIDTH = 98  # two less than a hundred: such lines begin with "# "

    def __init__(self, columns: Sequence[tuple[str, str]]) -> None:
        self.columns = columns  # each with two lines of heading
        self.cells: dict[str, list[tuple[str, str]]] = {}

    def add(self, trial: Trial) -> None:
        seen = [f"{trial.wire['clear_data']} clear"]
        shown = (("clear_cm", "CM"), ("macsec_unencrypted", "plain MACsec"), ("macsec", "MACsec"), ("esp", "ESP"))
        seen += [f"{trial.wire[kind]} {name}" for kind, name in shown if trial.wire[kind]]
        refused = refusal(trial.client) or refusal(trial.server)
        verdict = "ran" if trial.ran else "refused" if refused else "FAILED"
        self.cells.setdefault(trial.application.name, []).append((verdict, ", ".join(seen)))

    def __str__(self) -> str:
        rows = [("", [heading[0] for heading in self.columns]), ("application", [h[1] for h in self.columns])]
        for name, cells in self.cells.items():
            rows += [(name, [verdict for verdict, _ in cells]), ("", [frames for _, frames in cells])]
        widths = [max(len(row[1][i]) for row in rows if i < len(row[1])) for i in range(len(self.columns))]
        first = max(len(name) for name, _ in rows)
        rule = "  ".join("-" * width for width in (first, *widths))
        lines = [
            "  ".join(text.ljust(width) for text, width in zip((name, *cells), (first, *widths), strict=False)).rstrip()
            for name, cells in rows
        ]
        return "\n".join([*lines[:2], rule, *lines[2:]])


def wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, Table.WIDTH, initial_indent="  ", subsequent_indent="    "))
