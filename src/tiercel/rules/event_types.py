"""Which event types a condition can match, worked out from its checks of ``evt.type`` as libs 0.25.4 does.

Negation is pushed down to the checks, so ``not (A and B)`` is the union of the two negations. Checks of other fields
match every type, negated or not. ``asyncevent`` is part of every rule's set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Operator, Or, Transform
from tiercel.wire.event_table import BY_CONSTANT, EVENTS
from tiercel.wire.syscall_table import CODES, EVENTS_OF, NAMES

ASYNCEVENT = BY_CONSTANT["ASYNCEVENT_E"]
PLUGINEVENT = BY_CONSTANT["PLUGINEVENT_E"]
GENERIC = (BY_CONSTANT["GENERIC_E"], BY_CONSTANT["GENERIC_X"])

# Sets are integers, one bit for each number.
_GENERIC_BITS = 1 << GENERIC[0] | 1 << GENERIC[1]
_ALL_EVENTS = (1 << len(EVENTS)) - 1
_ALL_CODES = sum(1 << code for code, name in NAMES.items() if code and name)
_FIELDS = ("evt.type", "syscall.type")
_OPERATORS = (Operator.EQ, Operator.EQ2, Operator.NE, Operator.IN)

_ToBits = Callable[[frozenset[str]], int]


def _by_name() -> dict[str, int]:
    bits: dict[str, int] = {}
    for event in EVENTS:
        if event.number not in GENERIC:
            bits[event.name] = bits.get(event.name, 0) | 1 << event.number
    return bits


_BY_NAME = _by_name()
_PLUGIN_EVENTS = frozenset({"container", "container_removed"})
"""Asynchronous events of Falco's container plugin, known by name; ``container`` also has numbers of its own."""


@cache
def _event_bits(names: frozenset[str]) -> int:
    bits = 0
    for name in names:
        known = _BY_NAME.get(name, 0)
        if name in _PLUGIN_EVENTS:
            known |= 1 << ASYNCEVENT
        bits |= known if known else _GENERIC_BITS if name in CODES else 0
    return bits


def _codes_of(events: int) -> int:
    return sum(1 << code for code, numbers in EVENTS_OF.items() if any(events >> number & 1 for number in numbers))


@cache
def _code_bits(names: frozenset[str]) -> int:
    events = _event_bits(names)
    bits = _codes_of(events & ~_GENERIC_BITS)
    if events & _GENERIC_BITS:
        for name in names:
            code = CODES.get(name)
            if code is not None and GENERIC[0] in EVENTS_OF[code]:
                bits |= 1 << code
    return bits


def _bits(node: Node, negated: bool, everything: int, to_bits: _ToBits) -> int:
    if isinstance(node, Not):
        return _bits(node.child, not negated, everything, to_bits)
    if isinstance(node, And | Or):
        every = isinstance(node, And) is not negated
        bits = everything if every else 0
        for child in node.children:
            inner = _bits(child, negated, everything, to_bits)
            bits = bits & inner if every else bits | inner
        return bits
    return _check_bits(node, negated, everything, to_bits)


def _check_bits(check: Check, negated: bool, everything: int, to_bits: _ToBits) -> int:
    left = check.left
    if isinstance(left, Transform):
        # A constant as the last argument makes libs treat the check as one of event types: negated, it matches none.
        odd = check.operator in _OPERATORS and _ends_with_constant(left)
        return 0 if odd and negated else everything
    if left.field.name not in _FIELDS or left.argument is not None:
        return everything
    if check.operator is Operator.EXISTS:
        return 0 if negated else everything
    if check.operator not in _OPERATORS or check.modifier is not None:
        return everything
    bits = to_bits(frozenset(_names(check)))
    return everything & ~bits if negated is not (check.operator is Operator.NE) else bits


def _names(check: Check) -> Iterable[str]:
    return (value.decode("utf-8", "surrogateescape") for value in check.values if isinstance(value, bytes))


def _ends_with_constant(transform: Transform) -> bool:
    last = transform.arguments[-1] if transform.arguments else b""
    if isinstance(last, Transform):
        return _ends_with_constant(last)
    return not isinstance(last, FieldRef)


def event_types(node: Node, source: str = "syscall", asynchronous: bool = True) -> frozenset[int]:
    """Return the numbers of the events a condition can match.

    Args:
        node: the condition.
        source: the rule's event source; rules of other sources than ``syscall`` match plugin events only.
        asynchronous: add ``asyncevent``, as Falco does when it runs rules (but not when it counts types).
    """
    bits = _bits(node, False, _ALL_EVENTS, _event_bits) if source == "syscall" else 1 << PLUGINEVENT
    if asynchronous:
        bits |= 1 << ASYNCEVENT
    return _numbers(bits)


@cache
def _numbers(bits: int) -> frozenset[int]:
    return frozenset(number for number in range(len(EVENTS)) if bits >> number & 1)


def event_names(node: Node, source: str = "syscall") -> frozenset[str]:
    """Return the names of the events and system calls a condition can match, as ``falco -L`` lists them.

    Generic system calls are listed by their own names.
    """
    events = event_types(node, source)
    names = {EVENTS[number].name for number in events if number not in GENERIC}
    if source == "syscall":
        codes = _bits(node, False, _ALL_CODES, _code_bits)
        matched = 0
        for code, numbers in EVENTS_OF.items():
            if codes >> code & 1:
                for number in numbers:
                    if number not in GENERIC:
                        matched |= 1 << number
                        names.add(EVENTS[number].name)
        rest = codes & ~_codes_of(matched)
        names.update(name for code, name in NAMES.items() if rest >> code & 1)
    return frozenset(names)


def too_many_types(node: Node) -> bool:
    """Return whether a system-call rule deserves Falco's warning LOAD_NO_EVTTYPE: no types at all, or over 100."""
    return not 0 < _bits(node, False, _ALL_EVENTS, _event_bits).bit_count() <= 100
