# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""What every application has to do in every state of the network, however it is guarded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .api import Test
from .applications import Application, Trial, same_output, try_out
from .refusals import has_reason, refusal
from .states import ETH0, Network

# The program's own doing: its server says that it could not create its queue pair, and ends with 0 all the same.
EXITS_0_WITHOUT_A_QP = {("udaddy", "server")}
# Each has to be refused by itself, so one is guarded at a time.
SIDES = (("client", "a"), ("server", "b"))


class Matrix:
    """One row: a way to guard (wrap: what goes before a command, by default `rdmasec run`) and a user."""

    def __init__(self, t: Test, wrap: str | None = None, user: int | None = None) -> None:
        self.t = t
        self.wrap = wrap
        self.user = user

    def try_out(self, application: Application, addresses: dict, **how: Any) -> Trial:
        return try_out(self.t, application, addresses, wrap=self.wrap, user=self.user, **how)

    def bare(self, application: Application, family: int = 4) -> Trial | None:
        """Shows that it works here at all, and that the capture would tell; None where it does not work."""
        what = f"{application.name}, bare{' IPv6' if family == 6 else ''}"
        trial = self.try_out(application, ETH0, family=family)
        if not trial.ran and application.name == "ibv_xsrq_pingpong":
            self.t.skip(what, f"it does not even run without rdmasec: {trial.said or 'it does not say why'}")
            return None
        if not self.t.check(trial.ran and trial.wire["clear_data"] > 0, f"{what}: runs, and the wire shows its data", trial):
            return None
        return trial

    def refused_in_clear(self, application: Application, family: int = 4, sides: Sequence[tuple[str, str]] = SIDES) -> None:
        for side, guest in sides:
            trial = self.try_out(application, ETH0, guarded=guest, family=family)
            what = f"{application.name}, {side} guarded, in clear{' IPv6' if family == 6 else ''}"
            result = trial.client if side == "client" else trial.server
            failed = result is not None and result.code != 0
            if (application.name, side) in EXITS_0_WITHOUT_A_QP and not failed:
                self.t.note(f"{what}: says itself that it failed, and ends with exit status 0")
                failed = result is not None and "unable to create QP" in result.err
            self.t.check(failed, f"{what}: fails", trial)
            self.t.check(names_everything(refusal(result)), f"{what}: says what was refused, where and why", trial)
            self.t.check(trial.wire["clear_data"] == 0 and trial.only("tcp", "clear_cm"), f"{what}: no data left", trial)
            if trial.wire["clear_cm"]:
                self.t.note(f"{what}: {trial.wire['clear_cm']} frames of connection management, by the kernel")

    def runs_protected(
        self, application: Application, bare: Trial, addresses: dict, by: str, how: str = "", family: int = 4
    ) -> None:
        trial = self.try_out(application, addresses, guarded="ab", family=family)
        over = "over MACsec" if by == "macsec" else "with IPsec"
        what = ", ".join(word for word in (application.name, over, "IPv6" if family == 6 else "", how) if word)
        silent = "rdmasec" not in trial.said
        self.t.check(same_output(trial, bare) and silent, f"{what}: runs, and says what it says bare", trial)
        # Policies for UDP leave a program's own TCP as it was; MACsec takes all.
        side_channel = ("tcp",) if by == "esp" and application.side_channel else ()
        self.t.check(trial.wire[by] > 0 and trial.only(by, *side_channel), f"{what}: nothing else on the wire", trial)

    def datagrams_refused(self, application: Application, addresses: dict, when: str, why: str) -> None:
        trial = self.try_out(application, addresses, guarded="ab")
        results = [result for result in (trial.client, trial.server) if result and refusal(result)]
        what = f"{application.name}, {when}"
        self.t.check(not trial.ran and results, f"{what}: refused", trial)
        self.t.check(all(has_reason(refusal(result), why) for result in results), f"{what}: says so", trial)
        self.t.check(trial.readable == 0, f"{what}: no RoCE in clear", trial)


def without_ipv6_on_the_wire(net: Network) -> None:
    """MACsec is then all that IPv6 leaves by.  (IPv4 packets of rxe are bound to their netdev anyway.)"""
    for guest in net.guests.values():
        guest.run("ip -6 address flush dev eth0", check=True)


def names_everything(line: re.Match | None) -> bool:
    reasons = ("eth0 is not a MACsec device", "no outbound xfrm policy")
    named = line and (line["device"], line["netdev"], line["verdict"]) == ("rxe0", "eth0", "unprotected")
    return bool(named) and all(has_reason(line, reason) for reason in reasons)
