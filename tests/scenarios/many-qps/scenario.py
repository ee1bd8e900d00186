# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""QPs of 50 processes; decisions among ten SAs and among thousands."""

from __future__ import annotations

import os
import statistics
import time

from testbed.api import Process, Test
from testbed.daemon import USER, Daemon, by_library, try_qp
from testbed.states import ETH0
from testbed.stream import await_words

TIME_LIMIT = 900
PROCESSES, QPS = 50, int(os.environ.get("RDMASEC_QPS", "20"))  # of each process
SAS_FEW, SAS_MANY = 10, int(os.environ.get("RDMASEC_SAS", "20000"))
ROUNDS = 200  # of measured decisions, for each number of SAs
RUNS = 10  # of them, until two agree
STARVED = 0.5  # of a processor: these programs keep one busy
KIB_PER_QP = 16
RATIO = 10  # of decision times with many SAs and with few; 2,000 times as many are loaded

# Each SA has addresses and an SPI of its own; none matches the policies in use.
LOAD = """python3 - <<'END' | ip -batch -
for i in range({count}):
    ends = f"src 10.{{100 + (i >> 16)}}.{{i >> 8 & 255}}.{{i & 255}} dst {address}"
    key = "aead rfc4106(gcm(aes)) 0x" + f"{{i:040x}}" + " 128"
    print(f"xfrm state add {{ends}} proto esp spi {{({block} << 28) + i:#x}} reqid 7 mode transport {{key}}")
END
"""

# The event of a flush does not name the SAs that it removed, so the daemon reads all again. A flush of nothing has no event.
FLUSH_AH = (
    "ip xfrm state add src 10.99.0.1 dst 10.99.0.2 proto ah spi 0x99 mode transport auth-trunc 'hmac(sha256)' "
    f"0x{'00' * 32} 128 && ip xfrm state flush proto ah"
)
READINGS = 3


def run(t: Test) -> None:
    t.net.ipsec()
    bare = many(t, "bare", "")
    end(bare)
    daemon = Daemon(t, t.a)
    t.check(try_out(t), "control: a QP passes over this IPsec", daemon.process.output())
    lists_many(t, daemon)
    decides_among_many(t, daemon)


def command(t: Test, processes: int, qps: int, wrap: str) -> str:
    index = t.net.gid_index(t.a, ETH0["a"][0])
    return f"exec {wrap} {t.build}/tests/verbs_many -r rxe0 {index} {ETH0['b'][0]} {processes} {qps}"


def many(t: Test, how: str, wrap: str) -> Process:
    began, worked = time.monotonic(), t.a.cpu_seconds()
    process = t.a.start(command(t, PROCESSES, QPS, wrap), user=USER)
    said = await_words(process, "waiting")
    share = (t.a.cpu_seconds() - worked) / (time.monotonic() - began)
    late = said.count("no answer in time")
    answered = f"{how}: the engine answers each call in time, unless the host starves the guest"
    t.check(not late or share < STARVED, answered, f"{late} late answers, {share:.2f} of a processor")
    t.note(f"{how}: {said.splitlines()[0]}, {time.monotonic() - began:.1f} s with their processes; median and maximum us: "
           + "; ".join(said.splitlines()[1:4]))  # fmt: skip
    return process


def end(process: Process) -> None:
    process.kill()
    process.wait()


def try_out(t: Test) -> bool:
    process = t.a.start(command(t, 1, 1, by_library(t)), user=USER)
    passed = "waiting" in process.output_with("waiting")
    end(process)
    return passed


