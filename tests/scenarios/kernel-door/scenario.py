# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Programs without a door, under a daemon with the kernel door."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass

from testbed.api import USER, Process, Test
from testbed.applications import APPLICATIONS, Application, Trial, try_out
from testbed.connecting import connect
from testbed.coverage import PROGRAMS
from testbed.daemon import POLICY, Daemon, Record, by_library, without_gate
from testbed.matrix import remove_ipv6_from_eth0
from testbed.refusals import has_reason, has_reason_of
from testbed.states import DEVICE, ETH0, MACSEC0
from testbed.stream import GENTLE, Stream, change

GUESTS = (("host", "6.12"), ("host", "6.1"), ("sid", "7.2"))
ALL_CASES = "6.12"  # on the other kernels a few
DOOR = "[default]\nrequire = any\nkernel-door = on\n"
KILLS = f"{DOOR}unguarded = kill\n"
AUDITS = f"{DOOR}mode = audit\n"
QPS = 16
UNPROTECTED = ("outbound-no-policy", "macsec-no-device")
PINGPONG = APPLICATIONS["ibv_rc_pingpong"]
UNLOAD = "modprobe -r rdma_ucm ib_umad; modprobe -r rdma_rxe ib_uverbs; modprobe -r rdma_cm iw_cm ib_cm; modprobe -r ib_core"


@dataclass(frozen=True)
class Case:
    application: Application
    name: str = ""
    user: int | None = None
    wrap: str | None = None  # {build}
    prepare: str = ""
    needs: str = "/"
    datagrams: bool = False

    @property
    def what(self) -> str:
        return self.name or self.application.name

    def can_run(self, t: Test) -> bool:
        if not t.a.run(f"test -e {self.needs.format(build=t.build)}").ok:
            t.skip(self.what, f"{self.needs} is not there")
            return False
        t.a.run(self.prepare or "true", check=True)
        t.b.run(self.prepare or "true", check=True)
        return True

    def run(self, t: Test, addresses: dict[str, tuple[str, str]]) -> Trial:
        wrap = self.wrap.format(build=t.build) if self.wrap else None
        return try_out(t, self.application, addresses, user=self.user, wrap=wrap, guarded="a" if wrap else "")


def of_coverage(name: str) -> Case:
    program = next(program for program in PROGRAMS if program.name == name)
    return Case(program.application, user=program.user, prepare=program.prepare, needs=program.needs or "/")


FIRST = Case(PINGPONG, "a user's pingpong", user=USER)
BY_WRITE = Case(PINGPONG, "a pingpong by write(2)", wrap="env LD_PRELOAD={build}/tests/libioctl_no_verbs.so")
OTHERS = (
    BY_WRITE,
    *(of_coverage(name) for name in ("a Go program", "a static binary", "a program with raw system calls", "a setuid program")),
)
SOME = tuple(case for case in OTHERS if case.what in ("a static binary", "a setuid program"))
DATAGRAMS = Case(APPLICATIONS["ibv_ud_pingpong"])
BY_CM = Case(APPLICATIONS["rping"])


def run(t: Test) -> None:
    all_cases = ALL_CASES in t.a.run("uname -r", check=True).out
    t.net.clear()
    without_it(t)
    in_clear(t, (FIRST, *OTHERS, DATAGRAMS, BY_CM) if all_cases else (FIRST, BY_WRITE))
    if all_cases:
        ends_programs(t)
        only_reports(t)
    t.net.macsec()
    remove_ipv6_from_eth0(t.net)  # by its routes datagrams would leave past MACsec
    protected(t, "over MACsec", "macsec", MACSEC0, (FIRST, DATAGRAMS) if all_cases else (FIRST,))
    t.net.ipsec()
    protected(t, "over IPsec", "esp", ETH0, (FIRST, BY_WRITE, *SOME) if all_cases else (FIRST,))
    policy_goes(t)
    if all_cases:
        many_at_once(t)
        daemon_ends(t)
        waits_for_module(t)


def door(t: Test) -> str:
    """Returns what status says of the kernel door."""
    rows = json.loads(t.a.run(f"{t.build}/bin/rdmasec status --json").out)
    return next(row["state"] for row in rows if row.get("door") == "kernel door")


def found(daemon: Daemon) -> list[Record]:
    """Returns what the door has found."""
    return [row for row in daemon.log() if row["event"] == "kernel-door"]


