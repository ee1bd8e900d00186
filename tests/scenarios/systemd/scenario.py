# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd and rdmasec-agentd as services of systemd, with all restrictions of their units."""

from __future__ import annotations

from typing import Any

from testbed.api import USER, Result, Test
from testbed.container import Container
from testbed.refusals import has_reason, names
from testbed.states import AWAIT_GIDS, DEVICE, ETH0, gid_of

TIME_LIMIT = 1500
BUNDLES = "/opt/bundles"  # visible to the guest and to the systemd in it, which has a /run of its own
# As the first process of a container it does not touch what the init of the testbed has set up. With the unit as its only
# goal, few other services of the host start; not udev, which would rename the netdevs of the guest.
BOOT = "exec unshare --fork --pid --mount --cgroup --mount-proc sh -c '" \
       "mount -t cgroup2 none /sys/fs/cgroup; mount -t tmpfs -o mode=755 none /run; mkdir -p /run/systemd/system; " \
       "for unit in systemd-udevd systemd-udev-trigger systemd-modules-load; do " \
       "ln -s /dev/null /run/systemd/system/$unit.service; done; exec env -i container=testbed PATH=$PATH " \
       "/lib/systemd/systemd --unit=rdmasecd.service --log-target=console --show-status=no'"


def run(t: Test) -> None:
    t.net.ipsec()
    for guest in (t.a, t.b):
        guest.run(f"cmake --install {t.build}", check=True)
    systemd = t.a.start(BOOT)
    active = t.eventually(lambda: is_active(t, "rdmasecd") == "active", 600)
    t.check(active, "rdmasecd: the unit starts", f"{log(t)}\n{systemd.output()[-4000:]}")
    folders = inside(t, "stat -c '%a %U %G' /run/rdmasec /var/log/rdmasec /etc/rdmasec")
    t.check(folders.out.split("\n")[:3] == ["755 root root", "2750 root rdmasec", "755 root root"],
            "rdmasecd: its folders exist", folders)
    qp_of_user(t, "rdmasecd runs as a service", None)
    gate = inside(t, "rdmasec lockdown status")
    t.check(gate.ok, "rdmasecd: the gate stands", f"{gate}\n{log(t)}")
    t.check(inside(t, "systemctl reload rdmasecd").code == 0, "rdmasecd: it reloads its policy", log(t))
    old = main_pid(t)
    inside(t, f"kill -KILL {old}")
    again = t.eventually(lambda: main_pid(t) not in ("0", old) and is_active(t, "rdmasecd") == "active")
    t.check(again, "rdmasecd killed: it starts again", log(t))
    qp_of_user(t, "rdmasecd started again", None)
    agent(t)
    inside(t, "systemctl stop rdmasecd")
    qp_of_user(t, "rdmasecd stopped", "rdmasecd is installed but not running")
    systemd.kill(9)
    systemd.wait()


# ---- the agent ----


def agent(t: Test) -> None:
    started = inside(t, "systemctl start rdmasec-agentd.socket")
    socket = inside(t, "stat -c '%a %U' /run/rdmasec/seccomp.sock")
    t.check(started.ok and socket.out.strip() == "600 root", "agent: only root can connect to its socket", f"{started}\n{socket}")
    t.check(is_active(t) == "inactive", "agent: it does not run before the first container", log(t))
    passes(t, "first", "the first container starts the agent")
    t.check(is_active(t) == "active", "agent: it runs after the first container", log(t))
    elsewhere = Container(t, t.a, "crun", "elsewhere", BUNDLES, entering())
    elsewhere.configure(call(t), profile=True, allow_device=True, network=True)
    result = elsewhere.run()
    printed = "container elsewhere: rdmasec: refused "
    t.check(not result.ok and "local address:" not in result.out and t.eventually(lambda: printed in log(t).out),
            "a container with a network namespace of its own: it is refused, and the journal has the reason", f"{result}\n{log(t)}")
    opens_what_it_makes(t, "a container makes a node: the agent opens it, in the cgroup of that container")
    container_outlives_agent(t)
    opens_device_of_later_module(t)
    inside(t, "systemctl stop rdmasec-agentd.socket rdmasec-agentd.service")


def entering() -> str:
    return "nsenter -t $(pgrep -ox systemd) -m -p --"


def call(t: Test) -> str:
    return f"ibv_rc_pingpong -d {DEVICE} -g {t.net.gid_index(t.a, ETH0['a'][0])} {ETH0['b'][0]}"


def passes(t: Test, name: str, what: str) -> None:
    """As in qp_of_user(): no server listens, but the queue pair is made."""
    container = Container(t, t.a, "crun", name, BUNDLES, entering())
    container.configure(call(t), profile=True, allow_device=True, user=USER)
    result = container.run()
    t.check("local address:" in result.out, f"{what}: its queue pair passes", f"{result}\n{log(t)}")


# The kernel accepts write(2) only from the process that opened the device: EACCES shows that another one did.
WRITES = (
    "import os; fd = os.open('/dev/infiniband/uverbs0', os.O_RDWR)\n"
    "try: os.write(fd, bytes(8))\n"
    "except OSError as error: print('opened by ' + ('another' if error.errno == 13 else 'itself'))\n"
)


