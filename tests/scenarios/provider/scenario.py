# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""libibverbs loads the door by itself: unmodified programs, no environment, and what might break it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from testbed.api import Guest, Result, Test, Wire, await_listener, try_end
from testbed.applications import APPLICATIONS, bare_is_seen, try_out
from testbed.connecting import PORT, connect
from testbed.daemon import Daemon, on_both, seconds
from testbed.refusals import has_reason, refusal
from testbed.states import DEVICE, ETH0, MACSEC0
from testbed.stream import await_words

TIME_LIMIT = 900
USER = 1234
PLACE = "/opt/rdmasec"  # where only root can write, as the module's place has to be
RDMASEC = f"{PLACE}/bin/rdmasec"
COPIES = "/opt/copies"
PROGRAMS = ("ibv_rc_pingpong", "ib_send_lat", "rping")
BROKEN = "rdmasec: refused: what this program does with RDMA cannot be guarded: "


def run(t: Test) -> None:
    bare_is_seen(t)
    prepare(t)
    installs(t)
    for name in PROGRAMS:
        refused_in_clear(t, name)
    broken_in_clear(t)
    on_the_way_in_clear(t)
    setuid_without_daemon(t)
    told_by_status(t)
    t.b.run(f"{RDMASEC} install-provider", check=True)
    over_macsec(t)
    with_daemon(t)
    removes(t)


# ---- installed ----


def prepare(t: Test) -> None:
    copies = Path(__file__).with_name("copies.py")
    for guest in (t.a, t.b):
        guest.run(f"mkdir -p {PLACE}/bin {PLACE}/lib/rdmasec && cp {t.build}/bin/rdmasec {PLACE}/bin && "
                  f"cp {t.build}/lib/rdmasec/librdmasec-provider.so {PLACE}/lib/rdmasec", check=True)  # fmt: skip
    t.a.run(f"python3 {copies} {COPIES} {libibverbs(t.a)}", check=True)


def libibverbs(guest: Guest) -> str:
    return guest.run("ls /usr/lib/*/libibverbs.so.1", check=True).out.strip()


def module_status(guest: Guest) -> dict:
    """Of `rdmasec status --json`, what is no GID."""
    rows = json.loads(guest.run(f"{RDMASEC} status --json", 60).out)
    return next(row for row in rows if row.get("door") == "provider module")


def installs(t: Test) -> None:
    t.check(module_status(t.a)["state"] == "not-installed", "before: status says that it is not installed")
    t.a.run(f"chmod 777 {PLACE}/lib", check=True)
    result = t.a.run(f"{RDMASEC} install-provider")
    t.check(result.code == 1 and has_reason(result.err, "others than root could replace it") and module_status(t.a)["state"] == "not-installed",
            "a module that others could replace is not installed", result)  # fmt: skip
    t.a.run(f"chmod 755 {PLACE}/lib", check=True)
    first, again = (t.a.run(f"{RDMASEC} install-provider") for _ in range(2))
    t.check(first.ok and first == again, "install-provider, once or twice", f"{first}\n{again}")
    status = t.a.run(f"{RDMASEC} status", 60)
    t.check("provider module: installed, stands" in status.out, "status: it is installed, and stands", status)
    user = t.a.run(f"{RDMASEC} status", 60, user=USER)
    t.check("provider module: installed, stands" in user.out, "status: for an ordinary user, too", user)
    t.check(module_status(t.a)["state"] == "stands", "status --json: the same", module_status(t.a))


def told_by_status(t: Test) -> None:
    """An upgrade of rdma-core brings another NN; or half of it is lost."""
    link = t.a.run(f"ls {Path(libibverbs(t.a)).parent}/libibverbs/librdmasec-rdmav*.so", check=True).out.strip()
    other = re.sub(r"rdmav\d+", "rdmav9", link)
    t.a.run(f"mv {link} {other}", check=True)
    status = module_status(t.a)
    said = t.a.run(f"{RDMASEC} status", 60).out
    t.check(status["state"] == "other-abi" and status["abi"] == 9 and f"installed for rdmav9, libibverbs wants rdmav{status['wanted_abi']}" in said,
            "status tells a module for another libibverbs", said)  # fmt: skip
    t.a.run(f"{RDMASEC} install-provider", check=True)
    t.check(t.a.run(f"ls {other}").code != 0 and module_status(t.a)["state"] == "stands", "installed anew, it stands, and the old name is gone")
    t.a.run("rm /etc/libibverbs.d/rdmasec.driver", check=True)
    t.check(has_reason(module_status(t.a), "rdmasec.driver: No such file"), "status tells a missing driver file")
    t.a.run(f"{RDMASEC} install-provider && mv {PLACE}/lib/rdmasec /opt/away", check=True)
    t.check(has_reason(module_status(t.a), "dangling link"), "status tells a module that is gone")
    t.a.run(f"mv /opt/away {PLACE}/lib/rdmasec", check=True)


