"""strongSwan's charon in a guest, unmodified, with the configuration of contrib/strongswan."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Mapping

from .guest import Guest, Process, Result
from .pair import TOP
from .states import ETH0, PEER

CONTRIB = TOP / "contrib" / "strongswan"
ACQUIRE = TOP / "buildlib" / "testbed" / "acquire.py"
FOLDER = "/run/rdmasec-charon"
SECRET = "of the testbed alone"
WITHIN = 120  # s for what an emulated CPU does in five, where nobody else wants it
# What contrib/strongswan/swanctl/rdmasec.conf has in the places of addresses and secret.
EXAMPLE = ("192.0.2.1", "192.0.2.2", "an example, not a secret")
START = "start_action = trap|start"
ON_REQUEST = {START: "start_action = trap"}  # policies, and SAs when somebody asks for them
BY_HAND = {START: "start_action = none"}  # nothing before it is initiated or a peer does it

# The plugins that are needed: to load all that the distribution has takes an emulated CPU 25 s.
FEW = """
charon { load = random nonce openssl kdf kernel-netlink socket-default vici }
swanctl { load = random openssl }
"""
ALL = "include /etc/strongswan.conf\n"
DAEMON = f"""
include {CONTRIB}/strongswan.d/rdmasec.conf
charon {{
    # not ours: two emulated CPUs on a busy host may need more than half a minute for what the kernel loads first
    retransmit_tries = 9
    filelog {{ stderr {{ default = 1 }} }}
    syslog {{ daemon {{ default = -1 }} auth {{ default = -1 }} }}
}}
"""


class Charon:
    """One charon.  It starts, and is given its connection, when this is made; it ends with the guest's processes."""

    def __init__(
        self,
        guest: Guest,
        *,
        local: str | None = None,
        remote: str | None = None,
        changes: Mapping[str, str] | None = None,
        plugins: str = FEW,
    ) -> None:
        """local and remote are addresses, by default those of the guests on eth0; changes are those of configure()."""
        self.guest = guest
        self.local = local or ETH0[guest.name][0]
        self.remote = remote or ETH0[PEER[guest.name]][0]
        guest.run(f"mkdir -p -m 700 {FOLDER}", check=True)
        guest.write_file(f"{FOLDER}/strongswan.conf", plugins + DAEMON)
        self.write(SECRET, changes or {})
        self.start()

    def start(self) -> None:
        """Anew after stop() or kill(), from the same files."""
        self.guest.run("rm -f /run/charon.vici /run/charon.pid", check=True)
        environment = f"STRONGSWAN_CONF={FOLDER}/strongswan.conf"
        self.process: Process = self.guest.start(f"exec env {environment} /usr/lib/ipsec/charon")
        self.wait_for("its control socket", lambda: self.guest.run("test -S /run/charon.vici").ok)
        self.load()

    def configure(self, *, secret: str = SECRET, changes: Mapping[str, str] | None = None) -> None:
        """Another configuration for the one that runs.

        changes: a text of contrib/strongswan/swanctl/rdmasec.conf -> what is there instead.
        """
        self.write(secret, changes or {})
        self.load()

    def write(self, secret: str, changes: Mapping[str, str]) -> None:
        text = (CONTRIB / "swanctl" / "rdmasec.conf").read_text()
        put = dict(zip(EXAMPLE, (self.local, self.remote, secret), strict=True))
        for old, new in {**put, **changes}.items():
            if old not in text:
                raise ValueError(f"contrib/strongswan has no '{old}'")
            text = text.replace(old, new)
        self.guest.write_file(f"{FOLDER}/swanctl.conf", text, 0o600)

    def load(self) -> None:
        self.swanctl(f"--load-all --file {FOLDER}/swanctl.conf", check=True)

    def swanctl(self, words: str, check: bool = False) -> Result:
        env = {"STRONGSWAN_CONF": f"{FOLDER}/strongswan.conf"}
        return self.guest.run(f"swanctl {words}", WITHIN, env=env, check=check)

    def stop(self) -> Result:
        """In good order: it deletes its SAs and policies, and tells its peers."""
        self.process.kill(signal.SIGTERM)
        return self.process.wait(WITHIN)

    def kill(self) -> None:
        """Without a word: what it has installed stays in the kernel."""
        self.process.kill(signal.SIGKILL)
        self.process.wait(WITHIN)

    def forget(self, what: str = "--ike roce-peer") -> None:
        """End the IKE_SAs with all they have, or (--child roce) the CHILD_SAs; here and at the peer."""
        while self.swanctl(f"--terminate {what}").ok:  # it ends those there are, and fails when there is none
            pass
        self.wait_for("its SAs are gone", lambda: not self.installed())

    def log(self) -> str:
        """All it has said since it started."""
        return self.process.output()

    def ike_sas(self) -> list[str]:
        """The numbers of the IKE_SAs that it has established since it started."""
        return re.findall(r"IKE_SA \S+\[(\d+)\] established", self.log())

    def child_sas(self) -> list[str]:
        """The inbound SPIs of the CHILD_SAs that it has established since it started."""
        return re.findall(r"\] CHILD_SA \S+\{\d+\} established with SPIs ([0-9a-f]{8})_i", self.log())

    def installed(self) -> list[tuple[str, str]]:
        """(inbound, outbound) SPIs of the CHILD_SAs that there are, the oldest IKE_SA's first."""
        listed = self.swanctl("--list-sas --raw", check=True).out
        return re.findall(r"state=INSTALLED .*?spi-in=([0-9a-f]{8}) spi-out=([0-9a-f]{8})", listed)

    def wait_for(self, what: str, holds: Callable[[], object], within: float = WITHIN) -> float:
        """Until it holds; the seconds it took.  RuntimeError, with the log, if it does not."""
        began = time.monotonic()
        while not holds():
            if self.process.poll() or time.monotonic() > began + within:
                raise RuntimeError(f"{self.guest.name}: charon: no {what} within {within} s:\n{self.log()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def asking(self, words: str = "") -> Process:
        """Somebody asks it for SAs through the kernel, as an engine does; see acquire.py."""
        return self.guest.start(f"exec /usr/bin/python3 -IS {ACQUIRE} {self.local} {self.remote} {words}", WITHIN)

    def acquire(self, words: str = "") -> None:
        """The same, and the kernel has taken it."""
        self.asking(words).wait(WITHIN, check=True)
