"""charon rekeys under traffic."""

from __future__ import annotations

import re
import time

from testbed.api import Guest, Test
from testbed.applications import bare_is_seen
from testbed.daemon import USER, by_library, on_both
from testbed.states import ETH0
from testbed.stream import Stream

TIME_LIMIT = 600
ROUNDS = 20
WITHIN = 30  # s for one negotiation; an emulated CPU takes seconds for the first
FOLDER = "/run/strongswan"
# openssl has all the algorithms; bypass-lan, which Debian loads by default, would exempt the wire
DAEMON = """
charon {
    load = random nonce openssl kdf kernel-netlink socket-default vici
    install_routes = no
    filelog { stderr { default = 1 } }
}
"""
CONNECTION = """
connections {{
    peer {{
        version = 2
        local_addrs = {local}
        remote_addrs = {remote}
        proposals = aes128gcm16-prfsha256-x25519
        local {{ auth = psk }}
        remote {{ auth = psk }}
        children {{
            roce {{
                mode = transport
                local_ts = {local}/32[udp]
                remote_ts = {remote}/32[udp]
                esp_proposals = aes128gcm16
                rekey_time = 0
            }}
        }}
    }}
}}
secrets {{ ike-peer {{ secret = "of the testbed alone" }} }}
"""


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.clear()
    for guest in (t.a, t.b):
        start_charon(t, guest)
    initiated = t.a.run("swanctl --initiate --child roce --timeout 60", 90)
    if not t.check(initiated.ok, "charon negotiates a CHILD_SA", initiated):
        return
    daemon = on_both(t)
    guard = by_library(t)
    stream = Stream(t, ETH0, wrap_a=guard, wrap_b=guard, user=USER)
    seen = [outbound(t)]
    with t.wire(busy=True) as wire:
        for _ in range(ROUNDS):
            seen.append(rekeyed(t, seen[-1]))
        goes_on = stream.goes_on()
    t.check(len(set(seen)) == ROUNDS + 1 and None not in seen, f"{ROUNDS} rekeyings, each with an SPI of its own", seen)
    t.check(goes_on, f"{ROUNDS} times rekeyed: the stream goes on", stream.client.output())
    t.check(wire.counts["esp"] > 0 and wire.clear == 0, f"{ROUNDS} times rekeyed: nothing in clear", wire)
    lost = [record for record in daemon.log() if record["event"] in ("revoked", "grace", "not-revoked")]
    t.check(not lost, f"{ROUNDS} times rekeyed: the audit log tells of no loss", lost)
    t.check(shows(daemon, stream, seen[-1]), "the QP is listed with the newest SA", daemon.qps())
    began = time.time()
    t.a.run("swanctl --terminate --child roce", 60, check=True)
    ending = stream.end_of_a(WITHIN)
    t.check(ending and ending.flushed, "the child is terminated: the QP goes", f"{ending} {time.time() - began:.1f} s")
    t.note(f"{ROUNDS} rekeyings, {stream.sent()} messages sent")
    stream.stop()


def start_charon(t: Test, guest: Guest) -> None:
    local, remote = (ETH0[name][0] for name in (guest.name, "b" if guest.name == "a" else "a"))
    guest.run(f"mkdir -p -m 700 {FOLDER}", check=True)
    guest.write_file(f"{FOLDER}/strongswan.conf", DAEMON)
    guest.write_file(f"{FOLDER}/swanctl.conf", CONNECTION.format(local=local, remote=remote))
    charon = guest.start(f"exec env STRONGSWAN_CONF={FOLDER}/strongswan.conf /usr/lib/ipsec/charon")
    deadline = time.monotonic() + WITHIN
    while not guest.run("test -S /run/charon.vici").ok:
        if charon.poll() or time.monotonic() > deadline:
            raise RuntimeError(f"charon does not run: {charon.output()}")
        time.sleep(0.2)
    guest.run(f"swanctl --load-all --file {FOLDER}/swanctl.conf", 30, check=True)


def outbound(t: Test) -> str | None:
    """The SPI of the newest SA by which guest a sends."""
    listed = t.a.run("swanctl --list-sas --child roce --raw", 30, check=True).out
    spis = re.findall(r"state=INSTALLED .*?spi-out=([0-9a-f]{8})", listed)
    return spis[-1] if spis else None


def rekeyed(t: Test, before: str | None) -> str | None:
    """The SPI that has taken the place of this one; None: none did."""
    t.a.run("swanctl --rekey --child roce", 30, check=True)
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        now = outbound(t)
        if now and now != before:
            return now
        time.sleep(0.2)
    return None


def shows(daemon: object, stream: Stream, spi: str) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(f"0x{spi}" in row.get("details", "") for row in daemon.qps(stream.client.pid)):
            return True
        time.sleep(0.3)
    return False