def removes(t: Test) -> None:
    first, again = (t.a.run(f"{RDMASEC} remove-provider") for _ in range(2))
    t.check(first.ok and again.ok and "was not installed" in again.out, "remove-provider, once or twice", f"{first}\n{again}")
    left = t.a.run(f"ls /etc/libibverbs.d {Path(libibverbs(t.a)).parent}/libibverbs | grep rdmasec")
    t.check(not left.out and module_status(t.a)["state"] == "not-installed", "nothing of it is left", left)
    t.b.run(f"{RDMASEC} remove-provider", check=True)
    bare_is_seen(t)


# ---- unmodified programs ----


def refused_in_clear(t: Test, name: str) -> None:
    """Only a has the module: its client is refused, and nothing but the server's own TCP has crossed the wire."""
    trial = try_out(t, APPLICATIONS[name], ETH0)
    t.check(trial.client and trial.client.code != 0, f"{name}, in clear: fails", trial)
    t.check(refusal(trial.client), f"{name}, in clear: says what was refused, where and why", trial)
    t.check(trial.wire["clear_data"] == trial.wire["clear_cm"] == 0, f"{name}, in clear: nothing in clear", trial)


def runs_protected(t: Test, name: str, addresses: dict, by: str, user: int | None = None) -> None:
    trial = try_out(t, APPLICATIONS[name], addresses, user=user)
    t.check(trial.ran and "rdmasec" not in trial.said, f"{name}, by {by}: runs, silently", trial)
    t.check(trial.wire[by] > 0 and trial.readable == 0, f"{name}, by {by}: no RoCE in clear", trial)


def over_macsec(t: Test) -> None:
    t.net.macsec()
    runs_protected(t, "ibv_rc_pingpong", MACSEC0, "macsec")
    for program in ("verbs_dlvsym", "verbs_fork", "verbs_fork -o -c"):
        connects(t, program, MACSEC0, "macsec", can_send="-o" not in program)
    for way in ("namespace", "both", "second", "tracer-before"):
        connects(t, f"verbs_break {way} {other_of(t)}", MACSEC0, "macsec")
    engines = t.a.run("sleep 2; pgrep -x rdmasec-engine")
    t.check(not engines.out, "private engines have ended with their programs", engines)


def with_daemon(t: Test) -> None:
    t.net.clear()
    daemon = on_both(t)
    late_thief_is_found(t, daemon)
    setuid_with_daemon(t, protected=False)
    t.net.ipsec()
    daemon = on_both(t)
    for name in PROGRAMS:
        runs_protected(t, name, ETH0, "esp", USER)
    setuid_with_daemon(t, protected=True)
    judged_once(t, daemon)
    for guest in (t.a, t.b):
        guest.run("rm -rf /run/rdmasec", check=True)


# ---- programs that raise their privileges ----

RAISED = (("setuid", "chmod 4755"), ("with capabilities", "setcap cap_net_raw+ep"))
# An environment that would have it judged by a policy of its user's, or by nobody.
LURE = {"RDMASEC_ENGINE": "@nobody", "RDMASEC_POLICY": "/run/off.policy"}


def raised(t: Test, what: str, change: str) -> str:
    copy = f"/usr/local/bin/pingpong-{what.replace(' ', '-')}"
    t.a.run(f"cp /usr/bin/ibv_rc_pingpong {copy} && {change} {copy}", check=True)
    t.a.write_file("/run/off.policy", "[default]\nmode = off\n")
    return copy


def raised_pingpong(t: Test, copy: str) -> tuple[Result, Wire]:
    command = f"-d {DEVICE} -n 100 -g"
    with t.wire() as wire:
        server = t.b.start(f"ibv_rc_pingpong {command} {t.net.gid_index(t.b, ETH0['b'][0])}", 60)
        await_listener(t.b, 18515, server)
        client = t.a.run(f"{copy} {command} {t.net.gid_index(t.a, ETH0['a'][0])} {ETH0['b'][0]}", 60, user=USER, env=LURE)
        if not client.ok:
            try_end(server, 18515)
        server.wait(70)
    return client, wire


