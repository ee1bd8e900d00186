# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Guarded from outside: static programs, raw system calls, hostile threads; the supervisor stops or dies."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

from testbed.api import EXCHANGE_PORT, SIDE_CHANNEL, USER, Result, Test, await_listener, try_end
from testbed.connecting import connect
from testbed.patience import WITHIN
from testbed.refusals import names, refusal_lines
from testbed.states import DEVICE, ETH0, MACSEC0
from testbed.stream import await_words

TIME_LIMIT = 1800
# Attempts of the hostile program; 10,000 take from six to forty minutes on an emulated processor.
FLIPS = int(os.environ.get("RDMASEC_FLIPS", "200"))
# A rule for a remote that is not used allows a QP until its address is known.
LATE = "[rule elsewhere]\nmatch-remote = 10.99.0.0/16\nmode = off\n"
FLIPPING = 600  # s without progress; the program prints a line for every hundred attempts
# A second libibverbs in another namespace of the loader (dlmopen(3)).
NAMESPACE = "verbs_break namespace none"
OFF = "[default]\nmode = off\n"
QKEY = Path(__file__).resolve().parents[2] / "apps/pyverbs_qkey.py"
SETPRIV = f"setpriv --reuid {USER} --regid {USER} --clear-groups"
TERMINAL = Path(__file__).resolve().with_name("terminal.py")
FLIPPED = re.compile(r"refused (\d+) passed (\d+) unprotected (\d+) failed (\d+)")


def run(t: Test) -> None:
    t.a.write_file("/run/late.policy", LATE)
    t.net.clear()
    in_clear(t)
    is_transparent(t)
    has_job_control(t)
    rdma_cm_node_exists_before(t)
    program_gets_only_its_own_capabilities(t)
    reopened_node_takes_no_write(t)
    engine_and_supervisor_are_out_of_reach(t)
    engine_ends(t)
    for sig in (signal.SIGKILL, signal.SIGSTOP):
        supervisor_gets(t, sig)
    withstands_changed_commands(t)
    t.net.macsec()
    over_macsec(t)
    stops_and_continues_under_traffic(t)
    serves_ordinary_user(t)


def supervised(t: Test, policy: str = "") -> str:
    return f"{t.build}/bin/rdmasec run {policy} --supervise --"


def preloaded(t: Test, policy: str = "") -> str:
    return f"{t.build}/bin/rdmasec run {policy} --"


def in_clear(t: Test) -> None:
    client, _, seen = connect(t, "verbs_static", ETH0)
    t.check(client.ok and seen.clear > 0, "control: verbs_static, unguarded, runs in clear", f"{client}\n{seen}")
    result = t.a.run(f"{preloaded(t)} {t.build}/tests/verbs_static -g 0 {ETH0['b'][0]}")
    holds = result.code == 126 and "--supervise" in result.err
    t.check(holds, "verbs_static, without --supervise: it is not started, and the reason is printed", result)
    client, _, seen = connect(t, NAMESPACE, ETH0, wrap_a=preloaded(t))
    holds = client.ok and seen.clear > 0
    t.check(holds, f"control: {NAMESPACE}, preloaded, runs in clear: ld.so preloads nothing there", f"{client}\n{seen}")
    forks = ("verbs_fork", "verbs_fork -o", "verbs_fork -x", "verbs_fork -v")
    for program in ("verbs_static", "verbs_threads", "verbs_dlvsym", *forks, NAMESPACE):
        client, _, seen = connect(t, program, ETH0, wrap_a=supervised(t))
        lines = refusal_lines(client)
        # the libc of the other namespace has an errno of its own, which the program does not see
        said = "cannot be created" if program == NAMESPACE else "(errno 1)"
        t.check(client.code == 1 and said in client.err, f"{program}, supervised, in clear: it gets EPERM", client)
        named = lines and all(re.search(rf"on {DEVICE} port 1 .*: unprotected \(reason=", line) for line in lines)
        t.check(named, f"{program}, supervised, in clear: the reason is printed", client.err)
        t.check(seen.clear == 0, f"{program}, supervised, in clear: nothing leaves in clear", seen)


