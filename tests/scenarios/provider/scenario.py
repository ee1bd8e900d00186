# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""libibverbs loads the door: unmodified programs, no environment, and attempts to break it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from testbed.api import EXCHANGE_PORT, SIDE_CHANNEL, USER, Guest, Result, Test, Wire, await_listener, try_end
from testbed.applications import APPLICATIONS, bare_is_seen, try_out
from testbed.connecting import connect
from testbed.daemon import Daemon, on_both, seconds
from testbed.refusals import has_reason, names, refusal
from testbed.states import DEVICE, ETH0, MACSEC0
from testbed.stream import await_words

TIME_LIMIT = 900
PLACE = "/opt/rdmasec"  # only root may write there, as the module requires
RDMASEC = f"{PLACE}/bin/rdmasec"
COPIES = "/opt/copies"
PROGRAMS = ("ibv_rc_pingpong", "ib_send_lat", "rping")


def run(t: Test) -> None:
    bare_is_seen(t)
    prepare(t)
    install_and_status(t)
    for name in PROGRAMS:
        refused_in_clear(t, name)
    broken_in_clear(t)
    other_preloads_in_clear(t)
    setuid_without_daemon(t)
    status_reports_damage(t)
    t.b.run(f"{RDMASEC} install-provider", check=True)
    over_macsec(t)
    with_daemon(t)
    remove_restores(t)


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
    """Returns the row of `rdmasec status --json` for the module."""
    rows = json.loads(guest.run(f"{RDMASEC} status --json").out)
    return next(row for row in rows if row.get("door") == "provider module")


def install_and_status(t: Test) -> None:
    t.check(module_status(t.a)["state"] == "not-installed", "before the installation: status reports it as not installed")
    t.a.run(f"chmod 777 {PLACE}/lib", check=True)
    result = t.a.run(f"{RDMASEC} install-provider")
    refused = result.code == 1 and names(result.err, "others than root could replace it")
    absent = module_status(t.a)["state"] == "not-installed"
    t.check(refused and absent, "install-provider: it refuses a module that other users could replace", result)
    t.a.run(f"chmod 755 {PLACE}/lib", check=True)
    first, again = (t.a.run(f"{RDMASEC} install-provider") for _ in range(2))
    t.check(first.ok and first == again, "install-provider: a second call has the same result", f"{first}\n{again}")
    status = t.a.run(f"{RDMASEC} status")
    t.check("provider module: installed, works" in status.out, "status: the module is installed and works", status)
    user = t.a.run(f"{RDMASEC} status", user=USER)
    t.check("provider module: installed, works" in user.out, "status: an ordinary user sees the same", user)
    t.check(module_status(t.a)["state"] == "works", "status --json: the same", module_status(t.a))


def status_reports_damage(t: Test) -> None:
    """An upgrade of rdma-core changes the NN of rdmavNN; parts of the installation are lost."""
    link = t.a.run(f"ls {Path(libibverbs(t.a)).parent}/libibverbs/librdmasec-rdmav*.so", check=True).out.strip()
    renamed = re.sub(r"rdmav\d+", "rdmav9", link)
    t.a.run(f"mv {link} {renamed}", check=True)
    status = module_status(t.a)
    said = t.a.run(f"{RDMASEC} status").out
    named = f"installed for rdmav9, libibverbs wants rdmav{status['wanted_abi']}" in said
    other = status["state"] == "other-abi" and status["abi"] == 9
    t.check(other and named, "status: it reports a module for another libibverbs", said)
    t.a.run(f"{RDMASEC} install-provider", check=True)
    replaced = t.a.run(f"ls {renamed}").code != 0 and module_status(t.a)["state"] == "works"
    t.check(replaced, "install-provider: it replaces a module for another libibverbs", module_status(t.a))
    t.a.run("rm /etc/libibverbs.d/rdmasec.driver", check=True)
    t.check("rdmasec.driver: No such file" in module_status(t.a)["reason"], "status: it reports a missing driver file")
    t.a.run(f"{RDMASEC} install-provider && mv {PLACE}/lib/rdmasec /opt/away", check=True)
    t.check("dangling link" in module_status(t.a)["reason"], "status: it reports a missing module")
    t.a.run(f"mv /opt/away {PLACE}/lib/rdmasec", check=True)


