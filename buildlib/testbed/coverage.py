# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The programs that each door guards: the programs, the doors, and the results of their runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from .api import EXCHANGE_PORT, USER, Test
from .applications import APPLICATIONS, NEIGHBOURS, SLOW, Application, Trial, try_out
from .container import Container
from .container_agent import ContainerAgent
from .daemon import on_both
from .guest import Guest, Result
from .pair import TOP
from .refusals import REFUSAL
from .states import ETH0

GUARDED = "guarded"  # refused in clear, and runs protected
SEEN = "seen in clear"
NOT_STARTED = "not started"  # refused before it starts
UNDECIDED = "undecided"
CANNOT_START = 126  # the exit status of `rdmasec run`
MOUNT_REFUSED = "set propagation for `/`: Operation not permitted"  # the message of crun

CONTAIN = TOP / "buildlib" / "testbed" / "contain.py"
APPS = TOP / "tests" / "apps"
SETUID = "/usr/local/bin/pingpong-setuid"
RSH = "/run/coverage-rsh"
RSH_PORT = 5140

RUNTIME = "crun"
BARE_BUNDLE, GUARDED_BUNDLE = "coverage-bare", "coverage-guarded"
PINGPONG = APPLICATIONS["ibv_rc_pingpong"]

# UD, by which the endpoints of UCX meet, and RC. By default UCX takes shared memory or TCP.
UCX = "UCX_TLS=rc_verbs,ud_verbs,self UCX_NET_DEVICES=rxe0:1 UCX_IB_GID_INDEX={gid} UCX_UD_VERBS_ETH_DGID_CHECK=n"
SERVER = "{build}/tests/verbs_threads -g {gid}"


@dataclass(frozen=True)
class Program:
    """One row: an application, and its requirements."""

    application: Application
    prepare: str = ""  # a shell command in each guest
    needs: str = ""  # a file; without it the row is skipped
    user: int | None = None
    in_container: bool = False  # without a profile; behind the agent the container has the profile

    @property
    def name(self) -> str:
        return self.application.name


def own(name: str, client: str) -> Application:
    """Returns a client of tests/apps, whose server is verbs_threads."""
    return Application(name, SERVER, client, port=EXCHANGE_PORT)


def setuid() -> Application:
    call = f"{SETUID} -d rxe0 -n 50 -s 1024 -g {{gid}}"
    return Application("a setuid program", call, f"{call} {{server}}")


def in_container() -> Application:
    call = f"{{guard}}{CONTAIN} {RUNTIME} /run/bundles/{BARE_BUNDLE} -- {PINGPONG.server}"
    return Application("a program in a container", call, f"{call} {{server}}")


def ucx() -> Application:
    call = f"env {UCX} {{guard}}ucx_perftest -t tag_lat -n 100 -w 10"
    return Application("UCX: ucx_perftest", call, f"{call} {{server}}", port=13337, time_enough=SLOW)


def libfabric() -> Application:
    # By default it provides for 256 peers, for which the CQs of rxe are too small.
    call = "env FI_UNIVERSE_SIZE=16 {guard}fi_pingpong -p 'verbs;ofi_rxm' -e rdm -d rxe0 -I 50 -S 1024"
    return Application("libfabric: fi_pingpong, verbs;ofi_rxm", call, f"{call} {{server}}", port=47592, time_enough=SLOW)


def open_mpi() -> Application:
    """Unmodified mpirun and orted. A shell that listens replaces sshd, which needs host keys and accounts."""
    rank = "-np 1 -host {host} env " + UCX + " {words}NPopenmpi -l 1024 -u 1024 -p 0 -n 10 -o /dev/null"
    ranks = " : ".join(
        rank.format(host=ETH0[guest][0], words=words, gid="{gid}")
        for guest, words in (("a", "{guard}"), ("b", "{peer_guard}"))
    )
    options = (
        f"--allow-run-as-root --leave-session-attached --bind-to none --mca plm_rsh_agent {RSH} --mca pml ucx "
        "--mca btl ^openib,ofi --mca osc ucx --mca oob_tcp_if_include eth0"
    )
    return Application(
        "Open MPI over UCX: NetPIPE",
        f"{{unguarded}}busybox nc -l -p {RSH_PORT} -e /bin/sh",
        f"mpirun {options} {ranks}",
        port=RSH_PORT,
        time_enough=SLOW,
    )


