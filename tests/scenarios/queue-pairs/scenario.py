# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""What the kernel lists, and how rdmasec tells it where there is no engine to ask."""

from __future__ import annotations

import json

from testbed.api import Result, Test, await_listener, try_end
from testbed.daemon import Daemon
from testbed.states import DEVICE, ETH0

USER = 1234
UNGUARDED, NO_ENGINE = 1, 3
PORT = 18515


def run(t: Test) -> None:
    t.net.clear()
    t.check(not of_processes(qps(t, None)[1]), "nobody has a queue pair yet")
    index = t.net.gid_index(t.a, ETH0["a"][0])
    # a server that waits for its client has its queue pair already
    servers = [
        t.a.start(f"exec ibv_rc_pingpong -d {DEVICE} -g {index}"),
        t.a.start(f"exec unshare --pid --fork ibv_rc_pingpong -d {DEVICE} -g {index} -p {PORT + 1}"),
    ]
    for port, server in zip((PORT, PORT + 1), servers):
        await_listener(t.a, port, server)
    for user in (None, USER):
        found(t, user, servers[0].pid)
    elsewhere(t)
    result = t.a.run(f"{t.build}/bin/rdmasec status")
    t.check("2 queue pairs of processes, guarded or not: unknown" in result.out, "status counts them", result)
    result = t.a.run(f"{t.build}/bin/rdmasec qps")
    t.note(result.out)
    t.check(max(map(len, result.out.splitlines())) <= 80, "the table fits a terminal", result)
    result = t.a.run(f"{t.build}/bin/rdmasec monitor")
    t.check(result.code == NO_ENGINE and "rdmasecd is not installed here" in result.err, "monitor has nobody to ask", result)
    with_an_engine(t)
    for port, server in zip((PORT, PORT + 1), servers):
        try_end(server, port)


def with_an_engine(t: Test) -> None:
    """It guards neither of them."""
    daemon = Daemon(t, t.a)
    result, rows = qps(t, None)
    t.check(result.code == UNGUARDED, "an engine runs: its exit status says that some are unguarded", result)
    guards = [(row["guard"], row.get("comm")) for row in of_processes(rows)]
    t.check(len(guards) == 2 and ("unguarded", "ibv_rc_pingpong") in guards and {guard for guard, _ in guards} == {"unguarded"},
            "an engine runs: to root, both are unguarded", rows)  # fmt: skip
    _, rows = qps(t, USER)
    t.check({row["guard"] for row in of_processes(rows)} == {"not-yours"}, "an engine runs: to others they are not theirs", rows)
    daemon.kill()


def qps(t: Test, user: int | None, wrap: str = "") -> tuple[Result, list[dict]]:
    result = t.a.run(f"{wrap} {t.build}/bin/rdmasec qps --json", user=user)
    return result, json.loads(result.out)


def of_processes(rows: list[dict]) -> list[dict]:
    return [row for row in rows if "kernel_owner" not in row]


def found(t: Test, user: int | None, pid: int) -> None:
    who = f"uid {user}" if user else "root"
    result, rows = qps(t, user)
    t.check(result.code == NO_ENGINE and "rdmasecd is not installed here" in result.err, f"{who}: no engine, it says", result)
    gsi = [row for row in rows if row["guard"] == "kernel-cm" and row["qp_type"] == "GSI"]
    t.check(len(gsi) == 1 and gsi[0]["qpn"] == 1 and gsi[0]["kernel_owner"] == "ib_core", f"{who}: QP 1", rows)
    t.check(len(of_processes(rows)) == 2, f"{who}: the two of processes", rows)
    for row in of_processes(rows):
        t.check(row["guard"] == "unknown" and row["device"] == DEVICE and row["qp_type"] == "RC", f"{who}: a row", row)
    known = [row for row in of_processes(rows) if "pid" in row]
    t.check(len(known) >= 1 and known[0]["comm"] == "ibv_rc_pingpong", f"{who}: the program", rows)
    t.check(pid in [row["pid"] for row in known], f"{who}: its process is {pid}", rows)


def elsewhere(t: Test) -> None:
    """From a pid namespace in which neither of the two processes is."""
    _, rows = qps(t, None, "unshare --pid --fork --mount-proc")
    t.check(len(of_processes(rows)) == 2, "another pid namespace: the two are there", rows)
    t.check(not [row for row in rows if "pid" in row or "comm" in row], "another pid namespace: but not whose", rows)
