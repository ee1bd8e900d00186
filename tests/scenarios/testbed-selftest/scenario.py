# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Positive control: the capture shows every kind of traffic as what it is."""

import signal

from testbed.api import Test, Wire
from testbed.states import ETH0, MACSEC0

GUESTS = (("host", "6.12"), ("host", "6.1"))


def run(t: Test) -> None:
    agent_reports_faithfully(t)

    t.net.clear()
    for family, addresses in families(ETH0):
        seen = pingpong(t, f"{family} in clear", addresses)
        t.check(seen.counts["clear_data"] > 0, f"{family} in clear: the wire shows RoCE", seen)
        t.check(seen.counts["macsec"] == seen.counts["esp"] == 0, f"{family} in clear: nothing is encrypted", seen)

    t.net.macsec()
    for family, addresses in families(MACSEC0):
        seen = pingpong(t, f"{family} over MACsec", addresses)
        t.check(seen.counts["macsec"] > 0, f"{family} over MACsec: the wire shows MACsec", seen)
        t.check(nothing_readable(seen), f"{family} over MACsec: nothing is readable", seen)

    t.net.ipsec(families=(4, 6))
    for family, addresses in families(ETH0):
        seen = pingpong(t, f"{family} over IPsec", addresses)
        t.check(seen.counts["esp"] > 0, f"{family} over IPsec: the wire shows ESP", seen)
        t.check(nothing_readable(seen), f"{family} over IPsec: nothing is readable", seen)

    t.net.clear()
    seen = pingpong(t, "in clear again", (ETH0["a"][0], ETH0["b"][0]))
    only_clear = seen.counts["clear_data"] > 0 and seen.counts["esp"] == 0
    t.check(only_clear, "in clear again: a new state of the network inherits nothing", seen)

    shows_integrity_without_encryption(t)
    shows_rxe_past_ports_in_selector(t)


def families(addresses: dict[str, tuple[str, str]]) -> list[tuple[str, tuple[str, str]]]:
    return [(name, (addresses["a"][i], addresses["b"][i])) for i, name in enumerate(("IPv4", "IPv6"))]


def pingpong(t: Test, what: str, addresses: tuple[str, str]) -> Wire:
    """Runs a pingpong that must work. Returns the frames on the wire."""
    with t.wire() as wire:
        client, server = t.pingpong(*addresses)
    t.check(client.ok and server.ok, f"{what}: ibv_rc_pingpong runs", f"client {client}\nserver {server}")
    return wire


def nothing_readable(seen: Wire) -> bool:
    return seen.clear == seen.counts["malformed"] == 0


def agent_reports_faithfully(t: Test) -> None:
    """Every result depends on exit codes, users, limits and octets that the agent reports."""
    result = t.a.run("printf 'a\\377b'; echo oops >&2; exit 7")
    holds = (result.code, result.out, result.err) == (7, "a\ufffdb", "oops\n")
    t.check(holds, "agent: output and exit code are those of the command", result)
    result = t.a.run("id -u; id -G", user=1234)
    t.check(result.out.split() == ["1234", "1234"], "agent: a user has no other groups", result)
    result = t.b.run("sleep 60", within=1)
    t.check(result.timed_out and result.code == 124, "agent: a command without progress is ended", result)
    sleeper = t.b.start("echo $GREETING; sleep 60", env={"GREETING": "hello"})
    t.check(sleeper.says("hello"), "agent: the output of a running command is readable")
    t.check(sleeper.poll() is None, "agent: a started command continues")
    sleeper.kill(signal.SIGINT)
    t.check(sleeper.wait().code == -signal.SIGINT, "agent: a signal ends a command")


def shows_integrity_without_encryption(t: Test) -> None:
    """MACsec may authenticate only; such frames differ in one bit."""
    t.net.macsec(encrypt=False)
    seen = pingpong(t, "MACsec without encryption", (MACSEC0["a"][0], MACSEC0["b"][0]))
    t.check(seen.counts["macsec_unencrypted"] > 0, "MACsec without encryption: the wire shows it as readable", seen)


def shows_rxe_past_ports_in_selector(t: Test) -> None:
    """A policy for port 4791 is no protection, as the lookup of rxe carries no ports."""
    t.net.ipsec(selector="proto udp dport 4791", missing=("a in policy", "b in policy"))
    seen = pingpong(t, "policies for port 4791", (ETH0["a"][0], ETH0["b"][0]))
    only_clear = seen.counts["clear_data"] > 0 and seen.counts["esp"] == 0
    t.check(only_clear, "policies for port 4791: packets of rxe leave in clear", seen)
