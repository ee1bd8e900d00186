# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Guarded from outside: static programs, raw system calls, hostile threads; and a supervisor that stops or dies."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

from testbed.api import Process, Result, Test, Wire, await_listener, try_end
from testbed.refusals import has_reason, refusal_lines
from testbed.states import DEVICE, ETH0, MACSEC0

TIME_LIMIT = 1800 + int(os.environ.get("RDMASEC_FLIPS", "0"))
ENOUGH = 240  # s for what takes seconds, on a busy host
PORT = 18600  # of the programs' exchange of addresses
# Attempts of the hostile program; a whole 10,000 take from six to forty minutes on an emulated CPU.
FLIPS = int(os.environ.get("RDMASEC_FLIPS", "200"))
# To a rule for a remote that is not used, a QP is allowed until its address is known.
LATE = "[rule nobody]\nmatch-remote = 10.99.0.0/16\nmode = off\n"
USER = 1234
TERMINAL = Path(__file__).resolve().with_name("terminal.py")
FLIPPED = re.compile(r"refused (\d+) passed (\d+) unprotected (\d+) failed (\d+)")


def run(t: Test) -> None:
    t.a.write_file("/run/late.policy", LATE)
    t.net.clear()
    in_clear(t)
    as_if_it_were_not_there(t)
    at_a_terminal(t)
    node_that_comes_later(t)
    for sig in (signal.SIGKILL, signal.SIGSTOP):
        supervisor_gets(t, sig)
    flipper(t)
    t.net.macsec()
    over_macsec(t)
    stopped_under_traffic(t)
    as_an_ordinary_user(t)


def supervised(t: Test, policy: str = "") -> str:
    return f"{t.build}/bin/rdmasec run {policy} --supervise --"


def preloaded(t: Test, policy: str = "") -> str:
    return f"{t.build}/bin/rdmasec run {policy} --"


def connect(t: Test, program: str, addresses: dict, wrap_a: str, wrap_b: str = "", qps: int = 1, user: int | None = None) -> tuple[Result, Result, Wire]:
    """Run the program on a against the server on b."""
    folder = f"{t.build}/tests"
    index_a, index_b = (t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.a, t.b))
    with t.wire() as wire:
        server = t.b.start(f"{wrap_b} {folder}/verbs_threads -g {index_b} -q {qps}", ENOUGH, user)
        await_listener(t.b, PORT, server, ENOUGH)
        client = t.a.run(f"{wrap_a} {folder}/{program} -g {index_a} -q {qps} {ETH0['b'][0]}", ENOUGH, user)
        if not client.ok:
            try_end(server, PORT)
        served = server.wait(ENOUGH)
    return client, served, wire


def in_clear(t: Test) -> None:
    client, _, seen = connect(t, "verbs_static", ETH0, "")
    t.check(client.ok and seen.clear > 0, "control: a static program, unguarded, runs in clear", f"{client}\n{seen}")
    result = t.a.run(f"{preloaded(t)} {t.build}/tests/verbs_static -g 0 {ETH0['b'][0]}", ENOUGH)
    t.check(result.code == 126 and "--supervise" in result.err, "without --supervise it is not started, and told why", result)
    for program in ("verbs_static", "verbs_threads", "verbs_dlvsym", "verbs_fork", "verbs_fork -o", "verbs_fork -x"):
        client, _, seen = connect(t, program, ETH0, supervised(t))
        lines = refusal_lines(client)
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
    result = t.a.run(f"{supervised(t)} sh -c 'echo out; echo err >&2; exit 3'", ENOUGH)
    t.check((result.code, result.out, result.err) == (3, "out\n", "err\n"), "output and exit status are the program's", result)
    program = t.a.start(f"exec {supervised(t)} sh -c 'trap \"echo heard; exit 5\" TERM; echo ready; while :; do sleep 0.2; done'", ENOUGH)
    await_output(program, "ready")
    program.kill(signal.SIGTERM)
    result = program.wait(ENOUGH)
    t.check(result.code == 5 and "heard" in result.out, "a signal for rdmasec is the program's", result)
    result = t.a.run(f"{supervised(t)} sh -c 'kill -KILL $$'; echo $?", ENOUGH)
    t.check(result.out.split() == ["137"], "so is the signal that ends it", result)
    result = t.a.run(f"{supervised(t)} python3 -c 'import os; os.mknod(\"/tmp/node\", 0o20600, 231 << 8 | 192)'", ENOUGH)
    t.check("PermissionError" in result.err, "no device node can be made", result)


