# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""libreswan is asked for SAs."""

from __future__ import annotations

import time

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
    a, b = Pluto(t.a), Pluto(t.b, secret="of nobody, and as long as another one")
    refused_by_peer(t, a)
    b.secret(SECRET)
    a.wait_for("SA once the secret is right", lambda: (a.acquire(), time.sleep(5), all(a.spis()))[-1])
    both_have_sas(a, b)
    runs_in_esp(t, "the secret put right")
    a.forget()
    b.wait_for("end of its SAs", lambda: not any(b.spis()))
    a.acquire()
    took = both_have_sas(a, b)
    runs_in_esp(t, "asked once")
    t.note(f"SAs came after {took:.1f} s")
    daemon = on_both(t, "[default]\nsetup-timeout = 90s\n")
    runs_in_esp(t, "an ordinary user's program, guarded", by_library(t), USER)
    a.forget()
    b.wait_for("end of its SAs", lambda: not any(b.spis()))
    runs_in_esp(t, "an ordinary user's program, guarded, for which rdmasecd asks", by_library(t), USER)
    refused = refused_records(daemon.log())
    t.check(not refused, "an ordinary user's program, guarded: no refusal in the audit log", refused)


def refused_by_peer(t: Test, a: Pluto) -> None:
    t.check(not any(a.spis()), "a policy alone: no SA")
    a.acquire()
    a.wait_for("failed authentication", lambda: "rejected by peer: AUTHENTICATION_FAILED" in a.log())
    nothing_leaves(t, "another secret")
    t.check(not any(a.spis()), "another secret: no SA with keys in the kernel")
