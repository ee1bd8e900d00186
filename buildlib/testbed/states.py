# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""States of the pair's network: bare, in clear, with MACsec, with IPsec, and each of them broken in a chosen way.

Addresses: a is .1 and b is .2, of 10.77.0.0/24 and fd77::/64 on eth0, of 10.78.0.0/24 and fd78::/64 on macsec0.
Each call makes new random keys, which live as long as the guests.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Any

from .guest import CommandFailed, Guest

ETH0 = {"a": ("10.77.0.1", "fd77::1"), "b": ("10.77.0.2", "fd77::2")}
MACSEC0 = {"a": ("10.78.0.1", "fd78::1"), "b": ("10.78.0.2", "fd78::2")}
MAC = {"a": "52:54:00:00:00:01", "b": "52:54:00:00:00:02"}
PEER = {"a": "b", "b": "a"}
DEVICE = "rxe0"

RESET = Path(__file__).resolve().with_name("reset.sh")
AWAIT_GIDS = RESET.with_name("await-gids.sh")


@dataclass(frozen=True)
class MacsecSide:
    """One guest's end of a MACsec channel. SAs: association number -> active."""

    encrypt: bool = True
    protect: bool = True
    validate: str = "strict"
    encoding_sa: int = 0
    tx_sas: Mapping[int, bool] = field(default_factory=lambda: {0: True})
    rx_sas: Mapping[int, bool] = field(default_factory=lambda: {0: True})
    rx_sc: bool = True
    rx_sc_active: bool = True


# Name -> the algorithm words of ip xfrm state; KEY:N stands for N random bytes.
ALGORITHMS = {
    "aes-gcm-128": "aead rfc4106(gcm(aes)) KEY:20 128",
    "aes-gcm-256": "aead rfc4106(gcm(aes)) KEY:36 128",
    "aes-gcm-128-icv8": "aead rfc4106(gcm(aes)) KEY:20 64",
    "chacha20-poly1305": "aead rfc7539esp(chacha20,poly1305) KEY:36 128",
    "aes-cbc-sha256": "enc cbc(aes) KEY:16 auth-trunc hmac(sha256) KEY:32 128",
    "aes-gmac-128": "aead rfc4543(gcm(aes)) KEY:20 128",  # authenticates only
    "null-sha256": "enc ecb(cipher_null) '' auth-trunc hmac(sha256) KEY:32 128",  # authenticates only
}


