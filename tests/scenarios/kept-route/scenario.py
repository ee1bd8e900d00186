# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One RC queue pair, an address in clear and then one that IPsec protects."""

from __future__ import annotations

from pathlib import Path

from testbed.api import Result, Test, Wire
from testbed.refusals import has_reason
from testbed.states import DEVICE, ETH0, MAC

CLEAR, PROTECTED = "10.77.0.3", ETH0["b"][0]
POLICY = f"[rule clear]\nmatch-remote = {CLEAR}/32\nrequire = none\n"
WAITS = 120  # s
PROGRAM = Path(__file__).resolve().parents[2] / "apps/pyverbs_anew.py"


def run(t: Test) -> None:
    t.net.ipsec()
    t.b.run(f"ip address add {CLEAR}/24 dev eth0", check=True)
    t.a.run(f"ip neigh replace {CLEAR} lladdr {MAC['b']} dev eth0", check=True)
    t.a.write_file("/run/kept.policy", POLICY)

    result, first, second = anew(t, "", CLEAR, PROTECTED)
    t.check(result.ok and first.clear > 0, "control: bare, the first address is sent to in clear", f"{result}\n{first}")
    t.check(second.clear > 0, "control: bare, so is the one that IPsec protects", second)

    guard = f"{t.build}/bin/rdmasec run -p /run/kept.policy -- "
    result, first, second = anew(t, guard, CLEAR, PROTECTED)
    t.check(f"sent to {CLEAR}" in result.out and first.clear > 0, "guarded: where the policy asks for nothing, it sends", result)
    told = "rdmasec: refused modify_qp on rxe0 port 1 GID" in result.err and has_reason(result.err, "goes on by the route")
    t.check(not result.ok and told, "guarded: it does not get the protected address, and says why", result)
    t.check(second.clear == 0, "guarded: nothing in clear", second)

    result, first, second = anew(t, guard, PROTECTED, PROTECTED)
    t.check(result.ok and not result.err, "guarded: the protected address, and after RESET again", result)
    esp = first.counts["esp"] and second.counts["esp"]
    t.check(esp and first.clear + second.clear == 0, "guarded: all of it is ESP", f"{first}\n{second}")
    result, first, second = anew(t, guard, PROTECTED, CLEAR)
    t.check(result.ok and first.clear == 0, "guarded: the protected address first, then the other", f"{result}\n{first}")


def anew(t: Test, wrap: str, first: str, second: str) -> tuple[Result, Wire, Wire]:
    """What the program said, and the wire while it sent to the first address and to the second."""
    index = t.net.gid_index(t.a, ETH0["a"][0])
    t.a.run("rm -f /run/go", check=True)
    with t.wire() as before:
        client = t.a.start(f"{wrap}/usr/bin/python3 {PROGRAM} {DEVICE} {index} {first} {second} /run/go", WAITS)
        client.output_with(f"sent to {first}", WAITS)
    with t.wire() as after:
        t.a.write_file("/run/go", "")
        result = client.wait(WAITS)
    return result, before, after
