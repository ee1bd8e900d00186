# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Queue pairs whose open file the engine cannot take where it was."""

from __future__ import annotations

import signal
import time
from typing import Any

from testbed.api import SIDE_CHANNEL, USER, Test, await_listener
from testbed.container import Container
from testbed.container_agent import ContainerAgent
from testbed.daemon import Daemon, Record, by_library
from testbed.states import DEVICE, ETH0, MACSEC0, batch
from testbed.stream import GENTLE, Ending, Stream, await_words, change

CONTROL_S = 2  # s for which the bare control continues
HIDINGS = ("dup", "thread")  # those that the engine finds again (since Linux 6.9)
ENDED = signal.SIGKILL
FORBID = "echo 3 >/proc/sys/kernel/yama/ptrace_scope"
YAMA = FORBID.split(">")[1]


def run(t: Test) -> None:
    control(t)
    for how in HIDINGS:
        private_engine(t, how)
    denied_to_private_engine(t)
    for how in HIDINGS:
        under_daemon(t, how)
    closed(t)
    device_deleted(t)
    container_is_adopted(t)
    forbidden_to_private_engine(t)  # for ever: the last one


def policies_away(t: Test, guest: str, direction: str) -> list[str]:
    """Returns the lines of ip -batch that delete the guest's policies of this direction."""
    added = [line.split() for line in t.net.made(guest, "xfrm policy add") if f" dir {direction}" in line]
    return [f"xfrm policy delete {' '.join(words[3 : words.index('dir') + 2])}" for words in added]


def lose_protection(t: Test, shell: str = "") -> None:
    """Deletes a's outbound policies: from then on its packets leave in clear, and b takes them. shell: runs on a before."""
    change(t.b, *policies_away(t, "b", "in"))
    lines = policies_away(t, "a", "out")
    if not shell:
        change(t.a, *lines)
        return
    change(t.a, shell=f"{shell}\n{batch(lines)}")


def control(t: Test) -> None:
    """Each way to hide works, and the packets are then in clear."""
    for how in (*HIDINGS, "undumpable"):
        t.net.ipsec()
        stream = Stream(t, ETH0, options=GENTLE, client_options=f"-H {how}")
        lose_protection(t)
        clear = t.readable_frames(CONTROL_S)
        t.check(clear > 0, f"control, bare, {how}: a queue pair without its policy sends in clear")
        t.note(f"bare, {how}: {clear} frames in clear in {CONTROL_S} s")
        stream.stop()


def hidden(t: Test, how: str, **with_guard: Any) -> Stream:
    return Stream(t, ETH0, options=GENTLE, client_options=f"-H {how}", **with_guard)


def expect_stopped(t: Test, what: str, stream: Stream, ending: Ending | None) -> None:
    with t.wire(busy=True) as later:
        time.sleep(1)
    t.check(ending and ending.flushed, f"{what}: its work is flushed", ending or stream.client.output())
    t.check(later.clear == 0, f"{what}: nothing is in clear after that", later)


def private_engine(t: Test, how: str) -> None:
    t.net.ipsec()
    t.a.run("rm -rf /run/rdmasec", check=True)
    what = f"private engine, {how}"
    stream = hidden(t, how, wrap_a=f"{t.build}/bin/rdmasec run --")
    with t.wire(busy=True) as wire:
        lose_protection(t)
        ending = stream.end_of_a()
    expect_stopped(t, what, stream, ending)
    t.note(f"{what}: {wire.clear} frames in clear until it was stopped")
    stream.stop()


def denied_to_private_engine(t: Test) -> None:
    """An ordinary user's engine may not look into a process that is not dumpable."""
    t.net.macsec()
    t.a.run("rm -rf /run/rdmasec", check=True)
    stream = Stream(t, MACSEC0, options=GENTLE, client_options="-H undumpable",
                    wrap_a=f"{t.build}/bin/rdmasec run --", user=USER)  # fmt: skip
    with t.wire(busy=True) as wire:
        change(t.a, "link set macsec0 type macsec encrypt off")
        ended = stream.client.ends()
    t.check(ended is not None and ended.code == -ENDED, "private engine, denied: the process is ended", ended)
    t.note(f"private engine, denied: {wire.clear} frames in clear until it was ended")
    stream.stop()