def over_macsec(t: Test) -> None:
    for program, qps in (("verbs_static", 8), ("verbs_threads -t 4", 16), ("verbs_fork", 1), ("verbs_fork -x", 1)):
        client, server, seen = connect(t, f"{program} -q {qps}", MACSEC0, wrap_a=supervised(t), wrap_b=supervised(t), qps=qps)
        t.check(client.ok and server.ok, f"{program}, supervised, over MACsec: it runs", f"{client}\n{server}")
        t.check(seen.counts["macsec"] > 0 and seen.clear == 0, f"{program}, supervised, over MACsec: only MACsec crosses the wire", seen)
        t.check(not client.err, f"{program}, supervised, over MACsec: it prints no error", client.err)
    wrap = supervised(t)
    with t.wire() as seen:
        client, server = t.pingpong(MACSEC0["a"][0], MACSEC0["b"][0], wrap_a=wrap, wrap_b=wrap)
    t.check(client.ok and server.ok, "ibv_rc_pingpong, supervised, over MACsec: it runs", f"{client}\n{server}")
    t.check(seen.counts["macsec"] > 0 and seen.clear == 0, "ibv_rc_pingpong, supervised, over MACsec: only MACsec crosses the wire", seen)


def is_transparent(t: Test) -> None:
    result = t.a.run(f"{supervised(t)} sh -c 'echo out; echo err >&2; exit 3'")
    holds = (result.code, result.out, result.err) == (3, "out\n", "err\n")
    t.check(holds, "supervised: output and exit status are those of the program", result)
    waits = 'trap "echo heard; exit 5" TERM; echo ready; while :; do sleep 0.2; done'
    program = t.a.start(f"exec {supervised(t)} sh -c '{waits}'")
    await_words(program, "ready")
    program.kill(signal.SIGTERM)
    result = program.wait()
    t.check(result.code == 5 and "heard" in result.out, "supervised: the program gets a signal for rdmasec", result)
    result = t.a.run(f"{supervised(t)} sh -c 'kill -KILL $$'; echo $?")
    t.check(result.out.split() == ["137"], "supervised: the signal that ends the program is that of rdmasec", result)
    make_node = 'import os; os.mknod("/tmp/node", 0o20600, 231 << 8 | 192)'
    result = t.a.run(f"{supervised(t)} python3 -c '{make_node}'")
    t.check("PermissionError" in result.err, "supervised: no device node can be made", result)


def has_job_control(t: Test) -> None:
    """Job control has the same results as without a supervisor."""
    bare = t.a.run(f"python3 {TERMINAL}", within=300, user=USER)
    if not t.check(bare.ok and "Error" not in bare.out, "control: job control at a terminal works", bare):
        return
    below = t.a.run(f"python3 {TERMINAL} {supervised(t)}", within=300, user=USER)
    expected, seen = json.loads(bare.out), json.loads(below.out or "{}")
    for step, result in expected.items():
        t.check(seen.get(step) == result, f"at a terminal, {step}: the result is that of a bare command", f"{below}\nwithout: {bare.out}")


def rdma_cm_node_exists_before(t: Test) -> None:
    """librdmacm makes /dev/infiniband/rdma_cm at its first use; Landlock allows only files that exist before."""
    t.a.run("modprobe -r rdma_ucm")
    gone = t.a.run("test ! -e /dev/infiniband/rdma_cm")
    if not t.check(gone.ok, "control: rdma_cm has no node while rdma_ucm is not loaded", gone):
        return
    create = "ctypes.CDLL('librdmacm.so.1').rdma_create_event_channel"
    channel = f"import ctypes; f = {create}; f.restype = ctypes.c_void_p; print(bool(f()))"
    result = t.a.run(f'{supervised(t)} python3 -c "{channel}"')
    t.check(result.out.strip() == "True", "supervised: librdmacm finds its node at its first use", result)


def program_gets_only_its_own_capabilities(t: Test) -> None:
    """CapEff is full in a new user namespace; the kernel asks for CAP_NET_RAW in that of the device."""
    t.a.write_file("/run/off.policy", OFF)
    wrap = supervised(t, "-p /run/off.policy")
    # without the door inside, which does not trust the engine of a user that has no number in its user namespace
    program = f"env -u LD_PRELOAD /usr/bin/python3 {QKEY} {DEVICE}"
    result = t.a.run(f"{wrap} {program}")
    t.check(result.out == "passed\n", "control: root's program, supervised, gets a controlled Q_Key", result)
    ways = {
        "another user": f"{SETPRIV}",
        "another user in its own user namespace": f"{SETPRIV} unshare --user --map-root-user",
        "root in a user namespace": "unshare --user --map-root-user",
        "root in a user namespace, twice": "unshare --user --map-root-user unshare --user --map-root-user",
    }
    for who, way in ways.items():
        bare = t.a.run(f"{way} {program}")
        t.check("Operation not permitted" in bare.out, f"control: {who}, bare, gets no controlled Q_Key", bare)
        result = t.a.run(f"{wrap} {way} {program}")
        t.check("Operation not permitted" in result.out, f"{who}, supervised, gets no controlled Q_Key", result)


