# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""charon rekeys under traffic."""

from __future__ import annotations

import os
import time

from testbed.api import Test
from testbed.applications import bare_is_seen
from testbed.charon import BY_HAND, Charon
from testbed.daemon import USER, by_library, on_both
from testbed.key_manager import WITHIN
from testbed.states import ETH0
from testbed.stream import GENTLE, Stream

TIME_LIMIT = 900
ROUNDS = int(os.environ.get("RDMASEC_REKEYINGS", "20"))


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.clear()
    # no traps: when the SAs are gone, so are the policies
    charon, _ = (Charon(guest, changes=BY_HAND) for guest in (t.a, t.b))
    initiated = charon.swanctl("--initiate --child roce --timeout 50")
    if not t.check(initiated.ok, "charon negotiates a CHILD_SA", initiated):
        return
    daemon = on_both(t)
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, options=GENTLE, user=USER)
    seen = [outbound(charon)]
    with t.wire(busy=True) as wire:
        for _ in range(ROUNDS):
            seen.append(rekeyed(charon, seen[-1]))
        goes_on = stream.goes_on()
    t.check(len(set(seen)) == ROUNDS + 1 and None not in seen, f"{ROUNDS} rekeyings, each with an SPI of its own", seen)
    t.check(goes_on, f"{ROUNDS} times rekeyed: the stream goes on", stream.client.output())
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, f"{ROUNDS} times rekeyed: nothing in clear", wire)
    lost = [record for record in daemon.log() if record["event"] in ("revoked", "grace", "not-revoked")]
    t.check(not lost, f"{ROUNDS} times rekeyed: the audit log tells of no loss", lost)
    t.check(shows(daemon, stream, seen[-1]), "the QP is listed with the newest SA", daemon.qps())
    began = time.time()
    charon.swanctl("--terminate --child roce", check=True)
    ending = stream.end_of_a(WITHIN)
    t.check(ending and ending.flushed, "the child is terminated: the QP goes", f"{ending} {time.time() - began:.1f} s")
    t.note(f"{ROUNDS} rekeyings, {stream.sent()} messages sent")
    stream.stop()


def outbound(charon: Charon) -> str | None:
    """The SPI of the newest SA by which its host sends."""
    spis = [out for _, out in charon.installed()]
    return spis[-1] if spis else None


def rekeyed(charon: Charon, before: str | None) -> str | None:
    """The SPI that has taken the place of this one; None: none did."""
    charon.swanctl("--rekey --child roce", check=True)
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        now = outbound(charon)
        if now and now != before:
            return now
        time.sleep(0.2)
    return None


def shows(daemon: object, stream: Stream, spi: str) -> bool:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        if any(f"0x{spi}" in row.get("details", "") for row in daemon.qps(stream.client.pid)):
            return True
        time.sleep(0.3)
    return False
