# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One rdmasecd judges for the whole host."""

import json
import signal
import time

from testbed.api import Guest, Process, Test
from testbed.applications import bare_is_seen
from testbed.refusals import has_reason
from testbed.states import ETH0
from testbed.stream import await_words

USER = 1234
POLICY = "/run/rdmasec/policy.conf"
ADDRESSES = ETH0["a"][0], ETH0["b"][0]
# CAP_NET_ADMIN is bit 12, CAP_SYS_PTRACE bit 19 (linux/capability.h)
KEPT = (1 << 12) | (1 << 19)
WITHIN = 60  # s, on a busy host


def run(t: Test) -> None:
    bare_is_seen(t)
    for guest in (t.a, t.b):
        guest.run("mkdir -p /run/rdmasec", check=True)
        guest.write_file(POLICY, "[default]\nrequire = any\n")
    t.net.clear()
    only_two_capabilities(t, start_both(t))
    refused(t, "clear, library alone", "is not a MACsec device", **by_library(t))
    # a new state of the network ends all processes: the daemons below find the sockets of these
    t.net.ipsec()
    daemon = start_both(t)
    runs(t, "IPsec, library alone", **by_library(t))
    guarded = f"{t.build}/bin/rdmasec run --"
    runs(t, "IPsec, rdmasec run", wrap_a=guarded, wrap_b=guarded)
    shown(t)
    policies_are_reloaded(t, daemon)
    refuses_without_daemon(t, daemon)
    for guest in (t.a, t.b):
        guest.run("rm -r /run/rdmasec", check=True)


def start_both(t: Test) -> Process:
    """Returns a's."""
    return [start(t, guest) for guest in (t.a, t.b)][0]


def start(t: Test, guest: Guest) -> Process:
    daemon = guest.start(f"exec {t.build}/bin/rdmasecd -p {POLICY}")
    await_words(daemon, "rdmasecd: ready")
    return daemon


def by_library(t: Test) -> dict[str, object]:
    return {"env": {"LD_PRELOAD": f"{t.build}/lib/librdmasec-preload.so"}}


def runs(t: Test, what: str, **how: object) -> None:
    with t.wire() as wire:
        client, server = t.pingpong(*ADDRESSES, user=USER, **how)
    t.check(client.ok and server.ok, f"{what}: an ordinary user's pingpong runs", f"{client} {server}")
    t.check(wire.clear == 0 and wire.counts["esp"] > 0, f"{what}: the wire shows ESP and no RoCE in clear", wire)


def refused(t: Test, what: str, reason: str, **how: object) -> None:
    started = time.monotonic()
    with t.wire() as wire:
        client = t.a.run(f"{how.pop('wrap_a', '')} ibv_rc_pingpong -d rxe0 -g {t.net.gid_index(t.a, ADDRESSES[0])}",
                         timeout=90, user=USER, **how)
    took = time.monotonic() - started
    t.check(client.code == 1 and has_reason(client.err, reason), f"{what}: refused", client)
    t.note(f"{what}: after {took:.1f} s")
    t.check(wire.clear == 0, f"{what}: nothing in clear on the wire", wire)


def only_two_capabilities(t: Test, daemon: Process) -> None:
    status = t.a.run(f"grep -E '^(Cap(Eff|Prm|Inh)|NoNewPrivs)' /proc/{daemon.pid}/status", check=True).out
    found = dict(line.split() for line in status.splitlines())
    t.check([int(found[f"Cap{which}:"], 16) for which in ("Eff", "Prm", "Inh")] == [KEPT, KEPT, 0],
            "the daemon keeps CAP_NET_ADMIN and CAP_SYS_PTRACE alone", found)
    again = t.a.run(f"{t.build}/bin/rdmasecd -p {POLICY}")
    t.check(again.code == 1 and "an engine is there already" in again.err, "a second daemon does not take its place", again)