def reopened_node_takes_no_write(t: Test) -> None:
    """A node that the supervisor opened takes no write(2) of the program, whatever path led to it."""
    node = f"/dev/infiniband/{t.a.run('ls /sys/class/infiniband_verbs | grep uverbs', check=True).out.split()[0]}"
    script = (
        "import os, sys\n"
        "os.chdir('/dev')\n"
        f"held = os.open({node!r}, os.O_PATH)\n"
        "folder = os.open('/proc/self/fd', os.O_PATH)\n"
        f"os.symlink(f'/proc/self/fd/{{held}}', '/tmp/reopened-{{}}'.format(os.getpid()))\n"
        "paths = [f'/proc/self/fd/{held}', f'/dev/fd/{held}', f'/proc/{os.getpid()}/fd/{held}',\n"
        f"         '/proc/self/root{node}', '/proc/self/cwd/{node.removeprefix('/dev/')}',\n"
        f"         '/proc/thread-self/root{node}', '/tmp/reopened-{{}}'.format(os.getpid())]\n"
        "def attempt(path, flags=os.O_RDWR, **where):\n"
        "    try:\n"
        "        fd = os.open(path, flags, **where)\n"
        "    except OSError as error:\n"
        "        return f'open {error.errno}'\n"
        "    try:\n"
        "        return f'wrote {os.write(fd, bytes(8))}'\n"
        "    except OSError as error:\n"
        "        return f'write {error.errno}'\n"
        "for path in paths:\n"
        "    print(attempt(path), attempt(path, os.O_WRONLY | os.O_CREAT))\n"
        "print(attempt(str(held), dir_fd=folder), attempt(str(held), os.O_WRONLY, dir_fd=folder))\n"
    )
    t.a.write_file("/run/reopen.py", script)
    bare = t.a.run("/usr/bin/python3 /run/reopen.py")
    t.check("write 22" in bare.out and "13" not in bare.out, "control: an unguarded program may write to its node", bare)
    result = t.a.run(f"{supervised(t)} /usr/bin/python3 /run/reopen.py")
    seen = set(result.out.splitlines())
    # EACCES of ib_safe_file_access(), and of Landlock
    t.check(seen == {"write 13 open 13"}, "supervised: a node opened again by /proc takes no write", result)


def engine_and_supervisor_are_out_of_reach(t: Test) -> None:
    """A program of the same user can neither signal nor limit nor inspect them."""
    script = (
        "import os, resource\n"
        "def attempt(what, *arguments):\n"
        "    try:\n"
        "        what(*arguments)\n"
        "    except PermissionError:\n"
        "        return 'refused'\n"
        "    return 'passed'\n"
        "for name in ('rdmasec-engine', 'rdmasec-super', 'rdmasec'):\n"
        "    pid = int(os.popen(f'pgrep -n -x {name}').read())\n"
        "    limits = (resource.RLIMIT_CPU, (0, 0))\n"
        "    print(attempt(os.kill, pid, 9), attempt(resource.prlimit, pid, *limits),\n"
        "          attempt(os.readlink, f'/proc/{pid}/fd/0'), attempt(open, f'/proc/{pid}/mem', 'rb'),\n"
        "          attempt(os.readlink, f'/proc/{pid}/root'))\n"
    )
    t.a.write_file("/run/reach.py", script)
    for user in (None, USER):
        result = t.a.run(f"{supervised(t)} /usr/bin/python3 /run/reach.py", user=user)
        holds = result.ok and result.out.splitlines() == ["refused refused refused refused refused"] * 3
        t.check(holds, f"supervised, uid {user or 0}: engine, supervisor and rdmasec are out of reach", result)


def engine_ends(t: Test) -> None:
    """Nothing watches the queue pairs any more: the program is killed, with its children."""
    for user in (None, USER):
        who = f"supervised, uid {user or 0}: the private engine is killed"
        program = t.a.start(f"exec {supervised(t)} sh -c 'sleep 1000 & setsid sleep 1001 & echo ready; sleep 1002'", user=user)
        await_words(program, "ready")
        t.a.run("kill -9 $(pgrep -n -x rdmasec-engine)", check=True)
        result = program.wait()
        t.check(result.code == -signal.SIGKILL, f"{who}: the program is killed", result)
        t.check("rdmasec: the private engine has ended" in result.err, f"{who}: a line says why", result.err)
        gone = t.eventually(lambda: not t.a.run("pgrep -f 'sleep 100[012]'").ok)
        t.check(gone, f"{who}: no process of the program is left", t.a.run("pgrep -af sleep").out)


