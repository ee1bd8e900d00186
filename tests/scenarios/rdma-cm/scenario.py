# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""librdmacm guarded, and the options of its ids."""

from __future__ import annotations

import re
from dataclasses import dataclass

from testbed import wire
from testbed.api import Guest, Test
from testbed.applications import APPLICATIONS, Application, Trial, guard, same_output, try_out
from testbed.daemon import FOLDER, USER, by_library, on_both
from testbed.matrix import remove_ipv6_from_eth0
from testbed.refusals import has_reason
from testbed.states import ETH0, MACSEC0, PEER

TIME_LIMIT = 1800
GROUP = "239.1.2.3"
SECRET = b"a text that only the peer may read"  # in the private data of cm_ways
CM_ANY = "[default]\nrequire = any\ncm = any\n"
EPERM, ENOTTY, ENOSYS = 1, 25, 38

Addresses = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Way:
    """How programs run: their guard, and their user."""

    name: str
    wrap: str
    user: int | None = None


def run(t: Test) -> None:
    private = Way("private engine", guard(t))
    daemon = Way(f"uid {USER} and rdmasecd", by_library(t), USER)

    t.net.clear()
    bare = {application.name: bare_is_seen(t, application, family) for application, family in programs(t)}
    for application, family in programs(t):
        client_refused(t, private, application, family)
        server_refused(t, private, application, family)
    refuses_join_in_clear(t, private)
    refuses_data_of_rejection(t, private)
    options_need_rdmasec(t)
    refuses_bad_options(t)
    policy_can_let_cm_pass(t)
    on_both(t)
    for application, family in few(t):
        client_refused(t, daemon, application, family)

    t.net.macsec()
    no_daemon(t)
    remove_ipv6_from_eth0(t.net)
    for application, family in programs(t):
        runs(t, private, application, family, bare, MACSEC0, "macsec")
    options_over_macsec(t)
    on_both(t)
    for application, family in few(t):
        runs(t, daemon, application, family, bare, MACSEC0, "macsec")

    t.net.ipsec(families=(4, 6), everywhere=True)
    no_daemon(t)
    for application, family in programs(t):
        runs(t, private, application, family, bare, ETH0, "esp")
    options_with_ipsec(t, private, 4)
    options_with_ipsec(t, private, 6)
    on_both(t)
    for application, family in few(t):
        runs(t, daemon, application, family, bare, ETH0, "esp")
    options_with_ipsec(t, daemon, 4)


def no_daemon(t: Test) -> None:
    """Removes rdmasecd: where it is installed, programs ask no other engine."""
    for guest in (t.a, t.b):
        guest.run(f"rm -rf {FOLDER}", check=True)


def programs(t: Test) -> list[tuple[Application, int]]:
    unmodified = [(APPLICATIONS[name], 4) for name in ("rping", "ucmatose", "udaddy")]
    return [
        *unmodified,
        (APPLICATIONS["rping"], 6),
        (sec_option(t, "", name="sec_option"), 4),
        (sec_option(t, "-a", name="sec_option, asynchronous"), 6),
        (cm_ways(t, "migrate"), 4),
        (cm_ways(t, "udp"), 4),
        (cm_ways(t, "ep"), 6),
        (cm_ways(t, "establish", server="migrate"), 4),
    ]


def few(t: Test) -> list[tuple[Application, int]]:
    """Returns the programs for which the engine makes a difference."""
    names = ("udaddy", "sec_option", "cm_ways ep", "cm_ways establish")
    return [program for program in programs(t) if program[0].name in names]


def sec_option(t: Test, client: str, server: str = "", name: str = "") -> Application:
    program = f"{t.build}/tests/sec_option"
    words = name or f"sec_option {client or '(no option)'}, its server {server or '(no option)'}"
    return Application(words, f"{program} {server} -l {{server}}", f"{program} {client} {{server}}", side_channel=False)


def cm_ways(t: Test, way: str, server: str = "") -> Application:
    program = f"{t.build}/tests/cm_ways"
    listens = f"{program} {server or way} -l {{server}}"
    return Application(f"cm_ways {way}", listens, f"{program} {way} {{server}}", side_channel=False)


def named(application: Application, family: int) -> str:
    return application.name + (", IPv6" if family == 6 else "")


def attempt(t: Test, way: Way, application: Application, addresses: Addresses, guarded: str, family: int = 4) -> Trial:
    return try_out(t, application, addresses, guarded=guarded, family=family, wrap=way.wrap, user=way.user)


# ---- in clear ----


def bare_is_seen(t: Test, application: Application, family: int) -> Trial:
    trial = try_out(t, application, ETH0, family=family)
    seen = trial.wire["clear_cm"]
    t.check(trial.ran and seen > 0, f"control: {named(application, family)}, bare: it runs, and the wire shows MADs", trial)
    return trial


