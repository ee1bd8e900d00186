# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""What a hostile user does to rdmasecd, and a user that asks all the time.

    flood.py ask            asks all the time; prints a window of {"asked", "others", "longest_ms"} at each SIGUSR1
    flood.py spin           only uses the processor: a control
    flood.py sent           sends a file of a silent FUSE server with questions
    flood.py slow           sends one of a slow server, with many questions at once
    flood.py execs          asks for processes that hang in execve(2), where they close such a file
    flood.py unread         leaves such files in sockets that it closes
    flood.py taken DOOR     holds one, and maps the file DOOR, so that a scan takes it
    flood.py mappings DOOR  has 20,000 mappings, and maps DOOR last
    flood.py files DOOR     has 20,000 files open, and maps DOOR
    flood.py doors          says all the time that its door is broken
    flood.py links          changes links of a network namespace of its own, where it has asked

All but `ask` print "ready" when they have done it once, and go on, or hold it, until they are ended.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hostile"))
import attack  # noqa: E402

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV = 2, 4
KIND_DOOR_BROKEN = 18
IN, OUT = struct.Struct("=IIQQIIII"), struct.Struct("=IiQ")
LOOKUP, FORGET, GETATTR, OPEN, RELEASE, FLUSH, INIT, BATCH_FORGET = 1, 2, 3, 14, 18, 25, 26, 42
libc = ctypes.CDLL(None, use_errno=True)


# ---- a FUSE server with one file, which never answers FLUSH ----


def attr(node: int) -> bytes:
    mode = 0o40777 if node == 1 else 0o100666
    return struct.pack("=QQQQQQIIIIIIIIII", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(opcode: int) -> bytes | None:
    if opcode == INIT:
        return struct.pack("=IIIIHHIIHHI7I", 7, 31, 0, 0, 16, 12, 4096, 1, 1, 0, 0, *[0] * 7)
    if opcode == LOOKUP:
        return struct.pack("=QQQQII", 2, 0, 60, 60, 0, 0) + attr(2)
    if opcode == OPEN:
        return struct.pack("=QII", 1, 0, 0)
    return b"" if opcode in (RELEASE, FLUSH) else None


def serve(device: int, flush_after: float | None) -> None:
    while True:
        try:
            request = os.read(device, 1 << 20)
        except OSError:
            return
        _, opcode, unique, node = IN.unpack_from(request)[:4]
        if opcode in (FORGET, BATCH_FORGET) or (opcode == FLUSH and flush_after is None):
            continue
        if opcode == FLUSH:
            time.sleep(flush_after or 0)
        body = struct.pack("=QII", 60, 0, 0) + attr(node) if opcode == GETATTR else answer(opcode)
        error = 0 if body is not None else -errno.ENOSYS
        os.write(device, OUT.pack(OUT.size + len(body or b""), error, unique) + (body or b""))


def own_namespaces(flags: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | flags):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def silent_file(flush_after: float | None = None) -> int:
    """Returns an fd of a file whose close(2) never returns, or after some seconds. As any user can make it."""
    own_namespaces(CLONE_NEWNS)
    device, place = os.open("/dev/fuse", os.O_RDWR), tempfile.mkdtemp()
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    if libc.mount(b"fuse", place.encode(), b"fuse", MS_NOSUID | MS_NODEV, options.encode()):
        raise OSError(ctypes.get_errno(), "mount")
    if os.fork() == 0:
        # apart: with it ends the mount, and so each wait for it
        Path("/proc/self/comm").write_text("silent-fuse")
        serve(device, flush_after)
        os._exit(0)
    os.close(device)
    return os.open(f"{place}/file", os.O_RDWR)


# ---- what is done ----


def ready_and_hold() -> None:
    print("ready", flush=True)
    while True:
        time.sleep(3600)


def sent() -> None:
    fd, count = silent_file(), 0
    while True:
        attack.say(attack.ask(fd), [fd])
        count += 1
        if count == 3:
            print("ready", flush=True)
        time.sleep(0.05)


def slow() -> None:
    """Each answer comes before a helper counts as hanging. Many questions wait at any time."""
    fd, rounds = silent_file(0.1), 0
    while True:
        engines = [attack.connect() for _ in range(100)]
        for engine in engines:
            attack.send(engine, attack.ask(fd), [fd])
        if not rounds:
            print("ready", flush=True)
        rounds += 1
        for engine in engines:
            attack.receive(engine)
            engine.close()


def connected_by_one_that_hangs(fd: int) -> socket.socket:
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        connection = attack.connect()
        socket.send_fds(theirs, [b"x"], [connection.fileno()])
        os.set_inheritable(fd, False)
        os.execv("/bin/sleep", ["sleep", "1000"])
    theirs.close()
    engine = socket.socket(fileno=socket.recv_fds(ours, 1, 1)[1][0])
    engine.settimeout(attack.ANSWER_WITHIN)
    time.sleep(0.2)  # it is in execve(2) then, on most hosts: other rounds follow
    ours.close()
    return engine


def execs() -> None:
    """The process that connected is the one that the engine looks at, whoever has the connection."""
    fd, count = silent_file(), 0
    null = os.open("/dev/null", os.O_RDWR)
    while True:
        engine = connected_by_one_that_hangs(fd)
        attack.send(engine, attack.ask(null), [null])
        count += 1
        if count == 3:
            print("ready", flush=True)
        attack.receive(engine)
        engine.close()


def spin() -> None:
    print("ready", flush=True)
    while True:
        pass


def unread() -> None:
    fd = silent_file()
    monitor = attack.message(attack.TYPE_MONITOR, b"")
    for data in (monitor, attack.message(attack.TYPE_ASK, b""), b"x"):
        for _ in range(5):
            engine = attack.connect()
            attack.send(engine, data, [fd])
            attack.send(engine, data, [fd])
            engine.close()
    ready_and_hold()


def looks_guarded(door: str) -> mmap.mmap:
    with open(door, "rb") as file:
        return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)


