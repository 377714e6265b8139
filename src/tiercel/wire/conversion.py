"""How events of older layouts become exit-only events of today's layout.

``conversions.txt`` says, for an event number and the number of parameters it was stored with, what one step does:
remember the enter event for the exit event that follows (``store``), let it through (``pass``, ``store_and_pass``),
append parameters (``add``) or become another event (``retype``). Steps repeat until the event has its final form. As
every step only rearranges parameters, the whole chain is worked out beforehand: a :class:`Plan` lists where each
parameter of the final event comes from.

References: the rules are those of libscap's ``scap-converter`` (libs 0.25.4), with one difference taken from libs
pull request 3107: an enter event that does not belong to the exit event counts as missing and is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from functools import cache
from importlib.resources import files

from tiercel.wire.event_table import EVENTS, Event, EventFlag, ParamType

_UNUSED = EventFlag.UNUSED.value
_MANAGED = EventFlag.CONVERTER_MANAGED.value
_OLD = EventFlag.OLD_VERSION.value

MAX_STEPS = 32
"""A chain longer than this would be a fault in the table; the longest real one takes 8 steps."""

MAX_PARAMS = 64
"""Events are read up to this many parameters; the drivers' own limit is 32."""

CONSTANTS = bytes(16) + b"\xff" * 4
"""Bytes every batch starts with, so that a default value is a span like any other."""

_ONES = 16  # where CONSTANTS holds the id that stands for no user or group

_WIDTHS: dict[int, tuple[str, ...]] = {
    1: ("INT8", "UINT8", "FLAGS8", "ENUMFLAGS8", "SIGTYPE"),
    2: ("INT16", "UINT16", "FLAGS16", "ENUMFLAGS16", "SYSCALLID", "PORT"),
    4: ("INT32", "UINT32", "FLAGS32", "ENUMFLAGS32", "UID", "GID", "MODE", "SIGSET", "FD32", "PID32", "IPV4ADDR"),
    8: ("INT64", "UINT64", "RELTIME", "ABSTIME", "ERRNO", "FD", "PID"),
    16: ("IPV6ADDR",),
}
WIDTH: dict[ParamType, int] = {ParamType[name]: width for width, names in _WIDTHS.items() for name in names}
"""Bytes of the parameter types that have a fixed size; all others vary from 0 upwards."""


class Origin(Enum):
    """Where a parameter of a converted event comes from."""

    OLD = "old"  # a parameter of the event as stored
    ENTER = "enter"  # a parameter of the enter event before it
    CONSTANT = "constant"  # a default or empty value
    JSON = "json"  # made from the four parameters of an old container event


@dataclass(frozen=True, slots=True)
class Source:
    """One parameter of the final event.

    ``start`` and ``length`` are a span of :data:`CONSTANTS`: the value itself, or for ``ENTER`` what stands in when
    there is no enter event. A value longer than ``cap`` bytes is cut.
    """

    origin: Origin
    param: int = 0
    start: int = 0
    length: int = 0
    cap: int = 0xFFFFFFFF


EMPTY = Source(Origin.CONSTANT)


class Outcome(IntEnum):
    """What becomes of an event once it has its final form."""

    DROP = 0
    PASS = 1
    STORE = 2  # kept for the exit event, not handed on
    STORE_AND_PASS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole conversion of one (event number, number of parameters).

    ``unchanged`` plans keep every parameter where it is. ``enter`` is the event whose parameters the ``ENTER`` sources
    mean, -1 without such a source.
    """

    outcome: Outcome
    number: int
    sources: tuple[Source, ...] = ()
    enter: int = -1
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the table."""

    action: str
    target: int
    instructions: tuple[str, ...]


def _load() -> dict[tuple[int, int], Step]:
    table = {}
    for line in files(__package__).joinpath("conversions.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        number, count, action, target, *instructions = line.split(" ")
        table[int(number), int(count)] = Step(action, int(target), tuple(instructions))
    return table


STEPS: dict[tuple[int, int], Step] = _load()
"""One step by event number and stored number of parameters."""


def default(event: Event, param: int) -> Source:
    """Return the default value of a parameter: all ones for a user or group id, else zero, empty where size varies."""
    kind = event.params[param].type
    start = _ONES if kind in (ParamType.UID, ParamType.GID) else 0
    return Source(Origin.CONSTANT, start=start, length=WIDTH.get(kind, 0))


def _capped(source: Source, event: Event, param: int) -> Source:
    """Cut ``source`` to what parameter ``param`` of ``event`` can hold."""
    cap = WIDTH.get(event.params[param].type, 0xFFFFFFFF if event.large else 0xFFFF)
    return replace(source, cap=min(source.cap, cap), length=min(source.length, cap))


def _verdict(event: Event, count: int) -> Outcome | None:
    """Return what is to be done with an event, None when it needs a step of the table."""
    flags = event.flags.value  # plain integers: this is part of every start
    if flags & _UNUSED:
        return Outcome.DROP
    if not flags & _MANAGED:
        return Outcome.DROP if flags & _OLD and event.is_enter else Outcome.PASS
    if event.is_enter or flags & _OLD or count != len(event.params):
        return None
    return Outcome.PASS


def without_step(event: Event) -> Outcome:
    """Return what becomes of an event the table has no step for, whatever its number of parameters.

    Where a step would be needed (a layout nobody ever wrote, or a corrupt count), an exit event is kept as it is and an
    enter event is dropped.
    """
    verdict = _verdict(event, -1)
    if verdict is None:
        return Outcome.DROP if event.is_enter else Outcome.PASS
    return verdict


@cache
def plan(number: int, count: int) -> Plan:
    """Return the plan for event ``number`` stored with ``count`` parameters."""
    stored = tuple(Source(Origin.OLD, k) for k in range(count))
    sources, at, enter = stored, number, -1
    for _ in range(MAX_STEPS):
        event = EVENTS[at]
        verdict = _verdict(event, len(sources))
        if verdict is None:
            step = STEPS.get((at, len(sources)))
            if step is None:
                verdict = without_step(event)
            elif step.action in ("store", "pass", "store_and_pass"):
                verdict = Outcome[step.action.upper()]
            else:
                at, sources, enter = _apply(step, at, sources, enter)
                continue
        return Plan(verdict, at, sources, enter, unchanged=at == number and sources == stored)
    raise ValueError(f"conversions.txt: event {number} with {count} parameters never gets a final form")


def _apply(step: Step, at: int, old: tuple[Source, ...], enter: int) -> tuple[int, tuple[Source, ...], int]:
    """Do one step: return the new event number, its sources, and the enter event they take parameters from."""
    adding = step.action == "add"
    target = at if adding else step.target
    event = EVENTS[target]
    sources = list(old) if adding else []
    # the first step that wants an enter event uses it up, whether or not it fits
    usable = enter < 0
    for instruction in step.instructions:
        param = len(sources)
        name = instruction.rstrip("?")
        if name == "empty":
            sources.append(EMPTY)
        elif name == "default":
            sources.append(default(event, param))
        elif name == "json":
            sources.append(Source(Origin.JSON))
        elif name.startswith("old"):
            sources.append(_capped(old[int(name[3:])], event, param))
        else:
            otherwise = EMPTY if instruction.endswith("?") else default(event, param)
            if usable:
                enter = at - 1
                taken = replace(otherwise, origin=Origin.ENTER, param=int(name[5:]))
                sources.append(_capped(taken, event, param))
            else:
                sources.append(otherwise)
    return target, tuple(sources), enter
