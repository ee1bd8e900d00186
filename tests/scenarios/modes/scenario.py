# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""enforce, audit, off, and policies with mistakes."""

import re
from collections import Counter

from testbed.api import Test
from testbed.applications import APPLICATIONS, Application, Trial, guard, same_output, try_out
from testbed.refusals import has_reason, refusal
from testbed.states import ETH0

POLICY = "/run/policy.conf"
EXIT_USAGE = 2
# What is judged of a connection that librdmacm makes, each by itself.
CM_CALLS = {
    "client": ("rdma_create_qp", "rdma_connect", "modify_qp"),
    "server": ("rdma_create_qp", "rdma_accept", "modify_qp"),
}

# policy -> the line that is wrong, and what of the message says how
MISTAKES = {
    "unknown key": ("[default]\nmod = audit\n", 2, "mod"),
    "bad value": ("[default]\nrequire = any\nmode = auditing\n", 3, "auditing"),
    "the same rule twice": ("[rule one]\nmatch-device = rxe0\n\n[rule two]\nmatch-device = rxe0\n", 4, "one"),
    "unknown section": ("[defaults]\nmode = off\n", 1, "defaults"),
    "bits beyond the prefix": ("[rule far]\nmatch-remote = 10.77.0.2/24\nrequire = none\n", 2, "10.77.0.2/24"),
    "cipher that does not exist": ("[default]\nciphers = rot13\n", 2, "rot13"),
}


def run(t: Test) -> None:
    t.net.clear()
    bare = {name: try_out(t, APPLICATIONS[name], ETH0) for name in ("ibv_rc_pingpong", "ibv_ud_pingpong", "rping")}
    four_qps = Application(
        "ibv_srq_pingpong -q 4",
        "ibv_srq_pingpong -d rxe0 -n 50 -q 4 -g {gid}",
        "ibv_srq_pingpong -d rxe0 -n 50 -q 4 -g {gid} {server}",
    )
    for name, trial in bare.items():
        audited(t, trial.application, trial, 1)
    audited(t, four_qps, try_out(t, four_qps, ETH0), 4)
    for name, trial in bare.items():
        silent(t, trial.application, trial, "mode = off", "[default]\nmode = off\n")
    silent(t, APPLICATIONS["ibv_rc_pingpong"], bare["ibv_rc_pingpong"], "require = none",
           "[rule near]\nmatch-remote = 10.77.0.0/24\nrequire = none\n")  # fmt: skip
    rules_decide_in_their_order(t)
    for what, (text, line, how) in MISTAKES.items():
        starts_nothing(t, what, text, line, how)
    a_missing_file_starts_nothing(t)


def set_policy(t: Test, text: str) -> None:
    for guest in (t.a, t.b):
        guest.write_file(POLICY, text)


def audited(t: Test, application: Application, bare: Trial, qps: int) -> None:
    """The server and the client each say as much as they have queue pairs, and before it, of whom librdmacm connects."""
    set_policy(t, "[default]\nmode = audit\n")
    trial = try_out(t, application, ETH0, guarded="ab", options=f"-p {POLICY}")
    t.check(same_output(trial, bare), f"{application.name}, audit: runs as if bare", trial)
    t.check(trial.wire["clear_data"] > 0, f"{application.name}, audit: in clear, as the wire shows", trial)
    for side, result in (("client", trial.client), ("server", trial.server)):
        said = re.findall(r"^rdmasec: .*$", result.err, re.MULTILINE)
        would = [line for line in said if line.startswith("rdmasec: audit: would refuse ") and has_reason(line, "eth0 is not a MACsec device")]
        what = f"{application.name}, audit: the {side} is told what would be refused, and nothing else"
        t.check(would and len(said) == len(would), what, result.err)
        calls = Counter(line.removeprefix("rdmasec: audit: would refuse ").split()[0] for line in would)
        expected = set(CM_CALLS[side]) if not application.side_channel else {next(iter(calls), "")}
        what = f"{application.name}, audit: the {side} is told once per queue pair, and of rdma_cm once per call"
        t.check(set(calls) == expected and set(calls.values()) == {qps}, what, f"{qps} queue pairs\n{result.err}")


def silent(t: Test, application: Application, bare: Trial, what: str, policy: str) -> None:
    set_policy(t, policy)
    trial = try_out(t, application, ETH0, guarded="ab", options=f"-p {POLICY}")
    t.check(same_output(trial, bare), f"{application.name}, {what}: runs as if bare", trial)
    t.check("rdmasec" not in trial.said, f"{application.name}, {what}: nothing is said", trial)


def rules_decide_in_their_order(t: Test) -> None:
    """The first that matches; a refusal names the rule it is by."""
    application = APPLICATIONS["ibv_rc_pingpong"]
    strict, lenient = "match-device = rxe*\nrequire = ipsec\n", "match-device = rxe0\nmode = off\n"
    set_policy(t, f"[rule strict]\n{strict}\n[rule lenient]\n{lenient}")
    trial = try_out(t, application, ETH0, guarded="a", options=f"-p {POLICY}")
    line = refusal(trial.client)
    t.check(line and trial.client.code != 0 and trial.wire["clear_data"] == 0, "the first rule of two refuses", trial)
    named = line and line["reason"].endswith("[rule strict]") and not has_reason(line, "MACsec")
    t.check(named, "the refusal names the rule, and speaks of what the rule asks for", trial)


def starts_nothing(t: Test, what: str, text: str, line: int, how: str) -> None:
    set_policy(t, text)
    where = f"{POLICY}:{line}:"
    for command in (f"{guard(t, f'-p {POLICY}')} touch /run/started", f"{t.build}/bin/rdmasec policy check {POLICY}",
                    f"{t.build}/bin/rdmasec status -p {POLICY}"):  # fmt: skip
        result = t.a.run(command)
        named = where in result.err and how in result.err and not result.out
        verb = command.split()[1]
        told = result.code == EXIT_USAGE and named
        t.check(told, f"policy with a mistake ({what}): {verb} tells file and line", result)
    t.check(t.a.run("test -e /run/started").code == 1, f"policy with a mistake ({what}): nothing is started")


def a_missing_file_starts_nothing(t: Test) -> None:
    result = t.a.run(f"{guard(t, '-p /run/absent.conf')} touch /run/started")
    t.check(result.code == EXIT_USAGE and "/run/absent.conf" in result.err, "a policy that is not there: told", result)
    result = t.a.run(f"RDMASEC_POLICY=/run/absent.conf {guard(t)} touch /run/started")
    t.check(result.code == EXIT_USAGE and "/run/absent.conf" in result.err, "nor is one in RDMASEC_POLICY", result)
    t.check(t.a.run("test -e /run/started").code == 1, "a policy that is not there: nothing is started")
