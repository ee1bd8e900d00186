# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The applications of an ordinary user, decided by rdmasecd."""

from __future__ import annotations

from testbed.api import Test
from testbed.applications import APPLICATIONS, Application, guard
from testbed.daemon import USER, Daemon, by_library, on_both
from testbed.matrix import SIDES, Matrix, remove_ipv6_from_eth0
from testbed.refusals import has_reason, refused_records
from testbed.states import ETH0, MACSEC0

TIME_LIMIT = 900
BY_RUN = ("ibv_rc_pingpong", "rping")
CLIENT_ONLY = SIDES[:1]  # the scenario `applications` covers the server


def run(t: Test) -> None:
    by_preload = Matrix(t, by_library(t), USER)
    by_run = Matrix(t, guard(t), USER)
    t.net.clear()
    tried = [by_preload.bare(application) for application in APPLICATIONS.values()]
    bare = {trial.application: trial for trial in tried if trial}
    daemon = on_both(t)
    for application in bare:
        by_preload.refused_in_clear(application, sides=CLIENT_ONLY)
        has_audit_record(t, daemon, application)

    t.net.macsec()
    remove_ipv6_from_eth0(t.net)
    on_both(t)
    for application, trial in bare.items():
        by_preload.runs_protected(application, trial, MACSEC0, "macsec")

    t.net.ipsec(everywhere=True)
    daemon = on_both(t)
    for application, trial in bare.items():
        by_preload.runs_protected(application, trial, ETH0, "esp")
    for name in BY_RUN:
        by_run.runs_protected(APPLICATIONS[name], bare[APPLICATIONS[name]], ETH0, "esp", "rdmasec run")
    refused = refused_records(daemon.log())
    t.check(not refused, "with IPsec: the audit log has no refusal", refused)
    t.check(daemon.holds_none(), "all programs have ended: the list is empty", daemon.qps())


def has_audit_record(t: Test, daemon: Daemon, application: Application) -> None:
    program = application.client.split()[0]
    records = [record for record in daemon.log() if str(record.get("executable", "")).endswith(f"/{program}")]
    refused = [record for record in refused_records(records) if record["event"] == "decided"]
    named = refused and all(record["uid"] == USER and has_reason(record, "macsec-no-device") for record in refused)
    t.check(named, f"{application.name}, in clear: the audit log has the refusal, the user and the reason", records)
