# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Stacks of netdevs: each is protected as long as every way out is."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from testbed.api import Test
from testbed.applications import bare_is_seen, try_out
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.gate import PINGPONG, gated, held_back, lockdown, running, stopped
from testbed.refusals import has_reason, refusal
from testbed.states import ETH0, MAC, PEER, MacsecSide, eth0_up, link_lines, macsec_lines, rxe_on, together
from testbed.stream import FLUSHED, Stream, change, put_back

TIME_LIMIT = 900

STACK = {"a": ("10.79.0.1", "fd79::1"), "b": ("10.79.0.2", "fd79::2")}
OWN_MAC = {"a": "52:54:00:00:01:01", "b": "52:54:00:00:01:02"}  # of a macvlan, which cannot have that of its link
A, B = ETH0["a"][0], ETH0["b"][0]
PROTECTED, UNPROTECTED = 0, 1
CLEAR_PORT = "eth0.9"
VXLAN = "proto udp dport 4789"
REFUSED_ENOUGH = 3  # packets: the first one, and those of retries

Keys = dict[tuple[str, int], str]
Lines = Callable[[str], Sequence[str]]  # of a guest's name


class Secys:
    """MACsec devices with the same keys in both guests."""

    def __init__(self) -> None:
        self.keys: list[Keys] = [{(name, an): secrets.token_hex(16) for name in PEER for an in range(4)} for _ in range(2)]

    def lines(self, name: str, number: int, below: str = "eth0", encrypt: bool = True) -> list[str]:
        side, device = MacsecSide(encrypt=encrypt), f"macsec{number}"
        made = macsec_lines(name, side, "gcm-aes-128", self.keys[number], "", device, below, number + 1)
        return [*made, f"link set {device} up"]


SECYS = Secys()


def clear_port() -> list[str]:
    """A way out in clear, beside MACsec. It is the port of nothing yet."""
    return [f"link add link eth0 name {CLEAR_PORT} type vlan id 9", f"link set {CLEAR_PORT} mtu 1468"]


def bond(name: str) -> list[str]:
    ports = [line for n in (0, 1) for line in (*SECYS.lines(name, n), f"link set macsec{n} down", f"link set macsec{n} master bond0")]
    return ["link add bond0 mtu 1468 type bond mode active-backup fail_over_mac active miimon 100", *ports, *clear_port()]


def bridge(name: str) -> list[str]:
    made = [*SECYS.lines(name, 0), f"link add br0 address {MAC[name]} type bridge", "link set macsec0 master br0"]
    return made + clear_port() + [f"link set {CLEAR_PORT} up"]


def macvlan(name: str) -> list[str]:
    return [*SECYS.lines(name, 0), f"link add link macsec0 name mv0 address {OWN_MAC[name]} type macvlan mode bridge"]


def vlan(name: str) -> list[str]:
    return [*SECYS.lines(name, 0), "link add link macsec0 name macsec0.7 type vlan id 7"]


def nested(name: str) -> list[str]:
    return SECYS.lines(name, 0) + SECYS.lines(name, 1, below="macsec0", encrypt=False)


ESP_KEYS = {name: secrets.token_hex(20) for name in PEER}


def esp_lines(name: str, selector: str = "", dev: dict[str, str] | None = None) -> list[str]:
    """ESP between the guests' addresses on eth0. dev: the netdev of the policies of a direction."""
    lines = []
    for source, way in ((name, "out"), (PEER[name], "in")):
        ends = f"src {ETH0[source][0]} dst {ETH0[PEER[source]][0]}"
        spi = 0x1000 + "ab".index(source)
        netdev = f"dev {dev[way]}" if dev and way in dev else ""
        lines.append(f"xfrm state add {ends} proto esp spi {spi} reqid 7 mode transport aead rfc4106(gcm(aes)) 0x{ESP_KEYS[source]} 128")
        lines.append(f"xfrm policy add {ends} {netdev} {selector} dir {way} priority 1 tmpl {ends} proto esp reqid 7 mode transport")
    return lines


def rest_of_vxlan(name: str, way: str) -> str:
    local = ETH0[name][0]
    return f"src {local} dst 0.0.0.0/0 {VXLAN} dir out" if way == "out" else f"src 0.0.0.0/0 dst {local} {VXLAN} dir in"


