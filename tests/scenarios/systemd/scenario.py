# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd as a service of systemd's, with all that its unit forbids."""

from __future__ import annotations

import time

from testbed.api import Guest, Process, Result, Test
from testbed.states import ETH0

USER = 1234
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
    systemd = t.a.start(BOOT, 500)
    active = eventually(t, "is-active rdmasecd", "active", 240)
    t.check(active.out.strip() == "active", "the unit starts", f"{active}\n{log(t)}\n{systemd.output()[-4000:]}")
    folders = inside(t, "stat -c '%a %U %G' /run/rdmasec /var/log/rdmasec /etc/rdmasec")
    t.check(folders.out.split("\n")[:3] == ["755 root root", "2750 root rdmasec", "755 root root"],
            "its folders are there", folders)
    judged(t, "as a service", None)
    t.check(inside(t, "systemctl reload rdmasecd", 60).code == 0, "it reads its policy anew", log(t))
    old = main_pid(t)
    inside(t, f"kill -KILL {old}")
    deadline = time.monotonic() + 60
    while main_pid(t) in ("0", old) and time.monotonic() < deadline:
        time.sleep(0.5)
    active = eventually(t, "is-active rdmasecd", "active", 60)
    t.check(active.out.strip() == "active" and main_pid(t) != old, "killed, it starts again", log(t))
    judged(t, "started again", None)
    inside(t, "systemctl stop rdmasecd", 60)
    judged(t, "stopped", "rdmasecd is installed but does not run")
    systemd.kill(9)
    systemd.wait(60)


def inside(t: Test, command: str, timeout: int = 30, user: int | None = None) -> Result:
    who = f"-S {user} -G {user}" if user else ""
    return t.a.run(f"nsenter -t $(pgrep -ox systemd) -m -p {who} -- {command}", timeout)


def eventually(t: Test, question: str, answer: str, within: int) -> Result:
    deadline = time.monotonic() + within
    while True:
        result = inside(t, f"systemctl {question}")
        if result.out.strip() == answer or time.monotonic() > deadline:
            return result
        time.sleep(1)


def main_pid(t: Test) -> str:
    return inside(t, "systemctl show -P MainPID rdmasecd").out.strip()


def log(t: Test) -> Result:
    return inside(t, "sh -c 'systemctl status rdmasecd; journalctl -b --no-pager | tail -n 60'")


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
        t.check(not made and refused in result.err, f"{what}: refused", result)
