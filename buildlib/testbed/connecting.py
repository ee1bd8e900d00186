# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Programs of tests/apps that connect queue pairs to verbs_threads, the server of all of them."""

from __future__ import annotations

from typing import Any

from .api import EXCHANGE_PORT, Result, Test, Wire, await_listener, try_end
from .states import ETH0


def connect(
    t: Test,
    program: str,
    addresses: dict[str, tuple[str, str]],
    *,
    wrap_a: str = "",
    wrap_b: str = "",
    qps: int = 1,
    threads: int = 1,
    user: int | None = None,
    **how: Any,
) -> tuple[Result, Result, Wire]:
    """Runs a program, with its options, on a against the server on b. Returns both results, a's first, and the wire.

    wrap_a and wrap_b precede the programs, which user runs; how is for a's Guest.run (env, cwd).
    """
    folder = f"{t.build}/tests"
    index_a, index_b = (t.net.gid_index(guest, addresses[guest.name][0]) for guest in (t.a, t.b))
    with t.wire() as wire:
        server = t.b.start(f"{wrap_b} {folder}/verbs_threads -g {index_b} -q {qps} -t {threads}", user=user)
        await_listener(server, EXCHANGE_PORT)
        client = t.a.run(f"{wrap_a} {folder}/{program} -g {index_a} {ETH0['b'][0]}", user=user, **how)
        if not client.ok:
            try_end(server, EXCHANGE_PORT, at_once=bool(wrap_a) and not wrap_b)
        served = server.wait()
    return client, served, wire
