# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Refusals, as guarded programs print them and as records of rdmasec give them.

Scenarios ask for the codes of a refusal (rdmasec-reasons(7)), so that a better sentence changes no scenario.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from .guest import Result

PREFIX = "rdmasec: refused"
REFUSAL = re.compile(
    r"^rdmasec: refused \S.* on (?P<device>\S+) port \d+ GID (?P<gid>\d+) \((?P<local>\S+) on (?P<netdev>\S+)\) "
    r"to (?P<remote>any remote|\S+): (?P<verdict>unprotected|unknown) \(reason=(?P<reason>[a-z0-9,-]+)\): (?P<text>.+)$",
    re.MULTILINE,
)

CODES = re.compile(r"\(reason=([a-z0-9,-]+)\)")
TABLE = Path(__file__).resolve().parents[2] / "core/messages/reason.def"

# The sources of a reason: the output of a program, a match of REFUSAL, or a row of JSON; None has none.
Source = str | re.Match | Mapping[str, object] | None
Record = Mapping[str, object]


def refusal(result: Result | None) -> re.Match | None:
    """Returns the first refusal on stderr that names the device, the path, the verdict and the reason."""
    return REFUSAL.search(result.err) if result else None


def refusal_lines(result: Result) -> list[str]:
    """Returns every line of stderr that reports a refusal."""
    return [line for line in result.err.splitlines() if line.startswith(PREFIX)]


def refused_records(records: Iterable[Record]) -> list[Record]:
    """Returns the records of an audit log whose outcome is a refusal."""
    return [record for record in records if record.get("outcome") == "refused"]


def known_codes() -> frozenset[str]:
    """Returns every code of reason.def."""
    codes = set()
    for form, code in re.findall(r'^(REASON|DIRECTED)\(\w+, "([a-z0-9-]+)"', TABLE.read_text(), re.MULTILINE):
        codes |= {code} if form == "REASON" else {f"outbound-{code}", f"inbound-{code}"}
    return frozenset(codes)


KNOWN = known_codes()


def reasons(source: Source) -> list[str]:
    """Returns the codes that the source gives, in its order."""
    if source is None:
        return []
    if isinstance(source, str):
        return [code for found in CODES.findall(source) for code in found.split(",")]
    given = source["reason"] if isinstance(source, re.Match) else str(source.get("reason") or "")
    return given.split(",") if given else []


def has_reason(source: Source, *codes: str) -> bool:
    """Returns whether the source gives each of these codes."""
    return set(codes) <= given_of(source, codes)


def has_reason_of(source: Source, codes: Iterable[str]) -> bool:
    """Returns whether the source gives one of these codes."""
    return bool(set(codes) & given_of(source, codes))


def given_of(source: Source, codes: Iterable[str]) -> set[str]:
    """Returns the codes that the source gives. A code that does not exist is an error of the scenario."""
    unknown = set(codes) - KNOWN
    if unknown:
        raise ValueError(f"not in {TABLE.name}: {', '.join(sorted(unknown))}")
    return set(reasons(source))


def names(source: Source, what: str) -> bool:
    """Returns whether the text has this name, number or path, or the cause of a code that has several."""
    if source is None:
        return False
    text = source if isinstance(source, str) else str(source["text"])
    return what in text
