# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Threads, dlvsym, fork, exec, other preloads, privileges: all are guarded in the same way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from testbed.api import USER, Guest, Result, Test, Wire
from testbed.connecting import connect
from testbed.refusals import has_reason, names, refusal_lines
from testbed.states import DEVICE, ETH0, MACSEC0

TIME_LIMIT = 900
RSPRELOAD = "/usr/lib/*/rsocket/librspreload.so"
# A rule for a remote that is not used allows a QP until its address is known.
LATE = "[rule elsewhere]\nmatch-remote = 10.99.0.0/16\nmode = off\n"


class Program(NamedTuple):
    name: str
    command: str
    qps: int = 1
    threads: int = 1
    can_send: bool = True


PROGRAMS = (
    Program("64 QPs from 4 threads", "verbs_threads -q 64 -t 4", 64, 4),
    Program("verbs by dlvsym", "verbs_dlvsym"),
    Program("a forked child", "verbs_fork"),
    Program("a forked child with its parent's device", "verbs_fork -o", can_send=False),
    Program("a forked child after its parent", "verbs_fork -c", 2),
    Program("a forked child with its parent's device, after it", "verbs_fork -c -o", 2, can_send=False),
    Program("a child of vfork(2)", "verbs_fork -v"),
    Program("a child of vfork(2), after its parent", "verbs_fork -v -c", 2),
    Program("an executed child", "verbs_fork -x"),
    Program("an executed child after its parent", "verbs_fork -c -x", 2),
)


def run(t: Test) -> None:
    t.net.clear()
    refused_in_clear(t)
    refused_at_the_address(t)
    other_preloads_in_clear(t)
    write_is_no_bypass(t)
    starts_no_unloadable_program(t)
    privileged_ignores_environment(t)
    t.net.macsec()
    run_over_macsec(t)
    engine_ends_with_program(t)
    other_preloads_over_macsec(t)


def guard(t: Test) -> str:
    return f"{t.build}/bin/rdmasec run --"


def preload(t: Test, *libraries: str) -> str:
    """Returns LD_PRELOAD as set by hand; the library of rdmasec is last unless it is among them."""
    ours = f"{t.build}/lib/librdmasec-preload.so"
    names = [ours if name == "rdmasec" else name for name in libraries]
    return f"env LD_PRELOAD={':'.join(names if 'rdmasec' in libraries else [*names, ours])}"


def attempt(t: Test, program: Program, addresses: dict, wrap_a: str, wrap_b: str = "") -> tuple[Result, Result, Wire]:
    return connect(t, program.command, addresses, wrap_a=wrap_a, wrap_b=wrap_b, qps=program.qps, threads=program.threads)


def check_refused(t: Test, what: str, program: Program, stage: str, client: Result, seen: Wire) -> None:
    """rdmasec prints each QP once, and so does the program, which got EPERM."""
    denied = len(re.findall(rf"QP \d+: {stage}: .*\(errno 1\)", client.err))
    lines = refusal_lines(client)
    t.check(client.code == 1 and denied == program.qps, f"{what}: each of {program.qps} QPs gets EPERM", client)
    named = all(re.search(rf"on {DEVICE} port 1 GID \d+ \(\S+ on eth0\) to .*: unprotected \(reason=", line) for line in lines)
    t.check(len(lines) == program.qps and named, f"{what}: a line for each QP names the path and the reason", client.err)
    t.check(seen.clear == 0, f"{what}: nothing leaves in clear", seen)


def refused_in_clear(t: Test) -> None:
    for program in PROGRAMS:
        for how, wrap in (("guarded", guard(t)), ("LD_PRELOAD set by hand", preload(t))):
            client, _, seen = attempt(t, program, ETH0, wrap)
            check_refused(t, f"{program.name}, {how}, in clear", program, "cannot be created", client, seen)
    program = PROGRAMS[1]
    client, _, seen = attempt(t, program, ETH0, "")
    t.check(client.ok and seen.clear > 0, "control: unguarded, verbs by dlvsym run in clear", f"{client}\n{seen}")


def refused_at_the_address(t: Test) -> None:
    t.a.write_file("/run/late.policy", LATE)
    wrap = f"{t.build}/bin/rdmasec run -p /run/late.policy --"
    for program in PROGRAMS[:3]:
        client, _, seen = attempt(t, program, ETH0, wrap)
        check_refused(t, f"{program.name}, connecting in clear", program, "cannot be connected", client, seen)


