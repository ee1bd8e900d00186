# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""NVMe over RDMA and RDS, which no door sees, under the gate."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from testbed.api import Process, Test
from testbed.gate import lockdown, stopped
from testbed.states import ETH0

A, B = ETH0["a"][0], ETH0["b"][0]
NQN = "rdmasec"
TARGET = f"""
set -e
modprobe -a nvmet-rdma brd
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
cd /sys/kernel/config/nvmet
mkdir -p subsystems/{NQN}/namespaces/1 ports/1
echo 1 > subsystems/{NQN}/attr_allow_any_host
echo /dev/ram0 > subsystems/{NQN}/namespaces/1/device_path
echo 1 > subsystems/{NQN}/namespaces/1/enable
echo ipv4 > ports/1/addr_adrfam
echo rdma > ports/1/addr_trtype
echo {B} > ports/1/addr_traddr
echo 4420 > ports/1/addr_trsvcid
ln -s $PWD/subsystems/{NQN} ports/1/subsystems/{NQN}
"""
NO_TARGET = f"""
cd /sys/kernel/config/nvmet || exit 0
rm -f ports/1/subsystems/{NQN}
rmdir ports/1 subsystems/{NQN}/namespaces/1 subsystems/{NQN}
"""
CONNECT = f"echo transport=rdma,traddr={B},trsvcid=4420,nqn={NQN} > /dev/nvme-fabrics"
READ = "while ! test -e /dev/nvme0n1; do sleep 0.05; done; exec dd if=/dev/nvme0n1 of=/dev/null bs=4k count=16 iflag=direct"
REQUESTS = 2  # to connect: the kernel repeats one every few seconds
DISCONNECT = "for c in /sys/class/nvme/*/delete_controller; do echo 1 > $c; done"

# AF_RDS is 21. The kernel connects when the first message is sent, and sends it once it is connected.
RDS = """
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)

def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def address(ip, port):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(ip) + bytes(8)

fd = check(libc.socket(21, socket.SOCK_SEQPACKET, 0))
"""
RDS_SERVER = f"""{RDS}
check(libc.bind(fd, address("{B}", 4000), 16))
print("bound", flush=True)
sys.stdin.read()
"""
RDS_CLIENT = f"""{RDS}
check(libc.bind(fd, address("{A}", 0), 16))
check(libc.sendto(fd, b"rdmasec" * 8, 56, 0, address("{B}", 4000), 16))
print("sent", flush=True)
sys.stdin.read()
"""


def run(t: Test) -> None:
    t.net.clear()
    nvme_in_clear(t)
    t.net.ipsec()
    nvme_over_ipsec(t)
    t.net.clear()
    t.spoils_guests()  # connections of RDS outlive their programs, and its module cannot always be unloaded
    rds_in_clear(t)


# ---- NVMe ----


def nvme_in_clear(t: Test) -> None:
    t.b.run(TARGET, check=True)
    t.a.run("modprobe nvme-rdma", check=True)
    with t.wire() as wire:
        connected = t.a.run(f"{CONNECT} && {READ}")
    t.check(connected.ok and wire.counts["clear_data"] > 0, "control: NVMe over RDMA runs in clear", f"{connected}\n{wire}")
    waits_under_gate(t)
    t.a.run(DISCONNECT)
    gate(t, "on")
    does_not_connect_under_gate(t)
    end_nvme(t)


def does_not_connect_under_gate(t: Test) -> None:
    """The kernel sends its request again and again, and gives up after more than a minute, which is not awaited."""
    before = stopped(t, t.a)["stopped_out"]
    with t.wire() as wire:
        connecting = t.a.start(f"exec 2>&1; {CONNECT}")
        held = t.eventually(lambda: stopped(t, t.a)["stopped_out"] >= before + REQUESTS)
        ended = connecting.poll()
    t.check(held and not (ended and ended.ok), "NVMe over RDMA does not connect under the gate", connecting.output())
    t.check(wire.clear == 0, "NVMe over RDMA, connecting: no frame is readable", wire)
    gate(t, "off")
    connected = connecting.wait()
    if not connected.ok:  # on a busy host it had given up before
        connected = t.a.run(CONNECT)
    read = t.a.run(READ) if connected.ok else connected
    t.check(read.ok, "the gate is removed: NVMe over RDMA connects, on the same RDMA device", f"{connected}\n{read}")


def waits_under_gate(t: Test) -> None:
    gate(t, "on")
    before = stopped(t, t.a)["stopped_out"]
    with t.wire() as wire:
        reader = t.a.start(READ)
        held = t.eventually(lambda: stopped(t, t.a)["stopped_out"] > before)
        waits = reader.poll() is None
    t.check(held and waits, "NVMe over RDMA, connected before: its I/O waits under the gate", reader.output())
    t.check(wire.clear == 0, "NVMe over RDMA, connected before: no frame is readable", wire)
    gate(t, "off")
    result = reader.wait()
    t.check(result.ok, "the gate is removed: the I/O that waited ends", result)


def nvme_over_ipsec(t: Test) -> None:
    t.b.run(TARGET, check=True)
    gate(t, "on")
    with t.wire() as wire:
        connected = t.a.run(f"{CONNECT} && {READ}")
    t.check(connected.ok and wire.counts["esp"] > 0, "NVMe over RDMA runs over IPsec under the gate", f"{connected}\n{wire}")
    t.check(wire.clear == 0, "NVMe over RDMA over IPsec: no frame is readable", wire)
    gate(t, "off")
    end_nvme(t)


def end_nvme(t: Test) -> None:
    t.a.run(DISCONNECT)
    t.b.run(NO_TARGET, check=True)


# ---- RDS ----


@contextmanager
def rds(t: Test) -> Iterator[Process]:
    """Has the kernel of a connect to that of b, for programs that end with the block. Gives the client."""
    server = t.b.start(f"exec python3 -c '{RDS_SERVER}'")
    t.check(server.says("bound"), "RDS: the server listens", server.output())
    client = t.a.start(f"exec python3 -c '{RDS_CLIENT}'")
    yield client
    for process in (client, server):
        process.kill(signal.SIGKILL)
        process.wait()


def rds_in_clear(t: Test) -> None:
    """Without a connection of before: a's kernel connects once the gate stands."""
    for guest in (t.a, t.b):
        guest.run("modprobe rds_rdma", check=True)
    gate(t, "on")
    before = stopped(t, t.a)["stopped_out"]
    with rds(t) as client:
        with t.wire() as wire:
            held = t.eventually(lambda: stopped(t, t.a)["stopped_out"] > before)
        t.check(held, "RDS: the gate stops its frames", client.output())
        t.check(wire.clear == 0, "RDS: no frame is readable", wire)
        start = t.now_on_the_wire()
        gate(t, "off")
        clear = t.readable_frames(0.5, start)  # the kernel connects once
        t.check(clear > 0, "control: the gate is removed: RDS connects in clear", clear)


def gate(t: Test, words: str) -> None:
    for guest in (t.a, t.b):
        lockdown(t, guest, words)