def client_refused(t: Test, way: Way, application: Application, family: int) -> None:
    trial = attempt(t, way, application, ETH0, "a", family)
    what = f"{named(application, family)}, client guarded in clear, {way.name}"
    t.check(trial.client is not None and not trial.client.ok, f"{what}: it fails", trial)
    said = trial.client.err if trial.client else ""
    lines = [line for line in said.splitlines() if re.match(r"rdmasec: refused (rdma_\w+|create_qp) on rxe0 ", line)]
    t.check(any(has_reason(line, "macsec-no-device") for line in lines), f"{what}: it prints the reason", said)
    t.check(trial.readable == 0, f"{what}: no frame of RoCE leaves", trial)


def server_refused(t: Test, way: Way, application: Application, family: int) -> None:
    """The client is bare, and its requests are in clear."""
    with t.wire() as seen:
        trial = attempt(t, way, application, ETH0, "b", family)
    what = f"{named(application, family)}, server guarded in clear, {way.name}"
    t.check("rdmasec: refused" in trial.server.err, f"{what}: it is refused", trial)
    t.check(trial.wire["clear_data"] == 0, f"{what}: no data leaves", trial)
    t.check(not frames_from(t, "b", SECRET), f"{what}: its private data does not leave", trial)
    t.note(f"{what}: {seen.counts['clear_cm']} MADs, {len(frames_from(t, 'b', b''))} of them by the kernel of the server")


def frames_from(t: Test, guest: str, content: bytes) -> list[bytes]:
    """Returns the frames of RoCE that this guest sent in the last slice of the capture, with this content in clear."""
    source = bytes.fromhex(f"5254000000{'0' + str('ab'.index(guest) + 1)}")
    frames = [record.frame for record in wire.records(t.results / f"wire-{t.slices}.pcap")]
    return [f for f in frames if f[6:12] == source and content in f and wire.Classifier().add(f).startswith("clear_")]


def refuses_join_in_clear(t: Test, way: Way) -> None:
    command = f"{t.build}/tests/cm_ways join {ETH0['a'][0]} {GROUP}"
    bare = t.a.run(command)
    holds = bare.ok and f"group ::ffff:{GROUP}" in bare.out
    t.check(holds, "control: rdma_join_multicast, bare: the kernel returns the GID of the group", bare)
    with t.wire() as seen:
        refused = t.a.run(f"{way.wrap} {command}")
    named = f"to {GROUP}: unprotected" in refused.err and f"(errno {EPERM})" in refused.err
    t.check(not refused.ok and named, "rdma_join_multicast, guarded in clear: it is refused for that group", refused)
    t.check(seen.clear == 0, "rdma_join_multicast, guarded in clear: no frame of RoCE leaves", seen)


def refuses_data_of_rejection(t: Test, way: Way) -> None:
    application = cm_ways(t, "establish", server="reject")
    trial = try_out(t, application, ETH0)
    t.check(frames_from(t, "b", SECRET), "control: rdma_reject with data, bare: the data is on the wire", trial)
    trial = attempt(t, way, application, ETH0, "b")
    t.check("rdmasec: refused rdma_reject" in trial.server.err, "rdma_reject with data, guarded in clear: it is refused", trial)
    t.check(not frames_from(t, "b", SECRET), "rdma_reject with data, guarded in clear: the data does not leave", trial)


def options_need_rdmasec(t: Test) -> None:
    trial = try_out(t, sec_option(t, "-r any"), ETH0)
    said = trial.client.err if trial.client else ""
    t.check(f"require: Function not implemented (errno {ENOSYS})" in said, "without rdmasec: an option of an id fails with ENOSYS", trial)
    trial = try_out(t, sec_option(t, "-s"), ETH0)
    said = trial.client.err if trial.client else ""
    for of, name, number in (("id", "ENOSYS", ENOSYS), ("QP", "ENOTTY", ENOTTY)):
        failed = re.search(rf"^sec_option: protection of the {of}: .*\(errno {number}\)$", said, re.M)
        t.check(failed, f"without rdmasec: the protection of a {of} fails with {name}", trial)


def refuses_bad_options(t: Test) -> None:
    result = t.a.run(f"{guard(t)} {t.build}/tests/sec_option -r none {ETH0['b'][0]}")
    holds = f"require: Operation not permitted (errno {EPERM})" in result.err
    t.check(holds, "an option that requires nothing: it fails with EPERM", result)
    result = t.a.run(f"{guard(t)} {t.build}/tests/sec_option -t 300001 {ETH0['b'][0]}")
    t.check("setup timeout: Invalid argument" in result.err, "a setup timeout of more than five minutes: it fails with EINVAL", result)