def vxlan(name: str) -> list[str]:
    """VXLAN sends to any remote that it has learnt, and takes packets from any: what is not ESP has to be blocked."""
    ends = f"local {ETH0[name][0]} remote {ETH0[PEER[name]][0]}"
    made = [f"link add vxlan0 address {MAC[name]} type vxlan id 7 {ends} dstport 4789"]
    blocks = [f"xfrm policy add {rest_of_vxlan(name, way)} priority 9 action block" for way in ("out", "in")]
    return made + esp_lines(name, VXLAN) + blocks


@dataclass(frozen=True)
class Case:
    """A stack, the netdev with its addresses, and that of rxe0; a way out that opens, and what the refusal then says."""

    what: str
    lines: Lines
    link: str
    by: str
    opens: Lines
    reason: str
    bare: Lines  # more changes, in both guests, so that frames take the open way
    on: str = ""  # rxe0's netdev, if it is not `link`


def plain(*lines: str) -> Lines:
    return lambda name: lines


CASES = (
    Case("a bond of two MACsec devices", bond, "bond0", "macsec", plain(f"link set {CLEAR_PORT} master bond0"), "macsec-clear-port",
         plain("link set macsec0 nomaster", "link set macsec1 nomaster")),
    Case("a bridge with a port of MACsec", bridge, "br0", "macsec", plain(f"link set {CLEAR_PORT} master br0"), "macsec-clear-port",
         plain("link set macsec0 nomaster")),
    Case("a macvlan on MACsec", macvlan, "mv0", "macsec", plain("link set macsec0 type macsec encrypt off"), "macsec-encrypt-off",
         plain()),
    Case("a VLAN on MACsec", vlan, "macsec0.7", "macsec", plain("link set macsec0 type macsec encrypt off"), "macsec-encrypt-off",
         plain(), on="macsec0"),
    Case("encrypt off inside encrypt on", nested, "macsec1", "macsec", plain("link set macsec0 type macsec encrypt off"),
         "macsec-encrypt-off", plain()),
    Case("VXLAN over IPsec", vxlan, "vxlan0", "ipsec", lambda name: [f"xfrm policy delete {rest_of_vxlan(name, 'out')}"],
         "outbound-policy-gap", lambda name: ["xfrm policy flush"]),
)  # fmt: skip


def run(t: Test) -> None:
    bare_is_seen(t)
    for case in CASES:
        stacked(t, case)
    for clear in CLEAR:
        unprotected(t, clear)
    inbound_netdev(t)
    sub_policies(t)


def build(t: Test, case: Case) -> None:
    def script(name: str) -> str:
        lines = [*eth0_up(name), *case.lines(name), *link_lines(case.link, STACK, name)]
        if case.link == "mv0":  # its neighbour has a MAC of its own, too
            lines += [f"neigh replace {address} lladdr {OWN_MAC[PEER[name]]} dev mv0" for address in STACK[PEER[name]]]
        if case.on:
            lines.append(f"link set {case.on} up")
        return t.net.batch(name, lines) + rxe_on(case.on or case.link, STACK[name])

    t.net.become(case.what, script)


def check(t: Test, addresses: dict, version: int = 0) -> tuple[int, dict]:
    """Returns exit status and JSON of rdmasec check for the path from a to b."""
    index = t.net.gid_index(t.a, addresses["a"][version])
    result = t.a.run(f"{t.build}/bin/rdmasec check -d rxe0 -g {index} -r {addresses['b'][version]} --json")
    return result.code, json.loads(result.out)


def stacked(t: Test, case: Case) -> None:
    build(t, case)
    daemon = on_both(t)
    for version, family in ((0, "IPv4"), (1, "IPv6")):
        code, said = check(t, STACK, version)
        t.check(code == PROTECTED and said["by"] == case.by, f"{case.what}: {family} is protected", said)
    status = t.a.run(f"{t.build}/bin/rdmasec status")
    # an IPv6 route by eth0 does not make the GIDs of a MACsec device unprotected
    t.check(status.code == PROTECTED or case.by == "ipsec", f"{case.what}: status has nothing unprotected", status)
    runs_under_gate(t, case)
    revoked_when_open(t, case, daemon)
    refused(t, case.what, STACK, case.reason)
    # a's way is open already
    together(lambda guest: put_back(guest, [*(() if guest is t.a else case.opens("b")), *case.bare(guest.name)]), (t.a, t.b))
    with t.wire() as wire:
        client, _ = t.pingpong(STACK["a"][0], STACK["b"][0])
    t.check(wire.clear > 0, f"control, bare: {case.what}, with one way open: frames are in clear", f"{client}\n{wire}")
    held_back_by_gate(t, case)


