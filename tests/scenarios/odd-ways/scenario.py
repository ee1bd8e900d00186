# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unusual ways to make a queue pair, to give it an address or to steer its packets."""

from __future__ import annotations

import errno

from testbed.api import Result, Test
from testbed.states import DEVICE, ETH0, MACSEC0

EPERM = errno.EPERM
RTR = 2
# No protection makes these harmless.
NEVER = ("source_qpn", "unknown_attribute", "raw_packet", "create_flow", "next_write_command", "devx")
# Decided like any queue pair or address.
JUDGED = ("create_rc", "attach_mcast", "passed_create_rc", "passed_create_ud", "passed_modify")


def run(t: Test) -> None:
    t.net.clear()
    bare = ways(t, "bare, in clear", ETH0, "")
    for way in ("create_rc", "passed_create_rc", "passed_create_ud", "passed_modify"):
        t.check(bare[way] == 0, f"control, bare in clear: the kernel accepts {way}", bare)
    t.check(bare["state"] == RTR, "control, bare in clear: another process brings the queue pair to RTR", bare)
    t.check(bare["foreign_handle"] not in (0, EPERM), "control, bare: a handle has no effect on another open file", bare)
    guarded = f"{t.build}/bin/rdmasec run --"
    clear = ways(t, "guarded, in clear", ETH0, guarded)
    for way in (*NEVER, *JUDGED, "open_qp", "foreign_handle"):
        t.check(clear[way] == EPERM, f"guarded, in clear: {way} is refused", clear)
    protected(t, bare, guarded)


def protected(t: Test, bare: dict[str, int], guarded: str) -> None:
    t.net.macsec()
    # UD needs every remote to be protected, and an IPv6 route would lead some past MACsec
    for guest in (t.a, t.b):
        guest.run("echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6", check=True)
    got = ways(t, "guarded, MACsec", MACSEC0, guarded)
    for way in NEVER:
        t.check(got[way] == EPERM, f"guarded, MACsec: {way} is still refused", got)
    for way in ("create_rc", "passed_create_rc", "passed_create_ud", "passed_modify"):
        t.check(got[way] == 0, f"guarded, MACsec: {way} passes", got)
    t.check(got["state"] == RTR, "guarded, MACsec: another process brings the queue pair to RTR", got)
    for way in ("attach_mcast", "open_qp", "foreign_handle"):
        t.check(got[way] == bare[way], f"guarded, MACsec: {way} has the result of a bare program", (bare, got))


def ways(t: Test, what: str, addresses: dict[str, tuple[str, str]], wrap: str) -> dict[str, int]:
    """Returns the errno of each way, and the state of the queue pair that another process has changed."""
    index = t.net.gid_index(t.a, addresses["a"][0])
    with t.wire() as wire:
        result = t.a.run(f"{wrap} {t.build}/tests/odd_ways {DEVICE} {index} ::ffff:{addresses['b'][0]}")
    t.check(result.ok, f"{what}: the program tries all", result)
    t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)
    got = outcomes(result)
    names = {way: str(code) if way == "state" else errno.errorcode.get(code, str(code)) for way, code in got.items()}
    t.note(f"{what}: " + ", ".join(f"{way} {name}" for way, name in names.items()))
    t.note(result.err)
    return got


def outcomes(result: Result) -> dict[str, int]:
    got = {}
    for line in result.out.splitlines():
        words = line.split()
        got[words[0]] = int(words[-1])
    return got
