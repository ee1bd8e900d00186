# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""What leads packets elsewhere after they were judged: rules of nftables, filters of tc."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from testbed.api import Result, Test, await_listener
from testbed.applications import SIDE_CHANNEL, Addresses
from testbed.daemon import ANY, USER, Daemon, by_library, try_qp
from testbed.gate import ROUTED, ipsec, macsec, macsec_beside_eth0
from testbed.refusals import has_reason, names
from testbed.states import DEVICE, ETH0, MACSEC0
from testbed.stream import GENTLE, Stream, change

OTHER = "10.77.0.77"  # of a
PROTECTED, UNPROTECTED = 0, 1
STRICT = "/run/strict.conf"
CONTROL_S = 1
# As docker and kube-proxy have them, where 172.17.0.0/16 and 10.244.0.0/16 are those of the containers.
CONTAINERS = """
table ip nat {
 chain DOCKER {
  iifname "docker0" return
  iifname != "docker0" tcp dport 8080 dnat to 172.17.0.2:80
 }
 chain KUBE-MARK-MASQ {
  meta mark set meta mark or 0x4000
 }
 chain KUBE-SVC {
  ip saddr != 10.244.0.0/16 jump KUBE-MARK-MASQ
  dnat to 10.244.0.7
 }
 chain KUBE-SERVICES {
  ip daddr 10.96.0.10 udp dport 53 jump KUBE-SVC
  ip daddr 10.96.0.1 tcp dport 443 jump KUBE-SVC
 }
 chain KUBE-POSTROUTING {
  meta mark and 0x4000 != 0x4000 return
  meta mark set meta mark xor 0x4000
  masquerade fully-random
 }
 chain OUTPUT {
  type nat hook output priority -100; policy accept;
  jump KUBE-SERVICES
  ip daddr != 127.0.0.0/8 fib daddr type local jump DOCKER
 }
 chain POSTROUTING {
  type nat hook postrouting priority 100; policy accept;
  jump KUBE-POSTROUTING
  ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
 }
}
"""


@dataclass(frozen=True)
class Detour:
    """Rules on a under which its packets leave in clear."""

    what: str
    network: Callable[[Test], None]
    addresses: Addresses
    rules: str
    chain: str


def run(t: Test) -> None:
    for detour in DETOURS:
        detour.network(t)
        is_named(t, detour)
        ends_queue_pairs(t, detour)
    gated(t, DETOURS[-1])
    others_are_not_named(t)
    ordinary_user(t)
    others_disturb_no_queue_pair(t)
    strict_policy(t)
    filters_are_named(t)
    filter_ends_queue_pairs(t)
    engine_of_ordinary_user(t)


DETOURS = (
    Detour(
        "a chain of type route", macsec_beside_eth0, ROUTED,
        "table ip m { chain out { type route hook output priority -150; udp dport 4791 ip dscp set 26; }; }", "ip m out",
    ),
    Detour(
        "another source address", ipsec, ETH0,
        f"table ip n {{ chain post {{ type nat hook postrouting priority 100; udp dport 4791 snat to {OTHER}; }}; }}", "ip n post",
    ),
)  # fmt: skip


def of_nft(rules: str) -> str:
    return f"nft -f - <<'END'\nflush ruleset\n{rules}\nEND"


def load(t: Test, rules: str) -> None:
    t.a.run(of_nft(rules), check=True)


def check(t: Test, addresses: Addresses) -> Result:
    index = t.net.gid_index(t.a, addresses["a"][0])
    return t.a.run(f"{t.build}/bin/rdmasec check -d {DEVICE} -g {index} -r {addresses['b'][0]} --json")


def clear_frames(t: Test, addresses: Addresses) -> int:
    """Returns the readable frames of a bare pingpong, which the rules may keep from its end."""
    indexes = {guest.name: t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.a, t.b)}
    server = t.b.start(f"exec ibv_rc_pingpong -d {DEVICE} -n 100000 -g {indexes['b']}")
    await_listener(server, SIDE_CHANNEL)
    client = t.a.start(f"exec ibv_rc_pingpong -d {DEVICE} -n 100000 -g {indexes['a']} {ETH0['b'][0]}")
    clear = t.readable_frames(CONTROL_S)
    for process in (client, server):
        process.kill()
        process.wait()
    return clear


def is_named(t: Test, detour: Detour) -> None:
    before = check(t, detour.addresses)
    t.check(before.code == PROTECTED and "netfilter" not in before.out, f"{detour.what}: before it, check says protected", before)
    load(t, detour.rules)
    clear = clear_frames(t, detour.addresses)
    t.check(clear > 0, f"control, bare: {detour.what}: packets leave in clear")
    t.note(f"bare, {detour.what}: {clear} frames in clear")
    found = check(t, detour.addresses)
    row = json.loads(found.out)
    named = row["reason"] == "netfilter" and f"netfilter chain {detour.chain} leads" in row["text"]
    t.check(found.code == UNPROTECTED and named, f"{detour.what}: check says unprotected, and names the chain", found)
    listed = t.a.run(f"{t.build}/bin/rdmasec status --json")
    t.check(f"netfilter chain {detour.chain} leads" in listed.out, f"{detour.what}: so does status", listed)
    load(t, detour.rules.replace("udp dport 4791", "ct state new udp dport 4791"))
    found = check(t, detour.addresses)
    may = f"netfilter chain {detour.chain} may lead packets past it" in found.out
    t.check(found.code == PROTECTED and may, f"{detour.what}: protected with a remark, where a rule may take packets", found)


