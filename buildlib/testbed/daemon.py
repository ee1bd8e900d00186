# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd in a guest, with its lists and its audit log."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .api import USER, Test
from .guest import Guest, Process, Result
from .states import DEVICE
from .stream import await_words

FOLDER = "/run/rdmasec"
POLICY = f"{FOLDER}/policy.conf"
AUDIT = f"{FOLDER}/audit.json"
LIST = "/run/rdmasec-qps.json"
ANY = "[default]\nrequire = any\n"

Record = dict[str, Any]


def without_gate(policy: str) -> str:
    """Returns the policy with the gate off, under which unguarded programs show what would leak."""
    if "[default]\n" in policy:
        return policy.replace("[default]\n", "[default]\ngate = off\n", 1)
    return f"[default]\ngate = off\n{policy}"


class Daemon:
    """One rdmasecd. The constructor starts it; it ends with the guest's processes, or by kill().

    gate: it puts up the gate as the policy says, and the gate stays.
    """

    def __init__(self, t: Test, guest: Guest, policy: str = ANY, program: str = "", gate: bool = False) -> None:
        self.t = t
        self.guest = guest
        self.program = program or f"{t.build}/bin/rdmasecd"
        guest.run(f"rm -rf {FOLDER}; mkdir -p {FOLDER}", check=True)
        guest.write_file(POLICY, policy if gate else without_gate(policy))
        self.process = self.start()

    def start(self) -> Process:
        """Starts it, also after kill(). Policy and audit log stay."""
        process = self.guest.start(f"exec {self.program} -p {POLICY} -a {AUDIT}")
        await_words(process, "rdmasecd: ready")
        self.process = process
        return process

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.kill(number)
        self.process.wait()

    def alive(self) -> bool:
        return self.process.poll() is None

    def qps(self, pid: int | None = None) -> list[Record]:
        """Returns the guarded queue pairs that `rdmasec qps --json` lists, of all processes or of one."""
        # thousands of rows exceed the output that a reply may have
        result = self.guest.run(f"{self.t.build}/bin/rdmasec qps --json >{LIST}", urgent=True)
        if result.code not in (0, 1):  # 1: others are unguarded
            raise RuntimeError(f"rdmasec qps: {result}")
        rows = json.loads(self.guest.read_file(LIST))
        return [row for row in rows if row["guard"] == "guarded" and pid in (None, row.get("pid"))]

    def holds_none(self, pid: int | None = None) -> bool:
        """Returns whether its list of queue pairs comes to be empty."""
        return self.guest.eventually(lambda: not self.qps(pid))

    def log(self, since: float = 0) -> list[Record]:
        """Returns the records of the audit log from this time on. Its last line may be incomplete."""
        lines = self.guest.read_file(AUDIT).decode().split("\n")[:-1]
        records = [json.loads(line) for line in lines if line]
        return [record for record in records if seconds(record) >= since - 0.002]  # the log has milliseconds

    def await_record(self, event: str, fits: Callable[[Record], bool], since: float) -> Record | None:
        """Returns the first record of this event that fits, or None if the audit log does not get one."""
        found = self.guest.eventually(
            lambda: [record for record in self.log(since) if record["event"] == event and fits(record)]
        )
        return found[0] if found else None

    def await_revoked(self, process: Process, since: float) -> Record | None:
        """Returns the record of the revocation of a queue pair of this process."""
        return self.await_record("revoked", lambda record: record["pid"] == process.pid, since)

    def losses(self, since: float = 0) -> list[Record]:
        """Returns the records of queue pairs that have lost their protection."""
        return [record for record in self.log(since) if record["event"] in ("revoked", "grace", "not-revoked")]

    def resident_kib(self) -> int:
        status = self.guest.read_file(f"/proc/{self.process.pid}/status").decode()
        return int(re.findall(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[0])


def seconds(record: Record) -> float:
    return datetime.fromisoformat(str(record["time"])).timestamp()


def on_both(t: Test, policy: str = ANY, gate: bool = False) -> Daemon:
    """Starts a daemon in each guest at once, for the current state of the network. Returns a's."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda guest: Daemon(t, guest, policy, gate=gate), (t.a, t.b)))[0]


def by_library(t: Test) -> str:
    """Returns the words that precede a command to guard it by the library alone, as its user may set it."""
    return f"env LD_PRELOAD={t.build}/lib/librdmasec-preload.so"


@dataclass(frozen=True)
class Attempt:
    """A user's attempt to bring one RC QP to RTS; nothing is sent. took: seconds until its result."""

    passed: bool
    took: float
    result: Result


def try_qp(
    t: Test,
    addresses: Mapping[str, tuple[str, str]],
    *,
    wrap: str | None = None,
    device: str = DEVICE,
    gid: int | None = None,
    user: int = USER,
) -> Attempt:
    """Tries a queue pair in guest a towards b, guarded by the library."""
    index = t.net.gid_index(t.a, addresses["a"][0]) if gid is None else gid
    guard = by_library(t) if wrap is None else wrap
    began = time.monotonic()
    command = f"exec {guard} {t.build}/tests/verbs_many {device} {index} {addresses['b'][0]} 1 1"
    program = t.a.start(command, user=user)
    program.output_with("waiting")
    ended = program.poll()
    took = time.monotonic() - began
    program.kill()
    return Attempt(ended is None, took, ended or program.wait())
