# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Containers of runc and crun, guarded from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from testbed.api import SIDE_CHANNEL, USER, Process, Result, Test, Wire, await_listener, try_end
from testbed.container import Container
from testbed.container_agent import SOCKET, ContainerAgent
from testbed.daemon import Daemon, Record
from testbed.refusals import has_reason, has_reason_of
from testbed.states import DEVICE, ETH0

RUNTIMES = ("runc", "crun")
TIME_LIMIT = 2400
B = ETH0["b"][0]
PINGPONG = f"ibv_rc_pingpong -d {DEVICE} -n 20 -g {{gid}}"
PERFTEST = f"ib_write_bw -d {DEVICE} -F -n 20 -s 4096 -x {{gid}}"
IN_CLEAR = "macsec-no-device"
ELSEWHERE = ("rxe-routes-elsewhere", "port-netdev-elsewhere", "gid-netdev-elsewhere", "gid-no-netdev")
MESSAGES = Path(__file__).resolve().with_name("messages.py")


def run(t: Test) -> None:
    t.net.clear()
    for runtime in RUNTIMES:
        is_visible_without_profile(t, runtime)
    daemon, agent = Daemon(t, t.a), ContainerAgent(t, t.a)
    for runtime, program in (("runc", PINGPONG), ("crun", PINGPONG), ("crun", PERFTEST)):
        refused_in_clear(t, daemon, agent, runtime, program)
    survives_strange_messages(t, agent)

    t.net.ipsec()
    daemon, agent = Daemon(t, t.a), ContainerAgent(t, t.a)
    for runtime, program in (("runc", PINGPONG), ("crun", PERFTEST)):
        runs_over_ipsec(t, daemon, runtime, program)
    for runtime in RUNTIMES:
        guards_executed_commands(t, daemon, agent, runtime)
    refuses_own_network(t, daemon, agent)
    opens_allowed_devices_only(t)
    agent_and_daemon_restart(t, daemon, agent)


def gid(t: Test) -> int:
    return t.net.gid_index(t.a, ETH0["a"][0])


def serve(t: Test, program: str) -> Process:
    """Starts b's side, bare: its packets would be visible in clear, too."""
    server = t.b.start("exec " + program.format(gid=t.net.gid_index(t.b, B)))
    await_listener(server, SIDE_CHANNEL)
    return server


def pair(t: Test, container: Container, program: str, **how: Any) -> tuple[Result, Result, Wire]:
    """Runs the program in the container on a against the server on b. Returns both results, the container's first."""
    container.configure(f"{program.format(gid=gid(t))} {B}", **how)
    with t.wire() as wire:
        server = serve(t, program)
        client = container.run()
        if not client.ok:
            try_end(server, SIDE_CHANNEL)
        served = server.wait()
    return client, served, wire


def is_visible_without_profile(t: Test, runtime: str) -> None:
    bare = Container(t, t.a, runtime, f"bare-{runtime}")
    client, server, wire = pair(t, bare, PINGPONG, profile=False, allow_device=True)
    visible = client.ok and server.ok and wire.counts["clear_data"] > 0
    t.check(visible, f"control, {runtime} without the profile: a pingpong runs, and its data is visible in clear",
            f"{client}\n{server}\n{wire}")  # fmt: skip


def decision(daemon: Daemon, outcome: str, program: str, since: float) -> Record | None:
    """Returns the record of a decision about a program of this name."""
    return daemon.await_record(
        "decided", lambda record: record["outcome"] == outcome and record["executable"].endswith(program), since
    )


def refused_in_clear(t: Test, daemon: Daemon, agent: ContainerAgent, runtime: str, program: str) -> None:
    name = program.split()[0]
    container = Container(t, t.a, runtime, f"clear-{runtime}-{name}")
    began = t.a.now()
    client, _, wire = pair(t, container, program, profile=True, allow_device=True, user=USER)
    what = f"{runtime}, {name}, in clear"
    t.check(client.code not in (0, 124) and wire.clear == 0, f"{what}: it fails, and nothing leaves in clear", f"{client}\n{wire}")
    named = agent.process.says(f"container {container.name}: rdmasec: refused ")
    t.check(named and has_reason(agent.process.output(), IN_CLEAR), f"{what}: the agent's log has the refusal", agent.process.output())
    record = decision(daemon, "refused", name, began)
    t.check(record and record["uid"] == USER, f"{what}: the audit log has the container's program and its user", record)


