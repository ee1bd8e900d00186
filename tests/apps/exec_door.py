#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""A guarded program starts another one by each function of libc, first with and then without the door's library.

exec_door.py LIBRARY RDMASEC POLICY
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
TRUE = b"/bin/true"
REFUSED = 77
AT_FDCWD = -100
SETPRIV_REFUSED = 126


def vector(values: list[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * (len(values) + 1))(*values, None)


def spawn(name: str) -> int:
    pid = ctypes.c_int()
    error: int = getattr(LIBC, name)(ctypes.byref(pid), TRUE, None, None, vector([TRUE]), environment())
    if error:
        ctypes.set_errno(error)
        return -1
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid.value, 0)[1]))


def environment() -> ctypes.Array[ctypes.c_char_p]:
    return vector([f"{name}={value}".encode() for name, value in os.environ.items()])


WAYS: dict[str, Callable[[], int]] = {
    "execve": lambda: LIBC.execve(TRUE, vector([TRUE]), environment()),
    "execv": lambda: LIBC.execv(TRUE, vector([TRUE])),
    "execvp": lambda: LIBC.execvp(b"true", vector([TRUE])),
    "execvpe": lambda: LIBC.execvpe(b"true", vector([TRUE]), environment()),
    "fexecve": lambda: LIBC.fexecve(os.open(TRUE, os.O_RDONLY), vector([TRUE]), environment()),
    "execveat": lambda: LIBC.execveat(AT_FDCWD, TRUE, vector([TRUE]), environment(), 0),
    "execl": lambda: LIBC.execl(TRUE, TRUE, b"one", b"two", None),
    "execlp": lambda: LIBC.execlp(b"true", TRUE, b"one", None),
    "execle": lambda: LIBC.execle(TRUE, TRUE, b"one", None, environment()),
    "posix_spawn": lambda: spawn("posix_spawn"),
    "posix_spawnp": lambda: spawn("posix_spawnp"),
}


def attempt(way: Callable[[], int]) -> int:
    """Returns the exit status of /bin/true, REFUSED, or another one."""
    pid = os.fork()
    if pid == 0:
        way()
        os._exit(REFUSED if ctypes.get_errno() == errno.EACCES else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def inside(library: Path, expected: int) -> None:
    """In the guarded program."""
    for name, way in WAYS.items():
        status = attempt(way)
        if status:
            sys.exit(f"{name}, with the library: {status}")
    library.rename(library.with_suffix(".gone"))
    for name, way in WAYS.items():
        status = attempt(way)
        if status != expected:
            sys.exit(f"{name}, without the library: {status} instead of {expected}")
    del os.environ["LD_PRELOAD"]
    status = attempt(WAYS["execve"])
    if status:
        sys.exit(f"without LD_PRELOAD: {status}")


def closed_to_other_user(guard: list[str], expected: int) -> None:
    """setpriv(1) still has the capabilities of root when it executes a program that will not have them."""
    drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/bin/true"]
    result = subprocess.run([*guard, *drop], env={"PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode != expected or "(reason=door-broken)" not in result.stderr:
        sys.exit(f"as another user: {result.returncode} instead of {expected}\n{result.stderr}")


def outside(built: str, rdmasec: str, policy: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lib").mkdir()
        (folder / "bin").mkdir()
        library = folder / "lib" / "librdmasec-preload.so"
        shutil.copy(built, library)
        shutil.copy(rdmasec, folder / "bin" / "rdmasec")
        expected = 0 if policy.endswith("audit.policy") else REFUSED
        guard = [str(folder / "bin" / "rdmasec"), "run", "-p", policy, "--"]
        if os.geteuid() == 0:
            closed_to_other_user(guard, 0 if expected == 0 else SETPRIV_REFUSED)
        command = [*guard, sys.executable, sys.argv[0], "inside", str(library), str(expected)]
        result = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE, text=True, check=False)
        lines = [line for line in result.stderr.splitlines() if "(reason=door-broken)" in line and str(library) in line]
        # the loader itself also names a library that it cannot load
        if result.returncode or len(lines) != len(WAYS):
            sys.exit(f"{result.returncode}: {len(lines)} lines of {len(WAYS)}\n{result.stderr}")
    print("ok")


if sys.argv[1] == "inside":
    inside(Path(sys.argv[2]), int(sys.argv[3]))
else:
    outside(sys.argv[1], sys.argv[2], sys.argv[3])
