# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Ratios of the cost of a queue pair, bare and guarded."""

import statistics

from testbed.api import SIDE_CHANNEL, Test, await_listener
from testbed.coverage import AGENT, BARE, DOORS, Door
from testbed.daemon import on_both
from testbed.states import ETH0, MACSEC0
from testbed.stream import await_words

ROUNDS = 100
TURNS = 5
DOOR_TURNS = 3
QPS = 1000
STEPS = ("create", "init", "rtr", "destroy")


def run(t: Test) -> None:
    t.net.macsec()
    command = f"{t.build}/bench/bench_connect rxe0 {t.net.gid_index(t.a, MACSEC0['a'][0])} {MACSEC0['b'][0]} {ROUNDS}"
    guarded = f"{t.build}/bin/rdmasec run -- {command}"
    figures: dict[str, list[dict[str, float]]] = {"bare": [], "private engine": [], "rdmasecd": []}
    for _ in range(TURNS):
        figures["bare"].append(measure(t, command))
        figures["private engine"].append(measure(t, guarded))
    t.a.run("mkdir -p /run/rdmasec", check=True)
    daemon = t.a.start(f"exec {t.build}/bin/rdmasecd")
    await_words(daemon, "rdmasecd: ready")
    for _ in range(TURNS):
        figures["bare"].append(measure(t, command))
        figures["rdmasecd"].append(measure(t, guarded))
    ask(t, command.replace("bench_connect", "bench_ask"))
    daemon.kill()
    daemon.wait()
    t.a.run("rm -r /run/rdmasec", check=True)
    t.check(all(figures.values()), "all programs run")
    t.note("median us a step, and the ratio to bare")
    t.note(f"{'':16}" + "".join(f"{step:>18}" for step in STEPS))
    base = medians(figures["bare"])
    for name, runs in figures.items():
        row = medians(runs)
        t.note(f"{name:16}" + "".join(f"{row[step]:10.1f} ({row[step] / base[step]:5.2f})" for step in STEPS))
    doors(t, command.replace(f" {ROUNDS}", f" {QPS}"))


def doors(t: Test, many: str) -> None:
    """A whole ibv_rc_pingpong of one message, and a whole process of a thousand queue pairs, behind each door."""
    on_both(t)
    ways = [BARE, *(door for door in DOORS if door.name != AGENT and door.is_built(t))]
    took: dict[str, dict[str, list[float]]] = {door.name: {"ibv_rc_pingpong": [], f"{QPS} QPs": []} for door in ways}
    for _ in range(DOOR_TURNS):
        for door in ways:
            with door.installed(t, [t.a]):
                took[door.name]["ibv_rc_pingpong"].append(pingpong(t, door))
                took[door.name][f"{QPS} QPs"].append(seconds(t, f"{door.wrap(t)} {many}"))
    base = {what: statistics.median(runs) for what, runs in took[BARE.name].items()}
    t.note("median seconds of a whole process, and the ratio to bare")
    for name, row in took.items():
        cells = ((what, statistics.median(runs)) for what, runs in row.items())
        t.note(f"{name:16}" + "".join(f"  {what} {value:8.2f} ({value / base[what]:5.2f})" for what, value in cells))


def pingpong(t: Test, door: Door) -> float:
    """Returns the client's seconds from its start to its end; its server on b is bare."""
    call = "ibv_rc_pingpong -d rxe0 -n 1 -g {index}"
    server = t.b.start(call.format(index=t.net.gid_index(t.b, MACSEC0["b"][0])))
    await_listener(server, SIDE_CHANNEL)
    client = call.format(index=t.net.gid_index(t.a, MACSEC0["a"][0]))
    taken = seconds(t, f"{door.wrap(t)} {client} {ETH0['b'][0]}")
    server.wait(check=True)
    return taken


def seconds(t: Test, command: str) -> float:
    """Returns the seconds of a command that must succeed."""
    result = t.a.run(f"TIMEFORMAT=%R; time {command} >/dev/null", within=300, check=True)
    return float(result.err.split()[-1])


def measure(t: Test, command: str) -> dict[str, float]:
    """Returns the median of each step."""
    out = t.a.run(command, within=300, check=True).out
    return {name: float(median) for name, median, _most in (line.split() for line in out.splitlines())}


def ask(t: Test, command: str) -> None:
    """Prints how much of a question is waiting: a page shared with the engine could save that much."""
    runs = [measure(t, command) for _ in range(TURNS)]
    for way in ("ask", "tell", "page"):
        t.note(f"a question: {way:5} {statistics.median(run[way] for run in runs):10.1f} us")


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {step: statistics.median(run[step] for run in runs) for step in STEPS}
