# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One part is missing at a time: check, status and a guarded program all give that reason."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from testbed.api import Test
from testbed.applications import APPLICATIONS, bare_is_seen, try_out
from testbed.refusals import Source, names, reasons, refusal
from testbed.states import ETH0, MACSEC0, PEER, Network

TIME_LIMIT = 1200

POLICY = "/run/near-misses.conf"
# No MKA runs here, and a path that lacks only a MACsec SA would wait ten seconds for one.
IMPATIENT = "[default]\nsetup-timeout = 500ms\n"
PROTECTED, UNPROTECTED = 0, 1  # rdmasec check's exit status
BOTH = (4, 6)


@dataclass(frozen=True)
class Case:
    """A state of the network, the codes of its reason, and a name or number that the text has."""

    what: str
    change: Callable[[Network], None]
    codes: str
    addresses: dict
    families: Sequence[int] = (4,)
    names: str = ""


def macsec(what: str, codes: str, families: Sequence[int] = (4,), names: str = "macsec0", **broken: Any) -> Case:
    return Case(what, lambda net: net.macsec(**broken), codes, MACSEC0, families, names)


def ipsec(what: str, codes: str, families: Sequence[int] = (4,), names: str = "", **broken: Any) -> Case:
    return Case(what, lambda net: net.ipsec(families=families, **broken), codes, ETH0, families, names)


def secy_down(net: Network) -> None:
    net.macsec()
    for guest in net.guests.values():
        guest.run("ip link set macsec0 down", check=True)


def disable_xfrm(net: Network) -> None:
    """Routes by eth0 then skip xfrm (net/ipv4/route.c, DST_NOXFRM), though policies and SAs are complete."""
    net.ipsec()
    for guest in net.guests.values():
        guest.run("echo 1 > /proc/sys/net/ipv4/conf/eth0/disable_xfrm", check=True)


def sas_expired(net: Network) -> None:
    net.ipsec(state="limit time-hard 2")
    for guest in net.guests.values():
        if not guest.eventually(lambda: not guest.run("ip xfrm state", check=True).out):
            raise RuntimeError(f"{guest.name}: its SAs have not expired")


def tunnel_of_ah(net: Network) -> None:
    """rxe binds its packets to macsec0, but the tunnel leaves by eth0: xfrm_bundle_create() looks up another route."""
    net.macsec()
    for name, peer in PEER.items():
        hosts, ends = (f"src {of[name][0]} dst {of[peer][0]}" for of in (MACSEC0, ETH0))
        key = f"auth-trunc 'hmac(sha256)' 0x{secrets.token_hex(32)} 128"
        state = f"ip xfrm state add {ends} proto ah spi 0x4791 reqid 1 mode tunnel {key}"
        policy = f"ip xfrm policy add {hosts} proto udp dir out tmpl {ends} proto ah reqid 1 mode tunnel"
        net.guests[name].run(f"{state} && {policy}", check=True)


def passes_in_clear(families: Sequence[int]) -> dict[str, list[str]]:
    """Returns for each guest a policy without template that precedes those of net.ipsec(policy="priority 100").

    It selects more than UDP: the kernel accepts a selector only once, whatever the priorities.
    """
    ends: dict[str, list[str]] = {"a": [], "b": []}
    for name, peer in PEER.items():
        for family in families:
            local, remote = (ETH0[guest][0 if family == 4 else 1] for guest in (name, peer))
            ends[name].append(f"xfrm policy add src {local} dst {remote} dir out priority 10 action allow")
    return ends


CASES = (
    macsec("encrypt off", "macsec-encrypt-off", BOTH, encrypt=False),
    macsec("protect off", "macsec-protect-off", BOTH, protect=False, encrypt=False),
    macsec("validate check", "macsec-validate", validate="check"),
    macsec("validate disabled", "macsec-validate", BOTH, validate="disabled"),
    macsec("no TX SA", "macsec-tx-sa-missing", names="AN 0", tx_sas={}),
    macsec("a TX SA, but not the encoding one", "macsec-tx-sa-missing", names="AN 1", encoding_sa=1),
    macsec("TX SA inactive", "macsec-tx-sa-inactive", BOTH, names="AN 0", tx_sas={0: False}),
    macsec("no RX SC", "macsec-no-rx-sa", rx_sc=False),
    macsec("RX SC inactive", "macsec-no-rx-sa", rx_sc_active=False),
    macsec("no RX SA", "macsec-no-rx-sa", BOTH, rx_sas={}),
    macsec("RX SA inactive", "macsec-no-rx-sa", rx_sas={0: False}),
    Case("SecY down", secy_down, "macsec-down", MACSEC0, names="macsec0"),
    macsec("rxe on eth0, GID of macsec0", "rxe-receives-elsewhere", BOTH, rxe_on_link="eth0"),
    Case("a tunnel of AH leads past macsec0", tunnel_of_ah, "policy-tunnel", MACSEC0),
    ipsec("policies for port 4791", "outbound-policy-ports", BOTH, selector="proto udp dport 4791"),
    ipsec("policies without SAs", "outbound-sa-missing", BOTH, names="reqid 4791",
          missing=("a out sa", "a in sa", "b out sa", "b in sa")),
    ipsec("SA outbound only", "inbound-sa-missing", BOTH, names="reqid 4791", missing=("a in sa",)),
    ipsec("SA inbound only", "outbound-sa-missing", names="reqid 4791", missing=("a out sa",)),
    ipsec("no inbound policy", "macsec-no-device,inbound-no-policy", missing=("a in policy",)),
    ipsec("null cipher", "outbound-sa-cipher", BOTH, names="ecb(cipher_null)", algorithm="null-sha256"),
    ipsec("AES-CBC with HMAC", "outbound-sa-cipher", names="cbc(aes)", algorithm="aes-cbc-sha256"),
    ipsec("AES-GMAC", "outbound-sa-cipher", names="rfc4543(gcm(aes))", algorithm="aes-gmac-128"),
    ipsec("AES-GCM with a short ICV", "outbound-sa-icv", names="64", algorithm="aes-gcm-128-icv8"),
    ipsec("a policy without template comes first", "outbound-policy-clear", BOTH, names="priority 10",
          policy="priority 100", extra=passes_in_clear(BOTH)),
    ipsec("policies of another mark", "outbound-policy-mark", BOTH, names="mark 0x1", policy="mark 1 mask 0xffffffff"),
    ipsec("policies of an xfrm interface", "outbound-policy-if-id", names="id 7", policy="if_id 7"),
    Case("the netdev skips xfrm", disable_xfrm, "netdev-disable-xfrm", ETH0, names="eth0"),
    Case("SAs expired", sas_expired, "outbound-sa-missing", ETH0, names="reqid 4791"),
)  # fmt: skip


