# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""enforce, audit, off, and policies with mistakes."""

import re
from collections import Counter

from testbed.api import USER, Test
from testbed.applications import APPLICATIONS, Application, Trial, guard, same_output, try_out
from testbed.refusals import has_reason, reasons, refusal
from testbed.states import ETH0

POLICY = "/run/policy.conf"
EXIT_USAGE = 2
# The calls of a connection by librdmacm that are decided, each separately.
CM_CALLS = {
    "client": ("rdma_create_qp", "rdma_connect", "modify_qp"),
    "server": ("rdma_create_qp", "rdma_accept", "modify_qp"),
}

# policy -> the number of the wrong line, and a word of the message
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
        reports_in_audit_mode(t, trial.application, trial, 1)
    reports_in_audit_mode(t, four_qps, try_out(t, four_qps, ETH0), 4)
    for name, trial in bare.items():
        runs_silently(t, trial.application, trial, "mode = off", "[default]\nmode = off\n")
    near = "[rule near]\nmatch-remote = 10.77.0.0/24\nrequire = none\n"
    runs_silently(t, APPLICATIONS["ibv_rc_pingpong"], bare["ibv_rc_pingpong"], "require = none", near)
    first_matching_rule_decides(t)
    for what, (text, line, how) in MISTAKES.items():
        bad_policy_starts_nothing(t, what, text, line, how)
    missing_policy_starts_nothing(t)
    door_reaches_later_programs(t)


def set_policy(t: Test, text: str) -> None:
    for guest in (t.a, t.b):
        guest.write_file(POLICY, text)


def reports_in_audit_mode(t: Test, application: Application, bare: Trial, qps: int) -> None:
    """Server and client report once for each queue pair, and once for each call of librdmacm."""
    set_policy(t, "[default]\nmode = audit\n")
    trial = try_out(t, application, ETH0, guarded="ab", options=f"-p {POLICY}")
    t.check(same_output(trial, bare), f"{application.name}, audit: it runs as bare", trial)
    t.check(trial.wire["clear_data"] > 0, f"{application.name}, audit: the wire shows its data in clear", trial)
    for side, result in (("client", trial.client), ("server", trial.server)):
        if result is None:
            continue  # the first check has failed
        said = re.findall(r"^rdmasec: .*$", result.err, re.MULTILINE)
        would = [line for line in said if line.startswith("rdmasec: audit: would refuse ")]
        would = [line for line in would if has_reason(line, "macsec-no-device")]
        what = f"{application.name}, audit: the {side} prints what enforce would refuse, and nothing else"
        t.check(would and len(said) == len(would), what, result.err)
        calls = Counter(line.removeprefix("rdmasec: audit: would refuse ").split()[0] for line in would)
        expected = set(CM_CALLS[side]) if not application.side_channel else {next(iter(calls), "")}
        what = f"{application.name}, audit: the {side} prints one line for each queue pair or call of rdma_cm"
        t.check(set(calls) == expected and set(calls.values()) == {qps}, what, f"{qps} queue pairs\n{result.err}")


def runs_silently(t: Test, application: Application, bare: Trial, what: str, policy: str) -> None:
    set_policy(t, policy)
    trial = try_out(t, application, ETH0, guarded="ab", options=f"-p {POLICY}")
    t.check(same_output(trial, bare), f"{application.name}, {what}: it runs as bare", trial)
    t.check("rdmasec" not in trial.said, f"{application.name}, {what}: it prints nothing of rdmasec", trial)


def first_matching_rule_decides(t: Test) -> None:
    """The first rule that matches decides, and a refusal names it."""
    application = APPLICATIONS["ibv_rc_pingpong"]
    strict, lenient = "match-device = rxe*\nrequire = ipsec\n", "match-device = rxe0\nmode = off\n"
    set_policy(t, f"[rule strict]\n{strict}\n[rule lenient]\n{lenient}")
    trial = try_out(t, application, ETH0, guarded="a", options=f"-p {POLICY}")
    line = refusal(trial.client)
    failed = trial.client is not None and trial.client.code != 0
    t.check(line and failed and trial.wire["clear_data"] == 0, "two rules match: the first refuses", trial)
    named = line and line["text"].endswith("[rule strict]") and reasons(line) == ["outbound-no-policy"]
    t.check(named, "two rules match: the refusal names the first, and what it requires", trial)


def bad_policy_starts_nothing(t: Test, what: str, text: str, line: int, how: str) -> None:
    set_policy(t, text)
    where = f"{POLICY}:{line}:"
    for command in (f"{guard(t, f'-p {POLICY}')} touch /run/started", f"{t.build}/bin/rdmasec policy check {POLICY}",
                    f"{t.build}/bin/rdmasec status -p {POLICY}"):  # fmt: skip
        result = t.a.run(command)
        named = where in result.err and how in result.err and not result.out
        verb = command.split()[1]
        named = result.code == EXIT_USAGE and named
        t.check(named, f"policy with a mistake ({what}): {verb} prints file and line", result)
    t.check(t.a.run("test -e /run/started").code == 1, f"policy with a mistake ({what}): nothing starts")


