# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The unmodified verbs applications that scenarios run between the guests, bare or guarded, and what came of it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .api import Test, await_cm_listener, await_listener, still_listens
from .guest import Guest, Process, Result
from .refusals import refusal
from .states import ETH0, PEER

SIDE_CHANNEL = 18515  # the TCP port by which ibv_*_pingpong and perftest tell each other their QPs
TIME_ENOUGH = 60  # s for one side of one application; seconds are normal
SLOW = 240  # s for one that loads much, or asks the kernel thousands of times
RACES = 5  # attempts at an application that races against itself

Addresses = Mapping[str, tuple[str, str]]  # ETH0 or MACSEC0

# What of a frame's content belongs to an application and can be read.
READABLE = ("clear_data", "clear_cm", "macsec_unencrypted", "malformed")
# The two kernels greeting each other on a link, whatever applications do.
NEIGHBOURS = ("arp", "icmpv6")


@dataclass(frozen=True)
class Application:
    """A program and how it is called; {gid} is the side's GID index, {server} an address of the server.

    {build} is what was built.  What guards it comes first, or at {guard}, or nowhere if there is {unguarded}; a client
    that also starts what runs at the server's has {peer_guard} for that one.
    """

    name: str
    server: str
    client: str
    datagrams: bool = False  # a UD queue pair, whose remotes are chosen in the program's own memory
    side_channel: bool = True  # over TCP; else rdma_cm connects
    port: int = SIDE_CHANNEL  # of that TCP
    time_enough: float = TIME_ENOUGH
    # What a client says that lost a race against its own server: tried again, and noted.
    own_race: str | None = None
    # Where its time was up it is run once more; the note and the log say so, and what all were doing.
    once_more: bool = False

    def wait_for_server(self, guest: Guest, server: Process) -> bool:
        """Until a client can connect; false when the server ended before."""
        if self.side_channel:
            return await_listener(guest, self.port, server, self.time_enough)
        return await_cm_listener(guest, server, self.time_enough)


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
            # It connects twice: once to exchange its parameters, then for the test, whether or not the server, which
            # has meanwhile stopped listening, listens again. Error 8 is IB_CM_REJ_INVALID_SERVICE_ID: nobody listens.
            own_race="Event: RDMA_CM_EVENT_REJECTED; error: 8.",
            # It looks at every entry of the GID table, twice; outside of a supervisor each is a process woken.
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
    """One run of an application: what both sides said, and what crossed the wire meanwhile."""

    application: Application
    server: Result
    client: Result | None = None  # None: the server ended before anybody could connect
    wire: dict[str, int] = field(default_factory=dict)

    @property
    def ran(self) -> bool:
        return self.server.ok and self.client is not None and self.client.ok

    @property
    def said(self) -> str:
        """On stderr, on one line."""
        return "; ".join(side.err.strip() for side in (self.client, self.server) if side).replace("\n", "; ")

    @property
    def readable(self) -> int:
        """Frames that anybody on the wire could have read something of RDMA in."""
        return sum(self.wire[category] for category in READABLE)

    def only(self, *allowed: str) -> bool:
        """Besides these, and the kernels' greetings, nothing crossed the wire."""
        return not any(frames for kind, frames in self.wire.items() if kind not in (*allowed, *NEIGHBOURS))

    def __str__(self) -> str:
        frames = ", ".join(f"{kind} {count}" for kind, count in self.wire.items() if count) or "nothing"
        return f"client {self.client}\nserver {self.server}\nwire {frames}"


def guard(t: Test, options: str = "") -> str:
    """What goes before a command that is to run guarded."""
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
    """Run it, b serving and a connecting, with the guests that are named in guarded under rdmasec run.

    Or, instead of `rdmasec run` and its options, with wrap before the command.
    """
    version = 0 if family == 4 else 1
    # The family is that of the RDMA; servers of the TCP side channel listen on IPv4 only.
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
        server = t.b.start(call(t.b, application.server), 3 * application.time_enough, user)
        client = None
        if application.wait_for_server(t.b, server):
            started = t.a.start(call(t.a, application.client), 2 * application.time_enough, user)
            if started.ended_within(application.time_enough) is None:
                t.say(f"{application.name}: its time is up\n{doing(t)}")
            client = started.wait(0)
        if client is None or not client.ok:
            # It waits for a client that is gone, unless it has something to say itself.
            deserted = application.side_channel and still_listens(server, application.port)
            if deserted or set(guarded) == {"a"} or server.ended_within(1) is None:
                server.kill()
        return server.wait(application.time_enough + 10), client

    once_more = application.once_more
    with t.wire() as wire:  # of all attempts together
        for _ in range(RACES):
            served, client = once()
            said = client.out + client.err if client else ""
            if client and client.timed_out and once_more:
                t.note(f"{application.name}: not done in {application.time_enough} s; tried again, once")
                once_more = False
                continue
            if not application.own_race or application.own_race not in said:
                break
            t.note(f"{application.name}: its client came before its server listened again; tried again")
    return Trial(application, served, client, wire.counts)


DOING = (
    "for _ in 1 2; do date +%T; ps --ppid 2 -N -o pid,stat,time,wchan:24,comm --sort=-time | head -n 20; "
    "rdma resource show qp; rdma resource show cm_id; rdma statistic show link rxe0/1; sleep 2; done"
)


def doing(t: Test) -> str:
    """What processes wait for in both guests, and whether anything moves: who is slow, and who is stuck."""
    return "\n".join(f"{guest.name}: {guest.run(DOING)}" for guest in (t.a, t.b))


def bare_is_seen(t: Test) -> None:
    """The positive control of a scenario that finds nothing in clear: without rdmasec this capture shows it."""
    t.net.clear()
    trial = try_out(t, APPLICATIONS["ibv_rc_pingpong"], ETH0)
    t.check(trial.ran and trial.wire["clear_data"] > 0, "control: bare in clear it runs, and the wire shows it", trial)


def shape(output: str) -> list[str]:
    """Output without what differs from run to run: words with a digit in them are #, and blanks do not count."""
    lines = (" ".join("#" if re.search(r"\d|^-?(nan|inf)$", word) else word for word in line.split())
             for line in output.splitlines())  # fmt: skip
    return [line for line in lines if line]


def same_output(trial: Trial, bare: Trial) -> bool:
    """Both sides said on stdout what they say without rdmasec."""
    return trial.ran and all(
        shape(one.out) == shape(other.out)
        for one, other in ((trial.client, bare.client), (trial.server, bare.server))
    )


class Table:
    """Application by application, what happened in each state, for people to read."""

    WIDTH = 98  # two less than a hundred: the results begin such lines with "# "

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
