# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""charon rekeys under traffic."""

from __future__ import annotations

import os
import time

from testbed.api import Test
from testbed.applications import bare_is_seen
from testbed.charon import BY_HAND, Charon
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.states import ETH0
from testbed.stream import GENTLE, Stream

TIME_LIMIT = 900
ROUNDS = int(os.environ.get("RDMASEC_REKEYINGS", "20"))


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.clear()
    # without traps, the policies go with the SAs
    charon, _ = (Charon(guest, changes=BY_HAND) for guest in (t.a, t.b))
    initiated = charon.swanctl("--initiate --child roce --timeout 600")
    if not t.check(initiated.ok, "charon negotiates a CHILD_SA", initiated):
        return
    daemon = on_both(t)
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, options=GENTLE, user=USER)
    seen = [outbound(charon)]
    with t.wire(busy=True) as wire:
        for _ in range(ROUNDS):
            seen.append(rekeyed(charon, seen[-1]))
        continues = stream.continues()
    t.check(len(set(seen)) == ROUNDS + 1 and None not in seen, f"{ROUNDS} rekeyings: each has an SPI of its own", seen)
    t.check(continues, f"{ROUNDS} rekeyings: the stream continues", stream.client.output())
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, f"{ROUNDS} rekeyings: nothing leaves in clear", wire)
    lost = daemon.losses()
    t.check(not lost, f"{ROUNDS} rekeyings: the audit log has no loss", lost)
    t.check(shows(daemon, stream, seen[-1]), f"{ROUNDS} rekeyings: the list has the QP with the newest SA", daemon.qps())
    began = time.time()
    charon.swanctl("--terminate --child roce", check=True)
    ending = stream.end_of_a()
    t.check(ending and ending.flushed, "the child is terminated: the QP ends", f"{ending} {time.time() - began:.1f} s")
    t.note(f"{ROUNDS} rekeyings, {stream.sent()} messages sent")
    stream.stop()


def outbound(charon: Charon) -> str | None:
    """Returns the SPI of the newest outbound SA."""
    spis = [out for _, out in charon.installed()]
    return spis[-1] if spis else None


def rekeyed(charon: Charon, before: str | None) -> str | None:
    """Rekeys. Returns the SPI that has replaced this one, or None if none did."""
    charon.swanctl("--rekey --child roce", check=True)

    def replaced() -> str | None:
        now = outbound(charon)
        return now if now != before else None

    return charon.guest.eventually(replaced)


def shows(daemon: Daemon, stream: Stream, spi: str | None) -> bool:
    def is_listed() -> bool:
        return any(f"0x{spi}" in row.get("details", "") for row in daemon.qps(stream.client.pid))

    return daemon.guest.eventually(is_listed)
