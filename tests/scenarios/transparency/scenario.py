# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""rdmasec does not change what it protects: rdma-core's python tests pass guarded as they pass bare."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from testbed.api import Test
from testbed.states import DEVICE, ETH0, MACSEC0

TIME_LIMIT = 1800
RUNNER = Path(__file__).resolve().with_name("run_suite.py")
MODULES = os.environ.get("RDMASEC_PYVERBS", "").split()  # none: all of them
# Not run, neither bare nor guarded; description.txt says why.
EXCLUDED = ("test_cq.CQTest.test_resize_cq",)
CONTROL = "test_cq_events.CqEventsTestCase.test_cq_events_ud"


def run(t: Test) -> None:
    suite = "/usr/share/doc/rdma-core/tests"
    if not t.a.run(f"test -e {suite}/run_tests.py && /usr/bin/python3 -c 'import pyverbs'").ok:
        t.skip("rdma-core's python tests", "packages rdma-core and python3-pyverbs are not installed")
        return
    t.net.macsec()
    t.a.run("echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6", check=True)
    bare = suite_run(t, "bare", "", "macsec0", MACSEC0["a"][0])
    guarded = suite_run(t, "guarded", f"{t.build}/bin/rdmasec run -- ", "macsec0", MACSEC0["a"][0])
    compare(t, bare, guarded)
    if not MODULES or CONTROL.split(".")[0] in MODULES:
        control_refused_in_clear(t, bare)


def suite_run(
    t: Test, name: str, wrap: str, netdev: str, address: str, modules: Sequence[str] = MODULES
) -> dict[str, dict[str, str]]:
    """Runs the suite. Returns the last entry of each test in its file."""
    index = t.net.gid_index(t.a, address)
    options = f"--dev {DEVICE} --gid {index} --netdev {netdev} --out /run/results/{name}.jsonl"
    words = [*(f"--exclude {test}" for test in EXCLUDED), *modules]
    result = t.a.run(f"{wrap}/usr/bin/python3 {RUNNER} {options} {' '.join(words)}", within=900)
    diary = t.share / f"{name}.jsonl"
    entries = [json.loads(line) for line in diary.read_text().splitlines()] if diary.exists() else []
    t.check(result.ok and entries and entries[-1] == {"outcome": "ended"}, f"{name}: the suite runs to its end", result)
    outcomes = {entry["test"].removeprefix("tests."): entry for entry in entries if "test" in entry}
    t.note(f"{name}: {dict(Counter(entry['outcome'] for entry in outcomes.values()))}")
    (t.results / f"{name}.json").write_text(json.dumps(outcomes, indent=1))
    return outcomes


def passing(outcomes: dict[str, dict[str, str]]) -> set[str]:
    return {test for test, entry in outcomes.items() if entry["outcome"] == "passed"}


def compare(t: Test, bare: dict[str, dict[str, str]], guarded: dict[str, dict[str, str]]) -> None:
    t.check(len(passing(bare)) > 0, f"bare: {len(passing(bare))} tests pass")
    differ = [
        f"{test}\n  bare: {outcome_of(bare.get(test))}\n  guarded: {outcome_of(guarded.get(test))}"
        for test in sorted(bare.keys() | guarded.keys())
        if (test in passing(bare)) != (test in passing(guarded))
    ]
    t.check(not differ, f"guarded over MACsec: the same {len(passing(bare))} tests pass", "\n".join(differ))


def outcome_of(entry: dict[str, str] | None) -> str:
    return "not run" if entry is None else f"{entry['outcome']} {entry.get('why', '')}".rstrip()


def control_refused_in_clear(t: Test, bare: dict[str, dict[str, str]]) -> None:
    """The comparison would also hold without a guard. In clear a guard refuses a test that passes bare."""
    t.net.clear()
    module = CONTROL.split(".")[0]
    wrap = f"{t.build}/bin/rdmasec run -- "
    clear = suite_run(t, "guarded-in-clear", wrap, "eth0", ETH0["a"][0], [module])
    refused = clear.get(CONTROL, {})
    t.check(CONTROL in passing(bare), "control: the test passes bare", outcome_of(bare.get(CONTROL)))
    t.check(
        refused.get("outcome") == "failed" and "Operation not permitted" in refused.get("why", ""),
        "control: guarded in clear, the test is refused with EPERM",
        outcome_of(refused),
    )
