"""What must be true of an event for a condition to hold: verdicts in three values, and the names files must have.

Both err on one side: a condition that is not known to fail may hold, a name that is not known to be of no concern is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from tiercel.engine.compare import effective, matcher
from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Operator
from tiercel.sources.live.filters import LEAST_NAME, LEAST_PATTERN, Names
from tiercel.state.fd_events import locations
from tiercel.wire.event_table import BY_CONSTANT, EVENTS, EventFlag

Decide = Callable[[Check], bool | None]
"""Tells whether a check holds, None where that is not known."""

OPENS = frozenset(BY_CONSTANT[name] for name in ("SYSCALL_OPEN_X", "SYSCALL_OPENAT_2_X"))
"""The events whose calls the probe leaves out by name."""

Results = tuple[int, int]
FAILED: Results = (-4095, -1)
SUCCEEDED: Results = (0, (1 << 63) - 1)
NO_SOCKET: Results = (-88, -88)
"""What calls return: a range."""

_LOCATIONS = locations()


def verdict(node: Node, decide: Decide) -> bool | None:
    """Return whether a condition holds; None where that is not known."""
    if isinstance(node, Check):
        return decide(node)
    if isinstance(node, Not):
        inner = verdict(node.child, decide)
        return None if inner is None else not inner
    settles = not isinstance(node, And)  # the value of one child that settles the whole
    known = True
    for child in node.children:
        inner = verdict(child, decide)
        if inner is settles:
            return settles
        known = known and inner is not None
    return (not settles) if known else None


def names(node: Node, decide: Decide, wanted: bool = True) -> Names | None:
    """Return how the name of an opened file begins or ends where a condition may be ``wanted``; None for anyhow."""
    known = verdict(node, decide)
    if known is not None:
        return None if known is wanted else Names()
    if isinstance(node, Not):
        return names(node.child, decide, not wanted)
    if isinstance(node, Check):
        return _names_of(node) if wanted else None
    children = [names(child, decide, wanted) for child in node.children]
    if isinstance(node, And) is wanted:  # all of them: any one is enough to go by
        told = [child for child in children if child is not None]
        return min(told, key=lambda one: len(one.beginnings) + len(one.ends), default=None)
    return any_of(children)


def any_of(parts: Iterable[Names | None]) -> Names | None:
    """Return what any of them lets pass."""
    union = Names()
    for part in parts:
        if part is None:
            return None
        union |= part
    return union


_POSITIVE = frozenset(
    {Operator.EQ, Operator.EQ2, Operator.IN, Operator.STARTSWITH, Operator.ENDSWITH, Operator.CONTAINS, Operator.GLOB,
     Operator.PMATCH}
)  # fmt: skip
_EXACT = (Operator.EQ, Operator.EQ2, Operator.IN)


@cache
def _names_of(check: Check) -> Names | None:
    """Return the names for which a check may hold, of those that stand for themselves."""
    check = effective(check)
    left = check.left
    if not isinstance(left, FieldRef) or check.right is not None or check.operator not in _POSITIVE:
        return None
    if left.field.name not in ("fd.name", "fd.nameraw", "fd.directory", "fd.filename"):
        return None
    found = []
    for value in check.values:
        if not isinstance(value, bytes):
            return None
        found.append(_pattern(left.field.name, check.operator, value))
    return any_of(found)


def _pattern(field: str, operator: Operator, value: bytes) -> Names | None:
    if field == "fd.filename":
        if operator in _EXACT:
            return _ending(b"/" + value) if value else None
        return _ending(value) if operator is Operator.ENDSWITH else None
    if field == "fd.directory":
        if operator in _EXACT:
            return _beginning(value.rstrip(b"/") + b"/")
        return _beginning(value) if operator is Operator.STARTSWITH else None
    if operator in _EXACT:
        return Names() if len(value) < LEAST_NAME else _ending(value)  # short names always pass
    if operator is Operator.STARTSWITH:
        return _beginning(value)
    if operator is Operator.ENDSWITH:
        return _ending(value)
    if operator is Operator.PMATCH:
        return _beginning(_before_wildcard(b"/" + b"/".join(part for part in value.split(b"/") if part)))
    if operator is Operator.GLOB:
        beginning, ending = _beginning(_before_wildcard(value)), _ending(_behind_wildcard(value))
        return beginning if ending is None else ending
    return Names() if _twofold(value) else None


def _twofold(text: bytes) -> bool:
    """Whether two of the characters ``.`` and ``/`` come in a row, as in no name that stands for itself."""
    return any(a in b"./" and b in b"./" for a, b in pairwise(text))


def _beginning(text: bytes) -> Names | None:
    if (text and not text.startswith(b"/")) or _twofold(text):
        return Names()
    return Names(frozenset((text,))) if len(text) >= LEAST_PATTERN else None


def _ending(text: bytes) -> Names | None:
    if text.endswith((b".", b"/")) or _twofold(text):
        return Names()
    return Names(ends=frozenset((text,))) if len(text) >= LEAST_PATTERN else None


def _before_wildcard(pattern: bytes) -> bytes:
    at = min((at for at in map(pattern.find, (b"*", b"?", b"[", b"\\")) if at >= 0), default=len(pattern))
    return pattern[:at]


def _behind_wildcard(pattern: bytes) -> bytes:
    at = max(map(pattern.rfind, (b"*", b"?", b"[", b"]", b"\\")))
    return pattern[at + 2 :] if at >= 0 and pattern[at : at + 1] == b"\\" else pattern[at + 1 :]


@dataclass(frozen=True, slots=True)
class Happened:
    """Decides checks for events of one type. What is None is not known.

    Attributes:
        event: the number of the type.
        results: what the call returned lies between these two.
        way: how a file was opened, 0 to 3: to read, to write, both, neither.
        file: the event is about a descriptor that is a file, or one nothing is known of.
    """

    event: int
    results: Results | None = None
    way: int | None = None
    file: bool = False

    def __call__(self, check: Check) -> bool | None:
        check = effective(check)
        left = check.left
        if not isinstance(left, FieldRef) or check.right is not None:
            return None
        name = left.field.name
        if name == "evt.type" and left.argument is None:
            return matcher(check)(EVENTS[self.event].name.encode())
        if self.results is not None and (decided := self._of_result(name, check, self.results)) is not None:
            return decided
        if self.way is not None and name in ("evt.is_open_read", "evt.is_open_write"):
            return matcher(check)(self.way != 1 if name == "evt.is_open_read" else self.way in (1, 2))
        return self._of_file(name, check) if self.file else None

    def _of_result(self, name: str, check: Check, results: Results) -> bool | None:
        failed = results[0] < 0
        if name == "evt.failed":
            return matcher(check)(failed)
        if name == "evt.res":
            if not failed:
                return matcher(check)(b"SUCCESS")
            if set(check.values) == {b"SUCCESS"} and check.operator in (*_EXACT, Operator.NE) and not check.modifier:
                return check.operator is Operator.NE
            return None
        if name == "evt.rawres" or (name == "fd.num" and _creates(self.event)):
            return _throughout(check, *results)
        return None

    def _of_file(self, name: str, check: Check) -> bool | None:
        if name in _ENDS_OF_CONNECTIONS:
            return False  # a file has none, and a missing value makes every comparison false
        if name not in ("fd.type", "fd.typechar"):
            return None
        kinds = (b"file", b"directory") if name == "fd.type" else (b"f", b"d", b"o")
        return None if any(map(matcher(check), kinds)) else False


_ENDS_OF_CONNECTIONS = frozenset(f"fd.{end}{kind}" for end in "cslr" for kind in ("ip", "port", "net")) | {
    "fd.ip",
    "fd.port",
    "fd.net",
    "fd.sockfamily",
}


def _creates(event: int) -> bool:
    """Whether the descriptor of an event is the one that the call returned."""
    return bool(EVENTS[event].flags & EventFlag.CREATES_FD) and _LOCATIONS[event] == -1


def _throughout(check: Check, low: int, high: int) -> bool | None:
    """Return whether a check of a number holds throughout a range, or nowhere in it."""
    if check.operator is Operator.EXISTS:
        return True
    values = [value for value in check.values if isinstance(value, int)]
    if len(values) != len(check.values):
        return None
    match = matcher(check)
    tried = {low, high, *(value + step for value in values for step in (-1, 0, 1) if low <= value + step <= high)}
    held = {match(value) for value in tried}
    return held.pop() if len(held) == 1 else None