def not_revoked(daemon: Daemon, stream: Stream, since: float) -> Record | None:
    return daemon.await_record("not-revoked", lambda record: record["pid"] == stream.client.pid, since)


def under_daemon(t: Test, how: str) -> None:
    """Under the gate, so nothing is in clear until the queue pair is found either."""
    t.net.ipsec()
    daemon = Daemon(t, t.a, gate=True)
    what = f"rdmasecd, {how}"
    began = t.a.now()
    stream = hidden(t, how, wrap_a=by_library(t))
    with t.wire(busy=True) as wire:
        lose_protection(t)
        ending = stream.end_of_a()
    t.check(ending and ending.flushed, f"{what}: its work is flushed", ending or stream.client.output())
    t.check(daemon.await_revoked(stream.client, began), f"{what}: the audit log has the revocation", daemon.log(began))
    t.check(wire.clear == 0, f"{what}: under the gate nothing is in clear", wire)
    stream.stop()


def closed(t: Test) -> None:
    """No process has a descriptor of the file; the kernel lists the queue pair while its queues are mapped."""
    t.net.ipsec()
    daemon = Daemon(t, t.a, "[default]\nunreachable = report\n")
    began = t.a.now()
    stream = hidden(t, "closed", wrap_a=by_library(t))
    record = not_revoked(daemon, stream, began)
    t.check(record and "unreachable" in record["reason"], "only mapped: the audit log has 'not-revoked'", daemon.log(began))
    listed = t.a.run(f"{t.build}/bin/rdmasec qps")
    t.check(listed.code == 1 and "UNREACHABLE" in listed.out, "only mapped: 'rdmasec qps' lists it and exits with 1", listed)
    status = t.a.run(f"{t.build}/bin/rdmasec status")
    t.check("1 queue pair unreachable" in status.out, "only mapped: 'rdmasec status' counts it", status)
    t.check(stream.client.poll() is None, "only mapped, unreachable = report: the process continues")
    daemon.guest.write_file("/run/rdmasec/policy.conf", "[default]\nrequire = any\n")
    daemon.process.kill(signal.SIGHUP)
    ended = stream.client.ends()
    t.check(ended is not None and ended.code == -ENDED, "only mapped, unreachable = kill: the process is ended", ended)
    gone = t.a.eventually(lambda: "UNREACHABLE" not in t.a.run(f"{t.build}/bin/rdmasec qps").out)
    t.check(gone, "only mapped, after the end: the list lacks it")
    stream.stop()


def device_deleted(t: Test) -> None:
    t.net.ipsec()
    daemon = Daemon(t, t.a)
    began = t.a.now()
    stream = Stream(t, ETH0, options=GENTLE, wrap_a=by_library(t), keep=True)
    deleting = t.a.start(f"exec rdma link delete {DEVICE}")
    gone = t.a.eventually(lambda: not t.a.run("ls -d /sys/class/infiniband_verbs/uverbs*").ok)
    t.check(gone and deleting.poll() is None, "device deleted: its node is gone, and the deletion waits for the program")
    ending = stream.end_of_a()
    lose_protection(t)
    expect_stopped(t, "device deleted", stream, ending)
    t.check(daemon.await_revoked(stream.client, began), "device deleted: the audit log has the revocation", daemon.log(began))
    listed = t.a.run(f"{t.build}/bin/rdmasec qps --json")
    t.check('"guarded"' in listed.out, "device deleted: the queue pair stays in the list while it lives", listed)
    stream.stop()
    t.check(deleting.ends() is not None, "device deleted: the deletion ends with the program")
    t.check(daemon.holds_none(), "device deleted: the list is empty then", daemon.qps())


