"""Which rules can match on what audit records tell, and what of a rule they cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tiercel.rules.mentioned import fields_of
from tiercel.rules.model import Rule
from tiercel.watching.assumed import Values, decide
from tiercel.watching.audit_wanted import BUSY, matched_calls, rule_needs

_BLIND: dict[str, str] = {
    "proc.is_exe_upper_layer": "whether a program lies in the upper layer of an overlay",
    "proc.is_exe_lower_layer": "whether a program lies in the lower layer of an overlay",
    "evt.buffer": "the data read or written",
    "evt.buffer.len": "the data read or written",
    "evt.arg.data": "the data read or written",
    "evt.rawarg.data": "the data read or written",
    "fd.lip": "the near end of a connection",
    "fd.lport": "the near end of a connection",
    "fd.lnet": "the near end of a connection",
}
"""Fields that have no value in audit mode, and what they would tell."""

_PARTLY: dict[str, str] = {
    "proc.env": "the environment, of programs that run for some milliseconds at least",
    "proc.aenv": "the environment, of programs that run for some milliseconds at least",
    "fd.cip": "the near end of a connection",
    "fd.cport": "the near end of a connection",
    "proc.is_exe_writable": "whether a program can be written, if it runs for some milliseconds at least",
}
"""Fields that have a value only sometimes."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What audit sees of a rule: whether it can match at all, the calls it sees, and what is missing."""

    rule: str
    seen: bool
    calls: tuple[str, ...]
    missing: tuple[str, ...]


def sight(rule: Rule) -> Sight:
    """Return what audit sees of a rule."""
    asked = {ref.text for ref in fields_of(rule.condition)}
    blind: dict[str, Values] = dict.fromkeys(_BLIND, (None,))
    missing = [what for field, what in (_BLIND | _PARTLY).items() if field in asked]
    calls = tuple(sorted(rule_needs(rule)))
    busy = sorted({name for name, _ in matched_calls(rule)} & BUSY)
    if busy:
        missing.append("calls of " + ", ".join(busy))
    if rule.source != "syscall":
        missing.append(f"events of {rule.source}")
    seen = bool(calls) and decide(rule.condition, blind) is not False
    return Sight(rule.name, seen, calls, tuple(dict.fromkeys(missing)))


def unseen(rules: Iterable[Rule]) -> dict[str, str]:
    """Return the rules that cannot match in audit mode, each with the reason."""
    found = {}
    for rule in rules:
        of = sight(rule)
        if not of.seen:
            found[rule.name] = "audit records do not tell " + (", ".join(of.missing) or "of its events")
    return found
