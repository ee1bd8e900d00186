# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""strongSwan's charon in a guest, unmodified, with the configuration of contrib/strongswan."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping

from .guest import Guest, Result
from .key_manager import SECRET, WITHIN, KeyManager
from .pair import TOP

CONTRIB = TOP / "contrib" / "strongswan"
FOLDER = "/run/rdmasec-charon"
# What contrib/strongswan/swanctl/rdmasec.conf has in the places of addresses and secret.
EXAMPLE = ("192.0.2.1", "192.0.2.2", "an example, not a secret")
START = "start_action = trap|start"
ON_REQUEST = {START: "start_action = trap"}  # policies, and SAs when somebody asks for them
BY_HAND = {START: "start_action = none"}  # nothing before it is initiated or a peer does it

# The plugins that are needed, or all that the distribution loads: that takes an emulated CPU 25 s.
FEW = "charon { load = random nonce openssl kdf kernel-netlink socket-default vici }\n"
ALL = "include /etc/strongswan.conf\n"
DAEMON = f"""
swanctl {{ load = random openssl }}
include {CONTRIB}/strongswan.d/rdmasec.conf
charon {{
    # not ours: two emulated CPUs on a busy host may need more than half a minute for what the kernel loads first
    retransmit_tries = 9
    filelog {{ stderr {{ default = 1 }} }}
    syslog {{ daemon {{ default = -1 }} auth {{ default = -1 }} }}
}}
"""


class Charon(KeyManager):
    """One charon.  It starts, and is given its connection, when this is made; it ends with the guest's processes."""

    name = "charon"

    def __init__(
        self,
        guest: Guest,
        *,
        local: str | None = None,
        remote: str | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        """changes are those of configure()."""
        super().__init__(guest, local, remote)
        guest.run(f"mkdir -p -m 700 {FOLDER}", check=True)
        self.write(SECRET, changes or {})
        self.start()

    def start(self, plugins: str = FEW) -> None:
        """Anew after stop() or kill(), with the connection as it was written last; plugins is FEW or ALL."""
        self.guest.write_file(f"{FOLDER}/strongswan.conf", plugins + DAEMON)
        self.guest.run("rm -f /run/charon.vici /run/charon.pid", check=True)
        environment = f"STRONGSWAN_CONF={FOLDER}/strongswan.conf"
        self.process = self.guest.start(f"exec env {environment} /usr/lib/ipsec/charon")
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
        places = dict(zip(EXAMPLE, (self.local, self.remote, secret), strict=True))
        text = self.put_in(text, {**places, **changes})
        self.guest.write_file(f"{FOLDER}/swanctl.conf", text, 0o600)

    def load(self) -> None:
        self.swanctl(f"--load-all --file {FOLDER}/swanctl.conf", check=True)

    def swanctl(self, words: str, check: bool = False) -> Result:
        env = {"STRONGSWAN_CONF": f"{FOLDER}/strongswan.conf"}
        return self.guest.run(f"swanctl {words}", WITHIN, env=env, check=check, urgent=True)

    def stop(self) -> Result:
        """In good order: it deletes its SAs and policies, and tells its peers."""
        self.process.kill(signal.SIGTERM)
        return self.process.wait(WITHIN)

    def forget(self, what: str = "--ike roce-peer") -> None:
        """End the IKE_SAs with all they have, or (--child roce) the CHILD_SAs; here and at the peer."""
        while self.swanctl(f"--terminate {what}").ok:  # it ends those there are, and fails when there is none
            pass
        self.wait_for("its SAs are gone", lambda: not self.installed())

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