def without_it(t: Test) -> None:
    daemon = Daemon(t, t.a)
    t.check(door(t) == "off", "by default status says that the kernel door is off", door(t))
    trial = FIRST.run(t, ETH0)
    t.check(trial.ran and trial.wire["clear_data"] > 0, f"control, without kernel door: {FIRST.what} runs in clear", trial)
    t.check(not found(daemon), "control: the log has no record of a kernel door", daemon.log())
    daemon.kill()


def in_clear(t: Test, cases: tuple[Case, ...]) -> None:
    daemon = Daemon(t, t.a, DOOR)
    t.check(door(t) == "attached", "kernel-door = on: status says that it is attached", f"{door(t)} {daemon.process.output()}")
    for case in cases:
        if not case.can_run(t):
            continue
        before = len(found(daemon))
        trial = case.run(t, ETH0)
        t.check(not trial.ran, f"in clear, {case.what}: it fails", trial)
        # the kernel's connection manager sends its own messages
        readable = trial.wire["clear_data"] if case is BY_CM else trial.readable
        t.check(readable == 0, f"in clear, {case.what}: no data leaves", trial)
        rows = t.eventually(lambda: found(daemon)[before:])
        holds = rows and rows[0]["outcome"] == "refused" and has_reason_of(rows[0], UNPROTECTED)
        t.check(holds and "it goes on" in rows[0]["text"], f"in clear, {case.what}: the audit log says why", rows or daemon.log())
    before = len(found(daemon))
    client, _ = t.pingpong(ETH0["a"][0], ETH0["b"][0], wrap_a=by_library(t), user=USER)
    t.check(not client.ok and "rdmasec: refused" in client.err, "in clear, a guarded pingpong is refused by its door", client)
    t.check(len(found(daemon)) == before, "in clear, a guarded pingpong does not come to the kernel door", found(daemon))
    daemon.kill()


def ends_programs(t: Test) -> None:
    daemon = Daemon(t, t.a, KILLS)
    with t.wire() as wire:
        client, _ = t.pingpong(ETH0["a"][0], ETH0["b"][0])
    t.check(client.code == -signal.SIGKILL, "unguarded = kill: the program is ended", client)
    t.check(wire.clear == 0, "unguarded = kill: nothing leaves", wire)
    rows = t.eventually(lambda: found(daemon))
    t.check(rows and "it was ended (unguarded = kill)" in rows[0]["text"], "unguarded = kill: the audit log says so", rows)
    daemon.kill()


def only_reports(t: Test) -> None:
    daemon = Daemon(t, t.a, AUDITS)
    t.check("only reports" in door(t), "mode = audit: status says that it only reports", door(t))
    trial = FIRST.run(t, ETH0)
    t.check(trial.ran, "mode = audit: an unguarded pingpong runs", trial)
    rows = t.eventually(lambda: found(daemon))
    t.check(rows and rows[0]["outcome"] in ("audited", "passed"), "mode = audit: the audit log has it", rows or daemon.log())
    daemon.kill()


def protected(t: Test, where: str, kind: str, addresses: dict[str, tuple[str, str]], cases: tuple[Case, ...]) -> None:
    daemon = Daemon(t, t.a, DOOR)
    for case in cases:
        if not case.can_run(t):
            continue
        before = len(found(daemon))
        trial = case.run(t, addresses)
        t.check(trial.ran, f"{where}, {case.what}: it runs", trial)
        t.check(trial.wire[kind] > 0 and trial.readable == 0, f"{where}, {case.what}: nothing leaves in clear", trial)
        rows = t.eventually(lambda: found(daemon)[before:])
        t.check(rows and rows[0]["outcome"] == "passed", f"{where}, {case.what}: the kernel door has seen it", rows or daemon.log())
    before = len(found(daemon))
    client, server = t.pingpong(addresses["a"][0], addresses["b"][0], wrap_a=by_library(t), user=USER)
    t.check(client.ok and server.ok, f"{where}, a guarded pingpong runs", f"{client}\n{server}")
    t.check(len(found(daemon)) == before, f"{where}, a guarded pingpong is not stopped", found(daemon)[before:])
    daemon.kill()


