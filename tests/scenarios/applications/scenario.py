"""Every application x {bare, guarded in clear, guarded over MACsec, guarded with IPsec}."""

import re

from testbed.api import Test
from testbed.applications import APPLICATIONS, Application, Trial, refusal, same_output, try_out
from testbed.states import ETH0, MACSEC0, Network

TIME_LIMIT = 1200  # minutes on an idle machine

IPV6_TOO = ("ibv_rc_pingpong", "ibv_ud_pingpong", "ib_write_bw", "rping")
DATAGRAMS = [application for application in APPLICATIONS.values() if application.datagrams]
# The program's own doing: its server says that it could not create its queue pair, and ends with 0 all the same.
EXITS_0_WITHOUT_A_QP = {("udaddy", "server")}


def run(t: Test) -> None:
    t.net.clear()
    tried = [try_bare(t, application) for application in APPLICATIONS.values()]
    bare = {trial.application: trial for trial in tried if trial}
    for application in bare:
        refused_in_clear(t, application)
    tried = [try_bare(t, APPLICATIONS[name], family=6) for name in IPV6_TOO]
    bare_v6 = {trial.application: trial for trial in tried if trial}
    for application in bare_v6:
        refused_in_clear(t, application, family=6)

    t.net.macsec()
    for application in DATAGRAMS:
        datagrams_refused(t, application, MACSEC0, "while IPv6 routes lead past MACsec", "would leave by eth0")
    without_ipv6_on_the_wire(t.net)
    for application in bare:
        runs_protected(t, application, bare[application], MACSEC0, "macsec")
    for application in bare_v6:
        runs_protected(t, application, bare_v6[application], MACSEC0, "macsec", family=6)

    t.net.ipsec(families=(4, 6))
    for application in bare:
        if application.datagrams:
            datagrams_refused(t, application, ETH0, "with policies for one host", "cover only some remotes")
        else:
            runs_protected(t, application, bare[application], ETH0, "esp")
    for application in bare_v6:
        if not application.datagrams:
            runs_protected(t, application, bare_v6[application], ETH0, "esp", family=6)
    t.net.ipsec(families=(4, 6), everywhere=True)
    for family, trials in ((4, bare), (6, bare_v6)):
        for application in trials:
            if application.datagrams:
                everywhere = "policies for all addresses"
                runs_protected(t, application, trials[application], ETH0, "esp", everywhere, family)

    engines_end_with_what_they_served(t)


def without_ipv6_on_the_wire(net: Network) -> None:
    """MACsec is then all that IPv6 leaves by.  (IPv4 packets of rxe are bound to their netdev anyway.)"""
    for guest in net.guests.values():
        guest.run("ip -6 address flush dev eth0", check=True)


def try_bare(t: Test, application: Application, family: int = 4) -> Trial | None:
    """Shows that it works here at all, and that the capture would tell; None where it does not work."""
    what = f"{application.name}, bare{' IPv6' if family == 6 else ''}"
    trial = try_out(t, application, ETH0, family=family)
    if not trial.ran and application.name == "ibv_xsrq_pingpong":
        t.skip(what, f"it does not even run without rdmasec: {trial.said or 'it does not say why'}")
        return None
    if not t.check(trial.ran and trial.wire["clear_data"] > 0, f"{what}: runs, and the wire shows its data", trial):
        return None
    return trial


def refused_in_clear(t: Test, application: Application, family: int = 4) -> None:
    """The client alone is guarded, then the server alone, so that each has to be refused by itself."""
    for side, guest in (("client", "a"), ("server", "b")):
        trial = try_out(t, application, ETH0, guarded=guest, family=family)
        what = f"{application.name}, {side} guarded, in clear{' IPv6' if family == 6 else ''}"
        result = trial.client if side == "client" else trial.server
        failed = result is not None and result.code != 0
        if (application.name, side) in EXITS_0_WITHOUT_A_QP and not failed:
            t.note(f"{what}: says itself that it failed, and ends with exit status 0")
            failed = "unable to create QP" in result.err
        t.check(failed, f"{what}: fails", trial)
        t.check(names_everything(refusal(result)), f"{what}: says what was refused, where and why", trial)
        t.check(trial.wire["clear_data"] == 0 and trial.only("tcp", "clear_cm"), f"{what}: no data left", trial)
        if trial.wire["clear_cm"]:
            t.note(f"{what}: {trial.wire['clear_cm']} frames of connection management, by the kernel")


def names_everything(line: re.Match | None) -> bool:
    return bool(line) and (line["device"], line["netdev"], line["verdict"]) == ("rxe0", "eth0", "unprotected") and (
        "eth0 is not a MACsec device" in line["reason"] and "no outbound xfrm policy" in line["reason"]
    )


def runs_protected(
    t: Test, application: Application, bare: Trial, addresses: dict, by: str, how: str = "", family: int = 4
) -> None:
    trial = try_out(t, application, addresses, guarded="ab", family=family)
    over = "over MACsec" if by == "macsec" else "with IPsec"
    what = ", ".join(word for word in (application.name, over, "IPv6" if family == 6 else "", how) if word)
    silent = "rdmasec" not in trial.said
    t.check(same_output(trial, bare) and silent, f"{what}: runs, and says what it says bare", trial)
    # Policies for UDP leave a program's own TCP as it was; MACsec takes all.
    side_channel = ("tcp",) if by == "esp" and application.side_channel else ()
    t.check(trial.wire[by] > 0 and trial.only(by, *side_channel), f"{what}: nothing else on the wire", trial)


def datagrams_refused(t: Test, application: Application, addresses: dict, when: str, why: str) -> None:
    trial = try_out(t, application, addresses, guarded="ab")
    results = [result for result in (trial.client, trial.server) if result and refusal(result)]
    t.check(not trial.ran and results, f"{application.name}, {when}: refused", trial)
    t.check(all(why in refusal(result)["reason"] for result in results), f"{application.name}, {when}: says so", trial)
    t.check(trial.readable == 0, f"{application.name}, {when}: no RoCE in clear", trial)


def engines_end_with_what_they_served(t: Test) -> None:
    for guest in (t.a, t.b):
        left = guest.run("for _ in {1..60}; do pgrep -x rdmasec || exit 1; sleep 0.1; done; ps -ef")
        t.check(left.code == 1, f"no engine is left in guest {guest.name}", left)
