# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""A message takes as many instructions behind a door as bare."""

from testbed.api import Test
from testbed.coverage import AGENT, DOORS
from testbed.daemon import on_both
from testbed.states import DEVICE, MACSEC0

CALLS = ("post_recv", "post_send", "poll_cq")
RSPRELOAD = "/usr/lib/*/rsocket/librspreload.so"


def run(t: Test) -> None:
    t.net.macsec()
    on_both(t)
    bare = count(t, "")
    if not t.check(bare and all(bare.values()), "bare: the program counts its instructions", bare):
        return
    again = count(t, "")
    t.check(again == bare, "bare: a second run has the same numbers", f"{bare} {again}")
    for door in DOORS:
        if door.name == AGENT or not door.is_built(t):  # the agent works like the supervisor
            continue
        with door.installed(t, [t.a]):
            guarded = count(t, door.wrap(t))
        t.check(guarded == bare, f"{door.name}: the numbers are those of a bare run", f"{bare} {guarded}")
        t.note(f"{door.name}: {guarded}")
    other = count(t, f"env LD_PRELOAD=$(echo {RSPRELOAD})")
    t.check(other.get("post_send", 0) > bare["post_send"], "control: a library that takes write(2) adds instructions", other)


def count(t: Test, wrap: str) -> dict[str, int]:
    """Returns the instructions of calls of each kind, after their symbols were resolved."""
    index = t.net.gid_index(t.a, MACSEC0["a"][0])
    result = t.a.run(f"{wrap} {t.build}/bench/bench_post {DEVICE} {index}", within=600)
    how = f"behind {wrap.replace(str(t.build), 'build')}" if wrap else "bare"
    if not t.check(result.ok, f"{how}: the program runs", result):
        return {}
    counts = {name: int(number) for name, number in (line.split() for line in result.out.splitlines())}
    return counts if counts.keys() == set(CALLS) else {}
