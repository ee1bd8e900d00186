# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Programs with habits that do not matter to bare verbs."""

from __future__ import annotations

from typing import NamedTuple

from testbed.api import Result, Test
from testbed.daemon import Daemon, by_library, without_gate
from testbed.refusals import refusal_lines
from testbed.states import DEVICE, ETH0, MACSEC0

TIME_LIMIT = 900
STRICT, LENIENT, NO_GATE = "/run/strict.policy", "/etc/rdmasec/policy.conf", "/run/no-gate.policy"
OUT, GO = "/run/plain.out", "/run/go"
STARVED = "1000 100000"  # us of processor time in each so many
CONNECTED, REFUSED = "connected 0", "create 1"


class Habit(NamedTuple):
    name: str
    ways: str = ""
    shell: str = ""  # before the program
    streams: str = ""  # behind it


HABITS = (
    Habit("no habit"),
    Habit("stdin closed", streams="<&-"),
    Habit("stdout closed", streams=">&-"),
    Habit("stderr closed", streams="2>&-"),
    Habit("no standard streams", streams="<&- >&- 2>&-"),
    Habit("ulimit -n 64", shell="ulimit -n 64;"),
    Habit("no free descriptor", "fill", "ulimit -Sn 40;"),
    Habit("a cleared environment", "clearenv"),
    Habit("a daemon", "daemon"),
    Habit("a daemon without environment and descriptors", "daemon close clearenv"),
)


def run(t: Test) -> None:
    t.net.clear()
    keeps_policy_of_run(t)
    t.net.macsec()
    for name, wrap in (("bare", ""), ("guarded", guard(t)), ("LD_PRELOAD by hand", by_hand(t)),
                       ("supervised", f"{t.build}/bin/rdmasec run --supervise --")):  # fmt: skip
        for habit in HABITS:
            runs_as_bare(t, name, habit, wrap)
    refused_without_any_descriptor(t)
    engine_outlives_launcher(t)
    starved_program_goes_on(t)
    runs_with_address_sanitizer(t)
    daemon_has_no_stderr(t)
    waits_behind_a_pass_policy(t)
    idle_daemon_holds_no_module(t)


def guard(t: Test, options: str = "") -> str:
    return f"{t.build}/bin/rdmasec run {options} --"


def by_hand(t: Test) -> str:
    return f"env LD_PRELOAD={t.build}/lib/librdmasec-preload.so"


def program(t: Test, ways: str = "", addresses: dict = MACSEC0, name: str = "verbs_plain") -> str:
    index = t.net.gid_index(t.a, addresses["a"][0])
    return f"{t.build}/tests/{name} {DEVICE} {index} {addresses['b'][0]} {ways} out={OUT}"


def plain(t: Test, command: str) -> tuple[str, Result]:
    """Returns what the program wrote to its file, also after its parent has ended, and the result of the command."""
    t.a.run(f"rm -f {OUT}")
    result = t.a.run(command)
    if t.eventually(lambda: t.a.run(f"test -e {OUT}").ok):
        return t.a.read_file(OUT).decode().strip(), result
    return t.a.run("echo nothing written; ps -eo pid,ppid,stat,wchan:20,args | grep -e verbs_ -e rdmasec").out, result


def engine_count(t: Test) -> int:
    return len(t.a.run("pgrep -x rdmasec-engine").out.split())


def runs_as_bare(t: Test, name: str, habit: Habit, wrap: str) -> None:
    got, result = plain(t, f"{habit.shell} {wrap} {program(t, habit.ways)} {habit.streams}")
    quiet = "rdmasec" not in result.err
    t.check(got == CONNECTED and quiet, f"{name}, {habit.name}, over MACsec: it connects", f"{got}\n{result}")


def refused_without_any_descriptor(t: Test) -> None:
    """Neither the program nor its hard limit has a number left for the door's question."""
    got, result = plain(t, f"ulimit -n 40; {guard(t)} {program(t, 'fill')}")
    named = "(reason=no-descriptor)" in result.err
    t.check(got != CONNECTED and named, "no descriptor by the hard limit: it is refused with the reason", f"{got}\n{result}")