def runs_over_ipsec(t: Test, daemon: Daemon, runtime: str, program: str) -> None:
    name = program.split()[0]
    container = Container(t, t.a, runtime, f"ipsec-{runtime}-{name}")
    began = t.a.now()
    client, server, wire = pair(t, container, program, profile=True, allow_device=True, user=USER)
    what = f"{runtime}, {name}, over IPsec"
    t.check(client.ok and server.ok, f"{what}: it runs", f"{client}\n{server}")
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, f"{what}: only ESP crosses the wire", wire)
    record = decision(daemon, "passed", name, began)
    t.check(record and record["uid"] == USER, f"{what}: the decision names the container's program and its user", record)
    # The folders where a loader looks for libraries: to search the rest of /usr would take a guest a minute.
    libraries = "/usr/lib /usr/lib/*-linux-gnu /usr/lib/*-linux-gnu/libibverbs /etc/libibverbs.d"
    found = t.a.run(f"cat {container.bundle}/config.json && find {container.bundle}/rootfs && ls {libraries}", check=True)
    named = [word for word in ("LD_PRELOAD", "librdmasec", "rdmasec.driver") if word in found.out]
    t.check(not named, f"{what}: the container has nothing of rdmasec, and nothing is preloaded", named)


def guards_executed_commands(t: Test, daemon: Daemon, agent: ContainerAgent, runtime: str) -> None:
    """A command that is executed in a running container, by `RUNTIME exec`."""
    container = Container(t, t.a, runtime, f"exec-{runtime}")
    container.configure("echo there; exec sleep 600", profile=True, allow_device=True)
    running = container.start()
    running.output_with("there")
    what = f"{runtime} exec"
    began = t.a.now()
    result = container.execute("ibv_devinfo && echo written >/dev/shm/x && cat /dev/shm/x")
    works = result.ok and f"hca_id:\t{DEVICE}" in result.out and "written" in result.out
    t.check(works, f"{what}: the command opens the device, and files for writing", f"{result}\n{agent.process.output()}")
    with t.wire() as wire:
        server = serve(t, PINGPONG)
        client = container.execute(f"exec {PINGPONG.format(gid=gid(t))} {B}")
        if not client.ok:
            try_end(server, SIDE_CHANNEL)
        server.wait()
    t.check(client.ok and wire.counts["esp"] > 0 and wire.clear == 0, f"{what}: a pingpong runs in ESP only", f"{client}\n{wire}")
    t.check(decision(daemon, "passed", "pingpong", began), f"{what}: rdmasecd has decided about it", daemon.log(began))
    running.kill(9)
    container.delete()
    running.wait()


def refuses_own_network(t: Test, daemon: Daemon, agent: ContainerAgent) -> None:
    """The host's IPsec is not the container's. It cannot reach b's TCP port, so it runs without a server."""
    container = Container(t, t.a, "crun", "own-network")
    container.configure(f"{PINGPONG.format(gid=gid(t))} {B}", profile=True, allow_device=True, network=True)
    began = t.a.now()
    with t.wire() as wire:
        client = container.run()
    record = daemon.await_record("decided", lambda r: r["outcome"] == "refused", began)
    named = has_reason_of(record, ELSEWHERE)
    what = "a container with a network namespace of its own"
    t.check(not client.ok and named, f"{what}: it is refused by the state of that namespace", f"{client}\n{record}")
    t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)


def opens_allowed_devices_only(t: Test) -> None:
    """The agent opens a node that a container makes only if the container's cgroup allows the device."""
    make = "mkdir -p /dev/infiniband && mknod -m 666 /dev/infiniband/uverbs0 c {major} {minor} && exec ibv_devinfo"
    for allowed in (True, False):
        container = Container(t, t.a, "crun", f"makes-nodes-{allowed}")
        (device,) = container.devices()
        command = make.format(**device)
        container.configure(command, profile=True, devices=False, allow_device=allowed, capabilities=["CAP_MKNOD"])
        client = container.run()
        if allowed:
            opened = client.ok and DEVICE in client.out
            t.check(opened, "a node that the container made, of a device that its cgroup allows: it is opened", client)
        else:
            denied = not client.ok and "Failed to open device" in client.out + client.err
            t.check(denied, "a node that the container made, of another device: it is not opened", client)


