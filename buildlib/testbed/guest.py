# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One guest: an emulated machine, and the requests that its agent answers."""

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
from typing import Any

from .patience import PAUSE, WITHIN, Patience, Value, eventually

BOOT_LIMIT = 180  # s; an idle host needs a few
TREE = "host"  # the share with the folders to keep, if the guest has a root of its own
# Features that an emulation does slowly and no scenario needs: page tables of five levels, checks at each copy from and to
# programs, registers of 256 bits (which every switch saves), copying by repeated instructions. Without them programs
# start a fifth sooner.
SLOW = ("la57", "smap", "smep", "umip", "pku", "xsave", "avx", "avx2", "erms", "fsrm")
CPU = ",".join(["max", *(f"{feature}=off" for feature in SLOW)])
# The emulator translates code once for each address that it is seen at. With addresses of its own, a program takes two to
# three times as long to start.
FIXED = "nokaslr norandmaps"
SLICE = 5.0  # s that the agent waits before it replies that it still waits
TIME_IS_UP = 124  # the exit status that timeout(1) gives, too

Reply = dict[str, Any]


class GuestDied(Exception):
    """The guest or its agent is gone. The results of running commands are unknown."""


class CommandFailed(Exception):
    """A command that must succeed (check=True) has failed."""


@dataclass(frozen=True)
class Result:
    """How a command ended. code: the exit status, -N for signal N, TIME_IS_UP if the testbed ended it."""

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
        self.pending: dict[int, Future[Reply]] = {}
        self.last_id = 0
        self.lock = threading.Lock()
        self.closed = False
        threading.Thread(target=self.receive, daemon=True).start()

    def send(self, op: str, **fields: object) -> tuple[int, Future[Reply]]:
        future: Future[Reply] = Future()
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


def answer(future: Future[Reply], patience: Patience) -> Reply:
    """Returns the reply. Raises GuestDied if none comes, CommandFailed if the agent reports an error."""
    while True:
        with contextlib.suppress(FutureTimeout):
            reply = future.result(1)
            break
        if patience.is_over():
            raise GuestDied(f"the guest has not answered for {patience.limit:.0f} s")
    if "error" in reply:
        raise CommandFailed(reply["error"])
    return reply


class Process:
    """A command that runs in a guest.

    `within` is always the limit of a wait, in seconds without progress (patience.py); what it writes is progress.
    """

    def __init__(self, guest: Guest, cmd: str, job: int, pid: int) -> None:
        self.guest = guest
        self.cmd = cmd
        self.job = job
        self.pid = pid
        self.logged = False

    def wait(self, within: float = WITHIN, check: bool = False) -> Result:
        """Returns the result once it has ended. Ends it when the limit is over; the result then says so."""
        reply = self.await_reply("wait", within)
        if reply is not None:
            return self.finish(reply, check)
        self.kill(signal.SIGTERM)
        if self.await_reply("wait", 2) is None:
            self.kill(signal.SIGKILL)
            self.await_reply("wait", WITHIN)
        state = self.guest.call("poll", job=self.job)
        return self.finish({**state, "code": TIME_IS_UP, "timed_out": True}, check)

    def ends(self, within: float = WITHIN) -> Result | None:
        """Returns the result once it has ended, or None when the limit is over: it then continues to run."""
        reply = self.await_reply("wait", within)
        return None if reply is None else self.finish(reply, False)

    def poll(self) -> Result | None:
        """Returns the result if it has ended, or None."""
        state = self.guest.call("poll", job=self.job)
        return None if state["code"] is None else self.finish(state, False)

    def output_with(self, words: str, within: float = WITHIN) -> str:
        """Returns its output once these words are in it, it has ended, or the limit is over."""
        state = self.await_reply("output", within, words=words) or self.guest.call("poll", job=self.job)
        return state["out"] + state["err"]

    def says(self, words: str, within: float = WITHIN) -> bool:
        """Returns whether these words come to be in its output."""
        return words in self.output_with(words, within)

    def output(self) -> str:
        """Returns its output so far, errors after the rest."""
        state = self.guest.call("poll", job=self.job)
        return state["out"] + state["err"]

    def await_reply(self, op: str, within: float, **fields: object) -> Reply | None:
        """Repeats a request that waits in the guest. Returns its reply, or None when the limit is over."""
        written = 0
        patience = self.guest.patience(within, lambda: written)
        while True:
            reply = self.guest.call(op, job=self.job, seconds=min(SLICE, within), **fields)
            if reply["done"]:
                return reply
            written = reply["written"]
            if patience.is_over():
                return None

    def kill(self, sig: int = signal.SIGTERM) -> None:
        """Signals the command and its children."""
        self.guest.call("signal", job=self.job, number=int(sig))

    def finish(self, state: Reply, check: bool) -> Result:
        result = Result(state["code"], state["out"], state["err"], state.get("timed_out", False))
        if not self.logged:
            self.guest.log(f"{self.guest.name}: [{self.job}] {result}")
            self.logged = True
        if check and not result.ok:
            raise CommandFailed(f"{self.guest.name}: {self.cmd}\n{result}")
        return result