def await_output(program: Process, words: str) -> None:
    deadline = time.monotonic() + ENOUGH
    while words not in program.output():
        if time.monotonic() > deadline:
            raise TimeoutError(words)
        time.sleep(0.1)


def at_a_terminal(t: Test) -> None:
    """Job control is what it is without us: the same steps, the same results."""
    bare = t.a.run(f"python3 {TERMINAL}", 900, USER)
    if not t.check(bare.ok and "Error" not in bare.out, "control: job control at a terminal", bare):
        return
    below = t.a.run(f"python3 {TERMINAL} {supervised(t)}", 900, USER)
    expected, seen = json.loads(bare.out), json.loads(below.out or "{}")
    for step, result in expected.items():
        t.check(seen.get(step) == result, f"at a terminal: {step}", f"{below}\nwithout: {bare.out}")


def node_that_comes_later(t: Test) -> None:
    """/dev/infiniband/rdma_cm is made when librdmacm is first used; Landlock allows only what is there before."""
    t.a.run("modprobe -r rdma_ucm")
    gone = t.a.run("test ! -e /dev/infiniband/rdma_cm")
    if not t.check(gone.ok, "control: rdma_cm has no node while rdma_ucm is not loaded", gone):
        return
    channel = "import ctypes; f = ctypes.CDLL('librdmacm.so.1').rdma_create_event_channel; f.restype = ctypes.c_void_p; print(bool(f()))"
    result = t.a.run(f'{supervised(t)} python3 -c "{channel}"', ENOUGH)
    t.check(result.out.strip() == "True", "librdmacm finds its node, though nobody used it before", result)


def stopped_under_traffic(t: Test) -> None:
    what = "ibv_rc_pingpong, supervised, under traffic"
    call = f"exec {supervised(t)} ibv_rc_pingpong -d {DEVICE} -n 100000000 -g {{}}"
    indices = {guest.name: t.net.gid_index(guest, MACSEC0[guest.name][0]) for guest in (t.a, t.b)}
    server = t.b.start(call.format(indices["b"]), 4 * ENOUGH)
    await_listener(t.b, 18515, server, ENOUGH)
    client = t.a.start(f"{call.format(indices['a'])} {ETH0['b'][0]}", 4 * ENOUGH)
    t.check(moves(t), f"{what}: it sends", client.output())
    client.kill(signal.SIGTSTP)  # to its group, as a terminal does
    t.check(eventually(lambda: states(t) == {"T"}), f"{what}: a signal stops it", states(t))
    t.check(eventually(lambda: not moves(t, 2)), f"{what}: and it sends no more")
    client.kill(signal.SIGCONT)
    t.check(eventually(lambda: "T" not in states(t)) and moves(t), f"{what}: then it goes on", states(t))
    client.kill(signal.SIGINT)
    result = client.wait(ENOUGH)
    t.check(result.code == -signal.SIGINT, f"{what}: SIGINT ends it", result)
    try_end(server, 18515)
    server.wait(ENOUGH)


def states(t: Test) -> set[str]:
    """Of the command, as proc(5) has them."""
    found = t.a.run("ps -o stat= -C ibv_rc_pingpong").out.split()
    return {state[0] for state in found}


def moves(t: Test, within: float = ENOUGH) -> bool:
    """Packets leave a."""
    count = "rdma statistic show link rxe0/1 | grep -o 'sent_pkts [0-9]*'"
    before = t.a.run(count, check=True).out
    return eventually(lambda: t.a.run(count, check=True).out != before, within)