def remove_restores(t: Test) -> None:
    first, again = (t.a.run(f"{RDMASEC} remove-provider") for _ in range(2))
    holds = first.ok and again.ok and "was not installed" in again.out
    t.check(holds, "remove-provider: a second call has the same result", f"{first}\n{again}")
    left = t.a.run(f"ls /etc/libibverbs.d {Path(libibverbs(t.a)).parent}/libibverbs | grep rdmasec")
    t.check(not left.out and module_status(t.a)["state"] == "not-installed", "remove-provider: nothing is left", left)
    t.b.run(f"{RDMASEC} remove-provider", check=True)
    bare_is_seen(t)


# ---- unmodified programs ----


def refused_in_clear(t: Test, name: str) -> None:
    """Only a has the module: its client is refused, and only the TCP of the server crosses the wire."""
    trial = try_out(t, APPLICATIONS[name], ETH0)
    t.check(trial.client and trial.client.code != 0, f"{name}, in clear: it fails", trial)
    t.check(refusal(trial.client), f"{name}, in clear: it prints the path and the reason", trial)
    t.check(trial.wire["clear_data"] == trial.wire["clear_cm"] == 0, f"{name}, in clear: nothing leaves in clear", trial)


def runs_protected(t: Test, name: str, addresses: dict, by: str, user: int | None = None) -> None:
    trial = try_out(t, APPLICATIONS[name], addresses, user=user)
    t.check(trial.ran and "rdmasec" not in trial.said, f"{name}, by {by}: it runs, and prints nothing of rdmasec", trial)
    t.check(trial.wire[by] > 0 and trial.readable == 0, f"{name}, by {by}: nothing leaves in clear", trial)


def over_macsec(t: Test) -> None:
    t.net.macsec()
    runs_protected(t, "ibv_rc_pingpong", MACSEC0, "macsec")
    for program in ("verbs_dlvsym", "verbs_fork", "verbs_fork -o -c"):
        connects(t, program, MACSEC0, "macsec", can_send="-o" not in program)
    for way in ("namespace", "both", "second", "tracer-before"):
        connects(t, f"verbs_break {way} {other_of(t)}", MACSEC0, "macsec")
    ended = t.eventually(lambda: not t.a.run("pgrep -x rdmasec-engine").out)
    t.check(ended, "the programs have ended: so have their private engines", t.a.run("ps -ef"))


def with_daemon(t: Test) -> None:
    t.net.clear()
    daemon = on_both(t)
    daemon_finds_late_taker(t, daemon)
    setuid_with_daemon(t, protected=False)
    t.net.ipsec()
    daemon = on_both(t)
    for name in PROGRAMS:
        runs_protected(t, name, ETH0, "esp", USER)
    setuid_with_daemon(t, protected=True)
    each_command_is_decided_once(t, daemon)
    for guest in (t.a, t.b):
        guest.run("rm -rf /run/rdmasec", check=True)


# ---- programs that raise their privileges ----

RAISED = (("setuid", "chmod 4755"), ("with capabilities", "setcap cap_net_raw+ep"))
# An environment with a policy of the user, and with an engine that does not exist.
LURE = {"RDMASEC_ENGINE": "@absent", "RDMASEC_POLICY": "/run/off.policy"}


def raised(t: Test, what: str, change: str) -> str:
    copy = f"/usr/local/bin/pingpong-{what.replace(' ', '-')}"
    t.a.run(f"cp /usr/bin/ibv_rc_pingpong {copy} && {change} {copy}", check=True)
    t.a.write_file("/run/off.policy", "[default]\nmode = off\n")
    return copy


def raised_pingpong(t: Test, copy: str) -> tuple[Result, Wire]:
    command = f"-d {DEVICE} -n 100 -g"
    with t.wire() as wire:
        server = t.b.start(f"ibv_rc_pingpong {command} {t.net.gid_index(t.b, ETH0['b'][0])}")
        await_listener(server, SIDE_CHANNEL)
        client = t.a.run(f"{copy} {command} {t.net.gid_index(t.a, ETH0['a'][0])} {ETH0['b'][0]}", user=USER, env=LURE)
        if not client.ok:
            try_end(server, SIDE_CHANNEL)
        server.wait()
    return client, wire


def setuid_without_daemon(t: Test) -> None:
    for what, change in RAISED:
        client, seen = raised_pingpong(t, raised(t, what, change))
        cause = "rdmasecd is not installed, and a privileged program gets no private engine"
        holds = not client.ok and has_reason(client.err, "no-engine") and names(client.err, cause) and seen.clear == 0
        t.check(holds, f"{what}, without rdmasecd: a pingpong is refused", client)