def policy_can_let_cm_pass(t: Test) -> None:
    for guest in (t.a, t.b):
        guest.write_file("/run/cm-any.conf", CM_ANY)
    way = Way("cm = any", guard(t, "-p /run/cm-any.conf"))
    trial = attempt(t, way, cm_ways(t, "establish", server="migrate"), ETH0, "a")
    t.check(trial.ran and trial.wire["clear_cm"] > 0, "cm = any: a client without a QP connects in clear", trial)
    trial = attempt(t, way, APPLICATIONS["rping"], ETH0, "a")
    t.check(not trial.ran and trial.wire["clear_data"] == 0, "cm = any: a QP still does not send", trial)


# ---- protected ----


def runs(t: Test, way: Way, application: Application, family: int, bare: dict, addresses: Addresses, by: str) -> None:
    trial = attempt(t, way, application, addresses, "ab", family)
    what = f"{named(application, family)}, {'over MACsec' if by == 'macsec' else 'with IPsec'}, {way.name}"
    silent = "rdmasec" not in trial.said
    t.check(same_output(trial, bare[application.name]) and silent, f"{what}: it runs with the output of a bare run", trial)
    t.check(trial.wire[by] > 0 and trial.readable == 0, f"{what}: nothing leaves in clear", trial)


def refused_by_option(t: Test, application: Application, addresses: Addresses, side: str, what: str) -> None:
    trial = attempt(t, Way("", guard(t)), application, addresses, "ab")
    result = trial.client if side == "client" else trial.server
    t.check(result is not None and not result.ok, f"{what}: it fails", trial)
    denied = result and re.search(rf"^sec_option: rdma_create_qp: .*\(errno {EPERM}\)$", result.err, re.M)
    t.check(denied, f"{what}: rdma_create_qp fails with EPERM", trial)
    t.check(trial.readable == 0, f"{what}: nothing leaves in clear", trial)


def options_over_macsec(t: Test) -> None:
    trial = attempt(t, Way("", guard(t)), sec_option(t, "-r macsec", "-a -r any"), MACSEC0, "ab")
    t.check(trial.ran, "MACsec required and present: sec_option runs", trial)
    for guest, result in ((t.a, trial.client), (t.b, trial.server)):
        reads_macsec(t, guest, result.out if result else "")
    refused_by_option(t, sec_option(t, "-r ipsec"), MACSEC0, "client", "IPsec required by the client, MACsec present")
    for mode in ("", "-a "):
        application = sec_option(t, "", f"{mode}-r ipsec")
        refused_by_option_at_the_server(t, application, mode)


def refused_by_option_at_the_server(t: Test, application: Application, mode: str) -> None:
    """The options of a listening id hold for the ids that it hands out."""
    trial = attempt(t, Way("", guard(t)), application, MACSEC0, "ab")
    what = f"IPsec required of the server's listening id{', asynchronous' if mode else ''}, MACsec present"
    t.check(f"(errno {EPERM})" in trial.server.err and not trial.ran, f"{what}: it fails with EPERM", trial)
    t.check("rdmasec: refused" in trial.server.err, f"{what}: rdmasec prints the refusal", trial)


def reads_macsec(t: Test, guest: Guest, said: str) -> None:
    (sci,) = re.findall(r"^\s+TXSC: (\w{16}) ", guest.run("ip macsec show macsec0", check=True).out, re.M)
    expected = f"macsec sci {sci} cipher gcm-aes-128 netdev macsec0 by the kernel"
    for of in ("id", "qp"):
        same = f"{of}: {expected}\n" in said
        t.check(same, f"{guest.name}: the protection of the {of} equals that of ip macsec", f"{expected}\n{said}")


def options_with_ipsec(t: Test, way: Way, family: int) -> None:
    trial = attempt(t, way, sec_option(t, "-a -r ipsec -g host -t 5000", "-r ipsec"), ETH0, "ab", family)
    what = f"{'IPv6, ' if family == 6 else ''}{way.name}"
    t.check(trial.ran, f"IPsec required and present, {what}: sec_option runs", trial)
    for guest, result in ((t.a, trial.client), (t.b, trial.server)):
        reads_ipsec(t, guest, result.out if result else "", family)
    refused_by_option(t, sec_option(t, "-r macsec"), ETH0, "client", f"MACsec required by the client, IPsec present, {what}")


def reads_ipsec(t: Test, guest: Guest, said: str, family: int) -> None:
    shown = guest.run("ip xfrm state", check=True).out
    mine, peers = ETH0[guest.name][family == 6], ETH0[PEER[guest.name]][family == 6]

    def spi(source: str, destination: str) -> str:
        return re.findall(rf"^src {source} dst {destination}\n\s+proto esp spi (0x\w+) reqid 4791", shown, re.M)[0]

    spis = f"out {spi(mine, peers)} in {spi(peers, mine)}"
    expected = f"ipsec {spis} reqid 4791 cipher aes-gcm-128 netdev eth0 by the kernel"
    for of in ("id", "qp"):
        same = f"{of}: {expected}\n" in said
        t.check(same, f"{guest.name}: the protection of the {of} equals that of ip xfrm", f"{expected}\n{said}")