def missing_policy_starts_nothing(t: Test) -> None:
    result = t.a.run(f"{guard(t, '-p /run/absent.conf')} touch /run/started")
    t.check(result.code == EXIT_USAGE and "/run/absent.conf" in result.err, "a missing policy: -p prints its name", result)
    result = t.a.run(f"RDMASEC_POLICY=/run/absent.conf {guard(t)} touch /run/started")
    t.check(result.code == EXIT_USAGE and "/run/absent.conf" in result.err, "a missing policy: RDMASEC_POLICY prints its name", result)
    t.check(t.a.run("test -e /run/started").code == 1, "a missing policy: nothing starts")


def copy_installation(t: Test, folder: str) -> str:
    t.a.run(f"mkdir -p {folder}/bin {folder}/lib && cp {t.build}/bin/rdmasec {folder}/bin/", check=True)
    t.a.run(f"cp {t.build}/lib/librdmasec-preload.so {folder}/lib/", check=True)
    return f"{folder}/bin/rdmasec run --"


def make_image(t: Test, folder: str) -> None:
    """Makes a root folder with the host's programs and devices, and nothing of rdmasec."""
    t.a.run(f"mkdir -p {folder} && mount -t tmpfs image {folder}", check=True)
    t.a.run(f"cd {folder} && mkdir -p usr dev sys proc etc/libibverbs.d run tmp && for d in usr dev sys proc etc/libibverbs.d; "
            "do mount --bind /$d $d; done && for d in bin sbin lib lib64; do ln -s usr/$d $d; done", check=True)  # fmt: skip


def door_reaches_later_programs(t: Test) -> None:
    """A program that the command starts can lack the library: after setuid(2) or chroot(2)."""
    drop = f"setpriv --reuid {USER} --regid {USER} --clear-groups"
    guard_open, guard_closed = copy_installation(t, "/opt/open"), copy_installation(t, "/opt/closed")
    t.a.run("chmod 700 /opt/closed", check=True)
    images = ("/run/with", "/run/without")
    for folder in images:
        make_image(t, folder)
    # the image has no bin of rdmasec
    t.a.run("mkdir -p /run/with/opt/open/lib && cp /opt/open/lib/*.so /run/with/opt/open/lib/", check=True)
    ways = {
        "another user": (f"{guard_open} {drop}", f"{drop}", True),
        "another user, library in a closed folder": (f"{guard_closed} {drop}", f"{drop}", False),
        "an image with the library alone": (f"{guard_open} chroot /run/with", "chroot /run/with", True),
        "an image without the library": (f"{guard_open} chroot /run/without", "chroot /run/without", False),
        "another user, by a shell": (f"{guard_closed} {drop} sh -c 'exec \"$@\"' sh", f"{drop}", False),
    }
    for what, (guarded, bare, arrives) in ways.items():
        with t.wire() as wire:
            client, _ = t.pingpong(ETH0["a"][0], ETH0["b"][0], wrap_a=bare)
        t.check(client.ok and wire.clear > 0, f"control, {what}: bare it runs in clear", f"{client}\n{wire}")
        with t.wire() as wire:
            client, _ = t.pingpong(ETH0["a"][0], ETH0["b"][0], wrap_a=guarded)
        reason = "refused create_qp" if arrives else "(reason=door-broken)"
        said = client.err if not arrives else client.err.replace("modify_qp", "create_qp")
        t.check(not client.ok and reason in said, f"{what}: it is refused, with the reason", client)
        t.check(wire.clear == 0, f"{what}: nothing leaves in clear", wire)
    # with their /dev in /run, no later program below the supervisor could make files there
    t.a.run(f"umount --recursive {' '.join(images)}", check=True)
    t.a.run("mkdir -p /opt/noexec && mount -t tmpfs -o noexec none /opt/noexec && mkdir /opt/noexec/lib", check=True)
    t.a.run("cp /opt/open/lib/*.so /opt/noexec/lib/ && mkdir -p /opt/run/bin "
            "&& cp /opt/open/bin/rdmasec /opt/run/bin/ && ln -s /opt/noexec/lib /opt/run/lib", check=True)  # fmt: skip
    result = t.a.run("/opt/run/bin/rdmasec run -- touch /run/started")
    t.check(result.code == 126 and "noexec" in result.err, "a library that cannot be executed: run says so", result)
    t.check(t.a.run("test -e /run/started").code == 1, "a library that cannot be executed: nothing starts")