def survives_strange_messages(t: Test, agent: ContainerAgent) -> None:
    heard = t.a.run(f"python3 {MESSAGES} {SOCKET}")
    t.check(heard.ok and all(json.loads(heard.out).values()), "strange messages: the agent reads each, and closes the connection", heard)
    for words in (
        "refused the message of a runtime: not JSON",
        "refused the message of a runtime: incomplete",
        "refused the message of a runtime: too many file descriptors",
        "container no-fd: refused, its verbs calls fail: it names 1 fds, but 0 were sent",
        "container no-filter: refused, its verbs calls fail: \"seccompFd\" is not the notification fd of a seccomp filter",
        "container a-device: refused, its verbs calls fail: \"seccompFd\" is not the notification fd of a seccomp filter",
        "container no-names: refused, its verbs calls fail: \"fds\" has no \"seccompFd\"",
        "container escape?[2J?: refused",
    ):
        t.check(agent.process.says(words), f"strange messages: the agent's log has '{words}'", agent.process.output())
    left = t.a.run(f"ls -l /proc/{agent.process.pid}/fd | grep -c -e null -e infiniband")
    t.check(left.out.strip() in ("0", "1"), "strange messages: the agent closes their descriptors", left)  # its stdin is /dev/null
    stranger = t.a.run(f"python3 {MESSAGES} {SOCKET}", user=USER)
    t.check(not stranger.ok and "Permission denied" in stranger.err, "another user cannot connect to the agent's socket", stranger)
    alive = agent.process.poll() is None and not agent.serving()
    t.check(alive, "strange messages: the agent continues, and serves no container", agent.process.output())


class Steps:
    """A container that runs a pingpong at each step."""

    def __init__(self, t: Test, runtime: str, name: str, count: int) -> None:
        self.t = t
        self.container = Container(t, t.a, runtime, name)
        wait = "while [ ! -e /tmp/$i ]; do sleep 0.2; done"
        call = f"{PINGPONG.format(gid=gid(t))} {B}"
        steps = " ".join(str(i) for i in range(count))
        command = f"echo up; for i in {steps}; do {wait}; {call}; echo step $i: $?; done"
        self.container.configure(command, profile=True, allow_device=True)
        self.process = self.container.start()
        self.next = 0
        self.process.says("up")

    def step(self, what: str, passes: bool) -> None:
        with self.t.wire() as wire:
            server = serve(self.t, PINGPONG)
            self.t.a.run(f"touch {self.container.bundle}/rootfs/tmp/{self.next}", check=True)
            ended = self.process.says(f"step {self.next}: ")
            passed = f"step {self.next}: 0" in self.process.output()
            if not passed:
                try_end(server, SIDE_CHANNEL)
            server.wait()
        self.next += 1
        outcome = "a pingpong runs" if passes else "a pingpong is refused"
        self.t.check(ended and passed == passes, f"{what}: {outcome}", self.process.output())
        self.t.check(wire.clear == 0 and (wire.counts["esp"] > 0 or not passes), f"{what}: nothing leaves in clear", wire)


def agent_and_daemon_restart(t: Test, daemon: Daemon, agent: ContainerAgent) -> None:
    first = Steps(t, "runc", "stays", 4)
    first.step("agent and daemon run", True)
    agent.kill()
    first.step("agent killed, in a running container", True)
    fresh = Container(t, t.a, "crun", "too-early")
    fresh.configure("echo it started", profile=True)
    early = fresh.run()
    t.check(not early.ok and "it started" not in early.out, "agent killed: a new container does not start", early)
    agent.start()
    daemon.kill()
    first.step("rdmasecd killed, in a running container", False)
    daemon.start()
    first.step("rdmasecd started again, in the same container", True)
    ended = first.process.ends() is not None and t.eventually(lambda: not agent.serving())
    t.check(ended, "the container ends: so does the process that served it", agent.serving())
    server_killed(t, agent)


def server_killed(t: Test, agent: ContainerAgent) -> None:
    second = Steps(t, "crun", "loses", 2)
    second.step("agent started again, in a new container", True)
    (server,) = agent.serving()
    t.a.run(f"kill -KILL {server}", check=True)
    t.check(agent.process.says("container loses: its supervisor was killed by signal 9"),
            "the process that serves a container is killed: the agent reports it", agent.process.output())
    second.step("the process that serves a container is killed, in that container", False)
    second.container.delete()
