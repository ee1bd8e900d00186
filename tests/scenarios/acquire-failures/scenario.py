# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""No SA comes, for one reason or another; and charons that come and go."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping

from testbed.api import Guest, Test
from testbed.applications import APPLICATIONS, bare_is_seen, try_out
from testbed.charon import ON_REQUEST, Charon
from testbed.daemon import USER, Attempt, Daemon, by_library, on_both, try_qp
from testbed.refusals import has_reason
from testbed.states import ETH0
from testbed.stream import GENTLE, Stream

TIME_LIMIT = 1500
HASTY, TIMEOUT = 1235, 8  # a user, and s of setup-timeout; others wait for what a busy host may take
POLICY = f"[default]\nsetup-timeout = 60s\n[rule hasty]\nmatch-uid = {HASTY}\nsetup-timeout = {TIMEOUT}s\n"
LOCAL, REMOTE = ETH0["a"][0], ETH0["b"][0]
V6 = {name: (addresses[1], addresses[1]) for name, addresses in ETH0.items()}
TIMES = 4
OTHER_REQID = 99
SOFT, HARD = 20, 65  # s of life of the SAs that nobody is left to rekey
SHORT_LIVED = ON_REQUEST | {"rekey_time = 1h": f"rekey_time = {SOFT}s\n rand_time = 0\n life_time = {HARD}s"}

Charons = Mapping[str, Charon]


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.clear()
    charons = {guest.name: Charon(guest, changes=ON_REQUEST) for guest in (t.a, t.b)}
    daemon = on_both(t, POLICY)
    nobody_listens(t, charons)
    peer_is_silent(t, charons, daemon)
    wrong_secret(t, charons)
    nobody_elses_policy(t, charons)
    others_go_on(t, charons)
    killed_under_traffic(t, charons, daemon)
    peer_restarted(t, charons)
    renewed(t, charons, daemon)


def tables(guest: Guest) -> str:
    """SAD and SPD, without what changes by being used."""
    return guest.run("ip xfrm state; ip xfrm policy", check=True, urgent=True).out


def refused(t: Test, what: str, reason: str, at_once: bool = False) -> Attempt:
    before = tables(t.a)
    with t.wire() as wire:
        attempt = try_qp(t, ETH0, user=HASTY)
    said = attempt.result.err
    t.check(not attempt.passed and "Required key not available" in said, f"{what}: ENOKEY", attempt)
    t.check(has_reason(said, reason), f"{what}: the refusal says '{reason}'", said)
    told = re.search(r"none came in (\d+\.\d) s", said)
    if at_once:
        t.check(not told, f"{what}: nobody waited", said)
    else:
        t.check(told and TIMEOUT <= float(told[1]) < TIMEOUT + 60, f"{what}: after the setup-timeout", said)
    t.check(wire.clear == 0, f"{what}: nothing in clear", wire)
    t.check(tables(t.a) == before, f"{what}: SAD and SPD are as they were", tables(t.a))
    t.note(f"{what}: {said.strip()}")
    return attempt


def works(t: Test, what: str) -> None:
    with t.wire() as wire:
        attempt = try_qp(t, ETH0)
    t.check(attempt.passed, f"{what}: the next connection works", attempt)
    t.check(wire.clear == 0, f"{what}: nothing in clear", wire)


def make_cold(charons: Charons) -> None:
    """Also without the SAs of charons that were killed."""
    for charon in charons.values():
        charon.forget()
    for charon in charons.values():
        charon.guest.run("ip xfrm state flush", check=True)


def nobody_listens(t: Test, charons: Charons) -> None:
    """The traps stay in the kernel when charon is killed."""
    charons["a"].kill()
    refused(t, "charon does not run", "no key manager listens", at_once=True)
    charons["a"].guest.run("ip xfrm policy flush", check=True)
    charons["a"].start()
    works(t, "charon is back")


def peer_is_silent(t: Test, charons: Charons, daemon: Daemon) -> None:
    make_cold(charons)
    charons["b"].stop()
    refused(t, "the peer's charon does not run", "does its peer answer")
    charons["b"].start()
    works(t, "the peer's charon is back")  # charon goes on trying by itself
    records = [record for record in daemon.log() if has_reason(record, "none came")]
    t.check(records and records[0]["outcome"] == "refused", "the audit log tells of the refusal", records)


def wrong_secret(t: Test, charons: Charons) -> None:
    make_cold(charons)
    charons["a"].configure(secret="not that of the peer", changes=ON_REQUEST)
    refused(t, "the secret is wrong", "see its log")
    charons["a"].configure(changes=ON_REQUEST)
    works(t, "the secret is right again")


def nobody_elses_policy(t: Test, charons: Charons) -> None:
    """A policy that charon did not install: it knows no trap of that reqid."""
    make_cold(charons)
    tmpl = f"priority 10 tmpl proto esp reqid {OTHER_REQID} mode transport"
    ends = (f"src {LOCAL} dst {REMOTE} dir out", f"src {REMOTE} dst {LOCAL} dir in")
    for each in ends:
        t.a.run(f"ip xfrm policy add {each} {tmpl}", check=True)
    refused(t, "no connection for this peer", "has it a connection for these addresses")
    for each in ends:
        t.a.run(f"ip xfrm policy delete {each}", check=True)
    works(t, "the policy is gone")


