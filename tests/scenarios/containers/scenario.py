# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Containers of runc and crun, guarded from outside."""

from __future__ import annotations

import json
import time
from pathlib import Path

from testbed.api import Process, Result, Test, Wire, await_listener, try_end
from testbed.container import Container
from testbed.container_agent import SOCKET, ContainerAgent
from testbed.daemon import Daemon
from testbed.refusals import has_reason
from testbed.states import DEVICE, ETH0

RUNTIMES = ("runc", "crun")
USER = 1234
TIME_LIMIT = 2400  # some 100 s where nothing else runs
ENOUGH = 240  # s for what takes seconds: starting a container on a busy host
B = ETH0["b"][0]
PINGPONG = f"ibv_rc_pingpong -d {DEVICE} -n 20 -g {{gid}}"
PERFTEST = f"ib_write_bw -d {DEVICE} -F -n 20 -s 4096 -x {{gid}}"
IN_CLEAR = "eth0 is not a MACsec device"
ELSEWHERE = "software RoCE routes in the initial network namespace, and this is another"
MESSAGES = Path(__file__).resolve().with_name("messages.py")


def run(t: Test) -> None:
    t.net.clear()
    for runtime in RUNTIMES:
        seen_without_the_profile(t, runtime)
    daemon, agent = Daemon(t, t.a), ContainerAgent(t, t.a)
    for runtime, program in (("runc", PINGPONG), ("crun", PINGPONG), ("crun", PERFTEST)):
        refused_in_clear(t, daemon, agent, runtime, program)
    no_messages(t, agent)

    t.net.ipsec()
    daemon, agent = Daemon(t, t.a), ContainerAgent(t, t.a)
    for runtime, program in (("runc", PINGPONG), ("crun", PERFTEST)):
        runs_over_ipsec(t, daemon, runtime, program)
    in_its_own_network(t, daemon, agent)
    only_devices_that_it_was_given(t)
    while_it_runs(t, daemon, agent)


def gid(t: Test) -> int:
    return t.net.gid_index(t.a, ETH0["a"][0])


def serve(t: Test, program: str) -> Process:
    """b's side, bare: what it sends would be seen in clear as well."""
    server = t.b.start("exec " + program.format(gid=t.net.gid_index(t.b, B)), ENOUGH)
    await_listener(t.b, 18515, server, ENOUGH)
    return server


def pair(t: Test, container: Container, program: str, **how: object) -> tuple[Result, Result, Wire]:
    """The program in the container on a, against b's; the container's result is the first."""
    container.configure(f"{program.format(gid=gid(t))} {B}", **how)
    with t.wire() as wire:
        server = serve(t, program)
        client = container.run(ENOUGH)
        if not client.ok:
            try_end(server, 18515)
        served = server.wait(ENOUGH)
    return client, served, wire


def seen_without_the_profile(t: Test, runtime: str) -> None:
    bare = Container(t, t.a, runtime, f"bare-{runtime}")
    client, server, wire = pair(t, bare, PINGPONG, profile=False, allow_device=True)
    t.check(client.ok and server.ok and wire.counts["clear_data"] > 0,
            f"control, {runtime} without the profile: runs, and is seen in clear", f"{client}\n{server}\n{wire}")


def refused_in_clear(t: Test, daemon: Daemon, agent: ContainerAgent, runtime: str, program: str) -> None:
    name = program.split()[0]
    container = Container(t, t.a, runtime, f"clear-{runtime}-{name}")
    began = float(t.a.run("echo $EPOCHREALTIME").out)
    client, _, wire = pair(t, container, program, profile=True, allow_device=True, user=USER)
    what = f"{runtime}, {name}, in clear"
    t.check(client.code not in (0, 124) and wire.clear == 0, f"{what}: fails, and nothing is in clear", f"{client}\n{wire}")
    told = agent.says(f"container {container.name}: rdmasec: refused ")
    t.check(told and has_reason(agent.process.output(), IN_CLEAR), f"{what}: the agent's log has the refusal", agent.process.output())
    record = daemon.await_record("decided", lambda r: r["outcome"] == "refused" and r["executable"].endswith(name), began, ENOUGH)
    t.check(record and record["uid"] == USER, f"{what}: the audit log has the container's program and its user", record)


