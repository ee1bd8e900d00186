# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The engine is lost while a program runs: its QP continues, the next one is refused."""

from __future__ import annotations

import signal
import time

from testbed.api import EXCHANGE_PORT, Process, Result, Test, await_listener
from testbed.states import ETH0, MACSEC0
from testbed.stream import await_words

ANSWER_WITHIN = 15  # s; WIRE_TIMEOUT_MS of core/messages/protocol.h
TIMED_OUT = "Connection timed out"  # otherwise the call failed immediately
CONNECTED = "1 connected, waiting"


def run(t: Test) -> None:
    t.net.macsec()
    by_hand = f"env LD_PRELOAD={t.build}/lib/librdmasec-preload.so"
    for how, wrap in (("rdmasec run", f"{t.build}/bin/rdmasec run --"), ("LD_PRELOAD set by hand", by_hand)):
        control(t, how, wrap)
        killed(t, how, wrap)
    stopped(t, wrap)
    killed_during_question(t, wrap)


def begin(t: Test, wrap: str) -> tuple[Process, Process, int]:
    """Returns a program that waits with one connected QP, its unguarded server, and the process id of its engine."""
    program = f"{t.build}/tests/verbs_threads"
    server = t.b.start(f"{program} -q 2 -g {t.net.gid_index(t.b, MACSEC0['b'][0])}")
    await_listener(server, EXCHANGE_PORT)
    index = t.net.gid_index(t.a, MACSEC0["a"][0])
    client = t.a.start(f"{wrap} {program} -s -q 2 -g {index} {ETH0['b'][0]}")
    await_words(client, CONNECTED)
    (engine,) = t.a.run("pgrep -x rdmasec-engine", check=True).out.split()
    return client, server, int(engine)


def state(t: Test, pid: int) -> str:
    return t.a.run(f"ps -o s= -p {pid}").out.strip()


def end(t: Test, client: Process, server: Process) -> tuple[Result, float]:
    """Makes the program connect its second QP. Returns its result and the seconds until its end."""
    began = time.monotonic()
    client.kill(signal.SIGUSR1)
    result = client.wait()
    took = time.monotonic() - began
    server.wait()
    t.a.run("pkill -KILL -x rdmasec-engine")
    return result, took


def check_refused(t: Test, what: str, result: Result, errno: int, why: str) -> None:
    named = f"QP 1: cannot be created: {why}" in result.err and f"(errno {errno})" in result.err
    t.check(result.code == 1 and named, f"{what}: the next QP is refused: {why}", result)
    line = next((line for line in result.err.splitlines() if line.startswith("rdmasec: refused create_qp on ")), "")
    t.check("/dev/infiniband/uverbs" in line and "engine" in line, f"{what}: a line on stderr names the device and the engine", result.err)
    # Once when it is woken, and once after the refusal.
    t.check(result.out.count("1 connected, and still sending") == 2, f"{what}: its first QP continues", result.out)


def control(t: Test, how: str, wrap: str) -> None:
    client, server, _ = begin(t, wrap)
    result, _ = end(t, client, server)
    went_on = result.ok and "2 of 2 QPs connected" in result.out
    t.check(went_on, f"control, {how}, engine alive: the next QP connects", result)


def killed(t: Test, how: str, wrap: str) -> None:
    client, server, engine = begin(t, wrap)
    t.a.run(f"kill -KILL {engine}", check=True)
    # Until it has closed its socket, a program can connect to it. Its parent may leave it a zombie.
    t.check(t.eventually(lambda: state(t, engine) in ("", "Z")), f"{how}: the engine has ended", state(t, engine))
    result, took = end(t, client, server)
    what = f"{how}, engine killed"
    check_refused(t, what, result, 107, "Transport endpoint is not connected")
    t.note(f"{what}: refused after {took:.1f} s")


def stopped(t: Test, wrap: str) -> None:
    client, server, engine = begin(t, wrap)
    t.a.run(f"kill -STOP {engine}", check=True)
    result, took = end(t, client, server)
    check_refused(t, "engine stopped", result, 71, "Protocol error")
    holds = took > ANSWER_WITHIN - 1 and TIMED_OUT in result.err
    t.check(holds, "engine stopped: the refusal comes after the wait for an answer", result.err)
    t.note(f"engine stopped: refused after {took:.1f} s, of which {ANSWER_WITHIN} are the wait")


def killed_during_question(t: Test, wrap: str) -> None:
    client, server, engine = begin(t, wrap)
    t.a.run(f"kill -STOP {engine}", check=True)
    t.a.start(f"sleep 2; kill -KILL {engine}")
    result, took = end(t, client, server)
    check_refused(t, "engine killed during a question", result, 71, "Protocol error")
    t.check(took > 1.5 and TIMED_OUT not in result.err, "engine killed during a question: the program stops waiting", result.err)
    t.note(f"engine killed during a question, after 2 s: refused after {took:.1f} s")
