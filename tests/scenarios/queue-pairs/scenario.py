# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The kernel's list of queue pairs, as rdmasec prints it without an engine and with one."""

from __future__ import annotations

import json

from testbed.api import SIDE_CHANNEL, USER, Result, Test, await_listener, try_end
from testbed.daemon import Daemon
from testbed.states import DEVICE, ETH0

UNGUARDED, NO_ENGINE = 1, 3
PORT = SIDE_CHANNEL


def run(t: Test) -> None:
    t.net.clear()
    t.check(not of_processes(qps(t, None)[1]), "before any program runs: no process has a queue pair")
    index = t.net.gid_index(t.a, ETH0["a"][0])
    # a server that waits for its client already has its queue pair
    servers = [
        t.a.start(f"exec ibv_rc_pingpong -d {DEVICE} -g {index}"),
        t.a.start(f"exec unshare --pid --fork ibv_rc_pingpong -d {DEVICE} -g {index} -p {PORT + 1}"),
    ]
    for port, server in zip((PORT, PORT + 1), servers):
        await_listener(server, port)
    for user in (None, USER):
        lists_both(t, user, servers[0].pid)
    lists_from_other_pid_namespace(t)
    result = t.a.run(f"{t.build}/bin/rdmasec status")
    t.check("2 queue pairs of processes, guarded or not: unknown" in result.out, "status: it counts them", result)
    result = t.a.run(f"{t.build}/bin/rdmasec qps")
    t.note(result.out)
    t.check(max(map(len, result.out.splitlines())) <= 80, "qps: the table fits a terminal", result)
    result = t.a.run(f"{t.build}/bin/rdmasec monitor")
    t.check(lacks_engine(result), "monitor: without an engine it exits with that reason", result)
    with_an_engine(t)
    for port, server in zip((PORT, PORT + 1), servers):
        try_end(server, port)


def with_an_engine(t: Test) -> None:
    """The engine guards neither of them."""
    daemon = Daemon(t, t.a)
    result, rows = qps(t, None)
    t.check(result.code == UNGUARDED, "qps, with an engine: the exit status is that of unguarded queue pairs", result)
    guards = [(row["guard"], row.get("comm")) for row in of_processes(rows)]
    unguarded = len(guards) == 2 and {guard for guard, _ in guards} == {"unguarded"}
    named = ("unguarded", "ibv_rc_pingpong") in guards
    t.check(unguarded and named, "qps, with an engine: to root both are unguarded", rows)
    _, rows = qps(t, USER)
    guarded = {row["guard"] for row in of_processes(rows)}
    t.check(guarded == {"not-yours"}, "qps, with an engine: to another user they are 'not yours'", rows)
    daemon.kill()


def qps(t: Test, user: int | None, wrap: str = "") -> tuple[Result, list[dict]]:
    result = t.a.run(f"{wrap} {t.build}/bin/rdmasec qps --json", user=user)
    return result, json.loads(result.out)


def of_processes(rows: list[dict]) -> list[dict]:
    return [row for row in rows if "kernel_owner" not in row]


def lacks_engine(result: Result) -> bool:
    return result.code == NO_ENGINE and "rdmasecd is not installed here" in result.err


def lists_both(t: Test, user: int | None, pid: int) -> None:
    by = f"uid {user}" if user else "root"
    result, rows = qps(t, user)
    t.check(lacks_engine(result), f"qps, {by}: it reports that there is no engine", result)
    gsi = [row for row in rows if row["guard"] == "kernel-cm" and row["qp_type"] == "GSI"]
    first = [(row["qpn"], row["kernel_owner"]) for row in gsi]
    t.check(first == [(1, "ib_core")], f"qps, {by}: it lists QP 1 of the kernel", rows)
    t.check(len(of_processes(rows)) == 2, f"qps, {by}: it lists the two of processes", rows)
    for row in of_processes(rows):
        complete = (row["guard"], row["device"], row["qp_type"]) == ("unknown", DEVICE, "RC")
        t.check(complete, f"qps, {by}: a row has guard, device and type", row)
    known = [row for row in of_processes(rows) if "pid" in row]
    t.check(known and known[0]["comm"] == "ibv_rc_pingpong", f"qps, {by}: a row names the program", rows)
    t.check(pid in [row["pid"] for row in known], f"qps, {by}: a row names process {pid}", rows)


def lists_from_other_pid_namespace(t: Test) -> None:
    """The pid namespace contains neither of the two processes."""
    _, rows = qps(t, None, "unshare --pid --fork --mount-proc")
    t.check(len(of_processes(rows)) == 2, "qps in another pid namespace: it lists both", rows)
    named = [row for row in rows if "pid" in row or "comm" in row]
    t.check(not named, "qps in another pid namespace: it names no process", rows)
