# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The checks of every application in every state of the network, for each kind of guard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .api import Test
from .applications import Application, Trial, same_output, try_out
from .refusals import has_reason, reasons, refusal
from .states import ETH0, Network

# The server of this program prints that it could not create its queue pair, and still exits with 0.
EXITS_0_WITHOUT_A_QP = {("udaddy", "server")}
# One side is guarded at a time: each must be refused by its own guard.
SIDES = (("client", "a"), ("server", "b"))


class Matrix:
    """One row: a guard (wrap: the words that precede a command, by default `rdmasec run`) and a user."""

    def __init__(self, t: Test, wrap: str | None = None, user: int | None = None) -> None:
        self.t = t
        self.wrap = wrap
        self.user = user

    def try_out(self, application: Application, addresses: dict, **how: Any) -> Trial:
        return try_out(self.t, application, addresses, wrap=self.wrap, user=self.user, **how)

    def bare(self, application: Application, family: int = 4) -> Trial | None:
        """Checks that an application works here and that the capture shows it. Returns None if it does not work."""
        what = f"{application.name}, bare{' IPv6' if family == 6 else ''}"
        trial = self.try_out(application, ETH0, family=family)
        if not trial.ran and application.name == "ibv_xsrq_pingpong":
            self.t.skip(what, f"it does not run without rdmasec: {trial.said or 'it prints no reason'}")
            return None
        shown = trial.ran and trial.wire["clear_data"] > 0
        if not self.t.check(shown, f"control: {what}: it runs, and the wire shows its data", trial):
            return None
        return trial

    def refused_in_clear(self, application: Application, family: int = 4, sides: Sequence[tuple[str, str]] = SIDES) -> None:
        for side, guest in sides:
            trial = self.try_out(application, ETH0, guarded=guest, family=family)
            what = f"{application.name}, {side} guarded, in clear{' IPv6' if family == 6 else ''}"
            result = trial.client if side == "client" else trial.server
            failed = result is not None and result.code != 0
            if (application.name, side) in EXITS_0_WITHOUT_A_QP and not failed:
                self.t.note(f"{what}: it prints that it failed, and exits with 0")
                failed = result is not None and "unable to create QP" in result.err
            self.t.check(failed, f"{what}: it fails", trial)
            self.t.check(names_everything(refusal(result)), f"{what}: it prints the path and the reason", trial)
            self.t.check(trial.wire["clear_data"] == 0 and trial.only("tcp", "clear_cm"), f"{what}: no data leaves", trial)
            if trial.wire["clear_cm"]:
                self.t.note(f"{what}: {trial.wire['clear_cm']} frames of connection management by the kernel")

    def runs_protected(
        self, application: Application, bare: Trial, addresses: dict, by: str, how: str = "", family: int = 4
    ) -> None:
        trial = self.try_out(application, addresses, guarded="ab", family=family)
        over = "over MACsec" if by == "macsec" else "with IPsec"
        what = ", ".join(word for word in (application.name, over, "IPv6" if family == 6 else "", how) if word)
        silent = "rdmasec" not in trial.said
        self.t.check(same_output(trial, bare) and silent, f"{what}: it runs with the output of a bare run", trial)
        # Policies for UDP do not protect the TCP of a program; MACsec protects all.
        side_channel = ("tcp",) if by == "esp" and application.side_channel else ()
        self.t.check(trial.wire[by] > 0 and trial.only(by, *side_channel), f"{what}: nothing else crosses the wire", trial)

    def datagrams_refused(self, application: Application, addresses: dict, when: str, code: str) -> None:
        trial = self.try_out(application, addresses, guarded="ab")
        results = [result for result in (trial.client, trial.server) if result and refusal(result)]
        what = f"{application.name}, {when}"
        self.t.check(not trial.ran and results, f"{what}: it is refused", trial)
        self.t.check(all(has_reason(refusal(result), code) for result in results), f"{what}: it prints the reason", trial)
        self.t.check(trial.readable == 0, f"{what}: nothing leaves in clear", trial)


def remove_ipv6_from_eth0(net: Network) -> None:
    """Removes IPv6 from eth0, so that IPv6 leaves by MACsec only. (rxe binds IPv4 packets to their netdev.)"""
    for guest in net.guests.values():
        guest.run("ip -6 address flush dev eth0", check=True)


def names_everything(line: re.Match | None) -> bool:
    named = line and (line["device"], line["netdev"], line["verdict"]) == ("rxe0", "eth0", "unprotected")
    return bool(named) and reasons(line) == ["macsec-no-device", "outbound-no-policy"]
