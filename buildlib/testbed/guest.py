# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One guest: an emulated machine, and what can be asked of the agent in it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path

BOOT_TIMEOUT = 180  # a few seconds on an idle machine
TREE = "host"  # the share with the folders to keep, where the root is another
# What an emulation does slowly and nothing here needs: page tables of five levels, checks at each copy from and to
# programs, registers of 256 bits (and all that is saved of them at each switch), copying by repeated instructions.
# Programs start a fifth sooner without.
SLOW = ("la57", "smap", "smep", "umip", "pku", "xsave", "avx", "avx2", "erms", "fsrm")
CPU = ",".join(["max", *(f"{feature}=off" for feature in SLOW)])
GRACE = 30  # how much later than the guest the host gives up on a command


class GuestDied(Exception):
    """The guest, or its agent, is gone; nothing can be said about what was under way."""


class CommandFailed(Exception):
    """A command that was to succeed (check=True) did not."""


@dataclass(frozen=True)
class Result:
    """How a command ended.  code is the exit status, -N for signal N, 124 when its time was up."""

    code: int
    out: str
    err: str
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.code == 0

    def __str__(self) -> str:
        said = "\n".join(text.rstrip() for text in (self.out, self.err) if text.strip())
        return f"exit {self.code}{' (time was up)' if self.timed_out else ''}\n{said}".rstrip()