# The agent of mpirun for other hosts: AGENT HOST COMMAND...
RSH_SCRIPT = f"""#!/bin/sh
host=$1
shift
echo "exec $*" | exec busybox nc "$host" {RSH_PORT}
"""
HOSTNAME = "hostname coverage-$(cut -d: -f6 /sys/class/net/eth0/address)"
INSTALL_RSH = f"{HOSTNAME}; printf %s {shlex.quote(RSH_SCRIPT)} >{RSH}; chmod +x {RSH}"

PROGRAMS = (
    Program(APPLICATIONS["ibv_rc_pingpong"]),
    Program(APPLICATIONS["ib_write_bw"]),
    Program(APPLICATIONS["ib_send_lat -R"]),
    Program(APPLICATIONS["rping"]),
    Program(
        own("pyverbs", f"/usr/bin/python3 {APPS}/pyverbs_rc.py rxe0 {{gid}} {{server}}"),
        needs="/usr/lib/python3/dist-packages/pyverbs",
    ),
    Program(ucx(), needs="/usr/bin/ucx_perftest"),
    Program(libfabric(), needs="/usr/bin/fi_pingpong"),
    Program(open_mpi(), prepare=INSTALL_RSH, needs="/usr/bin/NPopenmpi"),
    Program(own("verbs by dlvsym", "{build}/tests/verbs_dlvsym -g {gid} {server}")),
    Program(own("a Go program", "{build}/tests/verbs_go rxe0 {gid} {server}"), needs="{build}/tests/verbs_go"),
    Program(
        own("a static binary", "{build}/tests/verbs_static -g {gid} {server}"), needs="{build}/tests/verbs_static"
    ),
    Program(
        own("a program with raw system calls", "{build}/tests/verbs_raw rxe0 {gid} {server}"),
        needs="{build}/tests/verbs_raw",
    ),
    Program(in_container(), needs=f"{TOP}/buildlib/testbed/container.py", in_container=True),
    Program(setuid(), prepare=f"cp /usr/bin/ibv_rc_pingpong {SETUID} && chmod 4755 {SETUID}", user=USER),
)


PRELOAD = "preload"
PROVIDER = "provider module"
SUPERVISOR = "supervisor"
AGENT = "OCI agent"


@dataclass(frozen=True)
class Door:
    """One column: the words that precede a command, and the commands that install and remove the door."""

    name: str
    words: str = ""  # {build}
    install: str = ""
    remove: str = ""
    built: str = "true"  # a shell command that succeeds if this build has it

    def wrap(self, t: Test, user: int | None = None) -> str:
        """Returns the words that precede a command of this user."""
        return self.words.format(build=t.build, user="")

    def run_by(self, user: int | None) -> int | None:
        """Returns the user that runs the command with these words."""
        return user

    def enter(self, t: Test) -> None:
        """Called once in each state of the network, after the daemons have started."""

    def refusals_of(self, client: Result) -> str:
        """Returns the text in which a refusal of the last run is printed."""
        return client.err

    def is_built(self, t: Test) -> bool:
        if t.a.run(self.built.format(build=t.build)).ok:
            return True
        t.skip(self.name, "it is not built")
        return False

    @contextmanager
    def installed(self, t: Test, guests: Iterable[Guest]) -> Iterator[None]:
        guests = list(guests)
        try:
            for guest in guests:
                if self.install:
                    guest.run(self.install.format(build=t.build), check=True)
            yield
        finally:
            for guest in guests:
                if self.remove:
                    guest.run(self.remove.format(build=t.build), check=True)