def gated(t: Test, detour: Detour) -> None:
    load(t, detour.rules)
    t.a.run(f"{t.build}/bin/rdmasec lockdown on", check=True)
    found = check(t, detour.addresses)
    t.check(found.code == PROTECTED and "netfilter" not in found.out, "with the gate up: protected without a remark", found)
    t.a.run(f"{t.build}/bin/rdmasec lockdown off", check=True)
    found = check(t, detour.addresses)
    t.check(found.code == UNPROTECTED, "with the gate off again: unprotected", found)


def others_are_not_named(t: Test) -> None:
    load(t, CONTAINERS)
    found = check(t, ETH0)
    listed = t.a.run(f"{t.build}/bin/rdmasec status --json")
    t.check(found.code == PROTECTED, "rules of docker and Kubernetes: check says protected", found)
    t.check("netfilter" not in found.out + listed.out, "rules of docker and Kubernetes: none is named", listed)


def ordinary_user(t: Test) -> None:
    listed = t.a.run(f"{t.build}/bin/rdmasec status", user=USER)
    said = listed.out.count("netfilter: without CAP_NET_ADMIN")
    t.check(said == 1 and "netfilter is not known" not in listed.out, "an ordinary user: status says once that nobody looked", listed)


# ---- queue pairs ----


def guarded(t: Test, addresses: Addresses) -> Stream:
    """On a. Its program keeps its queue pair."""
    return Stream(t, addresses, wrap_a=by_library(t), options=GENTLE, keep=True, user=USER)


def is_revoked(t: Test, what: str, addresses: Addresses, shell: str, reason: str, name: str) -> None:
    """A queue pair under traffic, when rules come that lead its packets elsewhere; and another one, which they keep from its address."""
    daemon = Daemon(t, t.a)
    passed = try_qp(t, addresses)
    t.check(passed.passed, f"{what}: before it, a guarded program passes", passed)
    stream = guarded(t, addresses)
    event = change(t.a, shell=shell)
    ending = stream.end_of_a()
    if ending:
        t.note(f"{what}: ended after {(ending.at - event.began) * 1000:.0f} ms")
    t.check(ending and ending.flushed, f"{what}: the program sees its work flushed", stream.client.output())
    revoked = daemon.await_revoked(stream.client, event.began)
    t.check(has_reason(revoked, reason) and names(revoked, name), f"{what}: the audit log names the cause", revoked or daemon.log())
    stream.stop()
    refused = try_qp(t, addresses)
    named = has_reason(refused.result.err, reason) and name in refused.result.err
    t.check(not refused.passed and named, f"{what}: a guarded program is refused for it", refused)
    daemon.kill()


def ends_queue_pairs(t: Test, detour: Detour) -> None:
    load(t, "")
    is_revoked(t, detour.what, detour.addresses, of_nft(detour.rules), "netfilter", f"netfilter chain {detour.chain} leads")


def others_disturb_no_queue_pair(t: Test) -> None:
    load(t, "")
    daemon = Daemon(t, t.a)
    stream = guarded(t, ETH0)
    for _ in range(3):
        load(t, CONTAINERS)
        load(t, "")
    load(t, CONTAINERS)
    passed = try_qp(t, ETH0)
    t.check(passed.passed, "rules of docker and Kubernetes: a guarded program passes", passed)
    t.check(stream.continues(), "rules of docker and Kubernetes come and go: a queue pair goes on", stream.client.output())
    t.check(not daemon.losses(), "rules of docker and Kubernetes: nothing is revoked", daemon.losses())
    stream.stop()
    daemon.kill()


def strict_policy(t: Test) -> None:
    daemon = Daemon(t, t.a, f"{ANY}strict = yes\n")
    passed = try_qp(t, ETH0)
    t.check(passed.passed, "strict = yes, rules of docker and Kubernetes: a guarded program passes", passed)
    load(t, DETOURS[-1].rules.replace("udp dport 4791", "ct state new udp dport 4791"))
    refused = try_qp(t, ETH0)
    t.check(has_reason(refused.result.err, "strict"), "strict = yes: a rule that may take packets has a program refused", refused)
    load(t, "")
    legacy_tables(t)
    daemon.kill()
    load(t, "")


