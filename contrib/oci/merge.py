#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Merges an allowlist with the seccomp.json beside this file into one seccomp profile: merge.py PROFILE

Calls with a rule in seccomp.json are removed from the allowlist. If that rule depends on an argument, new rules allow the
call for all other values: for a masked argument, all values that differ in at least one bit of the mask.
"""

import json
import sys
from pathlib import Path

ALLOW = "SCMP_ACT_ALLOW"
MASKED = "SCMP_CMP_MASKED_EQ"


def rest(conditions: list[dict]) -> list[dict]:
    """Conditions that together hold for exactly those values of an argument that match none of these."""
    index, mask = conditions[0]["index"], conditions[0]["value"]
    if any(c["op"] != MASKED or (c["index"], c["value"]) != (index, mask) for c in conditions):
        sys.exit(f"{sys.argv[0]}: unsupported conditions in seccomp.json")
    values = {c["valueTwo"] for c in conditions}
    bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    if len(values) == 1:
        (value,) = values
        differing = [(1 << bit, ~value & 1 << bit) for bit in bits]
    else:
        differing = [(mask, other) for other in range(1 << len(bits)) if other not in values]
    return [{"index": index, "value": m, "valueTwo": v, "op": MASKED} for m, v in differing]


def merge(ours: dict, other: dict) -> dict:
    if other["defaultAction"] == ALLOW:
        sys.exit(f"{sys.argv[0]}: this profile is not an allowlist: add the rules of seccomp.json to it by hand")
    conditions: dict[str, list[dict]] = {}
    for rule in ours["syscalls"]:
        for name in rule["names"]:
            conditions.setdefault(name, []).extend(rule.get("args", []))
    rules: list[dict] = []
    allowed = set()
    for rule in other["syscalls"]:
        names = [name for name in rule["names"] if name not in conditions]
        taken = set(rule["names"]) - set(names)
        if rule["action"] == ALLOW and taken:
            if any(rule.get(key) for key in ("args", "includes", "excludes")):
                what = f"{sys.argv[0]}: {', '.join(sorted(taken))}"
                sys.exit(f"{what}: allowed under conditions that cannot be merged with those of seccomp.json")
            allowed |= taken
        if names:
            rules.append({**rule, "names": names})
    for name in sorted(allowed):
        if conditions[name]:
            rules += [{"names": [name], "action": ALLOW, "args": [c]} for c in rest(conditions[name])]
    # calls that were not allowed stay so, and a rule that repeats the default is invalid
    default = other["defaultAction"], other.get("defaultErrnoRet", 1)
    for rule in ours["syscalls"]:
        if (rule["action"], rule.get("errnoRet", 1)) == default:
            continue
        if names := [name for name in rule["names"] if name in allowed]:
            rules.append({**rule, "names": names})
    # verbs of 32-bit programs are not supported
    merged = {key: value for key, value in other.items() if key not in ("syscalls", "archMap", "architectures")}
    return {**merged, "listenerPath": ours["listenerPath"], "syscalls": rules}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    ours = json.loads(Path(__file__).resolve().with_name("seccomp.json").read_text())
    print(json.dumps(merge(ours, json.loads(Path(sys.argv[1]).read_text())), indent="\t"))


if __name__ == "__main__":
    main()