class Channel:
    """Requests to the agent, many at once, each answered through a future."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.pending: dict[int, Future] = {}
        self.last_id = 0
        self.lock = threading.Lock()
        self.closed = False
        threading.Thread(target=self.receive, daemon=True).start()

    def send(self, op: str, **fields: object) -> tuple[int, Future]:
        future: Future = Future()
        with self.lock:
            if self.closed:
                raise GuestDied("the guest is gone")
            self.last_id += 1
            request_id = self.last_id
            self.pending[request_id] = future
            try:
                self.link.sendall(json.dumps({"id": request_id, "op": op, **fields}).encode() + b"\n")
            except OSError as error:
                raise GuestDied("the guest is gone") from error
        return request_id, future

    def call(self, op: str, answer_within: float = GRACE, **fields: object) -> dict:
        return answer(self.send(op, **fields)[1], answer_within)

    def receive(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self.link.makefile("rb"):
                reply = json.loads(line)
                with self.lock:
                    future = self.pending.pop(reply["id"], None)
                if future:
                    future.set_result(reply)
        with self.lock:
            self.closed = True
            left, self.pending = self.pending, {}
        for future in left.values():
            future.set_exception(GuestDied("the guest died during a command"))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.link.shutdown(socket.SHUT_RDWR)
        self.link.close()


def answer(future: Future, within: float | None) -> dict:
    try:
        reply = future.result(within)
    except FutureTimeout:
        raise GuestDied(f"the guest has not answered for {within:.0f} s") from None
    if "error" in reply:
        raise CommandFailed(reply["error"])
    return reply


class Process:
    """A command under way in a guest."""

    def __init__(self, guest: Guest, cmd: str, job: int, pid: int) -> None:
        self.guest = guest
        self.cmd = cmd
        self.job = job
        self.pid = pid
        self.told = False

    def wait(self, timeout: float = 60, check: bool = False) -> Result:
        """The result once it has ended; when it has not in time, it is ended, and the result says so."""
        state = self.guest.channel.call("wait", timeout + GRACE, job=self.job, timeout=timeout)
        if state["code"] is None:
            self.kill(signal.SIGKILL)
            state = self.guest.channel.call("wait", job=self.job, timeout=10)
            state.update(code=124, timed_out=True)
        return self.finish(state, check)

    def poll(self) -> Result | None:
        """The result if it has ended, or None."""
        state = self.guest.channel.call("poll", job=self.job)
        return None if state["code"] is None else self.finish(state, False)

    def ended_within(self, timeout: float) -> Result | None:
        """The result if it ends within so many seconds, or None, and then it goes on."""
        state = self.guest.channel.call("wait", timeout + GRACE, job=self.job, timeout=timeout)
        return None if state["code"] is None else self.finish(state, False)

    def output_with(self, words: str, timeout: float) -> str:
        """What it has written, as soon as these words are in it, or it has ended, or the time is up."""
        state = self.guest.channel.call("said", timeout + GRACE, job=self.job, words=words, timeout=timeout)
        return state["out"] + state["err"]

    def output(self) -> str:
        """What it has written so far, errors after the rest."""
        state = self.guest.channel.call("poll", job=self.job)
        return state["out"] + state["err"]

    def kill(self, sig: int = signal.SIGTERM) -> None:
        """Signal the command and whatever it runs."""
        self.guest.channel.call("signal", job=self.job, number=int(sig))

    def finish(self, state: dict, check: bool) -> Result:
        result = Result(state["code"], state["out"], state["err"], state["timed_out"])
        if not self.told:
            self.guest.log(f"{self.guest.name}: [{self.job}] {result}")
            self.told = True
        if check and not result.ok:
            raise CommandFailed(f"{self.guest.name}: {self.cmd}\n{result}")
        return result


class Guest:
    """What scenarios see of a guest."""

    def __init__(self, name: str, link: socket.socket, qemu: subprocess.Popen) -> None:
        self.name = name
        self.qemu = qemu
        self.channel = Channel(link)
        self.log: Callable[[str], None] = lambda text: None

    def start(
        self,
        cmd: str,
        timeout: float | None = None,
        user: int | None = None,
        env: dict[str, str] | None = None,
        cwd: str = "/",
        urgent: bool = False,
    ) -> Process:
        """Start a shell command.  user is a number, of user and group alike; other groups are dropped.

        urgent: before whatever else keeps the processor busy.
        """
        how = {"timeout": timeout, "user": user, "env": env or {}, "cwd": cwd, "urgent": urgent}
        job, future = self.channel.send("start", cmd=cmd, **how)
        who = "" if user is None else f" (user {user})"
        settings = "".join(f"{key}={value} " for key, value in (env or {}).items())
        self.log(f"{self.name}: [{job}]{who} $ {settings}{cmd}")
        return Process(self, cmd, job, answer(future, GRACE)["pid"])

    def run(
        self,
        cmd: str,
        timeout: float = 60,
        user: int | None = None,
        env: dict[str, str] | None = None,
        check: bool = False,
        cwd: str = "/",
        urgent: bool = False,
    ) -> Result:
        """Run a shell command to its end, which is enforced after timeout seconds."""
        return self.start(cmd, timeout, user, env, cwd, urgent).wait(timeout + 10, check)

    def write_file(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        data = text.encode() if isinstance(text, str) else text
        self.log(f"{self.name}: writes {path}, {len(data)} bytes")
        self.channel.call("write", path=path, data=base64.b64encode(data).decode(), mode=mode)

    def read_file(self, path: str) -> bytes:
        return base64.b64decode(self.channel.call("read", path=path)["data"])

    def sweep(self) -> None:
        """End every process scenarios have left running."""
        self.channel.call("sweep")

    def cpu_seconds(self) -> float:
        """Of the host's processors, since it was started; unlike a clock's they are the same on a busy host."""
        words = Path(f"/proc/{self.qemu.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def await_boot(self) -> None:
        deadline = time.monotonic() + BOOT_TIMEOUT
        probe = self.channel.send("start", cmd=":", timeout=60, user=None, env={}, cwd="/")[1]
        while not probe.done():
            if self.qemu.poll() is not None or time.monotonic() > deadline:
                raise GuestDied(f"guest {self.name} has not booted, its console log says why")
            time.sleep(0.02)
        answer(probe, 0)

    def close(self) -> None:
        self.qemu.kill()
        self.qemu.wait()
        self.channel.close()


@dataclass(frozen=True)
class Share:
    """A folder of the host that guests mount by its tag."""

    tag: str
    path: Path
    readonly: bool = True

    def arguments(self) -> list[str]:
        fsdev = f"local,id={self.tag},path={self.path},security_model=none,multidevs=remap"
        return [
            "-fsdev", fsdev + (",readonly=on" if self.readonly else ""),
            "-device", f"virtio-9p-pci,fsdev={self.tag},mount_tag={self.tag}",
        ]


@dataclass(frozen=True)
class Machine:
    """What a guest is made of."""

    name: str
    image: Path
    initramfs: Path
    shares: list[Share]
    agent: Path
    keep: list[Path]
    mac: str
    console: Path | None  # a log; None is this terminal
    capture: Path | None = None
    memory: str = "1024M"
    cpus: int = 1

    def boot(self, wire: socket.socket) -> Guest:
        """Start it, with this end of the wire.  The guest is not up yet when this returns: await_boot()."""
        ours, theirs = socket.socketpair()
        with theirs:
            qemu = subprocess.Popen(
                self.arguments(wire.fileno(), theirs.fileno()),
                stdin=None if self.console is None else subprocess.DEVNULL,
                stdout=None if self.console is None else subprocess.DEVNULL,
                stderr=None if self.console is None else self.console.with_suffix(".qemu").open("w"),
                pass_fds=(wire.fileno(), theirs.fileno()),
                # A Ctrl-C on the runner's terminal is the runner's to handle.
                start_new_session=self.console is not None,
            )
        return Guest(self.name, ours, qemu)

    def arguments(self, wire: int, agent: int) -> list[str]:
        console = "stdio,signal=off" if self.console is None else f"file,path={self.console}"
        return [
            # However the runner ends, no guest outlives it.
            "setpriv", "--pdeathsig", "KILL",
            # KVM is never used: where it is offered to a guest itself, it may hang.
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", CPU,
            "-m", self.memory, "-smp", str(self.cpus), "-name", f"rdmasec-{self.name}",
            "-kernel", str(self.image), "-initrd", str(self.initramfs), "-append", self.command_line(),
            "-chardev", f"{console},id=console", "-serial", "chardev:console",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,fd={agent}", "-device", "virtserialport,chardev=agent,name=rdmasec.agent",
            # Processes and keys in the guests want random numbers before anything has happened there.
            "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
            "-netdev", f"stream,id=wire,addr.type=fd,addr.str={wire}",
            "-device", f"virtio-net-pci,netdev=wire,mac={self.mac},romfile=",
            *(["-object", f"filter-dump,id=capture,netdev=wire,file={self.capture}"] if self.capture else []),
            *(argument for share in self.shares for argument in share.arguments()),
        ]  # fmt: skip

    def command_line(self) -> str:
        keep = ":".join(str(folder) for folder in self.keep)
        tree = f" rdmasec.tree={TREE}" if any(share.tag == TREE for share in self.shares) else ""
        return (
            "console=ttyS0 quiet panic=-1 oops=panic mitigations=off nokaslr net.ifnames=0 no_timer_check "
            f"cryptomgr.notests rdmasec.agent={self.agent} rdmasec.keep={keep}{tree}"
        )
