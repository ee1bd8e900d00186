# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Sends messages that no runtime sends to rdmasec-agentd's socket. Prints as JSON whether the agent closed each connection.

    messages.py SOCKET
"""

import json
import os
import socket
import sys


def state(name: str, **changes: object) -> bytes:
    """Returns the message of runc about a container of this name, with changes."""
    inner = {"ociVersion": "1.0.2", "id": name, "status": "creating", "pid": os.getpid(), "bundle": "/run/bundles/none"}
    message = {"ociVersion": "1.0.2", "fds": ["seccompFd"], "pid": os.getpid(), "state": inner, **changes}
    return json.dumps(message).encode()


def say(data: bytes, fds: list[int]) -> bool:
    """Returns whether the agent has read the message and closed the connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(600)
        connection.connect(sys.argv[1])
        try:
            socket.send_fds(connection, [data], fds)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            return True


def main() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    uverbs = os.open("/dev/infiniband/uverbs0", os.O_RDWR)
    heard = {
        "no JSON": say(b"hello\n", [null]),
        "half": say(state("half")[:50], [null]),
        "two": say(state("two") * 2, [null]),
        "huge": say(b"[" + b" " * (2 << 20), []),
        "no-fd": say(state("no-fd"), []),
        "no-filter": say(state("no-filter"), [null]),
        "a-device": say(state("a-device"), [uverbs]),
        "many-fds": say(state("many-fds"), [null] * 100),
        "no-names": say(state("no-names", fds=[]), [null]),
        "no-process": say(state("no-process", pid=1 << 22), [null]),
        "escape\x1b[2J\n": say(state("escape\x1b[2J\n"), [null]),
    }
    print(json.dumps(heard))


main()