def eventually(holds, within: float = ENOUGH) -> bool:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def as_an_ordinary_user(t: Test) -> None:
    """The supervisor is an ancestor of all that it serves, which is what Yama wants of who looks into a process."""
    wrap = supervised(t)
    setting = "/proc/sys/kernel/yama/ptrace_scope"
    before = t.a.run(f"cat {setting}")
    if not before.ok:
        t.skip("as an ordinary user under Yama", "this kernel has none")
        return
    # started by somebody whose child it no longer is when it opens its device
    orphan = f"{t.build}/tests/verbs_static"
    for scope in (0, 1):
        for guest in (t.a, t.b):
            guest.run(f"echo {scope} >{setting}", check=True)
        for program in ("verbs_static", "verbs_threads", "verbs_fork -x"):
            what = f"{program}, supervised, uid {USER}, ptrace_scope {scope}"
            client, server, seen = connect(t, program, MACSEC0, wrap, wrap, user=USER)
            t.check(client.ok and server.ok and not client.err, f"{what}: runs", f"{client}\n{server}")
            t.check(seen.counts["macsec"] > 0 and seen.clear == 0, f"{what}: MACsec only", seen)
        orphaned(t, orphan, scope)
    for guest in (t.a, t.b):
        guest.run(f"echo 2 >{setting}", check=True)
    client, _, seen = connect(t, "verbs_static", MACSEC0, wrap, user=USER)
    told = has_reason(client.err, "kernel.yama.ptrace_scope")
    t.check(client.code == 126 and told, f"uid {USER}, ptrace_scope 2: not started, and the setting is named", client)
    t.check(seen.clear == 0, f"uid {USER}, ptrace_scope 2: nothing in clear", seen)
    for guest in (t.a, t.b):
        guest.run(f"echo {before.out.strip()} >{setting}", check=True)


def orphaned(t: Test, program: str, scope: int) -> None:
    """Its parent has ended before it opens its device: the supervisor adopts it."""
    what = f"an orphan, supervised, uid {USER}, ptrace_scope {scope}"
    index_a, index_b = (t.net.gid_index(guest, MACSEC0[guest.name][0]) for guest in (t.a, t.b))
    done = f"/tmp/orphan-{scope}"
    child = f"sleep 1; {program} -g {index_a} {ETH0['b'][0]}; echo $? >{done}"
    server = t.b.start(f"{supervised(t)} {t.build}/tests/verbs_threads -g {index_b}", ENOUGH, USER)
    await_listener(t.b, PORT, server, ENOUGH)
    result = t.a.run(f"{supervised(t)} sh -c '( {child} ) & exit 0'", ENOUGH, USER)
    t.check(result.ok, f"{what}: who started it ends as it does", result)
    code = "none"
    if eventually(lambda: t.a.run(f"test -s {done}").ok):
        code = t.a.run(f"cat {done}").out.strip()
    t.check(code == "0" and server.wait(ENOUGH).ok, f"{what}: runs", code)


def supervisor_gets(t: Test, sig: signal.Signals) -> None:
    """Then the program wants its device."""
    name = f"the supervisor gets {sig.name}"
    t.a.run("rm -f /run/go")
    wait = "echo ready; while [ ! -e /run/go ]; do sleep 0.2; done"
    connect_now = f"exec {t.build}/tests/verbs_static -g 0 {ETH0['b'][0]}"
    with t.wire() as seen:
        program = t.a.start(f"{supervised(t)} sh -c '{wait}; {connect_now}'", 2 * ENOUGH)
        await_output(program, "ready")
        pid = t.a.run("pgrep -x rdmasec-super", check=True).out.strip()
        t.a.run(f"kill -{int(sig)} {pid}; touch /run/go", check=True)
        if sig == signal.SIGSTOP:
            t.check(program.ended_within(3) is None, f"{name}: the program waits", program.output())
            t.a.run(f"kill -CONT {pid}", check=True)
        result = program.wait(ENOUGH)
    t.check(result.code == 1, f"{name}: the program goes on, without its device" if sig == signal.SIGKILL else f"{name}: then it goes on", result)
    t.check(seen.clear == 0, f"{name}: nothing in clear", seen)


def flipper(t: Test) -> None:
    index = t.net.gid_index(t.a, ETH0["a"][0])
    t.a.run(f"ping -c 1 -W 5 {ETH0['b'][0]}", 60)
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
