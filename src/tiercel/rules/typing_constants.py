"""Constants of checks converted to the type of the left side, those of long lists once for all checks."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import re2

from tiercel.fields.model import ValueType
from tiercel.rules.syntax import Literal, Operator
from tiercel.rules.typing_warnings import doubtful
from tiercel.rules.values import Width, decimal, parse_number, parse_value
from tiercel.wire.event_table import EVENTS
from tiercel.wire.syscall_table import CODES

ASYNCHRONOUS_EVENTS = frozenset({"container", "container_removed"})
"""Names of the events Falco's container plugin adds; tiercel knows their fields itself."""

EVENT_TYPES = frozenset(event.name for event in EVENTS) | frozenset(CODES) | ASYNCHRONOUS_EVENTS
"""What ``evt.type`` may be compared with."""

SPECIAL_FIELDS = ("evt.type", "evt.around")
"""Fields whose constants must be more than of the right type."""

MAX_CONSTANTS = 4_000_000
"""How many constants the conditions of a rule set may hold; those of a shared list count once."""

_MOST_DOUBTS = 1_000  # about one tuple of constants
_SHARED = 32  # constants from which on their tuple is looked up
_CLOSE_TO = 20  # misspelt event types that get a suggestion: finding one takes long


class ConstantError(ValueError):
    """The constant at ``index`` cannot be compared with; ``unknown`` when it names no event type there is."""

    def __init__(self, message: str, index: int, unknown: bool = False) -> None:
        super().__init__(message)
        self.index = index
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Target:
    """What constants are compared with. ``field`` is empty but for ``SPECIAL_FIELDS``; ``width`` narrows a number."""

    type: ValueType
    operator: Operator
    width: Width | None
    field: str
    strict: bool


@dataclass(frozen=True, slots=True)
class TypedConstants:
    """Converted constants, and (code, message, index) of what is doubtful about them."""

    values: tuple[Literal, ...]
    doubts: tuple[tuple[str, str, int], ...]


class Constants:
    """The constants of a rule set.

    Attributes:
        typings: how many tuples of constants were converted, rather than found converted before.
    """

    def __init__(self) -> None:
        self.typings = 0
        self._hints = _CLOSE_TO
        self._count = 0
        # By identity, so the tuple is kept; equal ones of different checks are not looked for.
        self._known: dict[tuple[int, Target], tuple[tuple[str, ...], TypedConstants]] = {}
        self._used: dict[tuple[int, Target], tuple[tuple[str, ...], TypedConstants]] = {}

    def begin(self) -> None:
        """Begin another compilation: count anew, and forget what the last one did not use."""
        self._count = 0
        self._known, self._used = self._used, {}

    def typed(self, written: tuple[str, ...], target: Target, is_field: Callable[[str], bool]) -> TypedConstants:
        """Convert constants.

        Raises:
            ConstantError: a constant does not fit, or there are too many.
        """
        shared = len(written) >= _SHARED
        if shared:
            # Only some operators make a difference; the others share.
            same = target.operator in _OWN_MEANING
            key = (id(written), target if same else Target(target.type, Operator.IN, *_rest(target)))
            found = self._used.get(key) or self._known.get(key)
            if found is not None:
                self._used[key] = found
                return found[1]
        self._count += len(written)
        if self._count > MAX_CONSTANTS:
            raise ConstantError(f"the conditions hold more than {MAX_CONSTANTS:,} constants altogether", 0)
        self.typings += 1
        typed = self._convert(written, target, is_field)
        if shared:
            self._used[key] = (written, typed)
        return typed

    def _convert(self, written: tuple[str, ...], target: Target, is_field: Callable[[str], bool]) -> TypedConstants:
        operator, type, field = target.operator, target.type, target.field
        values: list[Literal] = []
        doubts: list[tuple[str, str, int]] = []
        for index, text in enumerate(written):
            try:
                number = text if target.strict else decimal(text, type)
                if number != text and len(doubts) < _MOST_DOUBTS:
                    message = f"'{text}' is no number to Falco, which reads decimal numbers only: write {number}"
                    doubts.append(("LOAD_COMPILE_CONDITION", message, index))
                value = parse_value(number, type, operator, target.width)
                if field == "evt.around":
                    parse_number(number, Width(64, False))
                if operator is Operator.REGEX:
                    _check_regex(text)
            except ValueError as error:
                raise ConstantError(f"filter error: {error}", index) from None
            if field == "evt.type" and text not in EVENT_TYPES:
                raise ConstantError(f"unknown event type {text}{self._hint(text)}", index, True)
            if field == "evt.around" and operator not in (Operator.EQ, Operator.EQ2):
                raise ConstantError("evt.around supports only '=' comparison operator", index)
            values.append(value)
        doubts.extend(islice(_doubts(written, operator, is_field), _MOST_DOUBTS))
        return TypedConstants(tuple(values), tuple(doubts))

    def _hint(self, text: str) -> str:
        if not self._hints:
            return ""
        self._hints -= 1
        close = difflib.get_close_matches(text[:64], EVENT_TYPES, 1)
        return f" (did you mean '{close[0]}'?)" if close else ""


_OWN_MEANING = frozenset((Operator.REGEX, Operator.BCONTAINS, Operator.BSTARTSWITH))


def _rest(target: Target) -> tuple[Width | None, str, bool]:
    return target.width, target.field, target.strict


def _doubts(
    written: tuple[str, ...], operator: Operator, is_field: Callable[[str], bool]
) -> Iterator[tuple[str, str, int]]:
    for index, text in enumerate(written):
        message = doubtful(text, operator, is_field)
        if message:
            yield "LOAD_COMPILE_CONDITION", message, index


def _check_regex(pattern: str) -> None:
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0] if error.args else error
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        raise ValueError(f"invalid regex pattern: {text}") from None