def setuid_without_daemon(t: Test) -> None:
    for what, change in RAISED:
        client, seen = raised_pingpong(t, raised(t, what, change))
        why = "rdmasecd is not installed, and a privileged program gets no private engine"
        t.check(not client.ok and has_reason(client.err, why) and seen.clear == 0, f"{what}, without rdmasecd: refused", client)


def setuid_with_daemon(t: Test, protected: bool) -> None:
    for what, change in RAISED:
        if not protected:  # b's server would be refused itself
            t.b.run(f"{RDMASEC} remove-provider", check=True)
        client, seen = raised_pingpong(t, raised(t, what, change))
        if protected:
            t.check(client.ok and not client.err, f"{what}, over IPsec: runs", client)
            t.check(seen.counts["esp"] > 0 and seen.clear == 0, f"{what}, over IPsec: all is ESP", seen)
        else:
            t.check(not client.ok and refusal(client), f"{what}, in clear: refused by rdmasecd", client)
            t.check(seen.clear == 0, f"{what}, in clear: nothing in clear", seen)
            t.b.run(f"{RDMASEC} install-provider", check=True)


# ---- what might break it ----


def other_of(t: Test) -> str:
    return str(Path(libibverbs(t.a)).with_name("libibverbs.so.9"))


def attempt(t: Test, program: str, addresses: dict, policy: str = "", before: str = "") -> tuple[Result, Result, Wire]:
    """A program of tests/apps on a, towards the server on b."""
    env = {}
    if policy:
        t.a.write_file("/run/some.policy", policy)
        env["RDMASEC_POLICY"] = "/run/some.policy"
    return connect(t, program, addresses, wrap_a=before, qps=2 if " -c" in program else 1, timeout=60, env=env)


def connects(t: Test, program: str, addresses: dict, by: str, can_send: bool = True) -> None:
    client, _, seen = attempt(t, program, addresses)
    said = not [line for line in client.err.splitlines() if line.startswith("rdmasec")]
    if can_send:
        t.check(client.ok and said, f"{program}, by {by}: runs", client)
    else:  # rxe sends by write(2), which the kernel takes only from who opened the device
        t.check("cannot send: Permission denied" in client.err and said, f"{program}, by {by}: gets as far as bare", client)
    t.check(seen.counts[by] > 0 and seen.clear == 0, f"{program}, by {by}: nothing in clear", seen)


def is_refused(t: Test, program: str, why: str, code: int = 1, before: str = "") -> Result:
    client, _, seen = attempt(t, program, ETH0, before=before)
    refused = client.code == code and has_reason(client.err, re.compile(why))
    t.check(refused, f"{program}, in clear: {'ended' if code == 126 else 'refused'}", client)
    t.check(seen.clear == 0, f"{program}, in clear: nothing in clear", seen)
    return client


def broken_in_clear(t: Test) -> None:
    """Each is first shown to send in clear without the module, so that something is there to be refused."""
    refused = r"rdmasec: refused create_qp RC on rxe0 .* unprotected: "
    other = other_of(t)
    ways = (
        (f"verbs_break only {COPIES}/stripped.so", 126, re.escape(f"{BROKEN}{COPIES}/stripped.so does not call ioctl()")),
        (f"verbs_break reopen {other}", 1, refused),
        (f"verbs_break namespace {other}", 1, refused),
        (f"verbs_break both {other}", 1, refused),
        (f"verbs_break second {other}", 1, refused),
        (f"verbs_break tracer-before {other}", 1, refused),
        (f"verbs_break tracer-after {other}", 1, refused),
        (f"verbs_break thief-after {other}", 1, re.escape(BROKEN) + r"somebody has taken ioctl\(\) of \S+ to himself"),
    )
    t.a.run(f"{RDMASEC} remove-provider", check=True)
    for program, _, _ in ways:
        if "tracer" in program:  # as with all that passes calls on
            continue
        client, _, seen = attempt(t, program, ETH0)
        t.check(client.ok and seen.clear > 0, f"control: {program}: without the module it runs in clear", f"{client}\n{seen}")
    t.a.run(f"{RDMASEC} install-provider", check=True)
    for program, code, why in ways:
        client = is_refused(t, program, why, code)
        if "tracer" in program:
            t.check(int(re.search(r"saw (\d+) calls", client.out)[1]) > 0, f"{program}: the tracer goes on seeing calls", client)
    is_refused(t, f"verbs_break nobody-before {other}", re.escape(BROKEN) + r"\S+ calls ioctl\(\) somewhere that is no library", 126)
    modes_of_broken(t, f"verbs_break only {COPIES}/stripped.so")


