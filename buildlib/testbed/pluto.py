# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""libreswan's pluto in a guest, unmodified, with the configuration of contrib/libreswan."""

from __future__ import annotations

from .guest import Guest
from .key_manager import SECRET, KeyManager
from .pair import TOP

CONTRIB = TOP / "contrib" / "libreswan"
FOLDER = "/etc/ipsec.d"
CONNECTION = "roce-peer"


class Pluto(KeyManager):
    """One pluto. The constructor starts it and awaits its policy; it ends with the guest's processes."""

    name = "pluto"

    def __init__(self, guest: Guest, secret: str = SECRET) -> None:
        super().__init__(guest)
        addresses = {"192.0.2.1": self.local, "192.0.2.2": self.remote}
        guest.write_file(f"{FOLDER}/rdmasec.conf", self.fill_in((CONTRIB / "rdmasec.conf").read_text(), addresses))
        self.write_secret(secret)
        guest.run("ipsec checknss", check=True)
        self.start()

    def write_secret(self, secret: str) -> None:
        places = {"192.0.2.1": self.local, "192.0.2.2": self.remote, "an example, not a secret": secret}
        text = self.fill_in((CONTRIB / "rdmasec.secrets").read_text(), places)
        self.guest.write_file(f"{FOLDER}/rdmasec.secrets", text, 0o600)

    def start(self) -> None:
        """Starts it, also after kill(), from the same files."""
        self.guest.run("mkdir -p /run/pluto; rm -f /run/pluto/*", check=True)
        pluto = "/usr/libexec/ipsec/pluto --config /etc/ipsec.conf --nofork --stderrlog"
        self.process = self.guest.start(f"exec {pluto}")
        loaded = f'loading secrets from "{FOLDER}/rdmasec.secrets"'
        self.wait_for("policy and secret", lambda: loaded in self.log() and self.routed())

    def routed(self) -> bool:
        """Returns whether its policy holds packets back until it has negotiated."""
        shown = self.guest.run(f"ipsec whack --connectionstatus --name {CONNECTION}")
        return "routed-ondemand" in shown.out

    def change_secret(self, secret: str) -> None:
        """Gives the running pluto another secret for the connection."""
        self.write_secret(secret)
        self.guest.run("ipsec whack --rereadsecrets", check=True)

    def forget(self) -> None:
        """Terminates its SAs, here and at the peer."""
        for command in ("terminate", "ondemand"):
            self.guest.run(f"ipsec whack --{command} --name {CONNECTION}")
        self.wait_for("end of its SAs", lambda: not any(self.spis()) and self.routed())
