# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The program that runs in every guest: it does what the host requests over a virtio-serial port.

Each line is one JSON object. A request has an id, an op and the op's arguments; its reply has the same id. Ops that wait
return after the seconds they were given, so that the host decides how long a wait lasts.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))  # which python3 -I leaves out
from rdma_netlink import cm_listens  # noqa: E402  the path comes first

PORT_NAME = "rdmasec.agent"
OUTPUT_LIMIT = 1 << 20  # of one stream, in a reply; the end explains a failure
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C",  # another language makes each program look for a dozen files first: a third of bash's start
    "TERM": "dumb",
}
LOOK_AGAIN = 0.05  # s
# A command of these characters means the same with a shell and without, unless its first word is one of the shell's own. The
# start of bash takes an emulated processor as long as that of two other programs.
PLAIN = re.compile(r"[\w \t./:@%+,=-]*", re.ASCII)
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII)
# `compgen -bk` of bash 5, those that are plain
OF_SHELL = frozenset(
    ". : alias bg bind break builtin caller case cd command compgen complete compopt continue coproc declare dirs disown do "
    "done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if in jobs "
    "kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt source suspend "
    "test then time times trap true type typeset ulimit umask unalias unset until wait while".split()
)

Reply = dict[str, Any]


class Job:
    """A shell command. Its output goes to files: a process that it leaves running would hold a pipe open.

    The files are closed here and opened for each look: a scenario may start more commands than the agent may have files.
    """

    def __init__(self, cmd: str, user: int | None, env: dict[str, str], cwd: str, urgent: bool = False) -> None:
        be_urgent(children=urgent)
        (out, self.out), (err, self.err) = tempfile.mkstemp(dir="/run"), tempfile.mkstemp(dir="/run")
        self.ended = threading.Event()
        credentials: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        try:

            def start(words: list[str], more: dict[str, str]) -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    cwd=cwd, env=ENVIRONMENT | env | more, start_new_session=True, **credentials,
                )

            words, more = without_shell(cmd)
            try:
                self.process = start(words, more)
            except OSError:  # as for a program that does not exist: the shell tells that in its way
                self.process = start(in_shell(cmd), {})
        finally:
            os.close(out)
            os.close(err)
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self) -> None:
        be_urgent()
        self.process.wait()
        self.ended.set()

    def signal(self, number: int) -> None:
        """Signals the first process group of the session: the shell and its children."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def written(self) -> int:
        """Returns the octets of both streams so far."""
        return sum(os.stat(path).st_size for path in (self.out, self.err))

    def output(self) -> str:
        return tail(self.out) + tail(self.err)

    def state(self) -> Reply:
        code = self.process.returncode if self.ended.is_set() else None
        return {"done": True, "code": code, "out": tail(self.out), "err": tail(self.err)}

    def forget(self) -> None:
        for path in (self.out, self.err):
            Path(path).unlink(missing_ok=True)


def in_shell(cmd: str) -> list[str]:
    return ["/bin/bash", "-c", cmd]


def without_shell(cmd: str) -> tuple[list[str], dict[str, str]]:
    """Returns the words that do the same as the command, and what they need in the environment. They name bash if it needs one."""
    words, more = cmd.split(), {}
    while words and (assigned := ASSIGNMENT.fullmatch(words[0])):
        more[assigned[1]] = assigned[2]
        del words[0]
    if words[:1] == ["exec"]:
        del words[0]
    if not words or words[0] in OF_SHELL or not PLAIN.fullmatch(cmd):
        return in_shell(cmd), {}
    return words, more


def be_urgent(children: bool = False) -> None:
    """Schedules this thread before programs that keep the processor busy, and its children only if asked to."""
    policy = os.SCHED_RR if children else os.SCHED_RR | os.SCHED_RESET_ON_FORK
    os.sched_setscheduler(0, policy, os.sched_param(1))


def tail(path: str) -> str:
    with open(path, "rb") as file:
        start = max(0, os.fstat(file.fileno()).st_size - OUTPUT_LIMIT)
        file.seek(start)
        text = file.read(OUTPUT_LIMIT).decode(errors="replace")
    return f"[{start} bytes left out]\n{text}" if start else text


def listens(port: int) -> bool:
    """Returns whether a TCP socket of the agent's own namespace listens on the port."""
    local, state = f":{port:04X}", "0A"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(local) and words[3] == state:
                return True
    return False


