# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Refusals, as guarded programs print them and as records of rdmasec give them.

Scenarios find the reason of a refusal by has_reason() only, so that its form is known here alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .guest import Result

PREFIX = "rdmasec: refused"
REFUSAL = re.compile(
    r"^rdmasec: refused \S.* on (?P<device>\S+) port \d+ GID (?P<gid>\d+) \((?P<local>\S+) on (?P<netdev>\S+)\) "
    r"to (?P<remote>any remote|\S+): (?P<verdict>unprotected|unknown) \(reason=(?P<reason>[a-z0-9,-]+)\): (?P<text>.+)$",
    re.MULTILINE,
)

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


def has_reason(source: Source, reason: str | re.Pattern) -> bool:
    """Returns whether the source gives this reason: its code, a part of its text, or a pattern that finds either."""
    if source is None:
        return False
    if isinstance(source, re.Match):
        source = source.groupdict()
    text = source if isinstance(source, str) else f"{source.get('reason', '')}\n{source.get('text', '')}"
    return bool(reason.search(text)) if isinstance(reason, re.Pattern) else reason in text