def runs_over_ipsec(t: Test, daemon: Daemon, runtime: str, program: str) -> None:
    name = program.split()[0]
    container = Container(t, t.a, runtime, f"ipsec-{runtime}-{name}")
    began = float(t.a.run("echo $EPOCHREALTIME").out)
    client, server, wire = pair(t, container, program, profile=True, allow_device=True, user=USER)
    what = f"{runtime}, {name}, over IPsec"
    t.check(client.ok and server.ok, f"{what}: runs", f"{client}\n{server}")
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, f"{what}: all of it is ESP", wire)
    record = daemon.await_record("decided", lambda r: r["outcome"] == "passed" and r["executable"].endswith(name), began, ENOUGH)
    t.check(record and record["uid"] == USER, f"{what}: judged as the container's program and user", record)
    # Where libraries are looked for: the rest of /usr, which is the guest's own, would take it a minute to look through.
    libraries = "/usr/lib /usr/lib/*-linux-gnu /usr/lib/*-linux-gnu/libibverbs /etc/libibverbs.d"
    found = t.a.run(f"cat {container.bundle}/config.json && find {container.bundle}/rootfs && ls {libraries}", check=True)
    named = [word for word in ("LD_PRELOAD", "librdmasec", "rdmasec.driver") if word in found.out]
    t.check(not named, f"{what}: nothing is in it or preloaded", named)


def in_its_own_network(t: Test, daemon: Daemon, agent: ContainerAgent) -> None:
    """The host's IPsec is not its own; over b's TCP it could not even say hello, so it talks to nobody."""
    container = Container(t, t.a, "crun", "own-network")
    container.configure(f"{PINGPONG.format(gid=gid(t))} {B}", profile=True, allow_device=True, network=True)
    began = float(t.a.run("echo $EPOCHREALTIME").out)
    with t.wire() as wire:
        client = container.run(ENOUGH)
    record = daemon.await_record("decided", lambda r: r["outcome"] == "refused", began, ENOUGH)
    told = has_reason(record, ELSEWHERE) or has_reason(record, "in this network namespace")
    t.check(not client.ok and told, "in a network namespace of its own: refused for what holds there", f"{client}\n{record}")
    t.check(wire.clear == 0, "in a network namespace of its own: nothing in clear", wire)


def only_devices_that_it_was_given(t: Test) -> None:
    """A node that it makes is opened for it if its cgroup allows the device, and else not: by nobody."""
    make = "mkdir -p /dev/infiniband && mknod -m 666 /dev/infiniband/uverbs0 c {major} {minor} && exec ibv_devinfo"
    for allowed in (True, False):
        container = Container(t, t.a, "crun", f"makes-nodes-{allowed}")
        (device,) = container.devices()
        container.configure(make.format(**device), profile=True, devices=False, allow_device=allowed, capabilities=["CAP_MKNOD"])
        client = container.run(ENOUGH)
        if allowed:
            t.check(client.ok and DEVICE in client.out, "a device node that it made, of a device that its cgroup allows: opened", client)
        else:
            denied = not client.ok and "Failed to open device" in client.out + client.err
            t.check(denied, "a device node that it made, of another device: is not opened for it", client)