def stops_and_continues_under_traffic(t: Test) -> None:
    what = "ibv_rc_pingpong, supervised, under traffic"
    call = f"exec {supervised(t)} ibv_rc_pingpong -d {DEVICE} -n 100000000 -g {{}}"
    indices = {guest.name: t.net.gid_index(guest, MACSEC0[guest.name][0]) for guest in (t.a, t.b)}
    server = t.b.start(call.format(indices["b"]))
    await_listener(server, SIDE_CHANNEL)
    client = t.a.start(f"{call.format(indices['a'])} {ETH0['b'][0]}")
    t.check(moves(t), f"{what}: it sends", client.output())
    client.kill(signal.SIGTSTP)  # to its group, as by a terminal
    t.check(t.eventually(lambda: states(t) == {"T"}), f"{what}: SIGTSTP stops it", states(t))
    t.check(t.eventually(lambda: not moves(t, 2)), f"{what}: stopped, it sends no more")
    client.kill(signal.SIGCONT)
    t.check(t.eventually(lambda: "T" not in states(t)) and moves(t), f"{what}: after SIGCONT it sends again", states(t))
    client.kill(signal.SIGINT)
    result = client.wait()
    t.check(result.code == -signal.SIGINT, f"{what}: SIGINT ends it", result)
    try_end(server, SIDE_CHANNEL)
    server.wait()


def states(t: Test) -> set[str]:
    """Returns the states of the command, as in proc(5)."""
    found = t.a.run("ps -o stat= -C ibv_rc_pingpong").out.split()
    return {state[0] for state in found}


def moves(t: Test, within: float = WITHIN) -> bool:
    """Returns whether packets leave a."""
    count = "rdma statistic show link rxe0/1 | grep -o 'sent_pkts [0-9]*'"
    before = t.a.run(count, check=True).out
    return t.eventually(lambda: t.a.run(count, check=True).out != before, within)


def serves_ordinary_user(t: Test) -> None:
    """Yama lets a process inspect its descendants, and the supervisor is an ancestor of all that it serves."""
    wrap = supervised(t)
    setting = "/proc/sys/kernel/yama/ptrace_scope"
    before = t.a.run(f"cat {setting}")
    if not before.ok:
        t.skip("as an ordinary user under Yama", "this kernel has none")
        return
    # its parent has ended when it opens its device
    orphan = f"{t.build}/tests/verbs_static"
    for scope in (0, 1):
        for guest in (t.a, t.b):
            guest.run(f"echo {scope} >{setting}", check=True)
        for program in ("verbs_static", "verbs_threads", "verbs_fork -x"):
            what = f"{program}, supervised, uid {USER}, ptrace_scope {scope}"
            client, server, seen = connect(t, program, MACSEC0, wrap_a=wrap, wrap_b=wrap, user=USER)
            t.check(client.ok and server.ok and not client.err, f"{what}: it runs", f"{client}\n{server}")
            t.check(seen.counts["macsec"] > 0 and seen.clear == 0, f"{what}: only MACsec crosses the wire", seen)
        serves_orphan(t, orphan, scope)
    for guest in (t.a, t.b):
        guest.run(f"echo 2 >{setting}", check=True)
    client, _, seen = connect(t, "verbs_static", MACSEC0, wrap_a=wrap, user=USER)
    named = names(client.err, "kernel.yama.ptrace_scope")
    t.check(client.code == 126 and named, f"uid {USER}, ptrace_scope 2: verbs_static is not started, and the setting is named", client)
    t.check(seen.clear == 0, f"uid {USER}, ptrace_scope 2: nothing leaves in clear", seen)
    for guest in (t.a, t.b):
        guest.run(f"echo {before.out.strip()} >{setting}", check=True)


