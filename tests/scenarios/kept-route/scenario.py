# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""One RC queue pair, with an address in clear and then one that IPsec protects."""

from __future__ import annotations

from pathlib import Path

from testbed.api import Result, Test, Wire
from testbed.refusals import has_reason
from testbed.states import DEVICE, ETH0, MAC

CLEAR, PROTECTED = "10.77.0.3", ETH0["b"][0]
POLICY = f"[rule clear]\nmatch-remote = {CLEAR}/32\nrequire = none\n"
PROGRAM = Path(__file__).resolve().parents[2] / "apps/pyverbs_two_addresses.py"


def run(t: Test) -> None:
    t.net.ipsec()
    t.b.run(f"ip address add {CLEAR}/24 dev eth0", check=True)
    t.a.run(f"ip neigh replace {CLEAR} lladdr {MAC['b']} dev eth0", check=True)
    t.a.write_file("/run/kept.policy", POLICY)

    result, first, second = send_to_both(t, "", CLEAR, PROTECTED)
    t.check(result.ok and first.clear > 0, "control, bare: data to the first address is in clear", f"{result}\n{first}")
    t.check(second.clear > 0, "control, bare: so is data to the address that IPsec protects", second)

    guard = f"{t.build}/bin/rdmasec run -p /run/kept.policy -- "
    result, first, second = send_to_both(t, guard, CLEAR, PROTECTED)
    sent = f"sent to {CLEAR}" in result.out and first.clear > 0
    t.check(sent, "guarded: it sends to the address for which the policy requires nothing", result)
    named = "rdmasec: refused modify_qp on rxe0 port 1 GID" in result.err and has_reason(result.err, "route-kept")
    t.check(not result.ok and named, "guarded: it is then refused the protected address, with the reason", result)
    t.check(second.clear == 0, "guarded: nothing leaves in clear to the protected address", second)

    result, first, second = send_to_both(t, guard, PROTECTED, PROTECTED)
    t.check(result.ok and not result.err, "guarded: it gets the protected address, and again after RESET", result)
    esp = first.counts["esp"] and second.counts["esp"]
    t.check(esp and first.clear + second.clear == 0, "guarded: only ESP crosses the wire", f"{first}\n{second}")
    result, first, second = send_to_both(t, guard, PROTECTED, CLEAR)
    t.check(result.ok and first.clear == 0, "guarded: it gets the protected address first, then the other", f"{result}\n{first}")


def send_to_both(t: Test, wrap: str, first: str, second: str) -> tuple[Result, Wire, Wire]:
    """Returns the result of the program, and the wire while it sent to the first and to the second address."""
    index = t.net.gid_index(t.a, ETH0["a"][0])
    t.a.run("rm -f /run/go", check=True)
    with t.wire() as before:
        client = t.a.start(f"{wrap}/usr/bin/python3 {PROGRAM} {DEVICE} {index} {first} {second} /run/go")
        client.output_with(f"sent to {first}")
    with t.wire() as after:
        t.a.write_file("/run/go", "")
        result = client.wait()
    return result, before, after