class Network:
    """The network of a pair. Every state begins from bare links, whatever the state before."""

    def __init__(self, a: Guest, b: Guest) -> None:
        self.guests = {"a": a, "b": b}
        self.lines: dict[str, list[str]] = {"a": [], "b": []}  # of `ip -batch` in each, for the current state
        self.bare_since: list[int] | None = None  # the requests to the guests when reset() had ended

    def made(self, guest: str, beginning: str) -> list[str]:
        """Returns the lines of ip -batch of this state that begin so, with their keys: to undo and to repeat them."""
        return [line for line in self.lines[guest] if line.startswith(beginning)]

    def reset(self, files: bool = False) -> None:
        """Ends all processes in the guests, and leaves a bare eth0, which is down.

        files: removes /run/rdmasec, too; with this folder, programs ask no engine but the daemon.
        """
        self.become("bare", lambda name: "rm -rf /run/rdmasec\n" if files else "")
        self.bare_since = self.requests()

    def requests(self) -> list[int]:
        """Returns how many requests each guest has had: none in between means that nothing has changed."""
        return [guest.channel.last_id for guest in self.guests.values()]

    def clear(self, rxe: bool = True) -> None:
        """Addresses on eth0, and rxe0 on it: an unprotected host."""
        self.become("clear", lambda name: self.batch(name, eth0_up(name)) + (rxe_on("eth0", ETH0[name]) if rxe else ""))

    def macsec(
        self,
        *,
        cipher: str = "gcm-aes-128",
        rxe_on_link: str | None = "macsec0",
        a: Mapping[str, Any] | None = None,
        b: Mapping[str, Any] | None = None,
        **common: Any,
    ) -> None:
        """macsec0 over eth0, and rxe0 on macsec0.

        common, and for one guest a or b, are the fields of MacsecSide. cipher is ip's name for it. rxe_on_link is
        macsec0, eth0 (which also has the addresses of macsec0 as GIDs) or None.
        """
        shared = MacsecSide(**common)
        sides = {"a": replace(shared, **(a or {})), "b": replace(shared, **(b or {}))}
        size = 32 if "256" in cipher else 16
        # One key for each sender and association number.
        keys = {(name, number): secrets.token_hex(size) for name in PEER for number in range(4)}
        salt = secrets.token_hex(12) if "xpn" in cipher else ""

        def script(name: str) -> str:
            lines = eth0_up(name) + macsec_lines(name, sides[name], cipher, keys, salt)
            lines += link_lines("macsec0", MACSEC0, name)
            return self.batch(name, lines) + (rxe_on(rxe_on_link, MACSEC0[name]) if rxe_on_link else "")

        self.become("macsec", script)

    def ipsec(
        self,
        *,
        families: Sequence[int] = (4,),
        algorithm: str = "aes-gcm-128",
        mode: str = "transport",
        reqid: int = 4791,
        everywhere: bool = False,
        selector: str = "proto udp",
        policy: str = "",
        state: str = "",
        missing: Collection[str] = (),
        extra: Mapping[str, Sequence[str]] | None = None,
        rxe: bool = True,
    ) -> None:
        """Addresses on eth0, rxe0 on it, and ESP between the two for all UDP: the lookups of rxe in xfrm carry no ports.

        families     4, 6 or both: the addresses that are protected; the others stay in clear
        algorithm    one of ALGORITHMS
        everywhere   policies for any address of both families, rather than for the two guests' addresses
        selector     the selector of the policies besides addresses ("proto udp dport 4791", "proto udp sport 50000")
        policy       more words for each policy ("priority 100", "mark 1 mask 0xffffffff", "if_id 7", "action block")
        state        more words for each SA ("limit packet-hard 1000", "mark 1 mask 0xffffffff")
        missing      the parts that are left out, as "GUEST DIRECTION KIND": "a out sa", "b in policy"
        extra        guest -> more lines for ip -batch ("xfrm policy add dir out ... action block")
        """
        unknown = set(missing) - {f"{g} {d} {k}" for g in "ab" for d in ("in", "out") for k in ("sa", "policy")}
        if unknown:
            raise ValueError(f"no such part: {unknown}")
        # Both ends have one SA for each direction, with the same key and SPI.
        directions = [
            Direction(source, family, secrets.randbelow(1 << 31) + 256, algorithm_words(algorithm))
            for source in PEER
            for family in families
        ]

        def script(name: str) -> str:
            lines = eth0_up(name)
            for direction in directions:
                way = "out" if direction.source == name else "in"
                if f"{name} {way} sa" not in missing:
                    lines.append(direction.state(reqid, mode, state))
                if f"{name} {way} policy" not in missing and not everywhere:
                    lines.append(direction.policy(way, selector, reqid, mode, policy))
            if everywhere:
                for way in ("out", "in"):
                    if f"{name} {way} policy" not in missing:
                        lines += [wildcard_policy(any_address, way, selector, reqid, policy) for any_address in ANY]
            lines += (extra or {}).get(name, ())
            return self.batch(name, lines) + (rxe_on("eth0", ETH0[name]) if rxe else "")

        self.become("ipsec", script)

    def gid_index(self, guest: Guest, address: str, device: str = DEVICE) -> int:
        """Returns the index in the device's GID table of an IP address of the guest."""
        folder = f"/sys/class/infiniband/{device}/ports/1/gids"
        for index in range(16):
            if guest.read_file(f"{folder}/{index}").decode().strip() == gid_of(address):
                return index
        raise CommandFailed(f"{guest.name}: {device} has no GID for {address}")

    def batch(self, name: str, lines: Sequence[str]) -> str:
        self.lines[name] = list(lines)
        return batch(lines)

    def become(self, state: str, script: Callable[[str], str]) -> None:
        """Undoes the last state and runs the script of the next one, in both guests at once."""
        is_bare = self.bare_since == self.requests()
        if not is_bare:
            together(lambda guest: guest.sweep(), self.guests.values())

        def change(guest: Guest) -> None:
            reset = "" if is_bare else f". {quote(str(RESET))} {MAC[guest.name]}\n"
            guest.run(f"# network: {state}\nset -e\n{reset}{script(guest.name)}", check=True)

        together(change, self.guests.values())