def modes_of_broken(t: Test, program: str) -> None:
    client, _, seen = attempt(t, program, ETH0, "[default]\nmode = audit\n")
    t.check(client.ok and client.err.startswith("rdmasec: audit: would refuse: what this program does with RDMA cannot be guarded"),
            "what cannot be guarded: in audit mode it is told, and goes on", client)  # fmt: skip
    client, _, seen = attempt(t, program, ETH0, "[default]\nmode = off\n")
    t.check(client.ok and not client.err and seen.clear > 0, "what cannot be guarded: off, it goes on in silence", client)
    policy = "[default]\nmode = off\n[rule one]\nmatch-executable = */verbs_break\nmode = enforce\n"
    client, _, seen = attempt(t, program, ETH0, policy)
    t.check(client.code == 126 and seen.clear == 0, "what cannot be guarded: a rule for this program alone ends it", client)


def on_the_way_in_clear(t: Test) -> None:
    preload, chain, thief = (f"{t.build}/{name}" for name in (
        "lib/librdmasec-preload.so", "tests/libioctl_chain.so", "tests/libioctl_thief.so"))  # fmt: skip
    rspreload = t.a.run("echo /usr/lib/*/rsocket/librspreload.so").out.strip()
    refused = r"rdmasec: refused create_qp RC on rxe0 .* unprotected: "
    for libraries in (chain, thief, rspreload, preload, f"{preload}:{chain}"):
        client = is_refused(t, "verbs_dlvsym", refused, before=f"env LD_PRELOAD={libraries}")
        names = " ".join(Path(name).name for name in libraries.split(":"))
        t.check(client.err.count("rdmasec: refused") == 1, f"with LD_PRELOAD {names}: refused once", client)
    for program in ("verbs_fork", "verbs_fork -x"):
        is_refused(t, program, refused)
    deaf = f"{t.build}/tests/libioctl_deaf.so"
    is_refused(t, "verbs_dlvsym", "rdmasec: refused: verbs do not go by ioctl", before=f"env LD_PRELOAD={deaf}")


def late_thief_is_found(t: Test, daemon: Daemon) -> None:
    """Who takes ioctl() to himself when the device is open already is not seen by the module, but by rdmasecd."""
    t.b.run(f"{RDMASEC} remove-provider", check=True)  # its server would be refused itself
    index_a, index_b = (t.net.gid_index(guest, ETH0[guest.name][0]) for guest in (t.a, t.b))
    server = t.b.start(f"{t.build}/tests/verbs_threads -g {index_b}", 120)
    await_listener(t.b, PORT, server)
    since = float(t.a.run("date +%s.%N").out)
    thief = t.a.start(f"exec {t.build}/tests/verbs_break thief-late - -g {index_a} {ETH0['b'][0]}", 120)
    said = await_words(thief, "waiting")
    t.check("QP 0: " not in said, "one that takes ioctl() to himself with the device open: connects", said)
    found = daemon.await_record("revoked", lambda row: row.get("pid") == thief.pid, since, 60)
    t.check(found, "and rdmasecd finds the queue pair, and takes it down", daemon.log(since))
    if found:
        t.note(f"rdmasecd took it down {seconds(found) - since:.1f} s after the program began (a scan every 10 s)")
    thief.kill()
    server.kill()
    t.b.run(f"{RDMASEC} install-provider", check=True)


def judged_once(t: Test, daemon: Daemon) -> None:
    """By the audit log: each command of one QP, however many doors are there."""
    chain, preload = f"{t.build}/tests/libioctl_chain.so", f"{t.build}/lib/librdmasec-preload.so"
    for libraries in ("", preload, f"{preload}:{chain}", f"{chain}:{preload}", chain):
        since = float(t.a.run("date +%s.%N").out)
        before = f"env LD_PRELOAD={libraries}" if libraries else ""
        client, served, _ = attempt(t, "verbs_dlvsym", ETH0, before=before)
        time.sleep(1)
        decided = [row["command"] for row in daemon.log(since) if "verbs_dlvsym" in str(row.get("executable"))]
        names = " ".join(Path(name).name for name in libraries.split(":")) or "nothing"
        t.check(client.ok and sorted(decided) == ["create_qp", "modify_qp"],
                f"with {names} in LD_PRELOAD: each command is judged once", f"{decided}\n{client}\n{served}")  # fmt: skip