def legacy_tables(t: Test) -> None:
    """Under a daemon with strict = yes. Their rules are not followed; tables that were only listed have none."""
    table = "iptables-legacy table nat may lead packets past it"
    t.a.run("iptables-legacy -t nat -S\niptables-legacy -t nat -N KUBE-HINT", check=True)
    found = check(t, ETH0)
    t.check(found.code == PROTECTED and "iptables-legacy" not in found.out, "iptables-legacy, no rules: protected without a remark", found)
    passed = try_qp(t, ETH0)
    t.check(passed.passed, "strict = yes, iptables-legacy without rules: a guarded program passes", passed)
    t.a.run("iptables-legacy -t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE", check=True)
    found = check(t, ETH0)
    t.check(found.code == PROTECTED and table in found.out, "iptables-legacy: protected with a remark", found)
    refused = try_qp(t, ETH0)
    told = not refused.passed and has_reason(refused.result.err, "strict") and table in refused.result.err
    t.check(told, "strict = yes, a table of iptables-legacy has a program refused", refused)
    t.a.run("iptables-legacy -t nat -F && iptables-legacy -t nat -X", check=True)


def filter_ends_queue_pairs(t: Test) -> None:
    t.a.run("tc qdisc del dev macsec0 clsact; tc qdisc add dev macsec0 clsact", check=True)
    add = f"tc filter add dev macsec0 egress prio 10 {FILTERS[0][1]}"
    is_revoked(t, "tc, matchall", MACSEC0, add, "tc-filter", "tc filter matchall pref 10 on macsec0 leads")
    t.a.run("tc qdisc del dev macsec0 clsact", check=True)


def engine_of_ordinary_user(t: Test) -> None:
    """Not known is not none: it may not read the rules."""
    t.a.run("rm -rf /run/rdmasec", check=True)  # the socket of the daemon that was killed
    t.a.write_file(STRICT, f"{ANY}strict = yes\n")
    t.a.write_file(STRICT.replace("strict", "plain"), ANY)
    passed = try_qp(t, MACSEC0, wrap=f"{t.build}/bin/rdmasec run -p {STRICT.replace('strict', 'plain')} --")
    t.check(passed.passed, "an ordinary user's own engine: passes over MACsec", passed)
    refused = try_qp(t, MACSEC0, wrap=f"{t.build}/bin/rdmasec run -p {STRICT} --")
    told = has_reason(refused.result.err, "strict") and "it takes CAP_NET_ADMIN" in refused.result.err
    t.check(told, "an ordinary user's own engine, strict = yes: refuses what it cannot read", refused)


# ---- tc ----

# Filters on macsec0 with what check says: that they surely lead packets elsewhere, may do so, or nothing.
REDIRECT = "action mirred egress redirect dev eth0"
FILTERS = (
    ("matchall", f"matchall {REDIRECT}", "leads"),
    ("flower, of RoCE", f"protocol ip flower ip_proto udp dst_port 4791 {REDIRECT}", "leads"),
    ("flower, of another port", f"protocol ip flower ip_proto udp dst_port 53 {REDIRECT}", ""),
    ("flower, of a source port", f"protocol ip flower ip_proto udp src_port 50000 {REDIRECT}", "may"),
    ("u32, a copy", "protocol ip u32 match ip dport 4791 0xffff action mirred egress mirror dev eth0", "leads"),
    ("an action that changes packets", "matchall action pedit ex munge ip ttl set 3", "may"),
)


def set_filter(t: Test, words: str) -> None:
    t.a.run(f"tc filter del dev macsec0 egress\ntc filter add dev macsec0 egress prio 10 {words}", check=True)


def filters_are_named(t: Test) -> None:
    macsec(t)
    t.a.run("nft flush ruleset\ntc qdisc add dev macsec0 clsact", check=True)
    found = check(t, MACSEC0)
    t.check(found.code == PROTECTED and "tc filter" not in found.out, "clsact without filters: protected", found)
    set_filter(t, FILTERS[0][1])
    clear = clear_frames(t, MACSEC0)
    t.check(clear > 0, "control, bare: a filter of tc on macsec0: packets leave in clear")
    t.note(f"bare, a filter of tc on macsec0: {clear} frames in clear")
    for what, words, said in FILTERS:
        set_filter(t, words)
        found = check(t, MACSEC0)
        row = json.loads(found.out)
        named = f"{words.split()[2 if words.startswith('protocol') else 0]} pref 10 on macsec0"
        if said == "leads":
            right = found.code == UNPROTECTED and row["reason"] == "tc-filter" and f"tc filter {named} leads" in row["text"]
        else:
            remark = f"tc filter {named} may lead packets past it" in found.out
            right = found.code == PROTECTED and remark == (said == "may")
        t.check(right, f"tc, {what}: check says {said or 'nothing'}", found)
    set_filter(t, FILTERS[0][1])
    listed = t.a.run(f"{t.build}/bin/rdmasec status --json", user=USER)
    t.check("tc filter matchall pref 10 on macsec0 leads" in listed.out, "tc: status of an ordinary user names it", listed)
    index = t.net.gid_index(t.a, MACSEC0["a"][0])
    waiting = t.a.start(f"exec {t.build}/bin/rdmasec wait -d {DEVICE} -g {index} -r {MACSEC0['b'][0]}")
    t.a.run("tc qdisc del dev macsec0 clsact", check=True)
    t.check(waiting.wait().ok, "tc: wait ends once the filter is gone")
