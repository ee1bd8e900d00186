# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Waiting for protection: a guarded call for the first SAs of MACsec, and rdmasec wait for a path or a netdev."""

from __future__ import annotations

import json
from collections.abc import Sequence

from testbed.api import SIDE_CHANNEL, USER, Process, Test, await_listener
from testbed.applications import bare_is_seen
from testbed.daemon import POLICY, by_library, on_both, without_gate
from testbed.refusals import has_reason, refusal
from testbed.states import AWAIT_GIDS, DEVICE, ETH0, MAC, MACSEC0, batch, gid_of

PROTECTED, UNPROTECTED, UNKNOWN = 0, 1, 3  # exit statuses of rdmasec check and wait
LONG, SHORT = "[default]\nsetup-timeout = 5m\n", "[default]\nsetup-timeout = 500ms\n"
LATE = "setup-timeout"  # in each refusal after a wait
TX, RX = "macsec0 tx sa 0", f"macsec0 rx port 1 address {MAC['b']} sa 0"
UP = ["link set macsec0 up", f"neigh replace {MACSEC0['b'][0]} lladdr {MAC['b']} dev macsec0"]


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.macsec()
    daemon = on_both(t, LONG)
    for side, channel in (("transmit", TX), ("receive", RX)):
        program_waits_for_sa(t, side, channel)
    program_waits_for_device(t)
    a_wrong_setting_is_refused_at_once(t)
    a_down_device_beside_live_sas_is_refused_at_once(t)
    t.a.write_file(POLICY, without_gate(SHORT))
    daemon.process.kill(1)
    t.check(daemon.process.output_with("policy reloaded"), "the daemon reloads its policy", daemon.process.output())
    the_wait_ends_with_its_reason(t)
    waits_for_netdev(t)
    waits_for_path(t)
    unknown_is_one_status(t)
    t.a.run("rm -r /run/rdmasec", check=True)
    t.b.run("rm -r /run/rdmasec", check=True)


# ---- a guarded call ----


def without(t: Test, channel: str) -> Sequence[str]:
    """Takes an SA from a's macsec0. Returns the lines that bring it back."""
    t.a.run(batch([f"macsec set {channel} off", f"macsec del {channel}"]), check=True)
    return t.net.made("a", f"macsec add {channel}")


def start_pingpong(t: Test) -> tuple[Process, Process]:
    """b serves, a is the client; both are guarded by the daemons. The client has its peer's address, and connects its QP."""
    gids = [t.net.gid_index(guest, MACSEC0[guest.name][0]) for guest in (t.b, t.a)]
    calls = [f"exec {by_library(t)} ibv_rc_pingpong -d {DEVICE} -n 50 -g {gid}" for gid in gids]
    server = t.b.start(calls[0], user=USER)
    await_listener(server, SIDE_CHANNEL)
    client = t.a.start(f"{calls[1]} {ETH0['b'][0]}", user=USER)
    return server, client


def asks(t: Test, client: Process) -> bool:
    """Returns whether its door waits for the engine: the program itself never waits in recvmsg(2)."""
    return t.eventually(lambda: client.poll() or t.a.run(f"grep -q ^47' ' /proc/{client.pid}/syscall").ok) is True


def program_waits_for_sa(t: Test, side: str, channel: str) -> None:
    what = f"no {side} SA"
    back = without(t, channel)
    with t.wire() as wire:
        server, client = start_pingpong(t)
        t.check(asks(t, client) and client.poll() is None, f"{what}: the program waits", client.output())
        t.a.run(batch(back), check=True)
        done, served = client.wait(), server.wait()
    t.check(done.ok and served.ok, f"{what}: it runs when the SA has come", f"{done} {served}")
    t.check(wire.clear == 0 and wire.counts["macsec"] > 0, f"{what}: only MACsec crosses the wire", wire)


def program_waits_for_device(t: Test) -> None:
    """As wpa_supplicant leaves it before MKA is ready: down, and without SAs."""
    back = [*without(t, TX), *UP]
    t.a.run("ip link set macsec0 down", check=True)
    with t.wire() as wire:
        server, client = start_pingpong(t)
        t.check(asks(t, client) and client.poll() is None, "macsec0 is down without an SA: the program waits", client.output())
        t.a.run(batch(back), check=True)
        done, served = client.wait(), server.wait()
    t.check(done.ok and served.ok, "macsec0 is down without an SA: it runs when MKA is ready", f"{done} {served}")
    t.check(wire.clear == 0, "macsec0 is down without an SA: nothing is in clear", wire)