def run(t: Test) -> None:
    bare_is_seen(t)
    t.a.write_file(POLICY, IMPATIENT)
    t.net.macsec()
    for family in BOTH:
        is_protected_when_complete(t, "MACsec", MACSEC0, family)
    t.net.ipsec(families=BOTH)
    for family in BOTH:
        is_protected_when_complete(t, "IPsec", ETH0, family)
    control_tunnel_leaks(t)
    for case in CASES:
        case.change(t.net)
        for family in case.families:
            refused(t, case, family)


def control_tunnel_leaks(t: Test) -> None:
    """No answer arrives: rxe on macsec0 drops packets that come by eth0."""
    tunnel_of_ah(t.net)
    pingpong = APPLICATIONS["ibv_rc_pingpong"]
    for limit in (5, 20, 60, 240):  # s: the first is enough on an idle host
        trial = try_out(t, replace(pingpong, client=f"timeout {limit} {pingpong.client}"), MACSEC0)
        if trial.wire["clear_data"]:
            break
    t.check(trial.wire["clear_data"] > 0, "control, bare: packets that a tunnel of AH takes from macsec0 leave in clear", trial)


def path(t: Test, addresses: dict, family: int) -> tuple[int, str]:
    """Returns guest a's GID index, and b's address."""
    version = 0 if family == 4 else 1
    return t.net.gid_index(t.a, addresses["a"][version]), addresses["b"][version]


def check(t: Test, addresses: dict, family: int) -> tuple[int, dict]:
    """Returns exit status and JSON of rdmasec check for the path from a to b."""
    index, remote = path(t, addresses, family)
    result = t.a.run(f"{t.build}/bin/rdmasec check -d rxe0 -g {index} -r {remote} --json")
    return result.code, json.loads(result.out)


def is_protected_when_complete(t: Test, what: str, addresses: dict, family: int) -> None:
    """The control of all cases."""
    code, said = check(t, addresses, family)
    protected = code == PROTECTED and said["verdict"] == "protected" and said["by"] == what.lower()
    t.check(protected, f"control: {what}, IPv{family}, with nothing missing: protected", said)


def refused(t: Test, case: Case, family: int) -> None:
    what = case.what if family == 4 else f"{case.what}, IPv6"
    code, said = check(t, case.addresses, family)
    reason = said.get("reason", "")
    t.check(code == UNPROTECTED and gives(said, case), f"{what}: check gives the reason", f"exit {code} {said}")
    shown = status_reason(t, case.addresses, family)
    t.check(shown == reason and reason, f"{what}: status gives the same reason", f"status: {shown}\ncheck: {reason}")

    trial = try_out(t, APPLICATIONS["ibv_rc_pingpong"], case.addresses, guarded="a", family=family, options=f"-p {POLICY}")
    failed = trial.client is not None and trial.client.code != 0
    t.check(failed and trial.readable == 0, f"{what}: ibv_rc_pingpong fails, and nothing leaves in clear", trial)
    line = refusal(trial.client)
    t.check(gives(line, case), f"{what}: ibv_rc_pingpong prints the reason", trial)


def gives(source: Source, case: Case) -> bool:
    return ",".join(reasons(source)) == case.codes and names(source, case.names)


def status_reason(t: Test, addresses: dict, family: int) -> str | None:
    """Returns the reason of status for this remote, or for any remote if it does not list this one."""
    index, remote = path(t, addresses, family)
    rows = json.loads(t.a.run(f"{t.build}/bin/rdmasec status --json").out)
    reasons = {row["remote"]: row.get("reason") for row in rows if row.get("gid_index") == index}
    return reasons.get(remote, reasons.get("any"))
