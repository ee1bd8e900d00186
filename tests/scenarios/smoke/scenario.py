# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""tests/smoke/smoke in guest a, line by line."""

from testbed.api import Test
from testbed.pair import TOP

EXPECTED = 15  # checks of the script

STATE = """
ip -o link | sed 's/^[0-9]*: //'; ip -o address | sed 's/^[0-9]*: //'; ip rule; ip route show table all
ip xfrm policy; ip xfrm state; ip netns; ls /sys/class/infiniband; ls -d /tmp/tmp.*
"""


def run(t: Test) -> None:
    t.net.reset()
    t.a.run("modprobe rdma_rxe; modprobe macsec", check=True)
    before = t.a.run(STATE).out
    result = t.a.run(f"{TOP}/tests/smoke/smoke {t.build}/bin/rdmasec", within=400)
    t.note(result.out)
    lines = result.out.splitlines()
    for line in lines:
        verdict, separator, what = line.partition(" - ")
        if separator and verdict in ("ok", "not ok"):
            t.check(verdict == "ok", what, result)
    ok = sum(line.startswith("ok - ") for line in lines)
    t.check(result.ok and ok == EXPECTED, f"tests/smoke: all {EXPECTED} checks pass, and the exit status is 0", result)
    after = t.a.run(STATE).out
    t.check(before == after, "tests/smoke: it leaves the host unchanged", f"before:\n{before}\nafter:\n{after}")
