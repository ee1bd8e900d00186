# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One rdmasecd decides for the whole host."""

import json
import signal
import time
from typing import Any

from testbed.api import USER, Guest, Process, Test
from testbed.applications import bare_is_seen
from testbed.refusals import has_reason, names
from testbed.states import ETH0
from testbed.stream import await_words

POLICY = "/run/rdmasec/policy.conf"
ADDRESSES = ETH0["a"][0], ETH0["b"][0]
# CAP_KILL is bit 5, CAP_NET_ADMIN bit 12, CAP_SYS_PTRACE bit 19 (linux/capability.h)
KEPT = (1 << 5) | (1 << 12) | (1 << 19)


def run(t: Test) -> None:
    bare_is_seen(t)
    for guest in (t.a, t.b):
        guest.run("mkdir -p /run/rdmasec", check=True)
        guest.write_file(POLICY, "[default]\nrequire = any\n")
    t.net.clear()
    keeps_three_capabilities(t, start_both(t))
    refused(t, "clear, library alone", "macsec-no-device", **by_library(t))
    # a new state of the network ends all processes; the next daemons find the sockets of these
    t.net.ipsec()
    daemon = start_both(t)
    runs(t, "IPsec, library alone", **by_library(t))
    guarded = f"{t.build}/bin/rdmasec run --"
    runs(t, "IPsec, rdmasec run", wrap_a=guarded, wrap_b=guarded)
    shows_decisions(t)
    reloads_policy(t, daemon)
    refuses_without_daemon(t, daemon)
    for guest in (t.a, t.b):
        guest.run("rm -r /run/rdmasec", check=True)


def start_both(t: Test) -> Process:
    """Starts a daemon in each guest. Returns a's."""
    return [start(t, guest) for guest in (t.a, t.b)][0]


def start(t: Test, guest: Guest) -> Process:
    daemon = guest.start(f"exec {t.build}/bin/rdmasecd -p {POLICY}")
    await_words(daemon, "rdmasecd: ready")
    return daemon


def by_library(t: Test) -> dict[str, Any]:
    return {"env": {"LD_PRELOAD": f"{t.build}/lib/librdmasec-preload.so"}}


def runs(t: Test, what: str, **how: Any) -> None:
    with t.wire() as wire:
        client, server = t.pingpong(*ADDRESSES, user=USER, **how)
    t.check(client.ok and server.ok, f"{what}: a pingpong of an ordinary user runs", f"{client} {server}")
    t.check(wire.clear == 0 and wire.counts["esp"] > 0, f"{what}: only ESP crosses the wire", wire)


def refused(t: Test, what: str, code: str, cause: str = "", **how: Any) -> None:
    """cause: which of the several causes of the code, by its words."""
    started = time.monotonic()
    with t.wire() as wire:
        index = t.net.gid_index(t.a, ADDRESSES[0])
        client = t.a.run(f"{how.pop('wrap_a', '')} ibv_rc_pingpong -d rxe0 -g {index}", user=USER, **how)
    took = time.monotonic() - started
    t.check(client.code == 1 and has_reason(client.err, code) and names(client.err, cause), f"{what}: a pingpong is refused", client)
    t.note(f"{what}: refused after {took:.1f} s")
    t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)


def keeps_three_capabilities(t: Test, daemon: Process) -> None:
    status = t.a.run(f"grep -E '^(Cap(Eff|Prm|Inh)|NoNewPrivs)' /proc/{daemon.pid}/status", check=True).out
    found = dict(line.split() for line in status.splitlines())
    t.check([int(found[f"Cap{which}:"], 16) for which in ("Eff", "Prm", "Inh")] == [KEPT, KEPT, 0],
            "the daemon keeps CAP_NET_ADMIN, CAP_SYS_PTRACE and CAP_KILL only", found)
    again = t.a.run(f"{t.build}/bin/rdmasecd -p {POLICY}")
    t.check(again.code == 1 and "another engine is running" in again.err, "a second daemon does not start", again)


