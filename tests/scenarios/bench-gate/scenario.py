# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Messages a second of protected traffic, with and without the gate."""

import re
import statistics

from testbed.api import SIDE_CHANNEL, Test, await_listener
from testbed.gate import on_both, stopped
from testbed.states import ETH0, MACSEC0

TURNS = 5
MESSAGES = 3000
TIMED = re.compile(r"^(\d+) iters in ([0-9.]+) seconds", re.MULTILINE)


def run(t: Test) -> None:
    t.net.ipsec()
    compare(t, "IPsec", ETH0)
    t.net.macsec()
    compare(t, "MACsec", MACSEC0)


def compare(t: Test, what: str, addresses: dict) -> None:
    rates: dict[str, list[float]] = {"off": [], "on": []}
    rate(t, addresses)  # the first run loads what the others find
    for _ in range(TURNS):
        for gate in ("off", "on"):
            on_both(t, gate)
            rates[gate].append(rate(t, addresses))
    t.check(stopped(t, t.a)["stopped_out"] == 0, f"{what}: the gate stops nothing", stopped(t, t.a))
    without, with_gate = (statistics.median(rates[gate]) for gate in ("off", "on"))
    t.note(f"{what}: {without:.0f} messages a second without the gate, {with_gate:.0f} with it: ratio {with_gate / without:.3f}")
    on_both(t, "off")


def rate(t: Test, addresses: dict) -> float:
    """Returns the messages a second that the client reports."""
    call = f"ibv_rc_pingpong -d rxe0 -n {MESSAGES} -s 1024 -g"
    server = t.b.start(f"{call} {t.net.gid_index(t.b, addresses['b'][0])}")
    await_listener(server, SIDE_CHANNEL)
    client = t.a.run(f"{call} {t.net.gid_index(t.a, addresses['a'][0])} {ETH0['b'][0]}", within=300, check=True)
    server.wait(check=True)
    iterations, seconds = TIMED.findall(client.out)[0]
    return float(iterations) / float(seconds)
