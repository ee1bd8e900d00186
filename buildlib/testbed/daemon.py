# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasecd in a guest: started, asked, and what its audit log says."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .api import Test
from .guest import Guest, Process, Result
from .states import DEVICE
from .stream import await_words

FOLDER = "/run/rdmasec"
POLICY = f"{FOLDER}/policy.conf"
AUDIT = f"{FOLDER}/audit.json"
LIST = "/run/rdmasec-qps.json"
ANY = "[default]\nrequire = any\n"
USER = 1234

Record = dict[str, object]


class Daemon:
    """One rdmasecd.  It starts when this is made, and ends with the guest's processes, or by kill()."""

    def __init__(self, t: Test, guest: Guest, policy: str = ANY, program: str = "") -> None:
        self.t = t
        self.guest = guest
        self.program = program or f"{t.build}/bin/rdmasecd"
        guest.run(f"rm -rf {FOLDER}; mkdir -p {FOLDER}", check=True)
        guest.write_file(POLICY, policy)
        self.process = self.start()

    def start(self) -> Process:
        """Anew, after it was killed: policy and audit log stay."""
        process = self.guest.start(f"exec {self.program} -p {POLICY} -a {AUDIT}")
        await_words(process, "rdmasecd: ready")
        self.process = process
        return process

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.kill(number)
        self.process.wait(60)

    def alive(self) -> bool:
        return self.process.poll() is None

    def qps(self, pid: int | None = None) -> list[Record]:
        """The guarded ones that `rdmasec qps --json` lists, of all processes or of one."""
        # thousands of rows are more than the output of a command may be
        result = self.guest.run(f"{self.t.build}/bin/rdmasec qps --json >{LIST}", 120, urgent=True)
        if result.code not in (0, 1):  # 1: others are unguarded
            raise RuntimeError(f"rdmasec qps: {result}")
        return [row for row in json.loads(self.guest.read_file(LIST)) if row["guard"] == "guarded" and pid in (None, row.get("pid"))]

    def log(self, since: float = 0) -> list[Record]:
        """The audit log's records that are not older; its last line may be under way."""
        lines = self.guest.read_file(AUDIT).decode().split("\n")[:-1]
        records = [json.loads(line) for line in lines if line]
        return [record for record in records if seconds(record) >= since - 0.002]  # the log has milliseconds

    def await_record(self, event: str, fits: Callable[[Record], bool], since: float, within: float) -> Record | None:
        """The first such record of the audit log; None: it did not come."""
        deadline = time.monotonic() + within
        while True:
            for record in self.log(since):
                if record["event"] == event and fits(record):
                    return record
            if time.monotonic() > deadline:
                return None
            time.sleep(0.2)

    def resident_kib(self) -> int:
        status = self.guest.read_file(f"/proc/{self.process.pid}/status").decode()
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1])


def seconds(record: Record) -> float:
    return datetime.fromisoformat(str(record["time"])).timestamp()


def on_both(t: Test, policy: str = ANY) -> Daemon:
    """A daemon in each guest, for the state of the network that is; returns a's."""
    Daemon(t, t.b, policy)
    return Daemon(t, t.a, policy)


def by_library(t: Test) -> str:
    """What goes before a command that is guarded by the library alone, as its user may set it."""
    return f"env LD_PRELOAD={t.build}/lib/librdmasec-preload.so"


@dataclass(frozen=True)
class Attempt:
    """A user's attempt to bring one RC QP to RTS; nothing is sent.  took: seconds until it was known."""

    passed: bool
    took: float
    result: Result


def try_qp(
    t: Test,
    addresses: dict[str, tuple[str, str]],
    *,
    wrap: str | None = None,
    device: str = DEVICE,
    gid: int | None = None,
    user: int = USER,
) -> Attempt:
    """In guest a towards b, guarded by the library."""
    index = t.net.gid_index(t.a, addresses["a"][0]) if gid is None else gid
    guard = by_library(t) if wrap is None else wrap
    began = time.monotonic()
    command = f"exec {guard} {t.build}/tests/verbs_many {device} {index} {addresses['b'][0]} 1 1"
    program = t.a.start(command, 120, user=user)
    program.output_with("waiting", 120)
    ended = program.poll()
    took = time.monotonic() - began
    program.kill()
    return Attempt(ended is None, took, ended or program.wait(60))
