"""What manifests tell of conditions: in which segments, and for which types of events, they may hold.

A verdict is a pair of bit sets over the types of events: those for which a condition may hold, and those for which it
holds whatever else is the case. A check is decided by the type alone, by what a manifest lists, or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Protocol, TypeGuard

from tiercel.engine.compare import effective, matcher, operand_is_list
from tiercel.fields.container_info import TELLS
from tiercel.fields.model import Value
from tiercel.rules.syntax import And, Check, FieldRef, Literal, Node, Not, Operand, Or
from tiercel.rules.transformers import apply
from tiercel.store.manifest import Manifest
from tiercel.store.values import CONTAINER, EXEPATH, NAME
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

Verdict = tuple[int, int]
"""Bit ``1 << number`` is set where the condition may hold, and where it surely does."""


def bits(numbers: Iterable[int]) -> int:
    """Return the bit set of type numbers."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


_ALL = bits(range(len(EVENTS)))
_GENERIC = bits((BY_CONSTANT["GENERIC_E"], BY_CONSTANT["GENERIC_X"]))
_TELLING = bits(number for number in range(len(EVENTS)) if TELLS[number])
_NO, _MAYBE, _YES = 0, 1, 2

_LISTED = {
    NAME: ("proc.name", "proc.pname", "proc.aname", "proc.sname", "proc.vpgid.name", "proc.pgid.name"),
    EXEPATH: (
        "proc.exepath", "proc.pexepath", "proc.aexepath", "proc.sid.exepath", "proc.vpgid.exepath", "proc.pgid.exepath",
    ),
    CONTAINER: ("container.id",),
} | {
    name: (name,)
    for name in (
        "container.full_id", "container.name", "container.image", "container.image.repository", "k8s.pod.name",
        "k8s.ns.name",
    )
}  # fmt: skip
"""The fields that have no other values than those a manifest lists under a name."""

_KEYS = {field: key for key, fields in _LISTED.items() for field in fields}
_NEVER_EMPTY = {"proc.name", "proc.pname", "proc.exepath", "proc.pexepath", "container.id"}
"""Fields that are empty only where the list says so; others are also where a process has no such relative."""

_MOST_KNOWN = 4_096

_TIMES = {"evt.rawtime": 1, "evt.rawtime.s": 1_000_000_000}


class Reach:
    """Decides conditions by manifests.

    What was found of one segment serves for others of which the manifests say as much.

    Raises:
        ValueError: a condition holds a value that cannot be used.
    """

    def __init__(self, conditions: Sequence[Node]) -> None:
        self._conditions = conditions
        self._places: dict[Check, int] = {}
        self._deciders: list[_Decider] = []
        self._listed: dict[str, list[_Listed]] = defaultdict(list)
        self._seen: dict[str, set[bytes]] = defaultdict(set)
        self._known: dict[tuple[int, ...], list[int]] = {}
        for condition in conditions:
            self._gather(condition)

    def _gather(self, node: Node) -> None:
        if isinstance(node, And | Or):
            for child in node.children:
                self._gather(child)
        elif isinstance(node, Not):
            self._gather(node.child)
        elif node not in self._places and (decider := _decider(node)) is not None:
            self._places[node] = len(self._deciders)
            self._deciders.append(decider)
            if isinstance(decider, _Listed):
                self._listed[decider.key].append(decider)

    def types(self, manifest: Manifest) -> list[int]:
        """Return for each condition the bit set of the types for which it may hold in a segment."""
        for key, deciders in self._listed.items():
            fresh = manifest.values.get(key, frozenset()) - self._seen[key]
            if fresh:
                self._seen[key] |= fresh
                for decider in deciders:
                    decider.learn(fresh)
        states = tuple([decider.state(manifest) for decider in self._deciders])
        found = self._known.get(states)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[states] = [self._verdict(node, states)[0] for node in self._conditions]
        return found

    def _verdict(self, node: Node, states: Sequence[int]) -> Verdict:
        if isinstance(node, Not):
            may, sure = self._verdict(node.child, states)
            return _ALL & ~sure, _ALL & ~may
        if isinstance(node, And | Or):
            verdicts = [self._verdict(child, states) for child in node.children]
            may, sure = verdicts[0]
            for more, surely in verdicts[1:]:
                may, sure = (may & more, sure & surely) if isinstance(node, And) else (may | more, sure | surely)
            return may, sure
        place = self._places.get(node)
        if place is None:
            return _of_type(node)
        state = states[place]
        if state == _NO:
            return self._deciders[place].besides, 0
        return _ALL, _ALL if state == _YES else 0


