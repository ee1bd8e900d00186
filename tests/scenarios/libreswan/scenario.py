# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""An ACQUIRE makes libreswan negotiate SAs."""

from __future__ import annotations

from testbed.api import Test
from testbed.applications import bare_is_seen
from testbed.daemon import USER, by_library, on_both
from testbed.key_manager import SECRET, both_have_sas, nothing_leaves, runs_in_esp
from testbed.pluto import Pluto
from testbed.refusals import refused_records

TIME_LIMIT = 900
ROOT = "trixie-libreswan"


def run(t: Test) -> None:
    bare_is_seen(t)
    t.net.clear()
    a, b = Pluto(t.a), Pluto(t.b, secret="of no peer, and as long as another one")
    refused_by_peer(t, a)
    b.change_secret(SECRET)
    a.acquire_until("SA with the right secret", lambda: all(a.spis()), pause=5)
    both_have_sas(a, b)
    runs_in_esp(t, "the right secret again")
    a.forget()
    b.wait_for("end of its SAs", lambda: not any(b.spis()))
    a.acquire()
    took = both_have_sas(a, b)
    runs_in_esp(t, "asked once")
    t.note(f"SAs came after {took:.1f} s")
    daemon = on_both(t, "[default]\nsetup-timeout = 5m\n")
    runs_in_esp(t, "an ordinary user's program, guarded", by_library(t), USER)
    a.forget()
    b.wait_for("end of its SAs", lambda: not any(b.spis()))
    runs_in_esp(t, "an ordinary user's program, guarded, without SAs", by_library(t), USER)
    refused = refused_records(daemon.log())
    t.check(not refused, "an ordinary user's program, guarded: the audit log has no refusal", refused)


def refused_by_peer(t: Test, a: Pluto) -> None:
    t.check(not any(a.spis()), "with a policy alone, there is no SA")
    a.acquire()
    a.wait_for("failed authentication", lambda: "rejected by peer: AUTHENTICATION_FAILED" in a.log())
    nothing_leaves(t, "another secret")
    t.check(not any(a.spis()), "another secret: the kernel has no SA with keys")