class Agent:
    def __init__(self, port: int) -> None:
        self.port = port
        self.jobs: dict[int, Job] = {}
        self.sending = threading.Lock()

    def serve(self) -> None:
        be_urgent()
        pending = b""
        while True:
            data = os.read(self.port, 1 << 16)
            if not data:  # the host is not connected
                time.sleep(LOOK_AGAIN)
                continue
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                # A thread for each: to start a process or to write a file takes a while on an emulated processor.
                threading.Thread(target=self.answer, args=(json.loads(line),), daemon=True).start()

    def answer(self, request: Reply) -> None:
        be_urgent()
        try:
            reply = getattr(self, f"op_{request.pop('op')}")(**request)
        except Exception as error:  # the host reports any failure
            reply = {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
        else:
            reply = {"id": request["id"], **reply}
        data = json.dumps(reply).encode() + b"\n"
        with self.sending:
            while data:
                data = data[os.write(self.port, data) :]

    def op_start(self, id: int, **options: Any) -> Reply:
        self.jobs[id] = Job(**options)
        return {"pid": self.jobs[id].process.pid}

    def op_poll(self, id: int, job: int) -> Reply:
        return self.jobs[job].state()

    def op_wait(self, id: int, job: int, seconds: float) -> Reply:
        """Waits until the job has ended."""
        ended = self.jobs[job].ended.wait(seconds)
        return self.jobs[job].state() if ended else self.pending(job)

    def op_output(self, id: int, job: int, seconds: float, words: str) -> Reply:
        """Waits until the job has written these words, or has ended."""
        waited = self.jobs[job]
        found = self.await_here(seconds, waited, lambda: words in waited.output())
        return self.pending(job) if found is None else waited.state()

    def op_listener(self, id: int, job: int, seconds: float, port: int) -> Reply:
        """Waits until a process listens on a TCP port, or the job has ended. To ask from outside would cost more."""
        found = self.await_here(seconds, self.jobs[job], lambda: listens(port))
        return self.pending(job) if found is None else {"done": True, "listens": found}

    def op_cm_listener(self, id: int, job: int, seconds: float) -> Reply:
        """Waits until an id of rdma_cm listens, or the job has ended."""
        found = self.await_here(seconds, self.jobs[job], cm_listens)
        if found:
            # The state is LISTEN a moment before the kernel listens (rdma_listen() in cma.c). Several short sleeps:
            # after each of them other threads have run, however long the host has stopped the guest.
            for _ in range(4):
                time.sleep(LOOK_AGAIN)
        return self.pending(job) if found is None else {"done": True, "listens": found}

    def await_here(self, seconds: float, job: Job, holds: Callable[[], bool]) -> bool | None:
        """Returns True once it holds, False if the job has ended before, None when the seconds have passed."""
        until = time.monotonic() + seconds
        while True:
            ended = job.ended.is_set()
            if holds():
                return True
            if ended:
                return False
            if time.monotonic() > until:
                return None
            job.ended.wait(LOOK_AGAIN)

    def pending(self, job: int) -> Reply:
        """Returns how much the job has written: the host sees its progress by it."""
        return {"done": False, "written": self.jobs[job].written()}

    def op_signal(self, id: int, job: int, number: int) -> Reply:
        self.jobs[job].signal(number)
        return {}

    def op_write(self, id: int, path: str, data: str, mode: int) -> Reply:
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(data))
        file.chmod(mode)
        return {}

    def op_read(self, id: int, path: str) -> Reply:
        return {"data": base64.b64encode(Path(path).read_bytes()).decode()}

    def op_sweep(self, id: int) -> Reply:
        """Ends every process except this one. kill(-1) does not reach init."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        for job in self.jobs.values():
            job.ended.wait(5)
            job.forget()
        self.jobs.clear()
        return {}


def find_port() -> int:
    while True:
        for name in Path("/sys/class/virtio-ports").glob("*/name"):
            if name.read_text().strip() == PORT_NAME:
                return os.open(f"/dev/{name.parent.name}", os.O_RDWR)
        time.sleep(LOOK_AGAIN)


if __name__ == "__main__":
    # The shell that started this in the background made it ignore these signals, and its children would inherit that.
    for ignored in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_DFL)
    Agent(find_port()).serve()
