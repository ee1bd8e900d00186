# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Calls of an engine on a uverbs descriptor that another process has opened."""

from __future__ import annotations

import re
import signal

from testbed.api import Process, Result, Test
from testbed.states import MACSEC0
from testbed.stream import await_words

ORDINARY = 1234
POLICY = "/etc/engine-calls.conf"
STATES = {"RESET": 0, "INIT": 1, "RTR": 2, "RTS": 3}
ERR = 6
NONE = "::"
QP = re.compile(
    r"qp (?P<handle>\d+) state (?P<state>\d+) port (?P<port>\d+) global (?P<is_global>\d) dgid (?P<dgid>\S+) "
    r"av-port (?P<av_port>\d+) sgid (?P<sgid>\d+) flow (?P<flow>\S+) dest (?P<dest>\d+)"
)


def run(t: Test) -> None:
    t.net.macsec()
    index = t.net.gid_index(t.a, MACSEC0["a"][0])
    # Audited only: otherwise UD would be refused here, because of IPv6.
    t.a.write_file(POLICY, "[default]\nmode = audit\n")
    t.a.run("chmod 666 /dev/infiniband/uverbs0", check=True)
    states = f"{t.build}/tests/verbs_states -g {index}"
    guarded, qps, pid, child = begin(t, f"exec {t.build}/bin/rdmasec run -p {POLICY} -- {states}")
    bare, _, other, _ = begin(t, f"exec {states}")
    told = t.a.run(f"{t.build}/tests/engine_calls {pid}", check=True)
    t.note(f"{t.a.run('uname -r').out}{told.out}")
    kernel_names_process(t, told, pid)
    reads_addresses(t, told, qps, index)
    reads_gids(t, told)
    finds_guarded_processes(t, pid, child, other)
    refuses_other_users(t, other)
    takes_down(t, guarded, pid, qps)
    for process in (guarded, bare):
        process.kill(signal.SIGTERM)
        process.wait()


def begin(t: Test, command: str) -> tuple[Process, dict[tuple[str, str], tuple[int, int]], int, int]:
    """Returns the program once it has its QPs, their numbers, its process id and its child's."""
    program = t.a.start(command, user=ORDINARY)
    await_words(program, "waiting")
    made = re.findall(r"^qp (\d+) (\d+) (\w+) (\w+)$", program.output(), re.MULTILINE)
    qps = {(kind, state): (int(handle), int(qpn)) for handle, qpn, kind, state in made}
    ((pid, child),) = re.findall(r"^pid (\d+) child (\d+) waiting$", program.output(), re.MULTILINE)
    return program, qps, int(pid), int(child)


def kernel_names_process(t: Test, told: Result, pid: int) -> None:
    line = told.out.splitlines()[0]
    expected = f"process {pid} uid {ORDINARY} guarded 1 exe {t.build}/tests/verbs_states netns 1"
    t.check(line == expected, "the kernel names the process, its user and its program", line)


def facts_of(text: str) -> dict[int, dict[str, str]]:
    return {int(found["handle"]): found.groupdict() for found in QP.finditer(text)}


def reads_addresses(t: Test, told: Result, qps: dict[tuple[str, str], tuple[int, int]], index: int) -> None:
    facts = facts_of(told.out)
    t.check(facts.keys() == {handle for handle, _ in qps.values()}, "the list has every QP of the process, and no other", told.out)
    for (kind, state), (handle, qpn) in qps.items():
        fact = facts[handle]
        has_address = kind != "UD" and STATES[state] >= STATES["RTR"]
        expected = {
            "state": str(STATES[state]),
            "port": "1" if state != "RESET" else fact["port"],
            "dgid": MACSEC0["a"][0] if has_address else NONE,
            "sgid": str(index if has_address else 0),
            "flow": "0x54321" if has_address else "0",
            "dest": str(qpn if has_address else 0),
            "av_port": "1" if has_address else "0",
        }
        told_so = all(fact[name] == value for name, value in expected.items())
        what = "its address" if has_address else "no address"
        t.check(told_so, f"{kind} in {state}: the query returns its state and {what}", f"{fact}, not {expected}")
    t.check("with less room: No space left" in told.out, "a list with too little room fails", told.out)
    nothing = re.search(r"no such handle: (Invalid argument|No such file or directory)\n", told.out)
    t.check(nothing, "the query of another handle fails", told.out)
    t.check("another driver: Invalid argument" in told.out, "the query as another driver fails", told.out)


def reads_gids(t: Test, told: Result) -> None:
    lines = told.out.splitlines()
    by_file, by_ioctl = ([line[6:] for line in lines if line.startswith(f"{way} gid ")] for way in ("sysfs", "ioctl"))
    t.check(by_file and by_file == by_ioctl, "the GID table by ioctl equals that of sysfs", told.out)
    confirmed = [line for line in lines if line.startswith("gid ") and line.endswith(" confirmed")]
    t.check(len(confirmed) == len(by_ioctl), "sysfs confirms each GID", told.out)


def finds_guarded_processes(t: Test, pid: int, child: int, other: int) -> None:
    told = t.a.run(f"{t.build}/tests/engine_calls scan")
    found = re.findall(r"found (\d+) fd (\d+) rdev \d+:\d+ fetched 1 same (\w+)", told.out)
    t.check({int(process) for process, _, _ in found} == {pid, child}, "the scan finds the guarded processes", told)
    t.check(len(found) == 2 and found[1][2] == "yes", "the scan finds that they share an open file", told)
    t.check(f"found {other} " not in told.out, "the scan skips a process that is not guarded", told)


def refuses_other_users(t: Test, other: int) -> None:
    told = t.a.run(f"{t.build}/tests/engine_calls {other}", user=ORDINARY + 1)
    t.check(told.code == 1 and "Permission denied" in told.err, "another user cannot get the descriptor", told)


def takes_down(t: Test, program: Process, pid: int, qps: dict[tuple[str, str], tuple[int, int]]) -> None:
    for (kind, state), (handle, _) in qps.items():
        told = t.a.run(f"{t.build}/tests/engine_calls {pid} error {handle}")
        fact = facts_of(told.out).get(handle, {})
        if state == "RESET":
            refused = told.code == 1 and "Transport endpoint is not connected" in told.err
            t.check(refused, f"{kind} in RESET: the move to ERR fails with an error", told)
        else:
            t.check(told.ok and fact.get("state") == str(ERR), f"{kind} in {state}: it is moved to ERR", told)
    program.kill(signal.SIGUSR1)
    await_words(program, "nothing else completed")
    flushed = re.findall(r"completed on (\d+): Work Request Flushed Error", program.output())
    posted = {qpn for (_, state), (_, qpn) in qps.items() if state != "RESET"}
    t.check({int(qpn) for qpn in flushed} == posted, "the application sees its posted work flushed", program.output())
    for state in ("RESET", "RTS"):
        handle, _ = qps["RC", state]
        destroyed = t.a.run(f"{t.build}/tests/engine_calls {pid} destroy {handle}")
        left = facts_of(t.a.run(f"{t.build}/tests/engine_calls {pid}").out)
        t.check(destroyed.ok and left and handle not in left, f"RC that was in {state}: it is destroyed", destroyed)
