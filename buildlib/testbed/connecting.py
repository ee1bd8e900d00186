# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Programs of tests/apps that bring queue pairs up, towards verbs_threads, which is the server of all of them."""

from __future__ import annotations

from .api import Result, Test, Wire, await_listener, try_end
from .states import ETH0

PORT = 18600  # of their exchange of addresses


def connect(
    t: Test,
    program: str,
    addresses: dict[str, tuple[str, str]],
    *,
    wrap_a: str = "",
    wrap_b: str = "",
    qps: int = 1,
    threads: int = 1,
    timeout: float = 90,
    **how: object,
) -> tuple[Result, Result, Wire]:
    """Run a program, with its options, on a against the server on b; both results, a's first, and what crossed the wire.

    wrap_a and wrap_b go before the programs; how goes to a's Guest.run (user, env, cwd).
    """
    folder = f"{t.build}/tests"
    index_a, index_b = (t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.a, t.b))
    with t.wire() as wire:
        server = t.b.start(f"{wrap_b} {folder}/verbs_threads -g {index_b} -q {qps} -t {threads}", timeout)
        await_listener(t.b, PORT, server)
        client = t.a.run(f"{wrap_a} {folder}/{program} -g {index_a} {ETH0['b'][0]}", timeout, **how)
        if not client.ok:
            try_end(server, PORT, at_once=bool(wrap_a) and not wrap_b)
        served = server.wait(timeout + 10)
    return client, served, wire
