# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Guarded from outside: static programs, raw system calls, hostile threads; and a supervisor that stops or dies."""

from __future__ import annotations

import os
import re
import signal
import time

from testbed.api import Process, Result, Test, Wire, await_listener, try_end
from testbed.states import DEVICE, ETH0, MACSEC0

TIME_LIMIT = 900 + int(os.environ.get("RDMASEC_FLIPS", "0"))
PORT = 18600  # of the programs' exchange of addresses
# Attempts of the hostile program; a whole 10,000 take from six to forty minutes on an emulated CPU.
FLIPS = int(os.environ.get("RDMASEC_FLIPS", "200"))
# To a rule for a remote that is not used, a QP is allowed until its address is known.
LATE = "[rule nobody]\nmatch-remote = 10.99.0.0/16\nmode = off\n"
FLIPPED = re.compile(r"refused (\d+) passed (\d+) unprotected (\d+) failed (\d+)")


def run(t: Test) -> None:
    t.a.write_file("/run/late.policy", LATE)
    t.net.clear()
    in_clear(t)
    as_if_it_were_not_there(t)
    for sig in (signal.SIGKILL, signal.SIGSTOP):
        supervisor_gets(t, sig)
    flipper(t)
    t.net.macsec()
    over_macsec(t)


def supervised(t: Test, policy: str = "") -> str:
    return f"{t.build}/bin/rdmasec run {policy} --supervise --"


def preloaded(t: Test, policy: str = "") -> str:
    return f"{t.build}/bin/rdmasec run {policy} --"


def connect(t: Test, program: str, addresses: dict, wrap_a: str, wrap_b: str = "", qps: int = 1) -> tuple[Result, Result, Wire]:
    """Run the program on a against the server on b."""
    folder = f"{t.build}/tests"
    index_a, index_b = (t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.a, t.b))
    with t.wire() as wire:
        server = t.b.start(f"{wrap_b} {folder}/verbs_threads -g {index_b} -q {qps}", 90)
        await_listener(t.b, PORT, server)
        client = t.a.run(f"{wrap_a} {folder}/{program} -g {index_a} -q {qps} {ETH0['b'][0]}", 90)
        if not client.ok:
            try_end(server, PORT)
        served = server.wait(100)
    return client, served, wire


def in_clear(t: Test) -> None:
    client, _, seen = connect(t, "verbs_static", ETH0, "")
    t.check(client.ok and seen.clear > 0, "control: a static program, unguarded, runs in clear", f"{client}\n{seen}")
    result = t.a.run(f"{preloaded(t)} {t.build}/tests/verbs_static -g 0 {ETH0['b'][0]}", 90)
    t.check(result.code == 126 and "--supervise" in result.err, "without --supervise it is not started, and told why", result)
    for program in ("verbs_static", "verbs_threads", "verbs_dlvsym", "verbs_fork", "verbs_fork -o", "verbs_fork -x"):
        client, _, seen = connect(t, program, ETH0, supervised(t))
        lines = [line for line in client.err.splitlines() if line.startswith("rdmasec: refused")]
        t.check(client.code == 1 and "(errno 1)" in client.err, f"{program}, supervised, in clear: EPERM", client)
        named = lines and all(re.search(rf"on {DEVICE} port 1 .*: unprotected: ", line) for line in lines)
        t.check(named, f"{program}, supervised, in clear: the reason is told", client.err)
        t.check(seen.clear == 0, f"{program}, supervised, in clear: nothing in clear", seen)


def over_macsec(t: Test) -> None:
    for program, qps in (("verbs_static", 8), ("verbs_threads -t 4", 16), ("verbs_fork", 1), ("verbs_fork -x", 1)):
        client, server, seen = connect(t, program, MACSEC0, supervised(t), supervised(t), qps)
        t.check(client.ok and server.ok, f"{program}, supervised, over MACsec: runs", f"{client}\n{server}")
        t.check(seen.counts["macsec"] > 0 and seen.clear == 0, f"{program}, over MACsec: MACsec only", seen)
        t.check(not client.err, f"{program}, over MACsec: silently", client.err)
    wrap = supervised(t)
    with t.wire() as seen:
        client, server = t.pingpong(MACSEC0["a"][0], MACSEC0["b"][0], wrap_a=wrap, wrap_b=wrap)
    t.check(client.ok and server.ok, "ibv_rc_pingpong, supervised, over MACsec: runs", f"{client}\n{server}")
    t.check(seen.counts["macsec"] > 0 and seen.clear == 0, "ibv_rc_pingpong: MACsec only", seen)