def serves_orphan(t: Test, program: str, scope: int) -> None:
    """The supervisor adopts a program whose parent ends before it opens its device."""
    what = f"an orphan, supervised, uid {USER}, ptrace_scope {scope}"
    index_a, index_b = (t.net.gid_index(guest, MACSEC0[guest.name][0]) for guest in (t.a, t.b))
    done = f"/tmp/orphan-{scope}"
    child = f"sleep 1; {program} -g {index_a} {ETH0['b'][0]}; echo $? >{done}"
    server = t.b.start(f"{supervised(t)} {t.build}/tests/verbs_threads -g {index_b}", user=USER)
    await_listener(server, EXCHANGE_PORT)
    result = t.a.run(f"{supervised(t)} sh -c '( {child} ) & exit 0'", user=USER)
    t.check(result.ok, f"{what}: its parent ends with exit status 0", result)
    code = "none"
    if t.eventually(lambda: t.a.run(f"test -s {done}").ok):
        code = t.a.run(f"cat {done}").out.strip()
    t.check(code == "0" and server.wait().ok, f"{what}: it runs", code)


def supervisor_gets(t: Test, sig: signal.Signals) -> None:
    """The program opens its device after the signal. b serves: else the program would look for its peer for a minute."""
    name = f"the supervisor gets {sig.name}"
    t.a.run("rm -f /run/go")
    wait = "echo ready; while [ ! -e /run/go ]; do sleep 0.2; done"
    index_a, index_b = (t.net.gid_index(guest, ETH0[guest.name][0]) for guest in (t.a, t.b))
    connect_now = f"exec {t.build}/tests/verbs_static -g {index_a} {ETH0['b'][0]}"
    with t.wire() as seen:
        server = t.b.start(f"exec {t.build}/tests/verbs_threads -g {index_b}")
        await_listener(server, EXCHANGE_PORT)
        program = t.a.start(f"{supervised(t)} sh -c '{wait}; {connect_now}'")
        await_words(program, "ready")
        pid = t.a.run("pgrep -x rdmasec-super", check=True).out.strip()
        t.a.run(f"kill -{int(sig)} {pid}; touch /run/go", check=True)
        if sig == signal.SIGSTOP:
            t.check(program.ends(3) is None, f"{name}: the program waits", program.output())
            t.a.run(f"kill -CONT {pid}", check=True)
        result = program.wait()
        try_end(server, EXCHANGE_PORT, at_once=True)
        server.wait()
    if sig == signal.SIGKILL:
        t.check(result.code == 1, f"{name}: the program continues without its device", result)
    else:
        refused = result.code == 1 and refusal_lines(result) and "(errno 1)" in result.err
        t.check(refused, f"{name}: after SIGCONT the program continues, and is refused in clear", result)
    t.check(seen.clear == 0, f"{name}: nothing leaves in clear", seen)


def last_line(result: Result) -> str:
    return (result.out.splitlines() or [""])[-1]


def withstands_changed_commands(t: Test) -> None:
    index = t.net.gid_index(t.a, ETH0["a"][0])
    t.a.run(f"ping -c 1 -W 5 {ETH0['b'][0]}")
    command = f"{t.build}/tests/verbs_flip {DEVICE} {index} {ETH0['b'][0]}"
    policy = "-p /run/late.policy"
    result = t.a.run(f"{preloaded(t, policy)} {command} 100 2>/dev/null", within=FLIPPING)
    numbers = FLIPPED.search(result.out)
    t.check(result.ok and numbers and int(numbers[3]) > 0, "control: the preloaded library does not stop the hostile program", result)
    t.note(f"preload: {last_line(result)}")
    began = time.monotonic()
    result = t.a.run(f"{supervised(t, policy)} {command} {FLIPS} 2>/dev/null", within=FLIPPING)
    numbers = FLIPPED.search(result.out)
    t.note(f"supervised: {last_line(result)}, {time.monotonic() - began:.0f} s")
    t.check(result.ok and numbers and int(numbers[4]) == 0, "hostile program, supervised: it makes its attempts", result)
    both = numbers and int(numbers[1]) > 0 and int(numbers[2]) > 0
    t.check(both, "hostile program, supervised: it is refused one address, and gets the other", result.out)
    t.check(numbers and int(numbers[3]) == 0, "hostile program, supervised: it never gets the unprotected address", result.out)
    result = t.a.run(f"{supervised(t, policy)} {command} 100 morph 2>/dev/null", within=FLIPPING)
    t.note(f"supervised, a command that continues in the program is changed into another: {last_line(result)}")
    numbers = FLIPPED.search(result.out)
    down = re.search(r"taken down (\d+)", result.out)
    t.check(result.ok and numbers and down, "hostile program, supervised: it changes REG_MR into MODIFY_QP", result)
    holds = numbers and down and numbers[3] == down[1]
    t.check(holds, "hostile program, supervised: a queue pair that got its address in this way is taken down", result.out)
