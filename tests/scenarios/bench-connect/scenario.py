"""Ratios of what a queue pair costs, bare and guarded."""

import statistics
from testbed.api import Test
from testbed.states import MACSEC0

ROUNDS = 100
TURNS = 5
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
    while "ready" not in daemon.output():
        pass
    for _ in range(TURNS):
        figures["bare"].append(measure(t, command))
        figures["rdmasecd"].append(measure(t, guarded))
    ask(t, command.replace("bench_connect", "bench_ask"))
    daemon.kill()
    daemon.wait(60)
    t.a.run("rm -r /run/rdmasec", check=True)
    t.check(all(figures.values()), "all ran")
    t.note("median us a step, and the ratio to bare")
    t.note(f"{'':16}" + "".join(f"{step:>18}" for step in STEPS))
    base = medians(figures["bare"])
    for name, runs in figures.items():
        row = medians(runs)
        t.note(f"{name:16}" + "".join(f"{row[step]:10.1f} ({row[step] / base[step]:5.2f})" for step in STEPS))


def measure(t: Test, command: str) -> dict[str, float]:
    """The median of each step."""
    out = t.a.run(command, timeout=120, check=True).out
    return {name: float(median) for name, median, _most in (line.split() for line in out.splitlines())}


def ask(t: Test, command: str) -> None:
    """What of a question is waiting: as much as a page shared with the engine could save."""
    runs = [measure(t, command) for _ in range(TURNS)]
    for way in ("ask", "tell", "page"):
        t.note(f"a question: {way:5} {statistics.median(run[way] for run in runs):10.1f} us")


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {step: statistics.median(run[step] for run in runs) for step in STEPS}