def setuid_with_daemon(t: Test, protected: bool) -> None:
    for what, change in RAISED:
        if not protected:  # otherwise b's server is refused
            t.b.run(f"{RDMASEC} remove-provider", check=True)
        client, seen = raised_pingpong(t, raised(t, what, change))
        if protected:
            t.check(client.ok and not client.err, f"{what}, over IPsec: a pingpong runs", client)
            t.check(seen.counts["esp"] > 0 and seen.clear == 0, f"{what}, over IPsec: only ESP crosses the wire", seen)
        else:
            t.check(not client.ok and refusal(client), f"{what}, in clear: rdmasecd refuses a pingpong", client)
            t.check(seen.clear == 0, f"{what}, in clear: nothing leaves in clear", seen)
            t.b.run(f"{RDMASEC} install-provider", check=True)


# ---- attempts to break it ----


def other_of(t: Test) -> str:
    return str(Path(libibverbs(t.a)).with_name("libibverbs.so.9"))


def attempt(t: Test, program: str, addresses: dict, policy: str = "", before: str = "") -> tuple[Result, Result, Wire]:
    """Runs a program of tests/apps on a against the server on b."""
    env = {}
    if policy:
        t.a.write_file("/run/some.policy", policy)
        env["RDMASEC_POLICY"] = "/run/some.policy"
    return connect(t, program, addresses, wrap_a=before, qps=2 if " -c" in program else 1, env=env)


def connects(t: Test, program: str, addresses: dict, by: str, can_send: bool = True) -> None:
    client, _, seen = attempt(t, program, addresses)
    silent = not [line for line in client.err.splitlines() if line.startswith("rdmasec")]
    if can_send:
        t.check(client.ok and silent, f"{program}, by {by}: it runs", client)
    else:  # rxe sends by write(2), which the kernel accepts only from the process that opened the device
        denied = "cannot send: Permission denied" in client.err
        t.check(denied and silent, f"{program}, by {by}: it gets as far as bare", client)
    t.check(seen.counts[by] > 0 and seen.clear == 0, f"{program}, by {by}: nothing leaves in clear", seen)


def is_refused(t: Test, program: str, reason: str, cause: str = "", code: int = 1, before: str = "") -> Result:
    """cause: which of the several causes of the reason, by its words."""
    client, _, seen = attempt(t, program, ETH0, before=before)
    refused = client.code == code and has_reason(client.err, reason) and names(client.err, cause)
    t.check(refused, f"{program}, in clear: it is {'ended' if code == 126 else 'refused'}", client)
    t.check(seen.clear == 0, f"{program}, in clear: nothing leaves in clear", seen)
    return client


def broken_in_clear(t: Test) -> None:
    """The control of each: without the module it sends in clear."""
    refused = "macsec-no-device", "rdmasec: refused create_qp RC on rxe0 "
    other = other_of(t)
    ways = (
        (f"verbs_break only {COPIES}/stripped.so", 126, "door-broken", f"{COPIES}/stripped.so does not call ioctl()"),
        (f"verbs_break reopen {other}", 1, *refused),
        (f"verbs_break namespace {other}", 1, *refused),
        (f"verbs_break both {other}", 1, *refused),
        (f"verbs_break second {other}", 1, *refused),
        (f"verbs_break tracer-before {other}", 1, *refused),
        (f"verbs_break tracer-after {other}", 1, *refused),
        (f"verbs_break taken-after {other}", 1, "door-broken", "another library has intercepted ioctl() of "),
    )
    t.a.run(f"{RDMASEC} remove-provider", check=True)
    for program, *_ in ways:
        if "tracer" in program:  # it passes calls on
            continue
        client, _, seen = attempt(t, program, ETH0)
        t.check(client.ok and seen.clear > 0, f"control: {program}, without the module: it runs in clear", f"{client}\n{seen}")
    t.a.run(f"{RDMASEC} install-provider", check=True)
    for program, code, reason, cause in ways:
        client = is_refused(t, program, reason, cause, code)
        if "tracer" in program:
            calls = sum(map(int, re.findall(r"saw (\d+) calls", client.out)))
            t.check(calls > 0, f"{program}: the tracer still sees calls", client)
    is_refused(t, f"verbs_break unmapped-before {other}", "door-broken", " calls ioctl() at an address outside all libraries", 126)
    modes_of_broken(t, f"verbs_break only {COPIES}/stripped.so")


