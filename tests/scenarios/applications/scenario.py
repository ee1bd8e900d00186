# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Every application x {bare, guarded in clear, guarded over MACsec, guarded with IPsec}."""

from testbed.api import Test
from testbed.applications import APPLICATIONS
from testbed.matrix import Matrix, remove_ipv6_from_eth0
from testbed.states import ETH0, MACSEC0

TIME_LIMIT = 1200

IPV6_TOO = ("ibv_rc_pingpong", "ibv_ud_pingpong", "ib_write_bw", "rping")
DATAGRAMS = [application for application in APPLICATIONS.values() if application.datagrams]


def run(t: Test) -> None:
    matrix = Matrix(t)
    t.net.clear()
    tried = [matrix.bare(application) for application in APPLICATIONS.values()]
    bare = {trial.application: trial for trial in tried if trial}
    for application in bare:
        matrix.refused_in_clear(application)
    tried = [matrix.bare(APPLICATIONS[name], family=6) for name in IPV6_TOO]
    bare_v6 = {trial.application: trial for trial in tried if trial}
    for application in bare_v6:
        matrix.refused_in_clear(application, family=6)

    t.net.macsec()
    for application in DATAGRAMS:
        matrix.datagrams_refused(application, MACSEC0, "while IPv6 routes lead past MACsec", "macsec-route-strays")
    remove_ipv6_from_eth0(t.net)
    for application in bare:
        matrix.runs_protected(application, bare[application], MACSEC0, "macsec")
    for application in bare_v6:
        matrix.runs_protected(application, bare_v6[application], MACSEC0, "macsec", family=6)

    t.net.ipsec(families=(4, 6))
    for application in bare:
        if application.datagrams:
            matrix.datagrams_refused(application, ETH0, "with policies for one host", "outbound-policy-gap")
        else:
            matrix.runs_protected(application, bare[application], ETH0, "esp")
    for application in bare_v6:
        if not application.datagrams:
            matrix.runs_protected(application, bare_v6[application], ETH0, "esp", family=6)
    t.net.ipsec(families=(4, 6), everywhere=True)
    for family, trials in ((4, bare), (6, bare_v6)):
        for application in trials:
            if application.datagrams:
                everywhere = "policies for all addresses"
                matrix.runs_protected(application, trials[application], ETH0, "esp", everywhere, family)

    engines_end_with_their_programs(t)


def engines_end_with_their_programs(t: Test) -> None:
    for guest in (t.a, t.b):
        gone = guest.eventually(lambda: not guest.run("pgrep -x rdmasec").ok)
        t.check(gone, f"all programs have ended: no engine is left in guest {guest.name}", guest.run("ps -ef"))
