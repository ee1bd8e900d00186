# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The applications of the demonstration, and its table (table.txt in the results)."""

from testbed.api import Test
from testbed.applications import APPLICATIONS, Table, Trial, try_out, wrapped
from testbed.refusals import refusal
from testbed.states import ETH0, MACSEC0

GUESTS = (("host", "6.1"),)  # in a whole check; buildlib/demo names another

NAMES = ("ibv_rc_pingpong", "ib_write_bw", "ib_send_lat", "rping")
COLUMNS = (
    ("link in clear,", "without rdmasec"),
    ("link in clear,", "rdmasec run"),
    ("MACsec,", "rdmasec run"),
    ("IPsec,", "rdmasec run"),
)


def run(t: Test) -> None:
    table = Table(COLUMNS)
    t.net.clear()
    for name in NAMES:
        trial = show(t, table, name, "link in clear, without rdmasec")
        t.check(trial.ran and trial.wire["clear_data"], f"{name}, in clear without rdmasec: it runs, and its data is readable", trial)
    line = ""
    for name in NAMES:
        trial = show(t, table, name, "link in clear, rdmasec run", guarded="a")
        refused = refusal(trial.client)
        t.check(refused and not trial.ran and not trial.wire["clear_data"], f"{name}, in clear with rdmasec: it is refused", trial)
        line = refused[0] if refused else line
    t.net.macsec()
    for name in NAMES:
        trial = show(t, table, name, "MACsec, rdmasec run", MACSEC0, guarded="ab")
        secret = trial.wire["macsec"] and not trial.readable
        t.check(trial.ran and secret, f"{name}, over MACsec: it runs, and nothing is readable", trial)
    t.net.ipsec()
    for name in NAMES:
        trial = show(t, table, name, "IPsec, rdmasec run", guarded="ab")
        secret = trial.wire["esp"] and not trial.readable
        t.check(trial.ran and secret, f"{name}, with IPsec: it runs, and nothing is readable", trial)

    legend = "numbers: frames on the wire, by their kind"
    text = f"\n{table}\n\n{legend}\na refusal in full:\n{wrapped(line)}\n"
    (t.results / "table.txt").write_text(text)
    t.note(text)


def show(t: Test, table: Table, name: str, where: str, addresses: dict = ETH0, guarded: str = "") -> Trial:
    t.note(f"{where}: {name}")
    trial = try_out(t, APPLICATIONS[name], addresses, guarded=guarded)
    table.add(trial)
    return trial
