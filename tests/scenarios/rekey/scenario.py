# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""SAs are replaced under traffic, and nobody is revoked for it."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable

from testbed.api import Process, Test, await_listener
from testbed.applications import SIDE_CHANNEL, bare_is_seen
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.states import ETH0, MAC, MACSEC0, PEER, algorithm_words, batch, together
from testbed.stream import GENTLE, Stream

TIME_LIMIT = 900
IPSEC_ROUNDS, MACSEC_ROUNDS = int(os.environ.get("RDMASEC_REKEYINGS", "10")), 6
OVERLAP_S = 0.3
FOLLOWED_WITHIN = 60  # s
Lines = Callable[[str], list[str]]  # of a guest


def run(t: Test) -> None:
    bare_is_seen(t)
    for what, state, addresses, rekey, by in (
        ("IPsec", t.net.ipsec, ETH0, rekey_ipsec, "esp"),
        ("MACsec", t.net.macsec, MACSEC0, rekey_macsec, "macsec"),
    ):
        state()
        stream = Stream(t, addresses)
        rekey(t, 2)
        t.check(stream.goes_on(), f"control, bare: a stream goes on when {what} is rekeyed", stream.client.output())
        stream.stop()
        state()
        daemon = on_both(t)
        goes_on_guarded(t, what, daemon, addresses, rekey, by)


def goes_on_guarded(t: Test, what: str, daemon: Daemon, addresses: dict, rekey: Callable, by: str) -> None:
    guard = by_library(t)
    stream = Stream(t, addresses, wrap_a=guard, wrap_b=guard, options=GENTLE, user=USER)  # beside one that goes as fast as it can
    writer, writer_server = write_bw(t, addresses, guard)
    began = time.time()
    with t.wire(busy=True) as wire:
        rounds, current = rekey(t)
        goes_on = stream.goes_on()
    took = time.time() - began
    t.check(goes_on, f"{what}, {rounds} times rekeyed: a stream goes on", stream.client.output())
    t.check(not writer.poll(), f"{what}, {rounds} times rekeyed: ib_write_bw goes on", writer.output())
    t.check(wire.counts[by] > 0 and wire.clear == 0, f"{what}, {rounds} times rekeyed: nothing in clear", wire)
    lost = [record for record in daemon.log() if record["event"] in ("revoked", "grace")]
    t.check(not lost, f"{what}, {rounds} times rekeyed: the audit log tells of no loss", lost)
    listed = listed_by(daemon, stream.client.pid, current)
    t.check(len(listed) == 1 and listed[0]["verdict"] == "protected", f"{what}: its QP is listed as protected", listed)
    t.check(current in str(listed), f"{what}: and by the newest SA", f"{current} {listed}")
    t.note(f"{what}: rekeyed {rounds} times in {took:.1f} s, {stream.sent()} messages sent")
    stream.stop()
    for process in (writer, writer_server):
        process.kill(9)
        process.wait(60)


def listed_by(daemon: Daemon, pid: int, words: str) -> list[dict]:
    """Its rows, as soon as they name what protects now."""
    deadline = time.monotonic() + FOLLOWED_WITHIN
    while words not in str(listed := daemon.qps(pid)) and time.monotonic() < deadline:
        time.sleep(0.3)
    return listed


def write_bw(t: Test, addresses: dict, guard: str) -> tuple[Process, Process]:
    """An unmodified program that streams for a minute; its client, and its server."""
    index_b, index_a = (t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.b, t.a))
    command = f"exec {guard} ib_write_bw -d rxe0 -F -D 600 -s 1024 -x"
    server = t.b.start(f"{command} {index_b}", user=USER)
    await_listener(t.b, SIDE_CHANNEL, server)
    client = t.a.start(f"{command} {index_a} {ETH0['b'][0]}", user=USER)
    return client, server


def everywhere(t: Test, lines: Lines) -> None:
    """In both guests at once."""
    together(lambda guest: guest.run(batch(lines(guest.name)), urgent=True, check=True), (t.a, t.b))


def rekey_ipsec(t: Test, rounds: int = IPSEC_ROUNDS) -> tuple[int, str]:
    """Two generations live side by side: who receives has each SA before anybody sends with it, and until nobody does.

    Returns how often, and how the SA that is left for guest a's sending shows.
    """
    first = {source: spi_of(t.net.made("a", f"xfrm state add src {ETH0[source][0]}")[0]) for source in PEER}
    generations = [first]
    for _ in range(rounds):
        new = {source: (secrets.randbelow(1 << 31) + 256, algorithm_words("aes-gcm-128")) for source in PEER}
        gone = generations.pop(0) if len(generations) > 1 else {}
        everywhere(t, lambda guest, new=new, gone=gone: [*delete(guest, gone), add(PEER[guest], *new[PEER[guest]])])
        everywhere(t, lambda guest, new=new, gone=gone: [*delete(PEER[guest], gone), add(guest, *new[guest])])
        time.sleep(OVERLAP_S)
        generations.append({source: spi for source, (spi, _) in new.items()})
    gone, last = generations
    everywhere(t, lambda guest: delete(guest, gone))
    everywhere(t, lambda guest: delete(PEER[guest], gone))
    return rounds, f"0x{last['a']:08x}"


def spi_of(line: str) -> int:
    return int(re.search(r" spi (0x[0-9a-f]+)", line)[1], 16)


def ends(source: str) -> str:
    return f"src {ETH0[source][0]} dst {ETH0[PEER[source]][0]}"


def add(source: str, spi: int, algorithm: str) -> str:
    return f"xfrm state add {ends(source)} proto esp spi {spi:#x} reqid 4791 mode transport {algorithm}"


def delete(source: str, generation: dict[str, int]) -> list[str]:
    """Of this sender, if there is one."""
    return [f"xfrm state delete {ends(source)} proto esp spi {spi:#x}" for name, spi in generation.items() if name == source]


def rekey_macsec(t: Test, rounds: int = MACSEC_ROUNDS) -> tuple[int, str]:
    """The next association number: received first, then sent with, then the one before goes; as rekey_ipsec()."""
    for count in range(rounds):
        last, number = count % 4, (count + 1) % 4
        keys = {name: secrets.token_hex(16) for name in PEER}
        everywhere(t, lambda name, n=number, k=keys: [f"macsec add {rx(name)} sa {n} pn 1 on key {n:02x} {k[PEER[name]]}"])
        everywhere(
            t,
            lambda name, n=number, k=keys: [
                f"macsec add macsec0 tx sa {n} pn 1 on key {n:02x} {k[name]}",
                f"link set macsec0 type macsec encodingsa {n}",
            ],
        )
        time.sleep(OVERLAP_S)
        everywhere(t, lambda name, n=last: [*without("macsec0 tx", n), *without(rx(name), n)])
    return rounds, "macsec0"


def without(channel: str, number: int) -> list[str]:
    """The kernel deletes no SA that is active."""
    return [f"macsec set {channel} sa {number} off", f"macsec del {channel} sa {number}"]


def rx(name: str) -> str:
    return f"macsec0 rx port 1 address {MAC[PEER[name]]}"