def refused(t: Test, what: str, reason: str, late: bool) -> None:
    server, client = start_pingpong(t)
    with t.wire() as wire:
        done = client.wait()
    server.kill()
    line = refusal(done)
    when = "when its time is over" if late else "at once"
    t.check(not done.ok and has_reason(line, reason) and (LATE in done.err) == late, f"{what}: refused {when}", done)
    t.check(wire.clear == 0, f"{what}: nothing is in clear", wire)


def a_wrong_setting_is_refused_at_once(t: Test) -> None:
    back = without(t, TX)
    t.a.run("ip link set macsec0 type macsec encrypt off", check=True)
    refused(t, "encrypt off and no SA", "macsec-encrypt-off", late=False)
    t.a.run("ip link set macsec0 type macsec encrypt on", check=True)
    t.a.run(batch(back), check=True)


def a_down_device_beside_live_sas_is_refused_at_once(t: Test) -> None:
    t.a.run("ip link set macsec0 down", check=True)
    refused(t, "macsec0 is down beside live SAs", "macsec-down", late=False)
    t.a.run(batch(UP), check=True)


def the_wait_ends_with_its_reason(t: Test) -> None:
    back = without(t, TX)
    refused(t, "no transmit SA comes", "macsec-tx-sa-missing", late=True)
    t.a.run(batch(back), check=True)


# ---- rdmasec wait ----


def waits(t: Test, choice: str, user: int | None = None) -> Process:
    return t.a.start(f"exec {t.build}/bin/rdmasec wait {choice}", user=user)


def waits_for_netdev(t: Test) -> None:
    """An ordinary user can read MACsec. The device comes later than the netdev, and the SA last."""
    back = without(t, TX)
    t.a.run(f"rdma link delete {DEVICE}", check=True)
    choice = f"-n macsec0 -r {MACSEC0['b'][0]}"  # without -r, IPv6 routes lead elsewhere
    process = waits(t, choice, USER)
    none = process.says("(reason=no-gid)")
    t.a.run(f"rdma link add {DEVICE} type rxe netdev macsec0 && . {AWAIT_GIDS} {DEVICE} {gid_of(MACSEC0['a'][0])}", check=True)
    missing = process.says("(reason=macsec-tx-sa-missing")
    t.check(none and missing and process.poll() is None, "wait -n macsec0: it says why it waits", process.output())
    t.a.run(batch(back), check=True)
    done = process.wait()
    t.check(done.code == PROTECTED and "protected: macsec0 " in done.out, "wait -n macsec0: it returns when the SA has come", done)
    at_once = t.a.run(f"{t.build}/bin/rdmasec check {choice}")
    t.check(at_once.code == PROTECTED and at_once.out == done.out, "check -n macsec0: the same", at_once)


def waits_for_path(t: Test) -> None:
    t.net.ipsec(missing=["a out sa"])
    path = f"-d {DEVICE} -g {t.net.gid_index(t.a, ETH0['a'][0])} -r {ETH0['b'][0]}"
    over = t.a.run(f"{t.build}/bin/rdmasec wait {path} --timeout 1 --json")
    said = json.loads(over.out)
    t.check(over.code == UNPROTECTED and said["reason"].startswith("outbound-sa-missing"), "wait --timeout 1: the reason", over)
    process = waits(t, path)
    t.check(process.says("(reason=outbound-sa-missing"), "wait -d -g -r: it says why it waits", process.output())
    words = t.net.made("b", f"xfrm state add src {ETH0['a'][0]}")
    t.a.run(batch(words), check=True)
    done = process.wait()
    t.check(done.code == PROTECTED and done.out.startswith("protected: ESP "), "wait -d -g -r: it returns when the SA has come", done)
    everything = t.a.run(f"{t.build}/bin/rdmasec wait --all --timeout 0")
    t.check(everything.code == UNPROTECTED, "wait --all: GIDs in clear are unprotected", everything)


def unknown_is_one_status(t: Test) -> None:
    for choice in ("-d none0 -g 0", f"-d {DEVICE} -g 200", f"-d {DEVICE} -g 0 -i 9", "-n none0"):
        for command in ("check", "wait --timeout 0"):
            result = t.a.run(f"{t.build}/bin/rdmasec {command} {choice}")
            t.check(result.code == UNKNOWN and result.out.startswith("unknown: "), f"{command} {choice}: unknown", result)