def possible_types(node: Node) -> frozenset[int]:
    """Return the event types for which a condition may hold: those its checks of ``evt.type`` do not rule out."""
    reach = Reach([node])
    may, _ = reach._verdict(node, [_MAYBE] * len(reach._deciders))
    return numbers(may)


def numbers(types: int) -> frozenset[int]:
    """Return the type numbers in a bit set."""
    return frozenset(number for number in range(types.bit_length()) if types >> number & 1)


@lru_cache(1024)
def _of_type(check: Check) -> Verdict:
    left = check.left
    if not isinstance(left, FieldRef) or left.field.name != "evt.type" or check.right is not None:
        return _ALL, 0
    match = matcher(check)
    held = {name: match(name.encode()) for name in {event.name for event in EVENTS}}
    sure = bits(event.number for event in EVENTS if held[event.name])
    return sure | _GENERIC, sure & ~_GENERIC  # a generic event is named after its call


class _Decider(Protocol):
    """Decides one check for a segment. ``besides`` are types that it does not speak of when it says no."""

    besides: int

    def state(self, manifest: Manifest) -> int: ...


class _Listed:
    """A check of a text that has no other values than the manifest lists."""

    def __init__(self, key: str, match: Callable[[bytes], bool], empty: bool, besides: int) -> None:
        self.key = key
        self.besides = besides
        self._match = match
        self._empty = empty and match(b"")
        self._matching: set[bytes] = set()

    def learn(self, values: Iterable[bytes]) -> None:
        """Find out which of some values match."""
        self._matching.update(filter(self._match, values))

    def state(self, manifest: Manifest) -> int:
        listed = manifest.values.get(self.key)
        if listed is None or self._empty:
            return _MAYBE
        return _NO if self._matching.isdisjoint(listed) else _MAYBE


class _Hostname:
    """A check of the host's name, which all events of a segment have in common."""

    besides = 0

    def __init__(self, match: Callable[[bytes], bool]) -> None:
        self._match = match

    def state(self, manifest: Manifest) -> int:
        try:
            name = manifest.machine.hostname.encode()
        except UnicodeEncodeError:
            return _MAYBE
        return _YES if self._match(name) else _NO


class _Time:
    """A check of the time. What it compares with splits time into stretches: one moment of each is tried."""

    besides = 0

    def __init__(self, match: Callable[[int], bool], values: Iterable[int], unit: int) -> None:
        self._match = match
        self._moments = sorted({value + step for value in values for step in (-1, 0, 1)})
        self._unit = unit

    def state(self, manifest: Manifest) -> int:
        if manifest.untimed != 0 or manifest.first_ts is None or manifest.last_ts is None:
            return _MAYBE
        first, last = manifest.first_ts // self._unit, manifest.last_ts // self._unit
        tried = {first, last, *(moment for moment in self._moments if first < moment < last)}
        held = {self._match(moment) for moment in tried}
        return _MAYBE if len(held) > 1 else _YES if held.pop() else _NO


def _decider(check: Check) -> _Decider | None:
    """Return what decides a check, None when manifests do not."""
    check = effective(check)
    if check.right is not None:
        return None
    made = _made(check.left)
    if made is None:
        return None
    ref, make = made
    name = ref.field.name
    match = matcher(check)
    if name in _KEYS:
        besides = _TELLING if name.startswith(("container.", "k8s.")) else 0
        return _Listed(_KEYS[name], lambda value: _holds(match, make(value)), name not in _NEVER_EMPTY, besides)
    if name == "evt.hostname":
        return _Hostname(lambda value: _holds(match, make(value)))
    if name in _TIMES and isinstance(check.left, FieldRef):
        moments = [value for value in check.values if _is_whole(value)]
        if len(moments) == len(check.values):
            return _Time(match, moments, _TIMES[name])
    return None


def _holds(match: Callable[[bytes], bool], value: Value | None) -> bool:
    return value is not None and match(value)  # type: ignore[arg-type]


def _made(operand: Operand) -> tuple[FieldRef, Callable[[bytes], Value | None]] | None:
    """Return the one field of an operand, and what the operand makes of its value; None when there is more to it."""
    if isinstance(operand, FieldRef):
        return operand, lambda value: value
    if operand_is_list(operand) or len(operand.arguments) != 1 or not isinstance(operand.arguments[0], Operand):
        return None
    inner = _made(operand.arguments[0])
    if inner is None:
        return None
    ref, before = inner

    def make(value: bytes) -> Value | None:
        given = before(value)
        return None if given is None else apply(operand.name, [given], operand.option)

    return ref, make


def _is_whole(value: Literal) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