def taken(door: str) -> None:
    kept = looks_guarded(door), silent_file()
    assert kept
    ready_and_hold()


def mappings(door: str) -> None:
    kept = []
    for i in range(20000):
        kept.append(mmap.mmap(-1, 4096, prot=mmap.PROT_READ | (mmap.PROT_WRITE if i % 2 else 0)))
    kept.append(looks_guarded(door))
    ready_and_hold()


def files(door: str) -> None:
    kept = looks_guarded(door)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    for _ in range(min(20000, limit - 100)):
        os.open("/dev/zero", os.O_RDWR)
    assert kept
    ready_and_hold()


def doors() -> None:
    words = (KIND_DOOR_BROKEN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, bytes(16), 0, 0, 0, 0, 0, bytes(16), 0, 0, 0, 0)
    broken = attack.message(attack.TYPE_ASK, attack.ASK.pack(*words))
    count = 0
    while True:
        attack.say(broken)
        count += 1
        if count == 100:
            print("ready", flush=True)


def links() -> None:
    """rtnetlink's batch: `ip -batch` sends thousands of changes a second."""
    own_namespaces(CLONE_NEWNET)
    subprocess.run(["ip", "link", "add", "d0", "type", "dummy"], check=True)
    device = os.open(attack.UVERBS, os.O_RDWR)
    attack.say(attack.ask(device), [device])  # now the engine follows this namespace
    batch = subprocess.Popen(["ip", "-batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert batch.stdin
    for i in range(1 << 40):
        batch.stdin.write(f"link set d0 mtu {1400 + i % 2}\n" * 100)
        if i == 20:
            print("ready", flush=True)


def ask() -> None:
    """Asks all the time. Prints a window at each SIGUSR1, which never interrupts a connect(2)."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    device, windows = os.open(attack.UVERBS, os.O_RDWR), 0
    answers: list[str] = []
    longest = 0.0
    print("asks", flush=True)
    while True:
        began = time.monotonic()
        answers.append(attack.say(attack.ask(device), [device]))
        longest = max(longest, time.monotonic() - began)
        if signal.sigtimedwait({signal.SIGUSR1}, 0.02):
            windows += 1
            others = [answer for answer in answers if answer != "passed"]
            seen = {"asked": len(answers), "others": others, "longest_ms": round(1000 * longest)}
            print(f"window {windows} {json.dumps(seen)}", flush=True)
            answers, longest = [], 0.0


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
