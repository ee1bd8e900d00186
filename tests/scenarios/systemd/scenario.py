# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd and rdmasec-agentd as services of systemd's, with all that their units forbid."""

from __future__ import annotations

import time
from collections.abc import Callable

from testbed.api import Result, Test
from testbed.container import Container
from testbed.refusals import has_reason
from testbed.states import AWAIT_GIDS, DEVICE, ETH0, gid_of

USER = 1234
TIME_LIMIT = 1500
BUNDLES = "/opt/bundles"  # seen by both, the guest and the systemd in it, whose /run is its own
# As a container's first process: it then leaves alone what the testbed's init has set up. With the unit for its only
# goal, next to nothing else of the host's services starts; not udev, which would rename the guest's netdevs.
BOOT = "exec unshare --fork --pid --mount --cgroup --mount-proc sh -c '" \
       "mount -t cgroup2 none /sys/fs/cgroup; mount -t tmpfs -o mode=755 none /run; mkdir -p /run/systemd/system; " \
       "for unit in systemd-udevd systemd-udev-trigger systemd-modules-load; do " \
       "ln -s /dev/null /run/systemd/system/$unit.service; done; exec env -i container=testbed PATH=$PATH " \
       "/lib/systemd/systemd --unit=rdmasecd.service --log-target=console --show-status=no'"


def run(t: Test) -> None:
    t.net.ipsec()
    for guest in (t.a, t.b):
        guest.run(f"cmake --install {t.build}", timeout=120, check=True)
    systemd = t.a.start(BOOT, TIME_LIMIT)
    active = eventually(lambda: is_active(t, "rdmasecd") == "active", 600)
    t.check(active, "the unit starts", f"{log(t)}\n{systemd.output()[-4000:]}")
    folders = inside(t, "stat -c '%a %U %G' /run/rdmasec /var/log/rdmasec /etc/rdmasec")
    t.check(folders.out.split("\n")[:3] == ["755 root root", "2750 root rdmasec", "755 root root"],
            "its folders are there", folders)
    judged(t, "as a service", None)
    t.check(inside(t, "systemctl reload rdmasecd", 60).code == 0, "it reads its policy anew", log(t))
    old = main_pid(t)
    inside(t, f"kill -KILL {old}")
    again = eventually(lambda: main_pid(t) not in ("0", old) and is_active(t, "rdmasecd") == "active")
    t.check(again, "killed, it starts again", log(t))
    judged(t, "started again", None)
    agent(t)
    inside(t, "systemctl stop rdmasecd", 60)
    judged(t, "stopped", "rdmasecd is installed but not running")
    systemd.kill(9)
    systemd.wait(60)


# ---- the agent ----


def agent(t: Test) -> None:
    started = inside(t, "systemctl start rdmasec-agentd.socket", 60)
    socket = inside(t, "stat -c '%a %U' /run/rdmasec/seccomp.sock")
    t.check(started.ok and socket.out.strip() == "600 root", "the agent's socket: root's alone", f"{started}\n{socket}")
    t.check(is_active(t) == "inactive", "the agent itself does not run before there is a container", log(t))
    passes(t, "first", "the container that has the agent started")
    t.check(is_active(t) == "active", "then it runs", log(t))
    elsewhere = Container(t, t.a, "crun", "elsewhere", BUNDLES, entering())
    elsewhere.configure(call(t), profile=True, allow_device=True, network=True)
    result = elsewhere.run(240)
    told = "container elsewhere: rdmasec: refused "
    t.check(not result.ok and "local address:" not in result.out and eventually(lambda: told in log(t).out),
            "one in a network namespace of its own: refused, and the journal has why", f"{result}\n{log(t)}")
    opens_what_it_makes(t, "a node that a container makes is opened by the agent, in that container's cgroup")
    goes_on(t)
    module_comes_later(t)
    inside(t, "systemctl stop rdmasec-agentd.socket rdmasec-agentd.service", 60)


def entering() -> str:
    return "nsenter -t $(pgrep -ox systemd) -m -p --"


def call(t: Test) -> str:
    return f"ibv_rc_pingpong -d {DEVICE} -g {t.net.gid_index(t.a, ETH0['a'][0])} {ETH0['b'][0]}"


def passes(t: Test, name: str, what: str) -> None:
    """As in judged(): nobody listens, but its queue pair is made."""
    container = Container(t, t.a, "crun", name, BUNDLES, entering())
    container.configure(call(t), profile=True, allow_device=True, user=USER)
    result = container.run(240)
    t.check("local address:" in result.out, f"{what}: its queue pair passes", f"{result}\n{log(t)}")


# The kernel takes write(2) from who opened the device only: EACCES tells that it was not this program.
WRITES = (
    "import os; fd = os.open('/dev/infiniband/uverbs0', os.O_RDWR)\n"
    "try: os.write(fd, bytes(8))\n"
    "except OSError as error: print('opened by ' + ('another' if error.errno == 13 else 'itself'))\n"
)