def container_is_adopted(t: Test) -> None:
    """Neither a door in the program nor an ancestor shows to a new daemon that it is guarded."""
    t.net.ipsec()
    daemon, agent = Daemon(t, t.a), ContainerAgent(t, t.a)
    pingpong = f"ibv_rc_pingpong -d {DEVICE} -n 1000000 -g"
    server = t.b.start(f"exec {pingpong} {t.net.gid_index(t.b, ETH0['b'][0])}")
    await_listener(server, SIDE_CHANNEL)
    container = Container(t, t.a, "crun", "adopted")
    container.configure(f"{pingpong} {t.net.gid_index(t.a, ETH0['a'][0])} {ETH0['b'][0]}", profile=True, allow_device=True)
    program = container.start()
    runs = t.a.eventually(lambda: [row for row in daemon.qps() if row["verdict"] == "protected"])
    t.check(runs, "a program in a container runs over IPsec", f"{program.output()}\n{agent.process.output()}")
    daemon.kill()
    lose_protection(t)
    clear = t.readable_frames(CONTROL_S)
    t.check(clear > 0, "control: while no daemon runs, its packets leave in clear")
    restarted = t.a.now()
    daemon.start()
    revoked = daemon.await_record("revoked", lambda record: "pingpong" in record["executable"], restarted)
    t.check(revoked, "daemon started again: the audit log has the revocation", daemon.log(restarted))
    t.check(program.ends() is not None, "daemon started again: the program in the container ends", program.output())
    with t.wire(busy=True) as later:
        time.sleep(1)
    t.check(later.clear == 0, "daemon started again: nothing is in clear after that", later)
    server.kill(signal.SIGKILL)
    server.wait()


SYSLOG = """import socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
print("listening", flush=True)
while True:
    print(log.recv(4096).decode(), flush=True)
"""


def forbidden_to_private_engine(t: Test) -> None:
    """Yama forbids to take files from any process, also to root, and nothing undoes that until the next boot."""
    if not t.a.run(f"test -e {YAMA}").ok:
        t.skip("ptrace_scope 3 under a private engine", "this kernel has no Yama")
        return
    t.spoils_guests()
    while_protected(t)
    with_protection(t)


def while_protected(t: Test) -> None:
    t.net.ipsec()
    t.b.run("rm -rf /run/rdmasec", check=True)
    stream = Stream(t, ETH0, options=GENTLE, wrap_b=f"{t.build}/bin/rdmasec run --")
    with t.wire(busy=True) as wire:
        t.b.run(FORBID, check=True)
        ended = stream.server.ends()
    t.check(ended is not None and ended.code == -ENDED, "ptrace_scope 3: the process of a protected queue pair is ended", ended)
    t.check(wire.clear == 0, "ptrace_scope 3, protected until the end: nothing was in clear", wire)
    stream.stop()


def with_protection(t: Test) -> None:
    """Its protection ends with the right to take its file: the queue pair can only be stopped with its process."""
    t.net.ipsec()
    t.a.run("rm -rf /run/rdmasec /dev/log", check=True)
    t.a.write_file("/run/syslog.py", SYSLOG)
    syslog = t.a.start("exec python3 /run/syslog.py")
    await_words(syslog, "listening")
    stream = Stream(t, ETH0, options=GENTLE, wrap_a=f"{t.build}/bin/rdmasec run --")
    with t.wire(busy=True) as wire:
        lose_protection(t, FORBID)
        ended = stream.client.ends()
    t.check(ended is not None and ended.code == -ENDED, "ptrace_scope 3 and no protection: the process is ended", ended)
    t.note(f"ptrace_scope 3 and no protection: {wire.clear} frames in clear until the process was ended")
    with t.wire(busy=True) as later:
        time.sleep(1)
    t.check(later.clear == 0, "ptrace_scope 3 and no protection: nothing is in clear after that", later)
    named = "its file cannot be taken from the process"
    t.check(syslog.says(named), "ptrace_scope 3: the log of the system has the reason", syslog.output())
    stream.stop()
    syslog.kill(signal.SIGKILL)
    syslog.wait()