@dataclass(frozen=True)
class AgentDoor(Door):
    """Runs programs in a container whose profile passes their calls to the agent. Refusals are in the agent's log."""

    agents: dict[str, ContainerAgent] = field(default_factory=dict)  # of each guest
    seen_of_log: dict[str, int] = field(default_factory=dict)  # the octets of a's log that were read

    def enter(self, t: Test) -> None:
        for guest in (t.a, t.b):
            self.agents[guest.name] = ContainerAgent(t, guest)
            make_bundle(t, guest, GUARDED_BUNDLE, profile=True)
        self.seen_of_log["a"] = 0

    def wrap(self, t: Test, user: int | None = None) -> str:
        return self.words.format(build=t.build, user="" if user is None else f"--user {user}")

    def run_by(self, user: int | None) -> int | None:
        """root runs the runtime; the program in the container is that of the user."""
        return None

    def refusals_of(self, client: Result) -> str:
        log = self.agents["a"].process.output()
        new, self.seen_of_log["a"] = log[self.seen_of_log["a"] :], len(log)
        # each line has the name of the container before the line of a door
        lines = [line[max(line.find("rdmasec: "), 0) :] for line in new.splitlines()]
        return "\n".join([client.err, *lines])


def make_bundle(t: Test, guest: Guest, name: str, profile: bool) -> None:
    Container(t, guest, RUNTIME, name).configure("true", profile=profile, allow_device=True)


def contained(bundle: str) -> str:
    """Returns the words that precede a command to run it in a container; {build}, {user}."""
    return f"{CONTAIN} {{user}} {RUNTIME} /run/bundles/{bundle} {TOP} {{build}} /tmp /etc /usr/local/bin --"


BARE = Door("bare")
RDMASEC = "{build}/bin/rdmasec"
# An installation's place: the module is not loaded from a folder that other users may write, such as /tmp.
PLACE = "/opt/rdmasec"
INSTALL = (
    f"mkdir -p {PLACE}/bin {PLACE}/lib/rdmasec && cp {RDMASEC} {PLACE}/bin && "
    f"cp {{build}}/lib/rdmasec/librdmasec-provider.so {PLACE}/lib/rdmasec && {PLACE}/bin/rdmasec install-provider"
)
DOORS = (
    Door(PRELOAD, f"{RDMASEC} run --"),
    Door(
        PROVIDER,
        install=INSTALL,
        remove=f"{PLACE}/bin/rdmasec remove-provider",
        built="test -e {build}/lib/rdmasec/librdmasec-provider.so",
    ),
    Door(
        SUPERVISOR,
        f"{RDMASEC} run --supervise --",
        built=f"{RDMASEC} run --help 2>&1 | grep -q -e --supervise",
    ),
    AgentDoor(AGENT, contained(GUARDED_BUNDLE), built="test -e {build}/bin/rdmasec-agentd"),
)


# The cells that are not guarded: the result and its cause. All others must be guarded.
NOT_COVERED = {
    ("a static binary", PRELOAD): (NOT_STARTED, "statically linked"),
    ("a static binary", PROVIDER): (SEEN, "it loads no libibverbs.so"),
    ("a Go program", PRELOAD): (NOT_STARTED, "statically linked"),
    ("a Go program", PROVIDER): (SEEN, "it loads no libibverbs.so"),
    ("a program with raw system calls", PRELOAD): (SEEN, "it does not call ioctl(3)"),
    ("a program with raw system calls", PROVIDER): (SEEN, "it loads no libibverbs.so"),
    ("a program in a container", PRELOAD): (
        SEEN,
        "LD_PRELOAD does not reach into the container, nor does its image have the library",
    ),
    ("a program in a container", PROVIDER): (SEEN, "its image has no module"),
    ("a program in a container", SUPERVISOR): (NOT_STARTED, "its runtime cannot mount below the supervisor"),
    ("a setuid program", PRELOAD): (NOT_STARTED, "the loader ignores LD_PRELOAD there"),
}


@dataclass
class Cell:
    """The results of one program behind one door."""

    program: str
    door: str
    bare: dict[str, object]
    refused: dict[str, object]
    protected: dict[str, object] | None = None  # not tried where it is not covered
    verdict: str = UNDECIDED


def seen(t: Test, trial: Trial, printed: str) -> dict[str, object]:
    """Returns the parts of a run that are kept: did it run, its frames, the lines of rdmasec about the client."""
    client = trial.client or trial.server
    said = [line.replace(str(t.build), "build") for line in printed.splitlines() if line.startswith("rdmasec:")]
    frames = {kind: count for kind, count in trial.wire.items() if count and kind not in ("tcp", *NEIGHBOURS)}
    return {"ran": trial.ran, "exit": client.code, "frames": frames, "said": said}