def runs_under_gate(t: Test, case: Case) -> None:
    """Where the gate stops nothing and the wire shows nothing, nothing in clear has left the guests."""
    with gated(t):
        trial = try_out(t, PINGPONG, STACK, guarded="ab")
        rows = [stopped(t, guest) for guest in (t.a, t.b)]
    carried = "macsec" if case.by == "macsec" else "esp"
    t.check(trial.ran and trial.wire[carried] > 0, f"{case.what}: a guarded pingpong runs under the gate", trial)
    t.check(trial.readable == 0, f"{case.what}: nothing is in clear", trial)
    counts = [row[way] for row in rows for way in ("stopped_out", "stopped_in")]
    t.check(counts == [0] * 4, f"{case.what}: the gate stops nothing that is protected", rows)


def held_back_by_gate(t: Test, case: Case) -> None:
    """The gate stands on eth0, which is below all other netdevs."""
    with gated(t):
        wire = held_back(t, PINGPONG, STACK)
    t.check(wire.clear == 0, f"{case.what}, with one way open: under the gate no frame is in clear", wire)


# ---- stacks that nothing protects ----


def in_clear(*lines: str) -> Lines:
    """No way out is protected. {mac} is the guest's own MAC address, {local} and {remote} are addresses of eth0."""

    def of(name: str) -> list[str]:
        places = {"mac": OWN_MAC[name], "local": ETH0[name][0], "remote": ETH0[PEER[name]][0]}
        return [line.format(**places) for line in lines]

    return of


@dataclass(frozen=True)
class Clear:
    """A stack over eth0, the netdev with its addresses, and that of rxe0."""

    what: str
    lines: Lines
    link: str
    on: str = ""
    own_mac: bool = False


CLEAR = (
    Clear("a VLAN", in_clear("link add link eth0 name eth0.7 type vlan id 7"), "eth0.7", on="eth0"),
    Clear("a bond", in_clear("link add bond0 type bond mode active-backup miimon 100", "link set eth0 down", "link set eth0 master bond0"),
          "bond0"),
    Clear("a bridge", in_clear("link add br0 type bridge", "link set eth0 master br0"), "br0"),
    Clear("a macvlan", in_clear("link add link eth0 name mv0 address {mac} type macvlan mode bridge"), "mv0", own_mac=True),
    Clear("VXLAN", in_clear("link add vxlan0 address {mac} type vxlan id 7 local {local} remote {remote} dstport 4789"), "vxlan0",
          own_mac=True),
    Clear("a veth pair into a bridge",
          in_clear("link add br0 type bridge", "link add veth0 address {mac} type veth peer name veth1", "link set veth1 master br0",
                   "link set veth1 up", "link set eth0 master br0", "link set br0 up"),
          "veth0", own_mac=True),
)  # fmt: skip


def unprotected(t: Test, case: Clear) -> None:
    def script(name: str) -> str:
        lines = [*eth0_up(name), *case.lines(name), "link set eth0 up", *link_lines(case.link, STACK, name)]
        if case.own_mac:
            lines += [f"neigh replace {address} lladdr {OWN_MAC[PEER[name]]} dev {case.link}" for address in STACK[PEER[name]]]
        return t.net.batch(name, lines) + rxe_on(case.on or case.link, STACK[name])

    t.net.become(case.what, script)
    trial = try_out(t, PINGPONG, STACK)
    t.check(trial.ran and trial.readable > 0, f"control, bare: {case.what}: a pingpong is in clear", trial)
    with gated(t):
        with t.wire() as wire, running(t, PINGPONG, STACK) as client:
            held = t.eventually(lambda: frames_stopped(t) > 0 or client.poll())
        counted = frames_stopped(t)
    t.check(held and counted > 0, f"{case.what}: the gate counts what it stopped", counted)
    t.check(wire.clear == 0, f"{case.what}: under the gate no frame is in clear", wire)


def frames_stopped(t: Test) -> int:
    """The frames that any netdev of a has not let out since the gate was installed."""
    rows = json.loads(lockdown(t, t.a, "status --json", check=False).out)
    return sum(row["stopped_out"] for row in rows)