def policy_goes(t: Test) -> None:
    daemon = Daemon(t, t.a, DOOR)
    words = [line.split() for line in t.net.made("a", f"xfrm policy add src {ETH0['a'][0]}")]
    stream = Stream(t, ETH0, options=GENTLE, keep=True, user=USER)
    event = change(t.a, *(f"xfrm policy delete {' '.join(line[3:line.index('dir') + 2])}" for line in words))
    ending = stream.end_of_a()
    revoked = daemon.await_revoked(stream.client, event.began)
    with t.wire(busy=True) as wire:
        stream.server.poll()
    flushed = ending is not None and ending.flushed
    t.check(flushed, "outbound policy deleted: an unguarded program sees its work flushed", ending or stream.client.output())
    t.check(has_reason(revoked, "outbound-no-policy"), "outbound policy deleted: the audit log names the cause", revoked)
    t.check(wire.clear == 0, "outbound policy deleted: nothing leaves in clear any more", wire)
    stream.stop()
    daemon.kill()


def many_at_once(t: Test) -> None:
    t.net.ipsec()
    daemon = Daemon(t, t.a, DOOR)
    client, server, wire = connect(t, f"verbs_threads -q {QPS}", ETH0, qps=QPS)
    t.check(client.ok and server.ok, f"{QPS} queue pairs of one program: the program runs", f"{client}\n{server}")
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, f"{QPS} queue pairs of one program: nothing leaves in clear", wire)
    numbers = t.eventually(lambda: len(seen := {row["qpn"] for row in found(daemon)}) == QPS and seen)
    t.check(numbers, f"{QPS} queue pairs of one program: the kernel door has seen each", found(daemon))
    daemon.kill()


# ---- the daemon ends while a program is stopped ----


def is_stopped(process: Process) -> bool:
    status = process.guest.run(f"cat /proc/{process.pid}/stat", urgent=True)
    return status.ok and status.out.rsplit(")", 1)[1].split()[0] == "T"


def stopped_program(t: Test, daemon: Daemon) -> tuple[Process, Process]:
    """Starts a pingpong whose client the kernel door stops, under a daemon that hangs. Returns server and client."""
    call = f"exec ibv_rc_pingpong -d {DEVICE} -n 100 -g"
    server = t.b.start(f"{call} {t.net.gid_index(t.b, ETH0['b'][0])}")
    PINGPONG.wait_for_server(server)
    index = t.net.gid_index(t.a, ETH0["a"][0])
    daemon.process.kill(signal.SIGSTOP)
    client = t.a.start(f"{call} {index} {ETH0['b'][0]}")
    t.check(t.eventually(lambda: is_stopped(client)), "the daemon hangs: an unguarded program is stopped", client.output())
    return server, client


def goes_on(t: Test, what: str, server: Process, client: Process) -> None:
    result = client.wait()
    t.check(result.ok, f"{what}: the program that was stopped runs to its end", result)
    server.wait()


def daemon_ends(t: Test) -> None:
    t.net.ipsec()
    daemon = Daemon(t, t.a, DOOR)
    server, client = stopped_program(t, daemon)
    daemon.kill()
    t.check(is_stopped(client), "control: the daemon is killed: the program is still stopped", client.output())
    daemon.start()
    goes_on(t, "the next daemon has started", server, client)
    server, client = stopped_program(t, daemon)
    daemon.kill()
    t.a.write_file(POLICY, without_gate("[default]\nrequire = any\n"))
    daemon.start()
    goes_on(t, "the next daemon has started without kernel door", server, client)
    daemon.kill()
    daemon = Daemon(t, t.a, DOOR)
    server, client = stopped_program(t, daemon)
    daemon.process.kill(signal.SIGTERM)
    daemon.process.kill(signal.SIGCONT)
    daemon.process.wait()
    goes_on(t, "the daemon has ended", server, client)


def waits_for_module(t: Test) -> None:
    t.net.reset()
    removed = t.eventually(lambda: t.a.run(f"{UNLOAD}; test ! -e /sys/module/ib_core").ok)
    if not t.check(removed, "control: ib_core is not loaded", t.a.run("cat /proc/modules").out):
        return
    daemon = Daemon(t, t.a, DOOR)
    said = daemon.process.output()
    t.check("kernel door: not available: ib_core is not loaded" in said, "without ib_core: the daemon says what is missing", said)
    t.check(door(t).startswith("not available: ib_core is not loaded"), "without ib_core: status says so", door(t))
    t.a.run("modprobe -a rdma_rxe ib_uverbs rdma_ucm", check=True)