def opens_what_it_makes(t: Test, what: str) -> None:
    container = Container(t, t.a, "crun", "makes-a-node", BUNDLES, entering())
    (device,) = container.devices()
    make = "mkdir -p /dev/infiniband && mknod -m 666 /dev/infiniband/uverbs0 c {major} {minor}".format(**device)
    allowed = {"profile": True, "devices": False, "allow_device": True, "capabilities": ["CAP_MKNOD"]}
    container.configure(f'{make} && ibv_devinfo && exec python3 -c "{WRITES}"', **allowed)
    result = container.run(240)
    opened = result.ok and DEVICE in result.out and "opened by another" in result.out
    t.check(opened, what, f"{result}\n{log(t)}")


def goes_on(t: Test) -> None:
    """A container that tries a queue pair whenever it is told to, through the agent's ends."""
    container = Container(t, t.a, "crun", "stays", BUNDLES, entering())
    wait = "while [ ! -e /tmp/$i ]; do sleep 0.2; done"
    container.configure(f"echo up; for i in 0 1 2 3; do {wait}; {call(t)}; echo step $i; done", profile=True, allow_device=True)
    process = container.start(900)
    t.check(eventually(lambda: "up" in process.output()), "a container that stays: it starts", process.output())

    def step(number: int, what: str) -> None:
        before = process.output().count("local address:")
        t.a.run(f"touch {container.bundle}/rootfs/tmp/{number}", check=True)
        ended = eventually(lambda: f"step {number}" in process.output())
        made = process.output().count("local address:") == before + 1
        t.check(ended and made, f"{what}, a container that stays: its queue pair passes", f"{process.output()}\n{log(t)}")

    step(0, "the agent runs")
    old = main_pid(t, "rdmasec-agentd")
    inside(t, f"kill -KILL {old}")
    again = eventually(lambda: main_pid(t, "rdmasec-agentd") not in ("0", old) and is_active(t) == "active")
    t.check(again, "the agent is killed: it starts again", log(t))
    step(1, "the agent was killed")
    passes(t, "after-kill", "a new container of the agent that was started again")
    restarted = inside(t, "systemctl restart rdmasec-agentd", 90)
    t.check(restarted.ok and is_active(t) == "active", "the agent can be restarted", f"{restarted}\n{log(t)}")
    step(2, "the agent was restarted")
    inside(t, "systemctl stop rdmasec-agentd.socket rdmasec-agentd.service", 90)
    step(3, "the agent is stopped")
    ended = process.ended_within(60)
    none = eventually(lambda: not t.a.run("pgrep -x rdmasec-oci").ok)
    t.check(ended is not None and none, "it ends, and so does who served it", t.a.run("ps -ef"))
    fresh = Container(t, t.a, "crun", "too-late", BUNDLES, entering())
    fresh.configure("echo it started", profile=True)
    late = fresh.run(240)
    t.check(not late.ok and "it started" not in late.out, "the agent is stopped: a new container does not start", late)


def module_comes_later(t: Test) -> None:
    """The agent runs before ib_uverbs is there, as it may at boot."""
    removed = t.a.run(f"rdma link delete {DEVICE} && modprobe -r rdma_rxe rdma_ucm ib_uverbs", 60)
    t.check(removed.ok and not t.a.run("grep infiniband_verbs /proc/devices").ok, "control: ib_uverbs is not loaded", removed)
    started = inside(t, "systemctl start rdmasec-agentd.socket rdmasec-agentd.service", 60)
    t.check(started.ok, "without ib_uverbs, the agent starts", f"{started}\n{log(t)}")
    gid = gid_of(ETH0["a"][0])
    t.a.run(f"modprobe rdma_rxe && rdma link add {DEVICE} type rxe netdev eth0 && . {AWAIT_GIDS} {DEVICE} {gid}", 90, check=True)
    opens_what_it_makes(t, "a device whose module is loaded later is opened, too")


# ---- asking ----


def inside(t: Test, command: str, timeout: int = 60, user: int | None = None) -> Result:
    who = f"-S {user} -G {user}" if user else ""
    return t.a.run(f"nsenter -t $(pgrep -ox systemd) -m -p {who} -- {command}", timeout)


def eventually(holds: Callable[[], bool], within: float = 60) -> bool:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def is_active(t: Test, unit: str = "rdmasec-agentd") -> str:
    return inside(t, f"systemctl is-active {unit}").out.strip()


def main_pid(t: Test, unit: str = "rdmasecd") -> str:
    return inside(t, f"systemctl show -P MainPID {unit}").out.strip()


def log(t: Test) -> Result:
    return inside(t, "sh -c 'systemctl status rdmasecd rdmasec-agentd; journalctl -b --no-pager | tail -n 60'")


def judged(t: Test, what: str, refused: str | None) -> None:
    """A QP of an ordinary user's program. None: it passes, though only what the daemon may read protects it."""
    index = t.net.gid_index(t.a, ETH0["a"][0])
    result = inside(t, f"env LD_PRELOAD={t.build}/lib/librdmasec-preload.so ibv_rc_pingpong -d rxe0 -g {index}"
                       f" {ETH0['b'][0]}", 40, USER)
    # without a server it gets as far as its exchange of addresses, which comes after its QP was made
    made = "local address:" in result.out
    if refused is None:
        t.check(made, f"{what}: an ordinary user's queue pair passes", f"{result}\n{log(t)}")
    else:
        t.check(not made and has_reason(result.err, refused), f"{what}: refused", result)
