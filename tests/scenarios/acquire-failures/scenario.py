# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""No SA comes, for several reasons; charons end and start again."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping

from testbed.api import Guest, Test
from testbed.applications import APPLICATIONS, bare_is_seen, try_out
from testbed.charon import ON_REQUEST, Charon
from testbed.daemon import USER, Attempt, Daemon, by_library, on_both, try_qp
from testbed.patience import WITHIN
from testbed.refusals import has_reason
from testbed.states import ETH0
from testbed.stream import GENTLE, Stream

TIME_LIMIT = 1500
HASTY, TIMEOUT = 1235, 8  # a user and the s of its setup-timeout; the other users wait as long as a busy host needs
POLICY = f"[default]\nsetup-timeout = 5m\n[rule hasty]\nmatch-uid = {HASTY}\nsetup-timeout = {TIMEOUT}s\n"
LOCAL, REMOTE = ETH0["a"][0], ETH0["b"][0]
V6 = {name: (addresses[1], addresses[1]) for name, addresses in ETH0.items()}
TIMES = 4
OTHER_REQID = 99
SOFT, HARD = 20, 65  # s of life of the SAs that no charon rekeys
SHORT_LIVED = ON_REQUEST | {"rekey_time = 1h": f"rekey_time = {SOFT}s\n rand_time = 0\n life_time = {HARD}s"}

Charons = Mapping[str, Charon]


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.clear()
    charons = {guest.name: Charon(guest, changes=ON_REQUEST) for guest in (t.a, t.b)}
    daemon = on_both(t, POLICY)
    fails_without_charon(t, charons)
    fails_without_peer(t, charons, daemon)
    fails_with_other_secret(t, charons)
    fails_without_connection(t, charons)
    others_continue(t, charons)
    traffic_outlives_charons(t, charons, daemon)
    peer_negotiates_after_restart(t, charons)
    stream_outlives_sas(t, charons, daemon)


def tables(guest: Guest) -> str:
    """Returns SAD and SPD without the counters that use changes."""
    return guest.run("ip xfrm state; ip xfrm policy", check=True, urgent=True).out


def refused(t: Test, what: str, code: str, at_once: bool = False) -> Attempt:
    before = tables(t.a)
    with t.wire() as wire:
        attempt = try_qp(t, ETH0, user=HASTY)
    said = attempt.result.err
    t.check(not attempt.passed and "Required key not available" in said, f"{what}: the call fails with ENOKEY", attempt)
    t.check(has_reason(said, code), f"{what}: the refusal has {code}", said)
    waited = re.search(r"none came in (\d+\.\d) s", said)
    if at_once:
        t.check(not waited, f"{what}: the call fails immediately", said)
    else:
        t.check(waited and TIMEOUT <= float(waited[1]) < TIMEOUT + 60, f"{what}: the call fails after the setup-timeout", said)
    t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)
    t.check(tables(t.a) == before, f"{what}: SAD and SPD do not change", tables(t.a))
    t.note(f"{what}: {said.strip()}")
    return attempt


def works(t: Test, what: str) -> None:
    with t.wire() as wire:
        attempt = try_qp(t, ETH0)
    t.check(attempt.passed, f"{what}: the next connection works", attempt)
    t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)


def make_cold(charons: Charons) -> None:
    """Removes all SAs, including those of charons that were killed."""
    for charon in charons.values():
        charon.forget()
    for charon in charons.values():
        charon.guest.run("ip xfrm state flush", check=True)


def fails_without_charon(t: Test, charons: Charons) -> None:
    """The traps of a killed charon stay in the kernel."""
    charons["a"].kill()
    refused(t, "charon does not run", "no-key-manager", at_once=True)
    charons["a"].guest.run("ip xfrm policy flush", check=True)
    charons["a"].start()
    works(t, "charon runs again")


def fails_without_peer(t: Test, charons: Charons, daemon: Daemon) -> None:
    make_cold(charons)
    charons["b"].stop()
    refused(t, "the peer's charon does not run", "setup-timeout")
    charons["b"].start()
    works(t, "the peer's charon runs again")  # charon itself tries again
    records = [record for record in daemon.log() if has_reason(record, "setup-timeout")]
    t.check(records and records[0]["outcome"] == "refused", "the peer's charon does not run: the audit log has the refusal", records)


def fails_with_other_secret(t: Test, charons: Charons) -> None:
    make_cold(charons)
    charons["a"].configure(secret="another than that of the peer", changes=ON_REQUEST)
    refused(t, "the secrets differ", "setup-timeout")
    charons["a"].configure(changes=ON_REQUEST)
    works(t, "the secrets are the same again")


def fails_without_connection(t: Test, charons: Charons) -> None:
    """charon has no trap of this reqid: it did not install the policy."""
    make_cold(charons)
    tmpl = f"priority 10 tmpl proto esp reqid {OTHER_REQID} mode transport"
    ends = (f"src {LOCAL} dst {REMOTE} dir out", f"src {REMOTE} dst {LOCAL} dir in")
    for each in ends:
        t.a.run(f"ip xfrm policy add {each} {tmpl}", check=True)
    refused(t, "no connection for this peer", "setup-timeout")
    for each in ends:
        t.a.run(f"ip xfrm policy delete {each}", check=True)
    works(t, "the policy is removed")


