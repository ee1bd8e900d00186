# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""SAs are replaced under traffic, and no queue pair is revoked."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable

from testbed.api import Process, Test, await_listener
from testbed.applications import SIDE_CHANNEL, bare_is_seen
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.states import ETH0, MAC, MACSEC0, PEER, algorithm_words, together
from testbed.stream import GENTLE, Stream, put_back

TIME_LIMIT = 900
IPSEC_ROUNDS, MACSEC_ROUNDS = int(os.environ.get("RDMASEC_REKEYINGS", "10")), 6
OVERLAP_S = 0.3
Lines = Callable[[str], list[str]]  # of a guest
Rekey = Callable[[Test, int], tuple[int, str]]


def run(t: Test) -> None:
    bare_is_seen(t)
    continues_bare(t, "IPsec", t.net.ipsec, ETH0, rekey_ipsec)
    t.net.ipsec()
    continues_guarded(t, "IPsec", ETH0, lambda: rekey_ipsec(t, IPSEC_ROUNDS), "esp")
    continues_bare(t, "MACsec", t.net.macsec, MACSEC0, rekey_macsec)
    t.net.macsec()
    continues_guarded(t, "MACsec", MACSEC0, lambda: rekey_macsec(t, MACSEC_ROUNDS), "macsec")


def continues_bare(t: Test, what: str, state: Callable[[], None], addresses: dict, rekey: Rekey) -> None:
    state()
    stream = Stream(t, addresses)
    rekey(t, 2)
    t.check(stream.continues(), f"control, bare: a stream continues when {what} is rekeyed", stream.client.output())
    stream.stop()


def continues_guarded(t: Test, what: str, addresses: dict, rekey: Callable[[], tuple[int, str]], by: str) -> None:
    daemon = on_both(t)
    guard = by_library(t)
    # gentle, beside a program that writes as fast as it can
    stream = Stream(t, addresses, wrap_a=guard, wrap_b=guard, options=GENTLE, user=USER)
    writer, writer_server = write_bw(t, addresses, guard)
    began = time.time()
    with t.wire(busy=True) as wire:
        rounds, current = rekey()
        continues = stream.continues()
    took = time.time() - began
    t.check(continues, f"{what}, {rounds} rekeyings: a stream continues", stream.client.output())
    t.check(not writer.poll(), f"{what}, {rounds} rekeyings: ib_write_bw continues", writer.output())
    t.check(wire.counts[by] > 0 and wire.clear == 0, f"{what}, {rounds} rekeyings: nothing leaves in clear", wire)
    lost = daemon.losses()
    t.check(not lost, f"{what}, {rounds} rekeyings: the audit log has no loss", lost)
    listed = listed_by(daemon, stream.client.pid, current)
    protected = [row["verdict"] for row in listed] == ["protected"]
    t.check(protected, f"{what}, {rounds} rekeyings: the list has the QP as protected", listed)
    t.check(current in str(listed), f"{what}, {rounds} rekeyings: the list names the newest SA", f"{current} {listed}")
    t.note(f"{what}: rekeyed {rounds} times in {took:.1f} s, {stream.sent()} messages sent")
    stream.stop()
    for process in (writer, writer_server):
        process.kill(9)
        process.wait()


def listed_by(daemon: Daemon, pid: int, words: str) -> list[dict]:
    """Returns the rows of a process once they contain these words."""
    daemon.guest.eventually(lambda: words in str(daemon.qps(pid)))
    return daemon.qps(pid)


def write_bw(t: Test, addresses: dict, guard: str) -> tuple[Process, Process]:
    """Starts an unmodified program that streams. Returns its client and its server."""
    index_b, index_a = (t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.b, t.a))
    command = f"exec {guard} ib_write_bw -d rxe0 -F -D 600 -s 1024 -x"
    server = t.b.start(f"{command} {index_b}", user=USER)
    await_listener(server, SIDE_CHANNEL)
    client = t.a.start(f"{command} {index_a} {ETH0['b'][0]}", user=USER)
    return client, server


def everywhere(t: Test, lines: Lines) -> None:
    """Runs lines of `ip -batch` in both guests at once."""
    together(lambda guest: put_back(guest, lines(guest.name)), (t.a, t.b))


def rekey_ipsec(t: Test, rounds: int) -> tuple[int, str]:
    """Two generations coexist: the receiver has each SA before its sender uses it, and until its sender does no more.

    Returns the number of rounds, and how the last outbound SA of guest a is listed.
    """
    first = {source: spi_of(t.net.made("a", f"xfrm state add src {ETH0[source][0]}")[0]) for source in PEER}
    generations = [first]
    for _ in range(rounds):
        new = {source: (secrets.randbelow(1 << 31) + 256, algorithm_words("aes-gcm-128")) for source in PEER}
        gone = generations.pop(0) if len(generations) > 1 else {}
        # everywhere() returns once the lines have run, so that the loop's variables are still those of this round
        everywhere(t, lambda guest: [*delete(guest, gone), add(PEER[guest], *new[PEER[guest]])])
        everywhere(t, lambda guest: [*delete(PEER[guest], gone), add(guest, *new[guest])])
        time.sleep(OVERLAP_S)
        generations.append({source: spi for source, (spi, _) in new.items()})
    gone, last = generations
    everywhere(t, lambda guest: delete(guest, gone))
    everywhere(t, lambda guest: delete(PEER[guest], gone))
    return rounds, f"0x{last['a']:08x}"


def spi_of(line: str) -> int:
    return int(re.findall(r" spi (0x[0-9a-f]+)", line)[0], 16)


def ends(source: str) -> str:
    return f"src {ETH0[source][0]} dst {ETH0[PEER[source]][0]}"


def add(source: str, spi: int, algorithm: str) -> str:
    return f"xfrm state add {ends(source)} proto esp spi {spi:#x} reqid 4791 mode transport {algorithm}"


def delete(source: str, generation: dict[str, int]) -> list[str]:
    """Returns the lines that delete the SA of this sender, if there is one."""
    return [f"xfrm state delete {ends(source)} proto esp spi {spi:#x}" for name, spi in generation.items() if name == source]


def rekey_macsec(t: Test, rounds: int) -> tuple[int, str]:
    """The receiver gets the next association number, then the sender, then the old one goes. Returns as rekey_ipsec()."""
    for count in range(rounds):
        last, number = count % 4, (count + 1) % 4
        keys = {name: secrets.token_hex(16) for name in PEER}
        everywhere(t, lambda name: [f"macsec add {rx(name)} {sa(number, keys[PEER[name]])}"])
        everywhere(
            t,
            lambda name: [
                f"macsec add macsec0 tx {sa(number, keys[name])}",
                f"link set macsec0 type macsec encodingsa {number}",
            ],
        )
        time.sleep(OVERLAP_S)
        everywhere(t, lambda name: [*without("macsec0 tx", last), *without(rx(name), last)])
    return rounds, "macsec0"


def sa(number: int, key: str) -> str:
    return f"sa {number} pn 1 on key {number:02x} {key}"


def without(channel: str, number: int) -> list[str]:
    """Returns the lines that delete an SA. The kernel deletes no active one."""
    return [f"macsec set {channel} sa {number} off", f"macsec del {channel} sa {number}"]


def rx(name: str) -> str:
    return f"macsec0 rx port 1 address {MAC[PEER[name]]}"