def run_over_macsec(t: Test) -> None:
    for program in PROGRAMS:
        for how, wrap in (("guarded", guard(t)), ("LD_PRELOAD set by hand", preload(t))):
            what = f"{program.name}, {how}, over MACsec"
            client, server, seen = attempt(t, program, MACSEC0, wrap, wrap)
            if not program.can_send:
                connects_as_bare(t, what, program, client)
                continue
            ran = client.ok and server.ok and f"{program.qps} of {program.qps} QPs connected" in server.out
            t.check(ran and not client.err + server.err, f"{what}: it runs, and prints no error", f"{client}\n{server}")
            t.check(seen.counts["macsec"] > 0 and seen.clear == 0, f"{what}: only MACsec crosses the wire", seen)
            t.check(has_engines(t, 0), f"{what}: its engine ends")


def connects_as_bare(t: Test, what: str, program: Program, client: Result) -> None:
    """rxe sends by write(2), which the kernel accepts only from the process that opened the device."""
    bare, _, _ = attempt(t, program, MACSEC0, "")
    t.check("child: QP 0: cannot send: Permission denied" in bare.err, f"{what}: control: bare, it can only connect", bare)
    t.check(client == bare, f"{what}: it connects as bare", f"guarded {client}\nbare {bare}")


def engines(guest: Guest) -> list[int]:
    """Returns their process ids. The status of pgrep does not matter."""
    return [int(pid) for pid in guest.run("pgrep -x rdmasec-engine").out.split()]


def has_engines(t: Test, count: int) -> bool:
    return t.eventually(lambda: len(engines(t.a)) == count)


def engine_ends_with_program(t: Test) -> None:
    """The control of the checks that an engine has ended: it was there before."""
    for how, wrap in (("guarded", guard(t)), ("LD_PRELOAD set by hand", preload(t))):
        server = t.b.start(f"{t.build}/tests/verbs_threads -g {t.net.gid_index(t.b, MACSEC0['b'][0])} -q 2")
        index = t.net.gid_index(t.a, MACSEC0["a"][0])
        client = t.a.start(f"{wrap} {t.build}/tests/verbs_threads -s -q 2 -g {index} {ETH0['b'][0]}")
        t.check(client.says("1 connected, waiting"), f"{how}: a program connects and waits")
        t.check(len(engines(t.a)) == 1, f"{how}: the program has one engine")
        children = t.a.run(f"cat /proc/{client.pid}/task/{client.pid}/children").out.split()
        t.check(not children, f"{how}: the engine is not its child", children)
        client.kill(9)
        t.check(has_engines(t, 0), f"{how}: the engine ends when the program is killed")
        server.kill()


def pingpong(t: Test, addresses: dict, wrap: str) -> tuple[Result, Wire]:
    """Runs a pingpong with a wrapped client. Returns the client's result."""
    with t.wire() as wire:
        client, _ = t.pingpong(addresses["a"][0], addresses["b"][0], wrap_a=wrap)
    return client, wire


def other_preloads_in_clear(t: Test) -> None:
    taker = f"{t.build}/tests/libioctl_taker.so"
    client, seen = pingpong(t, ETH0, preload(t, taker))
    t.check(client.code == 126, "behind a library that takes ioctl(): a pingpong does not start", client)
    named = client.err.startswith("rdmasec: refused to start (reason=door-intercepted): ")
    t.check(named, "behind a library that takes ioctl(): rdmasec prints the reason", client.err)
    t.check(seen.clear == 0, "behind a library that takes ioctl(): nothing leaves in clear", seen)
    client, seen = pingpong(t, ETH0, f"env LD_PRELOAD={taker}")
    t.check(client.ok and seen.clear > 0, "control: with that library alone a pingpong runs in clear", f"{client}\n{seen}")
    for what, wrap in (
        ("before a library that takes ioctl()", preload(t, "rdmasec", taker)),
        ("run with such a library in LD_PRELOAD", f"env LD_PRELOAD={taker} {guard(t)}"),
        ("behind a library that passes ioctl() on", preload(t, f"{t.build}/tests/libioctl_chain.so")),
        ("behind librspreload", preload(t, rspreload(t))),
        ("before librspreload", preload(t, "rdmasec", rspreload(t))),
    ):
        client, seen = pingpong(t, ETH0, wrap)
        t.check(not client.ok and refusal_lines(client), f"{what}: a pingpong is refused in clear", client)
        t.check(seen.clear == 0, f"{what}: nothing leaves in clear", seen)


