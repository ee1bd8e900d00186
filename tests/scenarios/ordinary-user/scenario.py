# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""As uid 1234, programs run over MACsec, and are refused over IPsec with the reason and a hint."""

from __future__ import annotations

from testbed.api import USER, Result, Test, Wire
from testbed.applications import bare_is_seen
from testbed.refusals import has_reason, refusal_lines
from testbed.states import DEVICE, ETH0, MACSEC0

UNKNOWN = 3  # exit status of rdmasec check


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.macsec()
    client, server, seen = pingpong(t, MACSEC0, USER)
    t.check(client.ok and server.ok, "uid 1234 over MACsec: a pingpong runs", f"{client}\n{server}")
    t.check(not client.err + server.err, "uid 1234 over MACsec: it prints no error", client.err + server.err)
    t.check(seen.counts["macsec"] > 0 and seen.clear == 0, "uid 1234 over MACsec: only MACsec crosses the wire", seen)
    check_exits(t, "uid 1234 over MACsec", MACSEC0, 0, "macsec0")

    t.net.ipsec()
    client, server, seen = pingpong(t, ETH0, USER)
    for name, result in (("client", client), ("server", server)):
        refused_without_privilege(t, f"uid 1234 over IPsec, {name}", result)
    t.check(seen.clear == seen.counts["esp"] == 0, "uid 1234 over IPsec: nothing crosses the wire", seen)
    check_exits(t, "uid 1234 over IPsec", ETH0, UNKNOWN, "CAP_NET_ADMIN")

    client, server, seen = pingpong(t, ETH0, None)
    t.check(client.ok and server.ok, "root over the same IPsec: a pingpong runs", f"{client}\n{server}")
    t.check(seen.counts["esp"] > 0 and seen.clear == 0, "root over the same IPsec: only ESP crosses the wire", seen)

    t.net.clear()
    client, server, seen = pingpong(t, ETH0, USER)
    t.check(not client.ok and not server.ok, "uid 1234 in clear: a pingpong is refused", f"{client}\n{server}")
    t.check(seen.clear == 0, "uid 1234 in clear: nothing leaves in clear", seen)


def pingpong(t: Test, addresses: dict, user: int | None) -> tuple[Result, Result, Wire]:
    wrap = f"{t.build}/bin/rdmasec run --"
    with t.wire() as wire:
        client, server = t.pingpong(addresses["a"][0], addresses["b"][0], wrap_a=wrap, wrap_b=wrap, user=user)
    return client, server, wire


def refused_without_privilege(t: Test, what: str, result: Result) -> None:
    t.check(not result.ok, f"{what}: it is refused", result)
    lines = refusal_lines(result)
    t.check(
        lines and all("unknown" in line and has_reason(line, "xfrm-no-privilege") and "rdmasecd" in line for line in lines),
        f"{what}: the refusal names CAP_NET_ADMIN and rdmasecd",
        result.err,
    )


def check_exits(t: Test, what: str, addresses: dict, code: int, words: str) -> None:
    index = t.net.gid_index(t.a, addresses["a"][0])
    command = f"{t.build}/bin/rdmasec check -d {DEVICE} -g {index} -r {addresses['b'][0]}"
    result = t.a.run(command, user=USER)
    t.check(result.code == code and words in result.out + result.err, f"{what}: rdmasec check exits {code}", result)