def others_go_on(t: Test, charons: Charons) -> None:
    """By IPv6 there is an SA, made by hand; by IPv4 one program after the other waits for its timeout."""
    make_cold(charons)
    by_hand_v6(t.a)
    charons["b"].stop()

    def connect() -> list[float]:
        said = (try_qp(t, V6).result.out for _ in range(TIMES))
        return [float(took) / 1000 for out in said for took in re.findall(r"^rtr (\S+)", out, re.MULTILINE)]

    alone = connect()
    index = t.net.gid_index(t.a, LOCAL)
    waiting = t.a.start(
        f"while :; do {by_library(t)} {t.build}/tests/verbs_many rxe0 {index} {REMOTE} 1 1; done", 600, user=HASTY
    )
    beside = connect()
    said = waiting.output()
    waiting.kill()
    waiting.wait(60)
    t.check(len(alone) == len(beside) == TIMES, "another program waits: the others are connected", f"{alone} {beside}")
    t.check("waiting" not in said, "while it waited all the time", said)
    ratio = statistics.median(beside) / statistics.median(alone)
    t.note(f"ibv_modify_qp(RTR): alone {statistics.median(alone):.1f} ms, beside one that waits {ratio:.2f} times that")
    charons["b"].start()


def by_hand_v6(guest: Guest) -> None:
    """SAs and policies of one host: nothing is sent by what uses them here."""
    local, remote = ETH0["a"][1], ETH0["b"][1]
    for spi, (source, target, way) in enumerate(((local, remote, "out"), (remote, local, "in")), 0x6001):
        aead = f"aead 'rfc4106(gcm(aes))' 0x{spi:040x} 128"
        guest.run(f"ip xfrm state add src {source} dst {target} proto esp spi {spi} reqid 6 mode transport {aead}", check=True)
        tmpl = "tmpl proto esp reqid 6 mode transport"
        guest.run(f"ip xfrm policy add src {source} dst {target} proto udp dir {way} {tmpl}", check=True)


def killed_under_traffic(t: Test, charons: Charons, daemon: Daemon) -> None:
    works(t, "the peer's charon is back again")
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, options=GENTLE, user=USER)
    began = float(t.a.run("echo $EPOCHREALTIME").out)
    with t.wire(busy=True) as wire:
        for charon in charons.values():
            charon.kill()
        gone = stream.goes_on()
        for charon in charons.values():
            charon.start()
        back = stream.goes_on()
    t.check(gone, "both charons killed: what is protected goes on", stream.client.output())
    t.check(back, "both charons started again: it goes on", stream.client.output())
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, "charons killed and started again: nothing in clear", wire)
    lost = [record for record in daemon.log(began) if record["event"] in ("revoked", "grace", "not-revoked")]
    t.check(not lost, "charons killed and started again: the audit log tells of no loss", lost)
    stream.stop()


def peer_restarted(t: Test, charons: Charons) -> None:
    """It has nothing left, a has its SAs: whoever of b's needs one has it negotiated."""
    charons["b"].kill()
    t.b.run("ip xfrm state flush; ip xfrm policy flush", check=True)
    charons["b"].start()
    trial = try_out(t, APPLICATIONS["ibv_rc_pingpong"], ETH0, guarded="ab", wrap=by_library(t), user=USER)
    t.check(trial.ran, "the peer was restarted and has no SA: a new connection works", trial)
    t.check(trial.wire["esp"] > 0 and trial.readable == 0, "the peer was restarted: nothing in clear", trial)


def renewed(t: Test, charons: Charons, daemon: Daemon) -> None:
    """The charons that made the SAs are gone, and their successors do not know them: rdmasecd asks before they expire."""
    make_cold(charons)
    for charon in charons.values():
        charon.configure(changes=SHORT_LIVED)
    works(t, "SAs that live for a short time")
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, options=GENTLE, user=USER)
    began = time.monotonic()
    events = float(t.a.run("echo $EPOCHREALTIME").out)
    before = set(re.findall(r"spi (0x\w+)", t.a.run("ip xfrm state", check=True, urgent=True).out))
    for charon in charons.values():
        charon.kill()
    for charon in charons.values():
        charon.start()
    with t.wire(busy=True) as wire:
        while before & set(re.findall(r"spi (0x\w+)", t.a.run("ip xfrm state", check=True, urgent=True).out)):
            if stream.client.poll() or time.monotonic() > began + HARD + 60:
                break
            time.sleep(1)
        goes_on = stream.goes_on()
    t.check(goes_on, "nobody left to rekey: a stream outlives its SAs", stream.client.output())
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, "nobody left to rekey: nothing in clear", wire)
    lost = [record for record in daemon.log(events) if record["event"] in ("revoked", "grace", "not-revoked")]
    t.check(not lost, "nobody left to rekey: the audit log tells of no loss", lost)
    t.note(f"the old SAs were gone after {time.monotonic() - began:.0f} s")
    stream.stop()