def shows_decisions(t: Test) -> None:
    """status and monitor show an ordinary user the state and the decisions that concern that user."""
    status = t.a.run(f"{t.build}/bin/rdmasec status --json", user=USER)
    rows = [row for row in json.loads(status.out) if row.get("remote") == ADDRESSES[1]]
    found = [row for row in rows if row["verdict"] == "protected"]
    t.check([row["by"] for row in found] == ["ipsec"], "status: an ordinary user sees the paths that IPsec protects", status)
    watchers = [t.a.start(f"exec {t.build}/bin/rdmasec monitor --json", user=user) for user in (USER, USER + 1, 0)]
    for watcher in watchers:
        t.eventually(lambda: t.a.run(f"ls -l /proc/{watcher.pid}/fd | grep -q socket:").ok)
    time.sleep(3)  # their requests follow
    runs(t, "with monitors", **by_library(t))

    def shown() -> list[list[dict]]:
        return [[json.loads(line) for line in watcher.output().splitlines()] for watcher in watchers]

    def decided() -> list[list[dict]]:
        return [[event for event in events if event["event"] == "decided" and event["uid"] == USER] for events in shown()]

    def is_complete() -> bool:
        own, _, all_of_them = decided()
        return bool(own) and len(own) == len(all_of_them)

    t.eventually(is_complete)
    own, _, all_of_them = decided()
    t.check(own and all(event["outcome"] == "passed" for event in own), "monitor: a user sees the user's decisions", own)
    t.check(not shown()[1], "monitor: a user does not see those of another user", shown()[1])
    t.check(len(all_of_them) == len(own), "monitor: root sees all decisions", all_of_them)
    for watcher in watchers:
        watcher.kill()
        watcher.wait()


def reloads_policy(t: Test, daemon: Process) -> None:
    t.a.write_file(POLICY, "[default]\nrequire = macsec\nmood = bad\n")
    check = t.a.run(f"{t.build}/bin/rdmasecd -n -p {POLICY}")
    t.check(check.code == 2 and f"{POLICY}:3:" in check.err, "-n reports file and line of a mistake in a policy", check)
    reload(t, daemon, "the old policy stays")
    runs(t, "after a bad policy", **by_library(t))
    t.a.write_file(POLICY, "[default]\nrequire = macsec\n")
    reload(t, daemon, "policy reloaded")
    refused(t, "after a stricter policy", "macsec-no-device", **by_library(t))
    named = t.a.run(f"{t.build}/bin/rdmasec run -p /dev/null -- true")
    t.check(named.code == 2 and "rdmasecd decides by its own policy" in named.err, "run -p does not replace the host's policy", named)


def reload(t: Test, daemon: Process, answer: str) -> None:
    daemon.kill(signal.SIGHUP)
    t.check(daemon.says(answer), f"at SIGHUP: the daemon reports '{answer}'", daemon.output())


def refuses_without_daemon(t: Test, daemon: Process) -> None:
    daemon.kill(signal.SIGSTOP)
    refused(t, "daemon stopped", "engine-answer", **by_library(t))
    daemon.kill(signal.SIGCONT)
    daemon.kill(signal.SIGKILL)
    daemon.wait()
    down = "no-engine", "rdmasecd is installed but not running"
    refused(t, "daemon gone", *down, **by_library(t))
    t.a.run("rm /run/rdmasec/engine.sock", check=True)
    refused(t, "daemon not started yet", *down, **by_library(t))
    refused(t, "daemon not started yet, rdmasec run", *down, wrap_a=f"{t.build}/bin/rdmasec run --")
    accepts_no_other_engine(t)
    engines = t.a.run("ps -eo args | grep '[r]dmasec engine'")
    t.check(not engines.out, "without a daemon, no private engine runs", engines)


def accepts_no_other_engine(t: Test) -> None:
    """A process of another user that listens on the socket is not asked: it would let everything pass."""
    listen = "import socket, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); " \
             "s.bind('/run/rdmasec/engine.sock'); s.listen(); print('listens', flush=True); time.sleep(60)"
    t.a.run("chmod 1777 /run/rdmasec", check=True)
    impostor = t.a.start(f'exec python3 -c "{listen}"', user=USER + 1)
    await_words(impostor, "listens")
    for mode, what in (("1777", "in a folder that any user may write"), ("0755", "in root's folder")):
        t.a.run(f"chmod {mode} /run/rdmasec && chmod 666 /run/rdmasec/engine.sock", check=True)
        refused(t, f"another user listens {what}", "no-engine", "the engine socket is not owned by root", **by_library(t))
    impostor.kill(signal.SIGKILL)
    impostor.wait()
