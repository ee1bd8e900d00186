# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Floods of cleartext RoCE that pass the RDMA stack by, from guest a to guest b, and what b's kernel delivers of them."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from .api import Test, Wire
from .gate import stopped
from .pair import TOP
from .states import ETH0, MAC
from .stream import await_words

APPS = TOP / "tests" / "apps"


@dataclass(frozen=True)
class Way:
    """A way past the RDMA stack by which tests/apps/roce_flood.py sends, and the kind by which roce_count.py counts it."""

    what: str
    kind: str
    words: str  # with {count}


PACKET = f"eth0 {MAC['b']}"
V4, V6 = (f"{ETH0['a'][version]} {ETH0['b'][version]}" for version in (0, 1))
WAYS = (
    Way("a packet socket, RoCE v2, IPv4", "v2-ipv4", f"packet {{count}} {V4} {PACKET}"),
    Way("a packet socket, RoCE v2, IPv6", "v2-ipv6", f"packet {{count}} {V6} {PACKET}"),
    Way("a packet socket, RoCE v1", "v1", f"packet-v1 {{count}} {V6} {PACKET}"),
    Way("a raw socket, IPv4", "v2-ipv4", f"raw {{count}} {V4}"),
    Way("a raw socket, IPv6", "v2-ipv6", f"raw {{count}} {V6}"),
    Way("a UDP socket, IPv4", "v2-ipv4", f"udp {{count}} {V4}"),
    Way("a UDP socket, IPv6", "v2-ipv6", f"udp {{count}} {V6}"),
)
BYPASS = Way("a packet socket that bypasses tc", "v2-ipv4", f"bypass {{count}} {V4} {PACKET}")


def flood(t: Test, ways: Sequence[Way], count: int) -> list[str]:
    """Sends that many frames from a by each of them. Returns what the program says of each: how many, and how many a second."""
    words = " , ".join(way.words.format(count=count) for way in ways)
    said = t.a.run(f"/usr/bin/python3 {APPS}/roce_flood.py {words}", check=True).out.splitlines()
    taken = len(said) == len(ways) and all(line.startswith(f"{count} frames") for line in said)
    t.check(taken, f"{', '.join(way.what for way in ways)}: the kernel takes all {count} frames", said)
    return said


def delivered(t: Test, ways: Sequence[Way], count: int) -> tuple[dict[str, int], Wire]:
    """Returns what b's kernel delivers of these floods, by kind, and what crossed the wire."""
    counter = t.b.start(f"exec /usr/bin/python3 {APPS}/roce_count.py")
    await_words(counter, "counting")
    with t.wire() as wire:
        flood(t, ways, count)
    counter.kill(signal.SIGTERM)
    words = counter.wait(check=True).out.split()[1:]
    return dict(zip(words[::2], map(int, words[1::2]), strict=True)), wire


def none_leaves(t: Test, count: int) -> None:
    """The gate stands in a."""
    before = stopped(t, t.a)["stopped_out"]
    with t.wire() as wire:
        said = flood(t, WAYS, count)
    counted = stopped(t, t.a)["stopped_out"] - before
    every = len(WAYS) * count
    t.check(wire.clear == 0 and counted == every, f"floods: none of {every} frames leaves, and all are counted", f"{counted}, {wire}")
    t.note("\n".join(f"{way.what}: {line}" for way, line in zip(WAYS, said, strict=True)))


def none_is_delivered(t: Test, count: int) -> None:
    """The gate stands in b, and not in a."""
    before = stopped(t, t.b)["stopped_in"]
    seen, wire = delivered(t, WAYS, count)
    t.check(wire.clear == len(WAYS) * count, "control: without the gate all frames leave", wire)
    t.check(len(seen) == len({way.kind for way in WAYS}) and not any(seen.values()),
            "the gate of the other guest: nothing is delivered", seen)  # fmt: skip
    t.check(stopped(t, t.b)["stopped_in"] > before, "the gate of the other guest counts what arrives", stopped(t, t.b))