def others_continue(t: Test, charons: Charons) -> None:
    """IPv6 has an SA, made by hand. On IPv4 one program after the other waits for its timeout."""
    make_cold(charons)
    by_hand_v6(t.a)
    charons["b"].stop()

    def connect() -> list[float]:
        said = (try_qp(t, V6).result.out for _ in range(TIMES))
        return [float(took) / 1000 for out in said for took in re.findall(r"^rtr (\S+)", out, re.MULTILINE)]

    alone = connect()
    index = t.net.gid_index(t.a, LOCAL)
    waits = f"{by_library(t)} {t.build}/tests/verbs_many rxe0 {index} {REMOTE} 1 1"
    waiting = t.a.start(f"while :; do {waits}; done", user=HASTY)
    beside = connect()
    said = waiting.output()
    waiting.kill()
    waiting.wait()
    t.check(len(alone) == len(beside) == TIMES, "a program waits for an SA: other programs connect", f"{alone} {beside}")
    t.check("waiting" not in said, "a program waits for an SA: it does not connect", said)
    ratio = statistics.median(beside) / statistics.median(alone)
    t.note(f"ibv_modify_qp(RTR): alone {statistics.median(alone):.1f} ms, beside a program that waits {ratio:.2f} times that")
    charons["b"].start()


def by_hand_v6(guest: Guest) -> None:
    """Adds SAs and policies on one host only: no packet uses them."""
    local, remote = ETH0["a"][1], ETH0["b"][1]
    for spi, (source, target, way) in enumerate(((local, remote, "out"), (remote, local, "in")), 0x6001):
        ends, aead = f"src {source} dst {target}", f"aead 'rfc4106(gcm(aes))' 0x{spi:040x} 128"
        guest.run(f"ip xfrm state add {ends} proto esp spi {spi} reqid 6 mode transport {aead}", check=True)
        tmpl = "tmpl proto esp reqid 6 mode transport"
        guest.run(f"ip xfrm policy add {ends} proto udp dir {way} {tmpl}", check=True)


def traffic_outlives_charons(t: Test, charons: Charons, daemon: Daemon) -> None:
    works(t, "the peer's charon runs once more")
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, options=GENTLE, user=USER)
    began = t.a.now()
    with t.wire(busy=True) as wire:
        for charon in charons.values():
            charon.kill()
        without_charons = stream.continues()
        for charon in charons.values():
            charon.start()
        with_charons = stream.continues()
    t.check(without_charons, "both charons killed: a protected stream continues", stream.client.output())
    t.check(with_charons, "both charons started again: the stream continues", stream.client.output())
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, "charons killed and started again: nothing leaves in clear", wire)
    lost = daemon.losses(began)
    t.check(not lost, "charons killed and started again: the audit log has no loss", lost)
    stream.stop()


def peer_negotiates_after_restart(t: Test, charons: Charons) -> None:
    """b has no SAs left, a has its own: a program on b makes charon negotiate."""
    charons["b"].kill()
    t.b.run("ip xfrm state flush; ip xfrm policy flush", check=True)
    charons["b"].start()
    trial = try_out(t, APPLICATIONS["ibv_rc_pingpong"], ETH0, guarded="ab", wrap=by_library(t), user=USER)
    t.check(trial.ran, "the peer was restarted without SAs: a new connection works", trial)
    t.check(trial.wire["esp"] > 0 and trial.readable == 0, "the peer was restarted without SAs: nothing leaves in clear", trial)


def stream_outlives_sas(t: Test, charons: Charons, daemon: Daemon) -> None:
    """The new charons do not know the SAs of their predecessors. rdmasecd requests new ones before they expire."""
    make_cold(charons)
    for charon in charons.values():
        charon.configure(changes=SHORT_LIVED)
    works(t, "SAs that live for a short time")
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, options=GENTLE, user=USER)
    began = time.monotonic()
    events = t.a.now()

    def spis() -> set[str]:
        return set(re.findall(r"spi (0x\w+)", t.a.run("ip xfrm state", check=True, urgent=True).out))

    before = spis()
    for charon in charons.values():
        charon.kill()
    for charon in charons.values():
        charon.start()
    with t.wire(busy=True) as wire:
        t.a.eventually(lambda: stream.client.poll() or not before & spis(), HARD + WITHIN, pause=1)
        continues = stream.continues()
    t.check(continues, "no charon rekeys: a stream outlives its SAs", stream.client.output())
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, "no charon rekeys: nothing leaves in clear", wire)
    lost = daemon.losses(events)
    t.check(not lost, "no charon rekeys: the audit log has no loss", lost)
    t.note(f"the old SAs were gone after {time.monotonic() - began:.0f} s")
    stream.stop()