def shown(t: Test) -> None:
    """What holds and what happens is told: to an ordinary user, what is his."""
    status = t.a.run(f"{t.build}/bin/rdmasec status --json", user=USER)
    found = [row for row in json.loads(status.out) if row.get("remote") == ADDRESSES[1] and row["verdict"] == "protected"]
    t.check([row["by"] for row in found] == ["ipsec"], "an ordinary user's status shows what IPsec protects", status)
    watchers = [t.a.start(f"exec {t.build}/bin/rdmasec monitor --json", user=user) for user in (USER, USER + 1, 0)]
    time.sleep(3)
    runs(t, "while it is monitored", **by_library(t))
    deadline = time.monotonic() + WITHIN
    while True:
        told = [[json.loads(line) for line in watcher.output().splitlines()] for watcher in watchers]
        decided = [[event for event in events if event["event"] == "decided" and event["uid"] == USER] for events in told]
        if decided[0] and len(decided[0]) == len(decided[2]) or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    t.check(decided[0] and all(event["outcome"] == "passed" for event in decided[0]), "monitor: a user sees his own", told[0])
    t.check(not told[1], "monitor: and not another's", told[1])
    t.check(len(decided[2]) == len(decided[0]), "monitor: root sees all", told[2])
    for watcher in watchers:
        watcher.kill()
        watcher.wait(60)


def policies_are_reloaded(t: Test, daemon: Process) -> None:
    t.a.write_file(POLICY, "[default]\nrequire = macsec\nmood = bad\n")
    check = t.a.run(f"{t.build}/bin/rdmasecd -n -p {POLICY}")
    t.check(check.code == 2 and f"{POLICY}:3:" in check.err, "-n tells the mistake in a policy", check)
    reload(t, daemon, "the old policy stays")
    runs(t, "after a bad policy", **by_library(t))
    t.a.write_file(POLICY, "[default]\nrequire = macsec\n")
    reload(t, daemon, "policy reloaded")
    refused(t, "after a stricter policy", "is not a MACsec device", **by_library(t))
    named = t.a.run(f"{t.build}/bin/rdmasec run -p /dev/null -- true")
    t.check(named.code == 2 and "rdmasecd judges" in named.err, "run -p cannot replace the host's policy", named)


def reload(t: Test, daemon: Process, answer: str) -> None:
    daemon.kill(signal.SIGHUP)
    deadline = time.monotonic() + WITHIN
    while answer not in daemon.output() and time.monotonic() < deadline:
        time.sleep(0.1)
    t.check(answer in daemon.output(), f"at SIGHUP: {answer}", daemon.output())


def refuses_without_daemon(t: Test, daemon: Process) -> None:
    daemon.kill(signal.SIGSTOP)
    refused(t, "daemon stopped", "the engine gave no valid answer", **by_library(t))
    daemon.kill(signal.SIGCONT)
    daemon.kill(signal.SIGKILL)
    daemon.wait(60)
    down = "there is no engine to ask: rdmasecd is installed but not running"
    refused(t, "daemon gone", down, **by_library(t))
    t.a.run("rm /run/rdmasec/engine.sock", check=True)
    refused(t, "daemon not started yet", down, **by_library(t))
    refused(t, "daemon not started yet, rdmasec run", down, wrap_a=f"{t.build}/bin/rdmasec run --")
    nobody_else_judges(t)
    engines = t.a.run("ps -eo args | grep '[r]dmasec engine'")
    t.check(not engines.out, "no private engine took its place", engines)


def nobody_else_judges(t: Test) -> None:
    """Neither in a folder where others may write nor in a user's own: the listener there would let everything pass."""
    listen = "import socket, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); " \
             "s.bind('/run/rdmasec/engine.sock'); s.listen(); print('listens', flush=True); time.sleep(60)"
    t.a.run("chmod 1777 /run/rdmasec", check=True)
    impostor = t.a.start(f'exec python3 -c "{listen}"', user=USER + 1)
    while "listens" not in impostor.output():
        if impostor.poll():
            raise RuntimeError(f"the impostor ended: {impostor.output()}")
        time.sleep(0.05)
    for mode, what in (("1777", "in a folder of everybody's"), ("0755", "in root's folder")):
        t.a.run(f"chmod {mode} /run/rdmasec && chmod 666 /run/rdmasec/engine.sock", check=True)
        refused(t, f"another user listens {what}", "the engine socket is not owned by root", **by_library(t))
    impostor.kill(signal.SIGKILL)
    impostor.wait(60)