class Guest:
    """A guest, as scenarios use it."""

    def __init__(self, name: str, link: socket.socket, qemu: subprocess.Popen[bytes], console: Path | None = None) -> None:
        self.name = name
        self.qemu = qemu
        self.console = console
        self.channel = Channel(link)
        self.log: Callable[[str], None] = lambda text: None
        self.pair: tuple[Guest, ...] = (self,)  # all guests whose work a wait may depend on
        self.worked = 0.0

    def has_ended(self) -> bool:
        """Returns whether the emulator has ended. One that just lost its agent gets a second for it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.qemu.wait(1)
        return self.qemu.poll() is not None

    def patience(self, within: float, *signs: Callable[[], object]) -> Patience:
        """Returns the limit of a wait that the work of both guests, or a change of a sign, extends."""
        return Patience(within, [guest.cpu_seconds for guest in self.pair], signs)

    def eventually(self, holds: Callable[[], Value], within: float = WITHIN, pause: float = PAUSE) -> Value:
        """Calls holds() until it returns something true or the limit is over. Returns its last value."""
        return eventually(self.patience(within), holds, pause)

    def call(self, op: str, **fields: object) -> Reply:
        return answer(self.channel.send(op, **fields)[1], self.patience(WITHIN))

    def start(
        self,
        cmd: str,
        *,
        user: int | None = None,
        env: dict[str, str] | None = None,
        cwd: str = "/",
        urgent: bool = False,
    ) -> Process:
        """Starts a shell command. user: a number, of user and group; other groups are dropped.

        urgent: it is scheduled before all that keeps the processor busy.
        """
        job, future = self.channel.send("start", cmd=cmd, user=user, env=env or {}, cwd=cwd, urgent=urgent)
        by = "" if user is None else f" (user {user})"
        settings = "".join(f"{key}={value} " for key, value in (env or {}).items())
        self.log(f"{self.name}: [{job}]{by} $ {settings}{cmd}")
        return Process(self, cmd, job, answer(future, self.patience(WITHIN))["pid"])

    def run(
        self,
        cmd: str,
        *,
        within: float = WITHIN,
        user: int | None = None,
        env: dict[str, str] | None = None,
        check: bool = False,
        cwd: str = "/",
        urgent: bool = False,
    ) -> Result:
        """Runs a shell command to its end. Ends it when the limit is over."""
        return self.start(cmd, user=user, env=env, cwd=cwd, urgent=urgent).wait(within, check)

    def now(self) -> float:
        """Returns the guest's clock, in seconds since the epoch."""
        return float(self.run("echo $EPOCHREALTIME", check=True).out)

    def write_file(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        data = text.encode() if isinstance(text, str) else text
        self.log(f"{self.name}: writes {path}, {len(data)} bytes")
        self.call("write", path=path, data=base64.b64encode(data).decode(), mode=mode)

    def read_file(self, path: str) -> bytes:
        return base64.b64decode(self.call("read", path=path)["data"])

    def sweep(self) -> None:
        """Ends every process that scenarios have left running."""
        self.call("sweep")

    def cpu_seconds(self) -> float:
        """Returns the processor time that the host has given it since its start."""
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{self.qemu.pid}/stat").read_text().rpartition(")")[2].split()
            self.worked = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return self.worked

    def await_boot(self) -> None:
        patience = self.patience(BOOT_LIMIT, lambda: self.console and self.console.exists() and self.console.stat().st_size)
        probe = self.channel.send("start", cmd=":", user=None, env={}, cwd="/")[1]
        while not probe.done():
            if self.qemu.poll() is not None or patience.is_over():
                raise GuestDied(f"guest {self.name} has not booted; its console log has the reason")
            time.sleep(0.02)
        answer(probe, patience)

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
    """The parts of a guest."""

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
        """Starts it, with this end of the wire. Does not wait until it is up: await_boot()."""
        ours, theirs = socket.socketpair()
        with theirs:
            qemu = subprocess.Popen(
                self.arguments(wire.fileno(), theirs.fileno()),
                stdin=None if self.console is None else subprocess.DEVNULL,
                stdout=None if self.console is None else subprocess.DEVNULL,
                stderr=None if self.console is None else self.console.with_suffix(".qemu").open("w"),
                pass_fds=(wire.fileno(), theirs.fileno()),
                # The runner handles a Ctrl-C on its terminal.
                start_new_session=self.console is not None,
            )
        return Guest(self.name, ours, qemu, self.console)

    def arguments(self, wire: int, agent: int) -> list[str]:
        console = "stdio,signal=off" if self.console is None else f"file,path={self.console}"
        return [
            # No guest outlives the runner.
            "setpriv", "--pdeathsig", "KILL",
            # KVM is never used: nested in a virtual machine it may hang.
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", CPU,
            "-m", self.memory, "-smp", str(self.cpus), "-name", f"rdmasec-{self.name}",
            "-kernel", str(self.image), "-initrd", str(self.initramfs), "-append", self.command_line(),
            "-chardev", f"{console},id=console", "-serial", "chardev:console",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,fd={agent}", "-device", "virtserialport,chardev=agent,name=rdmasec.agent",
            # Programs and keys need random numbers before a guest has any events to take them from.
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
            "console=ttyS0 quiet panic=-1 oops=panic mitigations=off net.ifnames=0 no_timer_check cryptomgr.notests "
            f"{FIXED} rdmasec.agent={self.agent} rdmasec.keep={keep}{tree}"
        )