def lists_many(t: Test, daemon: Daemon) -> None:
    before = daemon.resident_kib()
    process = many(t, "guarded", by_library(t))
    after = daemon.resident_kib()
    began = time.monotonic()
    listed = daemon.qps()
    took = time.monotonic() - began
    count = PROCESSES * QPS
    distinct = {row["qpn"] for row in listed}
    each_once = len(listed) == len(distinct) == count
    t.check(each_once, f"{count} QPs: the list has each once", f"{len(listed)}, {len(distinct)} distinct")
    t.check(all(row["verdict"] == "protected" for row in listed), f"{count} QPs: all are protected")
    t.check(len({row["pid"] for row in listed}) == PROCESSES, f"{count} QPs: the list has their {PROCESSES} processes")
    growth = after - before
    t.check(growth < KIB_PER_QP * count, f"{count} QPs: the daemon grows by less than {KIB_PER_QP} KiB a QP", f"{growth} KiB")
    t.note(f"daemon: {before} KiB, with {count} QPs {after} KiB: {1024 * growth / count:.0f} octets a QP; list in {took:.1f} s")
    end(process)
    t.check(daemon.holds_none(), "the processes have ended: the list is empty", len(daemon.qps()))
    t.note(f"daemon: {daemon.resident_kib()} KiB after their end")


def decides_among_many(t: Test, daemon: Daemon) -> None:
    load(t, SAS_FEW, 5)
    few = decision_us(t)
    began = time.monotonic()
    load(t, SAS_MANY, 6)
    t.note(f"{SAS_MANY} SAs loaded in {time.monotonic() - began:.1f} s")
    serves_while_reading(t, daemon)
    many_sas = decision_us(t)
    t.check(daemon.alive(), f"{SAS_MANY} SAs: the daemon is alive", daemon.process.output())
    ratio = many_sas["rtr"] / few["rtr"]
    t.check(ratio < RATIO, f"{SAS_MANY} SAs: a decision takes less than {RATIO} times as long as among {SAS_FEW}", f"{ratio:.1f}")
    t.note(f"daemon with {SAS_MANY} SAs: {daemon.resident_kib()} KiB")
    t.note(f"median us of create and RTR, {SAS_FEW} SAs: {few['create']:.0f}, {few['rtr']:.0f}; {SAS_MANY} SAs: "
           f"{many_sas['create']:.0f}, {many_sas['rtr']:.0f}: ratio of RTR {ratio:.2f}")  # fmt: skip
    t.a.run("ip xfrm state flush", within=600, check=True)


def serves_while_reading(t: Test, daemon: Daemon) -> None:
    """After some events the daemon reads all SAs again; it must serve and watch programs during that."""
    since = t.a.now()
    lives = t.a.start(command(t, 1, 1, by_library(t)), user=USER)
    await_words(lives, "waiting")
    tried = []
    for _ in range(READINGS):
        t.a.run(FLUSH_AH, check=True)
        tried.append(try_qp(t, ETH0))
    failed = [attempt.result for attempt in tried if not attempt.passed]
    what = f"the daemon reads {SAS_MANY} SAs"
    t.check(not failed, f"{what}: the QP of a program waits and passes", failed[:1] or daemon.process.output())
    t.note(f"{what}: programs waited {', '.join(f'{one.took:.1f}' for one in tried)} s")
    lost = [record for record in daemon.log(since) if record["event"] == "revoked"]
    t.check(not lost and lives.poll() is None, f"{what}: no live QP is taken down", lost)
    end(lives)


def load(t: Test, count: int, block: int) -> None:
    """Loads SAs. Each block has SPIs of its own."""
    t.a.run(f"set -o pipefail\n{LOAD.format(count=count, block=block, address=ETH0['b'][0])}", within=900, check=True)
    loaded = int(t.a.run("ip xfrm state count", check=True).out.split()[2])
    if loaded < count:
        raise RuntimeError(f"{loaded} SAs instead of {count}")


def decision_us(t: Test) -> dict[str, float]:
    """Returns the medians of a program's steps once the daemon has read all loaded SAs."""
    first, second = medians(t), medians(t)
    for _ in range(RUNS):
        # two runs that agree within a quarter: the daemon does nothing else
        if abs(first["rtr"] - second["rtr"]) < 0.25 * max(first["rtr"], second["rtr"]):
            break
        first, second = second, medians(t)
    return {step: statistics.mean((first[step], second[step])) for step in first}


def medians(t: Test) -> dict[str, float]:
    process = t.a.start(command(t, 1, ROUNDS, by_library(t)), user=USER)
    said = await_words(process, "waiting")
    end(process)
    return {words[0]: float(words[1]) for words in (line.split() for line in said.splitlines()[1:4])}