def keeps_policy_of_run(t: Test) -> None:
    """The host's policy would let all of them send in clear."""
    t.a.run(f"mkdir -p {LENIENT.rpartition('/')[0]}", check=True)
    t.a.write_file(LENIENT, "[default]\nmode = off\n")
    t.a.write_file(STRICT, "[default]\nrequire = any\n")
    strict, keep = guard(t, f"-p {STRICT}"), f"LD_PRELOAD={t.build}/lib/librdmasec-preload.so"
    launcher = "import subprocess; subprocess.Popen(%r.split(), env=%r).wait()"
    child = program(t, "", ETH0)
    cleared = launcher % (child, {"LD_PRELOAD": keep.partition("=")[2]})
    cases = (
        ("control: the policy of the host", guard(t), "", CONNECTED),
        ("the policy of run", strict, "", REFUSED),
        ("clearenv()", strict, "clearenv", REFUSED),
        ("clearenv() and no descriptors", strict, "close clearenv", REFUSED),
        ("a daemon with neither", strict, "daemon close clearenv", REFUSED),
        ("env -u RDMASEC_ENGINE", f"{strict} env -u RDMASEC_ENGINE", "", REFUSED),
        ("env -i with the library", f"{strict} env -i {keep}", "", REFUSED),
        ("env -i, then a daemon without descriptors", f"{strict} env -i {keep}", "daemon close", "create 107"),
        ("rdmasec run in rdmasec run", f"{strict} env -u RDMASEC_ENGINE {guard(t)}", "", REFUSED),
        ("a policy of its own in it", f"{strict} {guard(t, f'-p {LENIENT}')}", "", CONNECTED),
    )  # fmt: skip
    with t.wire() as wire:
        for what, wrap, ways, expected in cases:
            got, result = plain(t, f"{wrap} {program(t, ways, ETH0)}")
            said = expected == CONNECTED or len(refusal_lines(result)) == 1 or "daemon" in ways
            t.check(got == expected and said, f"run -p, {what}: {expected}", f"{got}\n{result}")
        got, result = plain(t, f'{strict} python3 -c "{cleared}"')
        t.check(got == REFUSED, "run -p, a child of a launcher that clears its environment: it is refused", f"{got}\n{result}")
    t.check(wire.clear == 0, "run -p: nothing leaves in clear", wire)
    t.a.run(f"rm {LENIENT}", check=True)


def engine_outlives_launcher(t: Test) -> None:
    """A launcher closes the descriptors of its child, and ends before the child uses verbs."""
    t.a.run(f"rm -f {OUT} {GO}")
    child = program(t, f"pause={GO}")
    script = f"import subprocess; subprocess.Popen('{child}'.split(), stdin=subprocess.DEVNULL)"
    result = t.a.run(f'{guard(t)} python3 -c "{script}"')
    t.check(result.ok and not t.a.run(f"test -e {OUT}").ok, "a launcher that has ended: its child waits", result)
    t.a.run(f"sleep 3; touch {GO}", check=True)  # longer than an engine without programs lasts
    t.eventually(lambda: t.a.run(f"test -e {OUT}").ok)
    got = t.a.read_file(OUT).decode().strip()
    t.check(got == CONNECTED, "a launcher that has ended: its child connects", got)
    t.check(t.eventually(lambda: engine_count(t) == 0), "all programs have ended: so has every private engine", engine_count(t))


def starved_program_goes_on(t: Test) -> None:
    """It is long in close(2): its file is in no table, and its queue pair lives."""
    group = "/sys/fs/cgroup/starved"
    t.a.run(f"rm -f {OUT} {GO}; mkdir {group}; echo +cpu >{group}/../cgroup.subtree_control", check=True)
    inner = f"bash -c 'echo $$ >{group}/cgroup.procs; exec {program(t, f'linger={GO}')}'"
    client = t.a.start(f"exec {guard(t)} {inner}")
    t.check(client.says("lingers"), "a program is to be starved: it has connected", client.output())
    t.a.run(f"echo {STARVED} >{group}/cpu.max; touch {GO}", check=True)
    result = client.wait()
    took = t.a.run(f"grep throttled_usec {group}/cpu.stat", check=True).out.strip()
    t.check(result.ok and CONNECTED in result.err, f"a starved program closes its device: it goes on ({took})", result)
    t.a.run(f"rmdir {group}", check=True)


