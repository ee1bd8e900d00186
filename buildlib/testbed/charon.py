# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""strongSwan's charon in a guest, unmodified, with the configuration of contrib/strongswan."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping

from .guest import Guest, Result
from .key_manager import SECRET, KeyManager
from .pair import TOP

CONTRIB = TOP / "contrib" / "strongswan"
FOLDER = "/run/rdmasec-charon"
# The addresses and the secret of contrib/strongswan/swanctl/rdmasec.conf.
EXAMPLE = ("192.0.2.1", "192.0.2.2", "an example, not a secret")
START = "start_action = trap|start"
ON_REQUEST = {START: "start_action = trap"}  # policies at once, SAs when the kernel asks for them
BY_HAND = {START: "start_action = none"}  # nothing before swanctl or a peer initiates it

# The plugins that are needed, or all of the distribution: an emulated processor takes 25 s to load those.
FEW = "charon { load = random nonce openssl kdf kernel-netlink socket-default vici }\n"
ALL = "include /etc/strongswan.conf\n"
DAEMON = f"""
swanctl {{ load = random openssl }}
include {CONTRIB}/strongswan.d/rdmasec.conf
charon {{
    # two emulated processors on a busy host may take minutes for the modules that the kernel loads first
    retransmit_tries = 12
    filelog {{ stderr {{ default = 1 }} }}
    syslog {{ daemon {{ default = -1 }} auth {{ default = -1 }} }}
}}
"""


class Charon(KeyManager):
    """One charon. The constructor starts it and loads its connection; it ends with the guest's processes."""

    name = "charon"

    def __init__(
        self,
        guest: Guest,
        *,
        local: str | None = None,
        remote: str | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        """changes: as in configure()."""
        super().__init__(guest, local, remote)
        guest.run(f"mkdir -p -m 700 {FOLDER}", check=True)
        self.write(SECRET, changes or {})
        self.start()

    def start(self, plugins: str = FEW) -> None:
        """Starts it, also after stop() or kill(), with the connection that was written last. plugins: FEW or ALL."""
        self.guest.write_file(f"{FOLDER}/strongswan.conf", plugins + DAEMON)
        self.guest.run("rm -f /run/charon.vici /run/charon.pid", check=True)
        environment = f"STRONGSWAN_CONF={FOLDER}/strongswan.conf"
        self.process = self.guest.start(f"exec env {environment} /usr/lib/ipsec/charon")
        self.wait_for("its control socket", lambda: self.guest.run("test -S /run/charon.vici").ok)
        self.load()

    def configure(self, *, secret: str = SECRET, changes: Mapping[str, str] | None = None) -> None:
        """Loads another configuration into the running charon.

        changes: texts of contrib/strongswan/swanctl/rdmasec.conf -> their replacements.
        """
        self.write(secret, changes or {})
        self.load()

    def write(self, secret: str, changes: Mapping[str, str]) -> None:
        text = (CONTRIB / "swanctl" / "rdmasec.conf").read_text()
        places = dict(zip(EXAMPLE, (self.local, self.remote, secret), strict=True))
        text = self.fill_in(text, {**places, **changes})
        self.guest.write_file(f"{FOLDER}/swanctl.conf", text, 0o600)

    def load(self) -> None:
        self.swanctl(f"--load-all --file {FOLDER}/swanctl.conf", check=True)

    def swanctl(self, words: str, check: bool = False) -> Result:
        env = {"STRONGSWAN_CONF": f"{FOLDER}/strongswan.conf"}
        return self.guest.run(f"swanctl {words}", env=env, check=check, urgent=True)

    def stop(self) -> Result:
        """Ends it in good order: it deletes its SAs and policies, and notifies its peers."""
        self.process.kill(signal.SIGTERM)
        return self.process.wait()

    def terminate(self, what: str = "--ike roce-peer --force") -> bool:
        """Terminates the IKE_SAs with their CHILD_SAs, or (--child roce) the CHILD_SAs alone; here and at the peer.

        --force: it notifies the peer and does not wait, as that may have lost the IKE_SA. Returns whether it had none
        left afterwards.
        """
        while self.swanctl(f"--terminate {what}").ok:  # it fails when there is none left
            pass
        return not self.installed()

    def forget(self, what: str = "--ike roce-peer --force") -> None:
        self.wait_for("end of its SAs", lambda: self.terminate(what))

    def refused_acquires(self) -> int:
        """Returns how many ACQUIREs it has left without an SA of their own since it started."""
        log = self.log()
        return log.count("ignoring acquire for reqid") + log.count("due to existing duplicate")

    def ike_sas(self) -> list[str]:
        """Returns the numbers of the IKE_SAs that it has established since it started."""
        return re.findall(r"IKE_SA \S+\[(\d+)\] established", self.log())

    def child_sas(self) -> list[str]:
        """Returns the inbound SPIs of the CHILD_SAs that it has established since it started."""
        return re.findall(r"\] CHILD_SA \S+\{\d+\} established with SPIs ([0-9a-f]{8})_i", self.log())

    def installed(self) -> list[tuple[str, str]]:
        """Returns the (inbound, outbound) SPIs of its CHILD_SAs, those of the oldest IKE_SA first."""
        listed = self.swanctl("--list-sas --raw", check=True).out
        return re.findall(r"state=INSTALLED .*?spi-in=([0-9a-f]{8}) spi-out=([0-9a-f]{8})", listed)


def both_forget(a: Charon, b: Charon) -> None:
    """Terminates the SAs of two peers until neither has any.

    On a busy host one of them can come to an ACQUIRE of before only now, and bring SAs back at the other, too.
    """
    a.wait_for("end of the SAs of both", lambda: a.terminate() and b.terminate() and not a.installed())