def revoked_when_open(t: Test, case: Case, daemon: Daemon) -> None:
    wrap = by_library(t)
    stream = Stream(t, STACK, wrap_a=wrap, wrap_b=wrap, user=USER)
    event = change(t.a, *case.opens("a"))
    ending = stream.end_of_a()
    with t.wire(busy=True) as later:
        pass
    revoked = daemon.await_revoked(stream.client, event.began)
    result = stream.stop()
    t.check(result.code == FLUSHED and ending and ending.flushed, f"{case.what}: a way out opens: the stream is revoked", result)
    t.check(has_reason(revoked, case.reason), f"{case.what}: a way out opens: the audit log names it", revoked or daemon.log(event.began))
    t.check(later.clear == 0, f"{case.what}: after the revocation nothing is in clear", later)
    if ending:
        t.note(f"{case.what}: revoked after {1000 * (ending.at - event.began):.0f} ms")


def refused(t: Test, what: str, addresses: dict, reason: str) -> None:
    code, said = check(t, addresses)
    t.check(code != PROTECTED and has_reason(said, reason), f"{what}: with a way out open, check refuses", f"exit {code} {said}")
    trial = try_out(t, PINGPONG, addresses, guarded="a")
    t.check(has_reason(refusal(trial.client), reason) and trial.readable == 0, f"{what}: with a way out open, a pingpong is refused", trial)


# ---- policies of xfrm ----


def esp_with(t: Test, what: str, dev: dict[str, str]) -> None:
    """ESP for all between the guests; a's policies are those of netdevs."""

    def script(name: str) -> str:
        lines = [*eth0_up(name), *esp_lines(name, dev=dev if name == "a" else None)]
        return t.net.batch(name, lines) + rxe_on("eth0", ETH0[name])

    t.net.become(what, script)


def clear_is_taken(t: Test) -> bool:
    """Whether a takes packets that b sends in clear. a answers with ESP."""
    t.b.run(f"ip xfrm policy delete src {B} dst {A} dir out", check=True)
    before = refused_inbound(t)
    with t.wire() as wire, running(t, PINGPONG, ETH0) as client:
        t.eventually(lambda: client.poll() or refused_inbound(t) >= before + REFUSED_ENOUGH)
        ended = client.poll()
    return bool(ended and ended.ok) and wire.clear > 0


def refused_inbound(t: Test) -> int:
    """The packets that a's inbound policies have refused: /proc/net/xfrm_stat."""
    lines = (line.split() for line in t.a.read_file("/proc/net/xfrm_stat").decode().splitlines())
    return sum(int(count) for name, count in lines if name.startswith("XfrmIn"))


def inbound_netdev(t: Test) -> None:
    """The kernel looks up packets that arrive with the netdev of their route, lo."""
    esp_with(t, "policies of eth0", {"out": "eth0", "in": "eth0"})
    code, said = check(t, ETH0)
    t.check(code == UNPROTECTED and has_reason(said, "inbound-policy-interface"), "an inbound policy of eth0: refused", said)
    t.check(clear_is_taken(t), "control, bare: an inbound policy of eth0 lets packets in clear in")
    esp_with(t, "policies of eth0 and lo", {"out": "eth0", "in": "lo"})
    code, said = check(t, ETH0)
    t.check(code == PROTECTED, "an outbound policy of eth0, and an inbound one of lo: protected", said)
    t.check(not clear_is_taken(t), "an inbound policy of lo lets nothing in clear in")


def sub_policies(t: Test) -> None:
    t.net.ipsec()
    other = "src 10.99.0.1 dst 10.99.0.2 dir out ptype sub"
    mine = f"src {A} dst {B} proto udp dir out ptype sub"
    daemon = on_both(t)
    wrap = by_library(t)
    stream = Stream(t, ETH0, wrap_a=wrap, wrap_b=wrap, user=USER)
    change(t.a, f"xfrm policy add {other} action allow")
    t.check(stream.continues(), "a sub-policy of other traffic: the stream continues")
    code, said = check(t, ETH0)
    t.check(code == PROTECTED, "a sub-policy of other traffic: protected", said)
    event = change(t.a, f"xfrm policy add {mine} action allow")
    ending = stream.end_of_a()
    revoked = daemon.await_revoked(stream.client, event.began)
    stream.stop()
    t.check(ending and ending.flushed, "a sub-policy of this traffic: the stream is revoked", ending)
    t.check(has_reason(revoked, "xfrm-sub-policy"), "a sub-policy of this traffic: the audit log names it", revoked)