def write_is_no_bypass(t: Test) -> None:
    """Where ioctl() takes no verbs, libibverbs uses write(), which the door does not see; or another thread writes for it."""
    for what, library in (("by write()", "libioctl_no_verbs.so"), ("by an io_uring", "libwrite_uring.so")):
        commands = f"{t.build}/tests/{library}"
        client, seen = pingpong(t, ETH0, f"env LD_PRELOAD={commands}")
        t.check(client.ok and seen.clear > 0, f"control: where ioctl() takes no verbs, they go {what}", f"{client}\n{seen}")
        client, seen = pingpong(t, ETH0, preload(t, "rdmasec", commands))
        t.check(not client.ok and has_reason(client.err, "door-write"), f"verbs {what}: a pingpong is refused", client)
        t.check(seen.clear == 0, f"verbs {what}: nothing leaves in clear", seen)


def other_preloads_over_macsec(t: Test) -> None:
    chain = f"{t.build}/tests/libioctl_chain.so"
    client, seen = pingpong(t, MACSEC0, preload(t, chain))
    calls = re.search(r"ioctl_chain: saw (\d+) calls", client.err)
    t.check(client.ok and calls and int(calls[1]) > 0, "behind a library that passes ioctl() on: a pingpong runs", client)
    only = seen.counts["macsec"] > 0 and seen.clear == 0
    t.check(only, "behind a library that passes ioctl() on: only MACsec crosses the wire", seen)
    for what, wrap in (
        ("behind librspreload", preload(t, rspreload(t))),
        ("before librspreload", preload(t, "rdmasec", rspreload(t))),
    ):
        client, seen = pingpong(t, MACSEC0, wrap)
        t.check(client.ok and not client.err, f"{what}: a pingpong runs", client)
        t.check(seen.counts["macsec"] > 0 and seen.clear == 0, f"{what}: only MACsec crosses the wire", seen)


def rspreload(t: Test) -> str:
    return t.a.run(f"echo {RSPRELOAD}").out.strip()


def starts_no_unloadable_program(t: Test) -> None:
    programs = (
        ("setuid", "chmod 4755", "raises its privileges"),
        ("setgid", "chmod 2755", "raises its privileges"),
        ("with capabilities", "setcap cap_net_raw+ep", "raises its privileges"),
    )
    for what, change, cause in programs:
        copy = f"/usr/local/bin/pingpong-{what.replace(' ', '-')}"
        t.a.run(f"cp /usr/bin/ibv_rc_pingpong {copy} && {change} {copy}", check=True)
        result = t.a.run(f"{guard(t)} {copy} --help", user=USER)
        t.check(
            result.code == 126 and names(result.err, f"{copy} {cause}") and not result.out,
            f"rdmasec run: a program {what} is not started",
            result,
        )
    # It is statically linked, so that it works when libraries do not.
    result = t.a.run(f"{guard(t)} /sbin/ldconfig --version")
    t.check(
        result.code == 126 and names(result.err, "/sbin/ldconfig is statically linked") and not result.out,
        "rdmasec run: a static program is not started",
        result,
    )
    result = t.a.run(f"{guard(t)} /nowhere/ibv_rc_pingpong")
    t.check(result.code == 127 and result.err, "rdmasec run: a missing program is reported", result)


def privileged_ignores_environment(t: Test) -> None:
    """A setuid program loads a library of LD_PRELOAD only from the system's folder, and only if that is setuid, too."""
    copy = "/usr/local/bin/pingpong-setuid"
    library = Path(t.a.run("ls /usr/lib/*/libibverbs.so.1", check=True).out.strip()).with_name("librdmasec-preload.so")
    install = f"cp {t.build}/lib/{library.name} {library} && chmod 4644 {library} && chmod 4755 {copy}"
    t.a.run(install, check=True)
    t.a.write_file("/run/off.policy", "[default]\nmode = off\n")
    index = t.net.gid_index(t.a, ETH0["a"][0])
    settings = {"LD_PRELOAD": library.name, "RDMASEC_ENGINE": "@absent", "RDMASEC_POLICY": "/run/off.policy"}
    command = " ".join(f"{key}={value}" for key, value in settings.items())
    result = t.a.run(f"env {command} {copy} -d {DEVICE} -g {index}", user=USER)
    cause = "rdmasecd is not installed, and a privileged program gets no private engine"
    t.check(
        result.code not in (0, 124) and has_reason(result.err, "no-engine") and names(result.err, cause),
        "a setuid program: it takes neither engine nor policy from its environment",
        result,
    )
    t.a.run(f"rm {library}", check=True)
