"""Exceptions of rules: their shape, and the text they add to a condition.

``fields``, ``comps`` and each value are one text or a list, in any mixture that makes sense. What they come to is
``(condition) and not (field op value and …)``, put together as text, as Falco does.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tiercel.rules.condition_lists import quote_item
from tiercel.rules.typing_fields import suggestion
from tiercel.rules.verdict import Context, ErrorCode, LoadError, Problem
from tiercel.rules.written import Origin, Written

OPERATORS_FOR_LISTS = frozenset(("in", "intersects", "pmatch"))
_MODIFIERS = frozenset(("oneof", "anyof", "allof"))
_TEXT_OPERATORS = frozenset(
    (
        "=",
        "==",
        "!=",
        "contains",
        "icontains",
        "bcontains",
        "startswith",
        "bstartswith",
        "endswith",
        "glob",
        "iglob",
        "regex",
    )
)
OPERATORS = OPERATORS_FOR_LISTS | _TEXT_OPERATORS | frozenset(("exists", "<", "<=", ">", ">="))

_BLANKS = " \t\r\n"


@dataclass(slots=True)
class Entry:
    """One text, or a list of entries; neither when the key was absent."""

    text: str = ""
    items: list[Entry] = field(default_factory=list)
    is_list: bool = False
    origin: Origin | None = None

    @property
    def valid(self) -> bool:
        return bool(self.items) if self.is_list else bool(self.text)

    def texts(self) -> list[str]:
        """Return the texts one level down, or the text itself."""
        return [item.text for item in self.items] if self.is_list else [self.text]


@dataclass(slots=True)
class ExceptionInfo:
    """An exception as read."""

    context: Context
    name: str
    fields: Entry = field(default_factory=Entry)
    comps: Entry = field(default_factory=Entry)
    values: list[Entry] = field(default_factory=list)

    def copy(self) -> ExceptionInfo:
        return replace(self, values=list(self.values))


def has_modifier(operator: str) -> bool:
    """Say whether an operator is one for text with a modifier, as ``startswith oneof``."""
    base, _, modifier = operator.partition(" ")
    return modifier in _MODIFIERS and base in _TEXT_OPERATORS


def _takes_list(operator: str) -> bool:
    return operator in OPERATORS_FOR_LISTS or has_modifier(operator)


def _fail(message: str, info: ExceptionInfo, hint: str = "", entry: Entry | None = None) -> LoadError:
    at = entry.origin.span(0, len(entry.text)) if entry and entry.origin else info.context.span
    return LoadError(Problem(ErrorCode.VALIDATE, message, info.context, at, hint))


def complete(info: ExceptionInfo, known_field: Callable[[str], bool] | None) -> None:
    """Fill in default operators and check an exception's shape.

    ``known_field`` says whether a text is a field that can be compared; None when the rule's source is not loaded.

    Raises:
        LoadError: lengths differ, an operator does not exist or does not fit, or a field does not exist.
    """
    fields, comps = info.fields, info.comps
    if fields.is_list:
        if not comps.valid:
            info.comps = comps = Entry(is_list=True, items=[Entry("=") for _ in fields.items])
        if len(fields.items) != len(comps.items):
            raise _fail("Fields and comps lists must have equal length", info)
        for comp in comps.items:
            comp.text = comp.text.strip(_BLANKS)
            if comp.text not in OPERATORS and not has_modifier(comp.text):
                close = difflib.get_close_matches(comp.text[:40], OPERATORS, 1)
                hint = f"did you mean '{close[0]}'?" if close else ""
                raise _fail(f"'{comp.text}' is not a supported comparison operator", info, hint, comp)
    else:
        if not comps.valid:
            info.comps = comps = Entry("in")
        if comps.is_list:
            raise _fail("Fields and comps must both be strings", info)
        comps.text = comps.text.strip(_BLANKS)
        if not _takes_list(comps.text):
            raise _fail(
                "When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator "
                "(e.g. startswith oneof)",
                info,
                "write fields and comps as lists to use other operators",
            )
    if known_field is not None:
        for entry in fields.items if fields.is_list else [fields]:
            if not known_field(entry.text):
                hint = suggestion(entry.text[:100])
                raise _fail(f"'{entry.text}' is not a supported filter field", info, hint, entry)


def with_exceptions(condition: Written, exceptions: Iterable[ExceptionInfo]) -> Written:
    """Return a condition with its exceptions put in.

    Raises:
        LoadError: the values of an exception do not fit its fields.
    """
    text = f"({condition.text})"
    parts = [(at + 1, origin) for at, origin in condition.parts]
    for info in exceptions:
        pieces = _several_fields(info) if info.fields.is_list else _one_field(info)
        if not pieces:
            continue
        text += " and not "
        for piece, origin in pieces:
            if origin is not None:
                parts.append((len(text), origin))
            text += piece
    return Written(text, parts)


Pieces = list[tuple[str, Origin | None]]


def _one_field(info: ExceptionInfo) -> Pieces:
    pieces: Pieces = []
    for value in info.values:
        if value.is_list:
            raise _fail("Expected values array to contain a list of strings", info)
        if pieces:
            pieces.append((", ", None))
        else:
            pieces.append((f"({info.fields.text} {info.comps.text} (", info.fields.origin))
        pieces.append((quote_item(value.text), value.origin))
    if pieces:
        pieces.append(("))", None))
    return pieces


def _several_fields(info: ExceptionInfo) -> Pieces:
    fields, comps = info.fields.items, info.comps.items
    if info.values and len(fields) != len(comps):  # only a replaced exception gets here unchecked
        raise _fail("Fields and comps lists must have equal length", info, "replaced exceptions need comps")
    pieces: Pieces = []
    for value in info.values:
        if len(fields) != len(value.items):
            hint = f"the number of fields is {len(fields)}, that of the values here {len(value.items)}"
            entry = next((item for item in value.items if item.origin), None)
            raise _fail("Fields and values lists must have equal length", info, hint, entry)
        pieces.append((" or (" if pieces else "((", None))
        for at, (name, comp, item) in enumerate(zip(fields, comps, value.items, strict=True)):
            pieces.append((" and " if at else "", None))
            pieces.append((f" {name.text} {comp.text} ", name.origin))
            pieces.extend(_right_side(item, comp.text))
        pieces.append((")", None))
    if pieces:
        pieces.append((")", None))
    return pieces


def _right_side(item: Entry, operator: str) -> Pieces:
    if item.is_list:
        pieces: Pieces = [("(", None)]
        for at, inner in enumerate(item.items):
            pieces.append((", " if at else "", None))
            pieces.append((quote_item(inner.text), inner.origin))
        return [*pieces, (")", None)]
    if _takes_list(operator):
        return [(item.text if item.text.startswith("(") else f"({item.text})", item.origin)]
    return [(quote_item(item.text), item.origin)]
