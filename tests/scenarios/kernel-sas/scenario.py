# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unit tests that need ESP in the kernel."""

from testbed.api import Test
from testbed.guest import Result

TIME_LIMIT = 900
# Left out: tests that any host can run take minutes on an emulated one.
PROGRAMS = {
    "test_mirror": "mirror/!(events_are_lost|follows_by_itself|reads_again_after_lost_events|looks_again_when_a_route_expires"
    "|looks_at_routes_each_time_a_gateway_fails|follows_gateways_of_ipv6_routes)",
    "test_xfrm_larval": "xfrm_larval/until_it_lives",
}


def run(t: Test) -> None:
    for program, tests in PROGRAMS.items():
        ended = t.a.run(f"{t.build}/tests/{program} --verbose --filter '{tests}'", within=400)
        t.check(ended.ok and "Failing: 0 | Crashing: 0" in said(ended), f"{program}: all tests pass", ended)
        skipped = [line for line in said(ended).splitlines() if "[SKIP]" in line and "Test is disabled" not in line]
        t.check(not skipped, f"{program}: no test is skipped", skipped)


def said(ended: Result) -> str:
    return ended.out + ended.err