ANY = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Direction:
    """Traffic of one family from one guest to the other, as SAD and SPD of both guests describe it."""

    source: str
    family: int
    spi: int
    algorithm: str

    @property
    def ends(self) -> str:
        version = 0 if self.family == 4 else 1
        return f"src {ETH0[self.source][version]} dst {ETH0[PEER[self.source]][version]}"

    def state(self, reqid: int, mode: str, more: str) -> str:
        words = f"proto esp spi {self.spi:#x} reqid {reqid} mode {mode} {self.algorithm}"
        return f"xfrm state add {self.ends} {words} {more}"

    def policy(self, way: str, selector: str, reqid: int, mode: str, more: str) -> str:
        template = f"tmpl {self.ends} proto esp reqid {reqid} mode {mode}"
        return f"xfrm policy add {self.ends} {selector} dir {way} {more} {template}"


def together(action: Callable[[Guest], object], guests: Iterable[Guest]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(action, guests))


def wildcard_policy(address: str, way: str, selector: str, reqid: int, more: str) -> str:
    """Returns a policy for any addresses. Only a template of transport mode need not name the ends."""
    template = f"tmpl proto esp reqid {reqid} mode transport"
    return f"xfrm policy add src {address} dst {address} {selector} dir {way} {more} {template}"


def algorithm_words(name: str) -> str:
    words = (
        "0x" + secrets.token_hex(int(word[4:])) if word.startswith("KEY:") else word
        for word in ALGORITHMS[name].split()
    )
    return " ".join(words)


def macsec_lines(
    name: str,
    side: MacsecSide,
    cipher: str,
    keys: Mapping[tuple[str, int], str],
    salt: str,
    device: str = "macsec0",
    link: str = "eth0",
    port: int = 1,
) -> list[str]:
    """A MACsec device with its channels. Several of them on one link differ in their port."""

    def association(sender: str, number: int, active: bool) -> str:
        # With extended packet numbers each sender has a short identifier of its own.
        numbering = f"xpn 1 salt {salt} ssci {'ab'.index(sender) + 1}" if salt else "pn 1"
        return f"sa {number} {numbering} {on(active)} key {number:02x} {keys[sender, number]}"

    peer = PEER[name]
    lines = [
        f"link add link {link} name {device} type macsec port {port} cipher {cipher} protect {on(side.protect)} "
        f"encrypt {on(side.encrypt)} validate {side.validate} encodingsa {side.encoding_sa}"
    ]
    lines += [f"macsec add {device} tx {association(name, n, active)}" for n, active in side.tx_sas.items()]
    if side.rx_sc:
        channel = f"macsec add {device} rx port {port} address {MAC[peer]}"
        lines.append(f"{channel} {on(side.rx_sc_active)}")
        lines += [f"{channel} {association(peer, n, active)}" for n, active in side.rx_sas.items()]
    return lines


def eth0_up(name: str) -> list[str]:
    return link_lines("eth0", ETH0, name)


def link_lines(link: str, addresses: Mapping[str, tuple[str, str]], name: str) -> list[str]:
    """Up, with addresses and the neighbour: a first packet that waits for ARP would fail a QP's connect."""
    v4, v6 = addresses[name]
    lines = [f"link set {link} up", f"address add {v4}/24 dev {link}", f"address add {v6}/64 dev {link} nodad"]
    return lines + [f"neigh replace {peer} lladdr {MAC[PEER[name]]} dev {link}" for peer in addresses[PEER[name]]]


def batch(lines: Sequence[str]) -> str:
    text = "\n".join(lines)
    return f"ip -batch - <<'END'\n{text}\nEND\n"


def rxe_on(link: str, addresses: Sequence[str]) -> str:
    gids = " ".join(gid_of(address) for address in addresses)
    return f"rdma link add {DEVICE} type rxe netdev {link}\n. {quote(str(AWAIT_GIDS))} {DEVICE} {gids}\n"


def gid_of(address: str) -> str:
    """Returns the GID of an address, as sysfs writes it; that of an IPv4 address is ::ffff:a.b.c.d."""
    ip = ipaddress.ip_address(address)
    return ipaddress.IPv6Address(f"::ffff:{ip}" if ip.version == 4 else ip).exploded


def on(value: bool) -> str:
    return "on" if value else "off"