def as_if_it_were_not_there(t: Test) -> None:
    result = t.a.run(f"{supervised(t)} sh -c 'echo out; echo err >&2; exit 3'", 60)
    t.check((result.code, result.out, result.err) == (3, "out\n", "err\n"), "output and exit status are the program's", result)
    program = t.a.start(f"exec {supervised(t)} sh -c 'trap \"echo heard; exit 5\" TERM; echo ready; while :; do sleep 0.2; done'", 90)
    await_output(program, "ready")
    program.kill(signal.SIGTERM)
    result = program.wait(70)
    t.check(result.code == 5 and "heard" in result.out, "a signal for rdmasec is the program's", result)
    result = t.a.run(f"{supervised(t)} sh -c 'kill -KILL $$'; echo $?", 60)
    t.check(result.out.split() == ["137"], "so is the signal that ends it", result)
    result = t.a.run(f"{supervised(t)} python3 -c 'import os; os.mknod(\"/tmp/node\", 0o20600, 231 << 8 | 192)'", 60)
    t.check("PermissionError" in result.err, "no device node can be made", result)


def await_output(program: Process, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in program.output():
        if time.monotonic() > deadline:
            raise TimeoutError(words)
        time.sleep(0.1)


def supervisor_gets(t: Test, sig: signal.Signals) -> None:
    """Then the program wants its device."""
    name = f"the supervisor gets {sig.name}"
    t.a.run("rm -f /run/go")
    wait = "echo ready; while [ ! -e /run/go ]; do sleep 0.2; done"
    connect_now = f"exec {t.build}/tests/verbs_static -g 0 {ETH0['b'][0]}"
    with t.wire() as seen:
        program = t.a.start(f"{supervised(t)} sh -c '{wait}; {connect_now}'", 200)
        await_output(program, "ready")
        pid = t.a.run("pgrep -x rdmasec-super", check=True).out.strip()
        t.a.run(f"kill -{int(sig)} {pid}; touch /run/go", check=True)
        if sig == signal.SIGSTOP:
            t.check(program.ended_within(3) is None, f"{name}: the program waits", program.output())
            t.a.run(f"kill -CONT {pid}", check=True)
        result = program.wait(120)
    t.check(result.code == 1, f"{name}: the program goes on, without its device" if sig == signal.SIGKILL else f"{name}: then it goes on", result)
    t.check(seen.clear == 0, f"{name}: nothing in clear", seen)


def flipper(t: Test) -> None:
    index = t.net.gid_index(t.a, ETH0["a"][0])
    t.a.run(f"ping -c 1 -W 5 {ETH0['b'][0]}", 20)
    command = f"{t.build}/tests/verbs_flip {DEVICE} {index} {ETH0['b'][0]}"
    policy = "-p /run/late.policy"
    result = t.a.run(f"{preloaded(t, policy)} {command} 100 2>/dev/null", 300)
    numbers = FLIPPED.search(result.out)
    t.check(result.ok and numbers and int(numbers[3]) > 0, "control: plain preload does not stop the hostile one", result)
    t.note(f"preload: {result.out.strip()}")
    began = time.monotonic()
    result = t.a.run(f"{supervised(t, policy)} {command} {FLIPS} 2>/dev/null", 600 + FLIPS)
    numbers = FLIPPED.search(result.out)
    t.note(f"supervised: {result.out.strip()}, {time.monotonic() - began:.0f} s")
    t.check(result.ok and numbers and int(numbers[4]) == 0, "the hostile one tries under --supervise", result)
    both = numbers and int(numbers[1]) > 0 and int(numbers[2]) > 0
    t.check(both, "it is refused the one address, and gets the other", result.out)
    t.check(numbers and int(numbers[3]) == 0, "and never the unprotected one", result.out)
    result = t.a.run(f"{supervised(t, policy)} {command} 100 morph 2>/dev/null", 600)
    t.note(f"supervised, a command that goes on in the program is changed into another: {result.out.strip()}")
    numbers = FLIPPED.search(result.out)
    down = re.search(r"taken down (\d+)", result.out)
    t.check(result.ok and numbers and down, "the hostile one changes REG_MR into MODIFY_QP", result)
    t.check(numbers and down and numbers[3] == down[1], "a queue pair that got its address so is taken down", result.out)
