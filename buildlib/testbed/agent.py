# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The one program a guest runs by itself: does what the host asks for, over a virtio-serial port.

Each line is one JSON object.  A request has an id, an op and the op's arguments; its answer has the same id.
"wait" is answered when the process ends, so many requests are under way at once.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # which python3 -I leaves out
from rdma_netlink import cm_listens

PORT_NAME = "rdmasec.agent"
OUTPUT_LIMIT = 1 << 20  # of one stream, in an answer; the end is what explains a failure
TIMED_OUT = 124  # as timeout(1) says it
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C",  # any other has each program look for a dozen files on the host first, a third of what bash takes to start
    "TERM": "dumb",
}


class Job:
    """A shell command.  Its output goes to files, as a pipe would be held open by whatever it leaves running."""

    def __init__(
        self, cmd: str, timeout: float | None, user: int | None, env: dict, cwd: str, urgent: bool = False
    ) -> None:
        be_urgent(children=urgent)
        self.out = tempfile.TemporaryFile(dir="/run")
        self.err = tempfile.TemporaryFile(dir="/run")
        self.timed_out = False
        self.ended = threading.Event()
        credentials = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", cmd],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
            cwd=cwd, env=ENVIRONMENT | env, start_new_session=True, **credentials,
        )
        threading.Thread(target=self.follow, args=(timeout,), daemon=True).start()

    def follow(self, timeout: float | None) -> None:
        be_urgent()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.timed_out = True
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self.process.wait()
        self.ended.set()

    def signal(self, number: int) -> None:
        """To the whole session's first group: the shell and what it runs."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def state(self) -> dict:
        code = self.process.returncode if self.ended.is_set() else None
        return {
            "code": TIMED_OUT if self.timed_out and code is not None else code,
            "timed_out": self.timed_out,
            "out": tail(self.out.fileno()),
            "err": tail(self.err.fileno()),
        }


def be_urgent(children: bool = False) -> None:
    """This thread goes before programs that keep the processor busy; what it starts does so only with children."""
    policy = os.SCHED_RR if children else os.SCHED_RR | os.SCHED_RESET_ON_FORK
    os.sched_setscheduler(0, policy, os.sched_param(1))


def tail(fd: int) -> str:
    size = os.fstat(fd).st_size
    start = max(0, size - OUTPUT_LIMIT)
    text = os.pread(fd, OUTPUT_LIMIT, start).decode(errors="replace")
    return f"[{start} bytes left out]\n{text}" if start else text


def listens(port: int) -> bool:
    """The namespace is the agent's own."""
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
            if not data:  # the host is not connected, yet or any more
                time.sleep(0.05)
                continue
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                # A thread each: starting a process or writing a file takes a while on an emulated CPU.
                threading.Thread(target=self.answer, args=(json.loads(line),), daemon=True).start()

    def answer(self, request: dict) -> None:
        be_urgent()
        try:
            reply = getattr(self, f"op_{request.pop('op')}")(**request)
        except Exception as error:  # the host shall know, whatever it is
            reply = {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
        else:
            reply = {"id": request["id"], **reply}
        data = json.dumps(reply).encode() + b"\n"
        with self.sending:
            while data:
                data = data[os.write(self.port, data) :]

    def op_start(self, id: int, **options: object) -> dict:
        self.jobs[id] = Job(**options)
        return {"pid": self.jobs[id].process.pid}

    def op_wait(self, id: int, job: int, timeout: float | None) -> dict:
        self.jobs[job].ended.wait(timeout)
        return self.jobs[job].state()

    def op_poll(self, id: int, job: int) -> dict:
        return self.jobs[job].state()

    def op_listener(self, id: int, port: int, job: int, timeout: float) -> dict:
        """Wait here until somebody listens on a TCP port, or the job ends: asking from outside costs more than this."""
        until = time.monotonic() + timeout
        server = self.jobs[job]
        while time.monotonic() < until:
            if listens(port):
                return {"listens": True}
            if server.ended.wait(0.05):
                return {"listens": False}
        return {"listens": None}

    def op_cm_listener(self, id: int, job: int, timeout: float) -> dict:
        """The same with an id of rdma_cm."""
        until = time.monotonic() + timeout
        server = self.jobs[job]
        while time.monotonic() < until:
            if cm_listens():
                # The state is LISTEN a moment before the kernel listens (rdma_listen() in cma.c).  Not one long sleep:
                # after each of these somebody else has run, however long the host held up the guest.
                for _ in range(4):
                    time.sleep(0.05)
                return {"listens": True}
            if server.ended.wait(0.05):
                return {"listens": False}
        return {"listens": None}

    def op_said(self, id: int, job: int, words: str, timeout: float) -> dict:
        """Wait here until the job has written these words, or ends."""
        until = time.monotonic() + timeout
        waited = self.jobs[job]
        while True:
            ended = waited.ended.is_set()
            state = waited.state()
            if ended or words in state["out"] + state["err"] or time.monotonic() > until:
                return state
            waited.ended.wait(0.05)

    def op_signal(self, id: int, job: int, number: int) -> dict:
        self.jobs[job].signal(number)
        return {}

    def op_write(self, id: int, path: str, data: str, mode: int) -> dict:
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(data))
        file.chmod(mode)
        return {}

    def op_read(self, id: int, path: str) -> dict:
        return {"data": base64.b64encode(Path(path).read_bytes()).decode()}

    def op_sweep(self, id: int) -> dict:
        """End every process but this one.  Init is not among those that kill(-1) reaches."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        for job in self.jobs.values():
            job.ended.wait(5)
        self.jobs.clear()
        return {}


def find_port() -> int:
    while True:
        for name in Path("/sys/class/virtio-ports").glob("*/name"):
            if name.read_text().strip() == PORT_NAME:
                return os.open(f"/dev/{name.parent.name}", os.O_RDWR)
        time.sleep(0.05)


if __name__ == "__main__":
    # The shell that started this in the background has it ignore these, and so would every command.
    for ignored in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_DFL)
    Agent(find_port()).serve()
