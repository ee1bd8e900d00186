# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Positive control: every kind of traffic is seen on the wire as what it is."""

import signal

from testbed.api import Test, Wire
from testbed.states import ETH0, MACSEC0

GUESTS = (("host", "6.12"), ("host", "6.1"))


def run(t: Test) -> None:
    agent_is_faithful(t)

    t.net.clear()
    for family, addresses in families(ETH0):
        seen = pingpong(t, f"{family} in clear", addresses)
        t.check(seen.counts["clear_data"] > 0, f"{family} in clear: the wire shows RoCE", seen)
        t.check(seen.counts["macsec"] == seen.counts["esp"] == 0, f"{family} in clear: nothing is encrypted", seen)

    t.net.macsec()
    for family, addresses in families(MACSEC0):
        seen = pingpong(t, f"{family} over MACsec", addresses)
        t.check(seen.counts["macsec"] > 0, f"{family} over MACsec: the wire shows MACsec", seen)
        t.check(nothing_readable(seen), f"{family} over MACsec: no RoCE in clear", seen)

    t.net.ipsec(families=(4, 6))
    for family, addresses in families(ETH0):
        seen = pingpong(t, f"{family} over IPsec", addresses)
        t.check(seen.counts["esp"] > 0, f"{family} over IPsec: the wire shows ESP", seen)
        t.check(nothing_readable(seen), f"{family} over IPsec: no RoCE in clear", seen)

    t.net.clear()
    seen = pingpong(t, "in clear again", (ETH0["a"][0], ETH0["b"][0]))
    t.check(seen.counts["clear_data"] > 0 and seen.counts["esp"] == 0, "a new state of the network inherits nothing", seen)

    integrity_alone_is_told_apart(t)
    ports_in_the_selector_leave_rxe_in_clear(t)


def families(addresses: dict[str, tuple[str, str]]) -> list[tuple[str, tuple[str, str]]]:
    return [(name, (addresses["a"][i], addresses["b"][i])) for i, name in enumerate(("IPv4", "IPv6"))]


def pingpong(t: Test, what: str, addresses: tuple[str, str]) -> Wire:
    """Run it, expect it to work, and return what crossed the wire."""
    with t.wire() as wire:
        client, server = t.pingpong(*addresses)
    t.check(client.ok and server.ok, f"{what}: ibv_rc_pingpong runs", f"client {client}\nserver {server}")
    return wire


def nothing_readable(seen: Wire) -> bool:
    return seen.clear == seen.counts["malformed"] == 0


def agent_is_faithful(t: Test) -> None:
    """Results are only worth what the agent makes of exit codes, users, time limits and odd bytes."""
    result = t.a.run("printf 'a\\377b'; echo oops >&2; exit 7")
    t.check((result.code, result.out, result.err) == (7, "a\ufffdb", "oops\n"), "output and exit code come back", result)
    result = t.a.run("id -u; id -G", user=1234)
    t.check(result.out.split() == ["1234", "1234"], "a user has no groups but its own", result)
    result = t.b.run("sleep 60", timeout=1)
    t.check(result.timed_out and result.code == 124, "a command that takes too long is ended", result)
    sleeper = t.b.start("echo $GREETING; sleep 60", env={"GREETING": "hello"})
    while "hello" not in sleeper.output():
        pass
    t.check(sleeper.poll() is None, "a started command goes on")
    sleeper.kill(signal.SIGINT)
    t.check(sleeper.wait(60).code == -signal.SIGINT, "and ends by a signal")


def integrity_alone_is_told_apart(t: Test) -> None:
    """MACsec encrypts only when told to; its frames look alike but for one bit."""
    t.net.macsec(encrypt=False)
    seen = pingpong(t, "MACsec without encryption", (MACSEC0["a"][0], MACSEC0["b"][0]))
    t.check(seen.counts["macsec_unencrypted"] > 0, "MACsec without encryption is seen as readable", seen)


def ports_in_the_selector_leave_rxe_in_clear(t: Test) -> None:
    """Why a guard may not take a policy for port 4791 as protection: rxe's lookup carries no ports."""
    t.net.ipsec(selector="proto udp dport 4791", missing=("a in policy", "b in policy"))
    seen = pingpong(t, "policies for port 4791", (ETH0["a"][0], ETH0["b"][0]))
    t.check(seen.counts["clear_data"] > 0 and seen.counts["esp"] == 0, "they leave rxe in clear", seen)
