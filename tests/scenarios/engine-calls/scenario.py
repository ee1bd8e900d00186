# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Calls of an engine on a uverbs descriptor that another process has opened."""

from __future__ import annotations

import re
import signal

from testbed.api import USER, Process, Result, Test
from testbed.states import MACSEC0
from testbed.stream import await_words

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
    result = t.a.run(f"{t.build}/tests/engine_calls {pid}", check=True)
    t.note(f"{t.a.run('uname -r').out}{result.out}")
    kernel_names_process(t, result, pid)
    reads_addresses(t, result, qps, index)
    reads_gids(t, result)
    finds_guarded_processes(t, pid, child, other)
    refuses_other_users(t, other)
    takes_down(t, guarded, pid, qps)
    for process in (guarded, bare):
        process.kill(signal.SIGTERM)
        process.wait()


def begin(t: Test, command: str) -> tuple[Process, dict[tuple[str, str], tuple[int, int]], int, int]:
    """Returns the program once it has its QPs, their numbers, its process id and its child's."""
    program = t.a.start(command, user=USER)
    await_words(program, "waiting")
    made = re.findall(r"^qp (\d+) (\d+) (\w+) (\w+)$", program.output(), re.MULTILINE)
    qps = {(kind, state): (int(handle), int(qpn)) for handle, qpn, kind, state in made}
    ((pid, child),) = re.findall(r"^pid (\d+) child (\d+) waiting$", program.output(), re.MULTILINE)
    return program, qps, int(pid), int(child)


def kernel_names_process(t: Test, result: Result, pid: int) -> None:
    line = result.out.splitlines()[0]
    expected = f"process {pid} uid {USER} guarded 1 exe {t.build}/tests/verbs_states netns 1"
    t.check(line == expected, "the kernel names the process, its user and its program", line)


def facts_of(text: str) -> dict[int, dict[str, str]]:
    return {int(found["handle"]): found.groupdict() for found in QP.finditer(text)}


def reads_addresses(t: Test, result: Result, qps: dict[tuple[str, str], tuple[int, int]], index: int) -> None:
    facts = facts_of(result.out)
    t.check(facts.keys() == {handle for handle, _ in qps.values()}, "the list has every QP of the process, and no other", result.out)
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
    t.check("with less room: No space left" in result.out, "a list with too little room fails", result.out)
    nothing = re.search(r"no such handle: (Invalid argument|No such file or directory)\n", result.out)
    t.check(nothing, "the query of another handle fails", result.out)
    t.check("another driver: Invalid argument" in result.out, "the query as another driver fails", result.out)


def reads_gids(t: Test, result: Result) -> None:
    lines = result.out.splitlines()
    by_file, by_ioctl = ([line[6:] for line in lines if line.startswith(f"{way} gid ")] for way in ("sysfs", "ioctl"))
    t.check(by_file and by_file == by_ioctl, "the GID table by ioctl equals that of sysfs", result.out)
    confirmed = [line for line in lines if line.startswith("gid ") and line.endswith(" confirmed")]
    t.check(len(confirmed) == len(by_ioctl), "sysfs confirms each GID", result.out)


def finds_guarded_processes(t: Test, pid: int, child: int, other: int) -> None:
    result = t.a.run(f"{t.build}/tests/engine_calls scan")
    found = re.findall(r"found (\d+) fd (\d+) rdev \d+:\d+ fetched 1 same (\w+)", result.out)
    t.check({int(process) for process, _, _ in found} == {pid, child}, "the scan finds the guarded processes", result)
    t.check(len(found) == 2 and found[1][2] == "yes", "the scan finds that they share an open file", result)
    t.check(f"found {other} " not in result.out, "the scan skips a process that is not guarded", result)


def refuses_other_users(t: Test, other: int) -> None:
    result = t.a.run(f"{t.build}/tests/engine_calls {other}", user=USER + 1)
    t.check(result.code == 1 and "Permission denied" in result.err, "another user cannot get the descriptor", result)


def takes_down(t: Test, program: Process, pid: int, qps: dict[tuple[str, str], tuple[int, int]]) -> None:
    for (kind, state), (handle, _) in qps.items():
        result = t.a.run(f"{t.build}/tests/engine_calls {pid} error {handle}")
        fact = facts_of(result.out).get(handle, {})
        if state == "RESET":
            refused = result.code == 1 and "Transport endpoint is not connected" in result.err
            t.check(refused, f"{kind} in RESET: the move to ERR fails with an error", result)
        else:
            t.check(result.ok and fact.get("state") == str(ERR), f"{kind} in {state}: it is moved to ERR", result)
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