def opens_what_it_makes(t: Test, what: str) -> None:
    container = Container(t, t.a, "crun", "makes-a-node", BUNDLES, entering())
    (device,) = container.devices()
    make = "mkdir -p /dev/infiniband && mknod -m 666 /dev/infiniband/uverbs0 c {major} {minor}".format(**device)
    allowed: dict[str, Any] = {"profile": True, "devices": False, "allow_device": True, "capabilities": ["CAP_MKNOD"]}
    container.configure(f'{make} && ibv_devinfo && exec python3 -c "{WRITES}"', **allowed)
    result = container.run()
    opened = result.ok and DEVICE in result.out and "opened by another" in result.out
    t.check(opened, what, f"{result}\n{log(t)}")


def container_outlives_agent(t: Test) -> None:
    """A container tries a queue pair at each step, while the agent ends and starts again."""
    container = Container(t, t.a, "crun", "stays", BUNDLES, entering())
    wait = "while [ ! -e /tmp/$i ]; do sleep 0.2; done"
    steps = f"echo up; for i in 0 1 2 3; do {wait}; {call(t)}; echo step $i; done"
    container.configure(steps, profile=True, allow_device=True)
    process = container.start()
    t.check(process.says("up"), "a running container: it starts", process.output())

    def step(number: int, what: str) -> None:
        before = process.output().count("local address:")
        t.a.run(f"touch {container.bundle}/rootfs/tmp/{number}", check=True)
        ended = process.says(f"step {number}")
        made = process.output().count("local address:") == before + 1
        t.check(ended and made, f"a running container, {what}: its queue pair passes", f"{process.output()}\n{log(t)}")

    step(0, "the agent runs")
    old = main_pid(t, "rdmasec-agentd")
    inside(t, f"kill -KILL {old}")
    again = t.eventually(lambda: main_pid(t, "rdmasec-agentd") not in ("0", old) and is_active(t) == "active")
    t.check(again, "agent killed: it starts again", log(t))
    step(1, "the agent was killed")
    passes(t, "after-kill", "agent started again: a new container")
    restarted = inside(t, "systemctl restart rdmasec-agentd")
    t.check(restarted.ok and is_active(t) == "active", "agent: systemctl restart works", f"{restarted}\n{log(t)}")
    step(2, "the agent was restarted")
    inside(t, "systemctl stop rdmasec-agentd.socket rdmasec-agentd.service")
    step(3, "the agent is stopped")
    ended = process.ends()
    none = t.eventually(lambda: not t.a.run("pgrep -x rdmasec-oci").ok)
    holds = ended is not None and none
    t.check(holds, "a running container, the agent is stopped: it ends, and so does the process that served it", t.a.run("ps -ef"))
    fresh = Container(t, t.a, "crun", "too-late", BUNDLES, entering())
    fresh.configure("echo it started", profile=True)
    late = fresh.run()
    t.check(not late.ok and "it started" not in late.out, "agent stopped: a new container does not start", late)


def opens_device_of_later_module(t: Test) -> None:
    """The agent may start before ib_uverbs is loaded, as at boot."""
    removed = t.a.run(f"rdma link delete {DEVICE} && modprobe -r rdma_rxe rdma_ucm ib_uverbs")
    t.check(removed.ok and not t.a.run("grep infiniband_verbs /proc/devices").ok, "control: ib_uverbs is not loaded", removed)
    started = inside(t, "systemctl start rdmasec-agentd.socket rdmasec-agentd.service")
    t.check(started.ok, "agent without ib_uverbs: it starts", f"{started}\n{log(t)}")
    gid = gid_of(ETH0["a"][0])
    add = f"modprobe rdma_rxe && rdma link add {DEVICE} type rxe netdev eth0"
    t.a.run(f"{add} && . {AWAIT_GIDS} {DEVICE} {gid}", check=True)
    opens_what_it_makes(t, "a device of a module that was loaded after the agent: it is opened")


# ---- asking ----


def inside(t: Test, command: str, user: int | None = None) -> Result:
    as_user = f"-S {user} -G {user}" if user else ""
    return t.a.run(f"nsenter -t $(pgrep -ox systemd) -m -p {as_user} -- {command}")


def is_active(t: Test, unit: str = "rdmasec-agentd") -> str:
    return inside(t, f"systemctl is-active {unit}").out.strip()


def main_pid(t: Test, unit: str = "rdmasecd") -> str:
    return inside(t, f"systemctl show -P MainPID {unit}").out.strip()


def log(t: Test) -> Result:
    return inside(t, "sh -c 'systemctl status rdmasecd rdmasec-agentd; journalctl -b --no-pager | tail -n 60'")


def qp_of_user(t: Test, what: str, refused: str | None) -> None:
    """Tries a queue pair of an ordinary user. refused: the cause; None: it passes, which needs the daemon."""
    index = t.net.gid_index(t.a, ETH0["a"][0])
    result = inside(t, f"env LD_PRELOAD={t.build}/lib/librdmasec-preload.so ibv_rc_pingpong -d rxe0 -g {index}"
                       f" {ETH0['b'][0]}", USER)
    # without a server it gets as far as its exchange of addresses, which follows the creation of its QP
    made = "local address:" in result.out
    if refused is None:
        t.check(made, f"{what}: a queue pair of an ordinary user passes", f"{result}\n{log(t)}")
    else:
        named = has_reason(result.err, "no-engine") and names(result.err, refused)
        t.check(not made and named, f"{what}: a queue pair of an ordinary user is refused", result)
