# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Sends messages of a hostile program to rdmasecd's socket. Prints the answers to each as JSON.

    attack.py proper|malformed|misplaced|descriptors|silent|crowd [COUNT]

`silent` and `crowd` print one line once they have all their connections, and hold those until they are ended.
"""

from __future__ import annotations

import array
import json
import os
import random
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterable

ENGINE = "/run/rdmasec/engine.sock"
UVERBS = "/dev/infiniband/uverbs0"
# struct wire_header and struct wire_ask of core/messages/protocol.h; `proper` fails if they are not
HEADER = struct.Struct("=IHHII")
ASK = struct.Struct("=III HH IIIIII 16s BBBB I 16s IIII")
DONE = struct.Struct("=IIII")
TIMEVAL = struct.Struct("@ll")
MAGIC, VERSION = 0x52534543, 6
TYPE_ASK, TYPE_ANSWER, TYPE_DONE, TYPE_LIST_QPS, TYPE_LIST_STATUS, TYPE_MONITOR, TYPE_RECORD, TYPE_END = range(1, 9)
TYPE_WAIT, TYPE_QUERY, TYPE_PROTECTION = range(9, 12)
OF_AN_ENGINE = (TYPE_ANSWER, TYPE_DONE, TYPE_RECORD, TYPE_END, TYPE_WAIT, TYPE_PROTECTION)
KIND_QP_CREATE = 2
PASS, REFUSE = 1, 2
ANSWER_WITHIN = 60  # s, on a busy host
SEED = 4791
REFUSED_FOR = 15  # s without a new connection: the engine accepts no more


def message(
    kind: int, body: bytes, *, magic: int = MAGIC, version: int = VERSION, size: int | None = None, rest: int = 0
) -> bytes:
    length = HEADER.size + len(body) if size is None else size
    return HEADER.pack(magic, version, kind, length, rest) + body


def ask(fd: int, kind: int = KIND_QP_CREATE) -> bytes:
    """Returns the question whether an RC queue pair may be created."""
    words = (kind, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, bytes(16), 0, 0, 0, 0, fd, bytes(16), 0, 0, 0, 0)
    return message(TYPE_ASK, ASK.pack(*words))


def connect(blocking: bool = True) -> socket.socket:
    engine = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if blocking:  # as doors do; with a time-out of Python's a connect(2) does not wait for room in the backlog
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            engine.setsockopt(socket.SOL_SOCKET, option, TIMEVAL.pack(ANSWER_WITHIN, 0))
    else:
        engine.setblocking(False)
    try:
        engine.connect(ENGINE)
    except OSError:
        engine.close()
        raise
    return engine


def send(engine: socket.socket, data: bytes, fds: Iterable[int] = ()) -> None:
    held = list(fds)
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", held))] if held else []
    engine.sendmsg([data], control)


def receive(engine: socket.socket) -> str:
    """Returns passed, refused, closed, silent (no answer in time), or another answer."""
    try:
        data = engine.recv(65536)
    except (TimeoutError, BlockingIOError):
        return "silent"
    except OSError:
        return "closed"
    if not data:
        return "closed"
    if len(data) < HEADER.size + 8 or HEADER.unpack_from(data)[2] != TYPE_ANSWER:
        return f"type {HEADER.unpack_from(data)[2]}" if len(data) >= HEADER.size else "short"
    action = struct.unpack_from("=I", data, HEADER.size)[0]
    return {PASS: "passed", REFUSE: "refused"}.get(action, f"action {action}")


def say(data: bytes, fds: Iterable[int] = ()) -> str:
    try:
        with connect() as engine:
            send(engine, data, fds)
            return receive(engine)
    except OSError as error:
        return f"not sent: {error.strerror}"


def proper(device: int) -> Counter:
    return Counter([say(ask(device), [device])])


def malformed(device: int) -> Counter:
    """Every length but the right one, and every header field wrong."""
    good = ask(device)
    answers = Counter(say(good[:length], [device]) for length in range(1, len(good)))
    answers.update(say(good + bytes(more), [device]) for more in (1, 4, 100, 4096, 65536, 180000))
    body = good[HEADER.size :]
    wrong = (
        {"magic": 0}, {"version": 0}, {"version": VERSION + 1}, {"version": 65535}, {"size": 0}, {"size": len(good) - 1},
        {"size": len(good) + 1}, {"size": 0xFFFFFFFF}, {"rest": 1},
    )  # fmt: skip
    answers.update(say(message(TYPE_ASK, body, **fields), [device]) for fields in wrong)
    answers.update(say(message(kind, body), [device]) for kind in (0, *range(2, 4), *range(7, 13), 100, 65535))
    answers.update(say(ask(device, kind), [device]) for kind in (0, 11, 12, 18, 19, 255, 0x7FFFFFFF, 0xFFFFFFFF))
    return answers


def random_octets(device: int) -> Counter:
    """A good message with some octets changed. It may still be valid, so it may be passed."""
    chance = random.Random(SEED)
    answers: Counter = Counter()
    for _ in range(300):
        data = bytearray(ask(device))
        for _ in range(chance.randrange(1, 9)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        answers[say(bytes(data), [device])] += 1
    return answers


def misplaced(device: int) -> Counter:
    """Messages of an engine, sent by a client; the last message first; and messages sent twice."""
    answers = Counter(say(message(kind, DONE.pack(3, 1, 2, 0))) for kind in OF_AN_ENGINE)
    for words in ((3, 1, 2, 0), (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), (0, 0, 0, 1)):
        with connect() as engine:
            send(engine, ask(device), [device])
            receive(engine)
            answers[f"after the end: {twice(engine, message(TYPE_DONE, DONE.pack(*words)))}"] += 1
    with connect() as engine:
        send(engine, ask(device), [device])
        receive(engine)
        answers[f"after the end: {twice(engine, ask(device))}"] += 1
    return answers


def twice(engine: socket.socket, data: bytes) -> str:
    """Sends a message twice. The engine may read it and close, or have closed before."""
    engine.settimeout(8)
    try:
        for _ in range(2):
            engine.send(data)
    except OSError:
        return "closed"
    return receive(engine)


def descriptors(device: int) -> Counter:
    """No descriptor, descriptors of other files, and too many."""
    others = [os.open(path, os.O_RDONLY) for path in ("/dev/null", "/dev/zero", "/", "/proc/self/status")]
    others += [*os.pipe(), os.memfd_create("x"), *(end.detach() for end in socket.socketpair())]
    others.append(connect().detach())
    answers = Counter([say(ask(device))])
    answers.update(say(ask(fd), [fd]) for fd in others)
    answers.update(say(ask(device), [device] * count) for count in (2, 16, 253))
    return answers


def silent(device: int, count: int) -> list[socket.socket]:
    """Sends every kind of request, and reads no answer."""
    held = []
    for number in range(count):
        try:
            held.append(connect(blocking=False))
            kind = (TYPE_LIST_STATUS, TYPE_MONITOR, TYPE_LIST_QPS)[number % 3]
            if number % 4:
                send(held[-1], message(kind, b""))
            else:
                send(held[-1], ask(device), [device])
        except OSError:
            time.sleep(0.01)
    return held


def crowd(count: int) -> list[socket.socket]:
    """Opens as many connections as the engine accepts. Stops when none was accepted for some seconds."""
    held: list[socket.socket] = []
    deadline = time.monotonic() + REFUSED_FOR
    while len(held) < count and time.monotonic() < deadline:
        try:
            held.append(connect(blocking=False))
            deadline = time.monotonic() + REFUSED_FOR
        except OSError:
            time.sleep(0.01)
    return held


def main() -> None:
    what, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    device = os.open(UVERBS, os.O_RDWR)
    single = {
        "proper": proper, "malformed": malformed, "random": random_octets, "misplaced": misplaced, "descriptors": descriptors,
    }  # fmt: skip
    if what in single:
        print(json.dumps(single[what](device)))
        return
    held = silent(device, count) if what == "silent" else crowd(count)
    print(json.dumps({"held": len(held)}), flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
