# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""charon is asked for SAs by ACQUIREs of the testbed; programs then send over those SAs."""

from __future__ import annotations

from .api import Test
from .applications import bare_is_seen
from .charon import ALL, ON_REQUEST, Charon, both_forget
from .daemon import USER, by_library, on_both
from .key_manager import SECRET, both_have_sas, nothing_leaves, runs_in_esp
from .refusals import refused_records

PATIENT = "[default]\nrequire = ipsec\nsetup-timeout = 5m\n"  # a negotiation takes seconds, on a busy host minutes


def negotiates(t: Test, version: str) -> None:
    """Runs all cases in both guests, with a charon whose version begins with this text ("6.")."""
    bare_is_seen(t)
    t.net.clear()
    a, b = (Charon(guest, changes=ON_REQUEST) for guest in (t.a, t.b))
    t.check(f"(strongSwan {version}" in a.log(), f"charon is of strongSwan {version}", a.log())
    t.check(not a.installed() + b.installed(), "with policies alone, there is no SA")
    asked_once(t, a, b)
    asked_again(t, a, b)
    asked_by_both(t, a, b)
    guarded(t, a, b)
    refuses_mismatches(t, a, b)
    restarts_after_kill(t, a, b)


def asked_once(t: Test, a: Charon, b: Charon) -> None:
    a.acquire()
    cold = both_have_sas(a, b)
    runs_in_esp(t, "asked once")
    t.check(len(a.installed()) == len(b.installed()) == 1, "asked once: there is one pair of SAs", a.installed())
    a.forget("--child roce")
    b.wait_for("end of its SAs", lambda: not b.installed())
    a.acquire()
    t.note(f"SAs came after {cold:.1f} s, with an IKE_SA there already after {both_have_sas(a, b):.1f} s")


def asked_again(t: Test, a: Charon, b: Charon) -> None:
    before = a.installed()
    a.acquire("--times 20")
    a.wait_for("report of each duplicate", lambda: a.refused_acquires() >= 20)
    t.check("due to existing duplicate" in a.log(), "asked again: charon reports a duplicate", a.log())
    t.check(a.installed() == before, "asked again: the SAs do not change", a.installed())
    both_forget(a, b)
    count = len(a.child_sas())
    a.acquire("--times 20")
    both_have_sas(a, b)
    a.wait_for("report of all but one", lambda: a.refused_acquires() >= 39)
    t.check(len(a.child_sas()) == count + 1, "asked twenty times: there is one negotiation", a.log())


def asked_by_both(t: Test, a: Charon, b: Charon) -> None:
    both_forget(a, b)
    for program in [charon.start_acquire() for charon in (a, b)]:
        program.wait(check=True)
    both_have_sas(a, b)
    runs_in_esp(t, "asked by both hosts at once")
    t.note(f"asked by both hosts at once: {len(a.installed())} pairs of SAs")


def guarded(t: Test, a: Charon, b: Charon) -> None:
    daemon = on_both(t, PATIENT)
    what = "an ordinary user's program, guarded"
    runs_in_esp(t, what, by_library(t), USER)
    both_forget(a, b)
    runs_in_esp(t, f"{what}, without SAs: rdmasecd requests them", by_library(t), USER)
    refused = refused_records(daemon.log())
    t.check(not refused, f"{what}: the audit log has no refusal", refused)
    daemon.kill()


def refuses_mismatches(t: Test, a: Charon, b: Charon) -> None:
    both_forget(a, b)
    a.acquire("--reqid 4791")
    a.wait_for("report of the reqid", lambda: "trap not found, unable to acquire reqid 4791" in a.log())
    t.check(not a.installed(), "a reqid that no policy has: there is no SA")
    b.configure(secret="of no peer", changes=ON_REQUEST)
    a.acquire()
    a.wait_for("failed authentication", lambda: "received AUTHENTICATION_FAILED" in a.log())
    nothing_leaves(t, "another secret")
    t.check(not any(a.spis()), "another secret: the kernel has no SA with keys")
    b.configure(changes=ON_REQUEST)
    a.acquire_until("SA with the right secret", a.installed)
    both_have_sas(a, b)
    runs_in_esp(t, "the right secret again")


def restarts_after_kill(t: Test, a: Charon, b: Charon) -> None:
    before = b.installed()
    a.kill()
    a.write(SECRET, {})
    a.start(ALL)
    all_but_one = " kernel-netlink " in a.log() and "bypass-lan" not in a.log()
    t.check(all_but_one, "charon killed: it starts again with all plugins but bypass-lan", a.log())
    a.wait_for("SAs", a.installed)
    # It keeps those of before until it has given up their peer; the kernel sends by the newest.
    b.wait_for("SAs other than before", lambda: set(b.installed()) - set(before))
    runs_in_esp(t, "charon killed and started again")