def runs_with_address_sanitizer(t: Test) -> None:
    runtime = t.a.run(f"ldd {t.build}/tests/verbs_asan | awk '/lib[a-z_]*asan/ {{print $3}}'").out.strip()
    for name, wrap in (
        ("bare", ""),
        ("guarded", guard(t)),
        ("its runtime preloaded", f"LD_PRELOAD={runtime} {guard(t)}"),
        ("by hand, behind its runtime", f"LD_PRELOAD={runtime}:{t.build}/lib/librdmasec-preload.so"),
    ):
        got, result = plain(t, f"ASAN_OPTIONS=detect_leaks=0 {wrap} {program(t, name='verbs_asan')}")
        t.check(got == CONNECTED, f"AddressSanitizer, {name}: it connects", f"{got}\n{result}")


def daemon_has_no_stderr(t: Test) -> None:
    log = "/run/audit-of-closed.log"
    t.a.write_file(NO_GATE, without_gate(""))
    started = t.a.start(f"exec {t.build}/bin/rdmasecd -p {NO_GATE} -s /run/closed.sock -a {log} <&- >&- 2>&-")
    t.eventually(lambda: t.a.run("test -S /run/closed.sock").ok)
    got, result = plain(t, f"RDMASEC_ENGINE=/run/closed.sock {by_hand(t)} {program(t)}")
    t.check(got == CONNECTED, "rdmasecd without standard streams: it serves", f"{got}\n{result}")
    lines = t.eventually(lambda: t.a.read_file(log).decode().splitlines())
    t.check(lines and all(line.startswith("{") for line in lines), "rdmasecd without stderr: its audit log has records only", lines)
    started.kill()
    started.wait()


def waits_behind_a_pass_policy(t: Test) -> None:
    """A key manager installs a pass policy while it negotiates, as libreswan does by negotiationshunt=passthrough."""
    local, remote = ETH0["a"][0], ETH0["b"][0]
    ends = f"src {local}/32 dst {remote}/32"
    t.net.ipsec()
    sas = t.net.made("a", "xfrm state add")
    t.a.run("ip xfrm state flush", check=True)
    asks = t.a.start("exec ip xfrm monitor acquire")
    t.a.write_file(STRICT, "[default]\nrequire = ipsec\nsetup-timeout = 2m\n")
    with t.wire() as wire:
        t.a.run(f"rm -f {OUT} {OUT}2")
        client = t.a.start(f"exec {guard(t, f'-p {STRICT}')} {program(t, '', ETH0)}")
        t.check(asks.says("acquire"), "a pass policy: rdmasec asks for an SA", asks.output())
        t.a.run(f"ip xfrm policy add {ends} dir out priority 1", check=True)
        engine = t.a.run(f"tr '\\0' '\\n' </proc/{client.pid}/environ | grep ^RDMASEC_ENGINE=", check=True).out.strip()
        second = t.a.start(f"exec env {engine} {by_hand(t).partition(' ')[2]} {program(t, '', ETH0)}2")
        t.a.run("sleep 3")
        for what, process in (("the call", client), ("another one, which comes later,", second)):
            t.check(process.poll() is None, f"a pass policy during the negotiation: {what} waits", process.output())
        t.a.write_file("/run/sas", "".join(f"{line}\n" for line in sas))
        t.a.run("ip -batch /run/sas", check=True)
        t.a.run(f"ip xfrm policy delete {ends} dir out", check=True)
        results = client.wait(), second.wait()
    got = t.a.run(f"cat {OUT} {OUT}2").out.splitlines()
    t.check(got == [CONNECTED] * 2, "the SA has replaced the pass policy: both connect", f"{got}\n{results}")
    t.check(wire.clear == 0, "a pass policy: nothing leaves in clear", wire)


def idle_daemon_holds_no_module(t: Test) -> None:
    t.net.clear()
    daemon = Daemon(t, t.a)
    got, result = plain(t, f"{by_library(t)} {program(t, '', ETH0)}")
    t.check(got == REFUSED, "control: rdmasecd has decided", f"{got}\n{result}")
    t.a.run("rdma link delete rxe0; modprobe -r rdma_ucm ib_umad; modprobe -r rdma_rxe ib_uverbs; modprobe -r rdma_cm iw_cm ib_cm")
    removed = t.eventually(lambda: t.a.run("modprobe -r ib_core; ! grep -q '^ib_core ' /proc/modules").ok)
    used = t.a.run("grep -E '^(ib|rdma|iw)_' /proc/modules").out
    t.check(removed and daemon.alive(), "an idle rdmasecd: ib_core can be unloaded", used)
    t.a.run("modprobe -a rdma_rxe ib_uverbs rdma_ucm", check=True)