def no_messages(t: Test, agent: ContainerAgent) -> None:
    heard = t.a.run(f"python3 {MESSAGES} {SOCKET}", ENOUGH)
    t.check(heard.ok and all(json.loads(heard.out).values()), "messages that are none: each is heard, and closed", heard)
    for words in (
        "a runtime's message is refused: it is not JSON",
        "a runtime's message is refused: it ends too early",
        "a runtime's message is refused: too many file descriptors",
        "container no-fd: refused, its verbs calls fail: it names 1 fds, and 0 came with it",
        "container no-filter: refused, its verbs calls fail: its \"seccompFd\" is not a seccomp filter's",
        "container a-device: refused, its verbs calls fail: its \"seccompFd\" is not a seccomp filter's",
        "container no-names: refused, its verbs calls fail: \"fds\" have no \"seccompFd\"",
        "container escape?[2J?: refused",
    ):
        t.check(agent.says(words), f"messages that are none: {words}", agent.process.output())
    left = t.a.run(f"ls -l /proc/{agent.process.pid}/fd | grep -c -e null -e infiniband")
    t.check(left.out.strip() in ("0", "1"), "messages that are none: their fds are closed", left)  # its stdin is /dev/null
    stranger = t.a.run(f"python3 {MESSAGES} {SOCKET}", ENOUGH, user=USER)
    t.check(not stranger.ok and "Permission denied" in stranger.err, "only root reaches the socket", stranger)
    t.check(agent.process.poll() is None and not agent.serving(), "messages that are none: the agent goes on, serving nobody")


class Steps:
    """A container that tries a pingpong whenever it is told to."""

    def __init__(self, t: Test, runtime: str, name: str, count: int) -> None:
        self.t = t
        self.container = Container(t, t.a, runtime, name)
        wait = "while [ ! -e /tmp/$i ]; do sleep 0.2; done"
        call = f"{PINGPONG.format(gid=gid(t))} {B}"
        steps = " ".join(str(i) for i in range(count))
        self.container.configure(f"echo up; for i in {steps}; do {wait}; {call}; echo step $i: $?; done", profile=True, allow_device=True)
        self.process = self.container.start()
        self.next = 0
        self.await_words("up")

    def await_words(self, words: str, within: float = ENOUGH) -> bool:
        deadline = time.monotonic() + within
        while words not in self.process.output():
            if self.process.poll() or time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def step(self, what: str, passes: bool) -> None:
        with self.t.wire() as wire:
            server = serve(self.t, PINGPONG)
            self.t.a.run(f"touch {self.container.bundle}/rootfs/tmp/{self.next}", check=True)
            ended = self.await_words(f"step {self.next}: ")
            passed = f"step {self.next}: 0" in self.process.output()
            if not passed:
                try_end(server, 18515)
            server.wait(ENOUGH)
        self.next += 1
        does = "runs" if passes else "is refused"
        self.t.check(ended and passed == passes, f"{what}: it {does}", self.process.output())
        self.t.check(wire.clear == 0 and (wire.counts["esp"] > 0 or not passes), f"{what}: nothing in clear", wire)


def while_it_runs(t: Test, daemon: Daemon, agent: ContainerAgent) -> None:
    first = Steps(t, "runc", "stays", 4)
    first.step("while all is up", True)
    agent.kill()
    first.step("agent killed, a container that runs", True)
    fresh = Container(t, t.a, "crun", "too-early")
    fresh.configure("echo it started", profile=True)
    early = fresh.run(ENOUGH)
    t.check(not early.ok and "it started" not in early.out, "agent killed: a new container does not start", early)
    agent.start()
    daemon.kill()
    first.step("rdmasecd killed, a container that runs", False)
    daemon.start()
    first.step("rdmasecd started again, the same container", True)
    t.check(first.process.ended_within(60) is not None and not agent.serving(), "it ends, and so does who served it", agent.serving())
    judge_killed(t, agent)


def judge_killed(t: Test, agent: ContainerAgent) -> None:
    second = Steps(t, "crun", "loses", 2)
    second.step("a container of the agent that was started again", True)
    (judge,) = agent.serving()
    t.a.run(f"kill -KILL {judge}", check=True)
    t.check(agent.says("container loses: the process that judged for it was killed by signal 9"),
            "the process that serves a container is killed: the agent says so", agent.process.output())
    second.step("the process that serves a container is killed", False)
    second.container.delete()