def modes_of_broken(t: Test, program: str) -> None:
    client, _, seen = attempt(t, program, ETH0, "[default]\nmode = audit\n")
    audited = client.err.startswith("rdmasec: audit: would refuse (reason=door-broken): ")
    t.check(client.ok and audited, "a program that cannot be guarded, audit: it runs, and the refusal is printed", client)
    client, _, seen = attempt(t, program, ETH0, "[default]\nmode = off\n")
    holds = client.ok and not client.err and seen.clear > 0
    t.check(holds, "a program that cannot be guarded, off: it runs, and nothing is printed", client)
    policy = "[default]\nmode = off\n[rule one]\nmatch-executable = */verbs_break\nmode = enforce\n"
    client, _, seen = attempt(t, program, ETH0, policy)
    t.check(client.code == 126 and seen.clear == 0, "a program that cannot be guarded, off but for its rule: it is ended", client)


def other_preloads_in_clear(t: Test) -> None:
    preload, chain, taker = (f"{t.build}/{name}" for name in (
        "lib/librdmasec-preload.so", "tests/libioctl_chain.so", "tests/libioctl_taker.so"))  # fmt: skip
    rspreload = t.a.run("echo /usr/lib/*/rsocket/librspreload.so").out.strip()
    refused = "macsec-no-device", "rdmasec: refused create_qp RC on rxe0 "
    for libraries in (chain, taker, rspreload, preload, f"{preload}:{chain}"):
        client = is_refused(t, "verbs_dlvsym", *refused, before=f"env LD_PRELOAD={libraries}")
        names = " ".join(Path(name).name for name in libraries.split(":"))
        t.check(client.err.count("rdmasec: refused") == 1, f"LD_PRELOAD {names}: the program is refused once", client)
    for program in ("verbs_fork", "verbs_fork -x"):
        is_refused(t, program, *refused)
    no_verbs = f"{t.build}/tests/libioctl_no_verbs.so"
    is_refused(t, "verbs_dlvsym", "door-write", before=f"env LD_PRELOAD={no_verbs}")


def daemon_finds_late_taker(t: Test, daemon: Daemon) -> None:
    """rdmasecd finds a library that takes ioctl() after the device was opened; the module cannot."""
    t.b.run(f"{RDMASEC} remove-provider", check=True)  # otherwise b's server is refused
    index_a, index_b = (t.net.gid_index(guest, ETH0[guest.name][0]) for guest in (t.a, t.b))
    server = t.b.start(f"{t.build}/tests/verbs_threads -g {index_b}")
    await_listener(server, EXCHANGE_PORT)
    since = t.a.now()
    taker = t.a.start(f"exec {t.build}/tests/verbs_break taken-late - -g {index_a} {ETH0['b'][0]}")
    said = await_words(taker, "waiting")
    t.check("QP 0: " not in said, "ioctl() is taken after the device was opened: the program connects", said)
    found = daemon.await_record("revoked", lambda row: row.get("pid") == taker.pid, since)
    t.check(found, "ioctl() is taken after the device was opened: rdmasecd takes the queue pair down", daemon.log(since))
    if found:
        t.note(f"rdmasecd took it down {seconds(found) - since:.1f} s after the start of the program (a scan every 10 s)")
    taker.kill()
    server.kill()
    t.b.run(f"{RDMASEC} install-provider", check=True)


def each_command_is_decided_once(t: Test, daemon: Daemon) -> None:
    """The audit log has each command of a QP once, however many doors there are."""
    chain, preload = f"{t.build}/tests/libioctl_chain.so", f"{t.build}/lib/librdmasec-preload.so"
    for libraries in ("", preload, f"{preload}:{chain}", f"{chain}:{preload}", chain):
        since = t.a.now()
        before = f"env LD_PRELOAD={libraries}" if libraries else ""
        client, served, _ = attempt(t, "verbs_dlvsym", ETH0, before=before)

        def commands() -> list[str]:
            return [row["command"] for row in daemon.log(since) if "verbs_dlvsym" in str(row.get("executable"))]

        t.eventually(lambda: "modify_qp" in commands())
        time.sleep(1)  # a second record of a command would follow
        decided = commands()
        names = " ".join(Path(name).name for name in libraries.split(":")) or "nothing"
        t.check(client.ok and sorted(decided) == ["create_qp", "modify_qp"],
                f"LD_PRELOAD {names}: each command is decided once", f"{decided}\n{client}\n{served}")  # fmt: skip
