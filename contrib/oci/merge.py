#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Merges an allowlist with the seccomp.json beside this file into one seccomp profile.

Calls with a rule in seccomp.json are removed from the allowlist. If that rule depends on an argument, new rules allow the
call for all other values: for a masked argument, all values that differ in at least one bit of the mask. Conditions of the
allowlist (args, includes, excludes) stay with the rules that are made of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

ALLOW = "SCMP_ACT_ALLOW"
REFUSING = ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP")
MASKED, EQUAL = "SCMP_CMP_MASKED_EQ", "SCMP_CMP_EQ"
Rule = dict
Condition = dict


class CannotMerge(Exception):
    """The profile says something that cannot be merged with seccomp.json."""


def rest(conditions: list[Condition]) -> list[Condition]:
    """Conditions that together hold for exactly those values of an argument that match none of these."""
    index, mask = conditions[0]["index"], conditions[0]["value"]
    if any(c["op"] != MASKED or (c["index"], c["value"]) != (index, mask) for c in conditions):
        raise CannotMerge("unsupported conditions in seccomp.json")
    values = {c["valueTwo"] for c in conditions}
    bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    if len(values) == 1:
        (value,) = values
        differing = [(1 << bit, ~value & 1 << bit) for bit in bits]
    else:
        differing = [(mask, other) for other in range(1 << len(bits)) if other not in values]
    return [{"index": index, "value": m, "valueTwo": v, "op": MASKED} for m, v in differing]


def extras(rule: Rule) -> dict:
    """The conditions of a rule on the container: its capabilities, architecture and kernel."""
    return {key: rule[key] for key in ("includes", "excludes") if rule.get(key)}


def joined(name: str, ours: list[Condition], theirs: list[Condition]) -> tuple[list[Condition], list[list[Condition]]]:
    """Returns our conditions that remain under theirs, and the lists of conditions under which the call stays allowed."""
    index = ours[0]["index"]
    same = [c for c in theirs if c["index"] == index]
    if not same:
        return ours, [[*theirs, c] for c in rest(ours)]
    if len(same) > 1 or same[0]["op"] != EQUAL:
        raise CannotMerge(f"{name}: argument {index} is compared in a way that cannot be merged with seccomp.json")
    # one value only: it is one of ours, or none of it is
    if any(same[0]["value"] & c["value"] == c["valueTwo"] for c in ours):
        return [], []
    return [], [theirs]


def matches_value(ours: list[Condition], theirs: list[Condition]) -> bool:
    """Whether they allow one value of our argument, which is one of ours."""
    same = [c for c in theirs if ours and c["index"] == ours[0]["index"]]
    return bool(same) and any(same[0]["value"] & c["value"] == c["valueTwo"] for c in ours)


def merged_call(name: str, rules: list[Rule], ours: list[Rule]) -> list[Rule]:
    """The rules of one call. rules: those of the allowlist that allow it. ours: those of seccomp.json for it."""
    conditions = [c for rule in ours for c in rule.get("args", [])]
    made: list[Rule] = []
    for rule in rules:
        theirs, where = rule.get("args") or [], extras(rule)
        stays: list[list[Condition]] = []
        left = conditions
        if conditions:
            left, stays = joined(name, conditions, theirs)
        made += [{"names": [name], "action": ALLOW, "args": args, **where} for args in stays]
        for own in ours:
            args = own.get("args", [])
            if conditions and not left and not (args and matches_value(args, theirs)):
                continue
            both = theirs if matches_value(args, theirs) else [*theirs, *args]
            made.append({**own, "names": [name], **({"args": both} if both else {}), **where})
    return made


def allowing(name: str, rules: list[Rule]) -> list[Rule]:
    """The rules that allow a call, without those that another one includes."""
    found = [rule for rule in rules if name in rule["names"] and rule["action"] not in REFUSING]
    for rule in found:
        if rule["action"] != ALLOW:
            raise CannotMerge(f"{name}: action {rule['action']} cannot be merged with seccomp.json")
    always = [rule for rule in found if not rule.get("args") and not extras(rule)]
    return always[:1] or found


def merge(ours: dict, other: dict) -> dict:
    default = other["defaultAction"], other.get("defaultErrnoRet", 1)
    if default[0] not in REFUSING:
        raise CannotMerge("this profile is not an allowlist: add the rules of seccomp.json to it by hand")
    taken = {name for rule in ours["syscalls"] for name in rule["names"]}
    rules: list[Rule] = []
    for rule in other["syscalls"]:
        # a rule that refuses a call stays: it has other conditions than one that allows it
        names = [name for name in rule["names"] if name not in taken or rule["action"] in REFUSING]
        if names:
            rules.append({**rule, "names": names})
    for name in sorted(taken):
        own = [rule for rule in ours["syscalls"] if name in rule["names"]]
        for rule in merged_call(name, allowing(name, other["syscalls"]), own):
            # a rule that repeats the default is invalid
            if (rule["action"], rule.get("errnoRet", 1)) != default and rule not in rules:
                rules.append(rule)
    # verbs of 32-bit programs are not supported
    kept = {key: value for key, value in other.items() if key not in ("syscalls", "archMap", "architectures")}
    return {**kept, "listenerPath": ours["listenerPath"], "syscalls": rules}


def write(path: Path, text: str) -> None:
    """Replaces the file as a whole."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as to:
        try:
            to.write(text)
            os.fchmod(to.fileno(), 0o644)
            to.flush()
            os.fsync(to.fileno())
            os.replace(to.name, path)
        except BaseException:
            os.unlink(to.name)
            raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", type=Path, help="the runtime's own profile: an allowlist")
    parser.add_argument("-o", "--output", type=Path, help="replace this file when all is merged (default: print)")
    options = parser.parse_args()
    ours = json.loads(Path(__file__).resolve().with_name("seccomp.json").read_text())
    try:
        text = json.dumps(merge(ours, json.loads(options.profile.read_text())), indent="\t") + "\n"
        if options.output:
            write(options.output, text)
        else:
            print(text, end="")
    except (CannotMerge, OSError, ValueError, KeyError) as why:
        sys.exit(f"{parser.prog}: {options.profile}: {why}")


if __name__ == "__main__":
    main()