def first_verdict(trial: Trial, printed: str) -> str:
    """Returns the verdict of a run on a link in clear with the client behind the door."""
    client = trial.client or trial.server
    if trial.ran and trial.wire["clear_data"]:
        return SEEN
    if client.ok or trial.readable:
        return UNDECIDED
    if REFUSAL.search(printed):
        return GUARDED
    if MOUNT_REFUSED in client.err:
        return NOT_STARTED
    return NOT_STARTED if client.code == CANNOT_START and "rdmasec: " in printed else UNDECIDED


def protected_verdict(trial: Trial) -> str:
    return GUARDED if trial.ran and trial.wire["esp"] and not trial.readable else UNDECIDED


class Coverage:
    """All cells of some programs and doors: first all in clear, then all with IPsec, to set up each state once."""

    def __init__(self, t: Test, programs: Sequence[Program], doors: Sequence[Door]) -> None:
        self.t = t
        self.programs = [program for program in programs if self.can_run(program)]
        self.doors = [door for door in doors if door.is_built(t)]
        self.cells: dict[tuple[str, str], Cell] = {}

    def can_run(self, program: Program) -> bool:
        needs = program.needs.format(build=self.t.build)
        if needs and not self.t.a.run(f"test -e {shlex.quote(needs)}").ok:
            self.t.skip(program.name, f"{needs} does not exist")
            return False
        return True

    def enter(self) -> None:
        """Starts daemons and doors in both guests. A new state of the network has ended them."""
        on_both(self.t)
        for guest in (self.t.a, self.t.b):
            for program in self.programs:
                if program.prepare:
                    guest.run(program.prepare, check=True)
                if program.in_container:
                    make_bundle(self.t, guest, BARE_BUNDLE, profile=False)
        for door in self.doors:
            door.enter(self.t)

    def try_out(self, program: Program, door: Door, guests: str) -> tuple[Trial, str]:
        """Runs a program. Returns the lines of rdmasec about its client, too."""
        application = program.application
        if program.in_container and door.name == AGENT:
            application = replace(PINGPONG, name=program.name)
        chosen = [guest for guest in (self.t.a, self.t.b) if guest.name in guests]
        with door.installed(self.t, chosen):
            words = door.wrap(self.t, program.user)
            trial = try_out(self.t, application, ETH0, guarded=guests, wrap=words, user=door.run_by(program.user))
        return trial, door.refusals_of(trial.client or trial.server)

    def in_clear(self) -> None:
        """Runs programs bare, where the capture must show their data, then with the client behind each door."""
        self.t.net.clear()
        self.enter()
        for program in self.programs:
            bare, _ = self.try_out(program, BARE, "")
            shown = bare.ran and bare.wire["clear_data"] > 0
            if not self.t.check(shown, f"control: {program.name}, bare: it runs, and the wire shows its data", bare):
                continue
            for door in self.doors:
                trial, printed = self.try_out(program, door, "a")
                cell = Cell(program.name, door.name, seen(self.t, bare, ""), seen(self.t, trial, printed))
                cell.verdict = first_verdict(trial, printed)
                self.t.say(f"{program.name}, {door.name}, in clear: {cell.verdict}\n{trial}\n{printed}")
                self.cells[program.name, door.name] = cell

    def with_ipsec(self) -> None:
        """Programs that were refused in clear must run where all traffic is protected."""
        self.t.net.ipsec(families=(4, 6), everywhere=True)
        self.enter()
        for program in self.programs:
            for door in self.doors:
                cell = self.cells.get((program.name, door.name))
                if cell and cell.verdict == GUARDED:
                    trial, printed = self.try_out(program, door, "ab")
                    cell.protected = seen(self.t, trial, printed)
                    cell.verdict = protected_verdict(trial)
                    self.t.say(f"{program.name}, {door.name}, with IPsec: {cell.verdict}\n{trial}\n{printed}")

    def as_json(self) -> list[dict[str, object]]:
        return [asdict(cell) for cell in self.cells.values()]
