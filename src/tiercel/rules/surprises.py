"""Comparisons that mean something else than they seem to, in Falco as here.

Only what is almost certainly meant otherwise is told: a note that is often wrong is not read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from tiercel.rules.parse_tree import (
    Compare,
    Conjunction,
    Disjunction,
    Exists,
    FieldName,
    Negation,
    Parsed,
    Text,
    TextList,
    Tree,
)


class Surprise(NamedTuple):
    """What surprises at an offset of the parsed text, and what to write instead."""

    message: str
    hint: str
    at: int
    length: int


_ENDS = ("fd.ip", "fd.net", "fd.port", "fd.proto")
_OFTEN_MISSING = ("k8s.", "container.image", "container.label", "proc.aname[", "proc.aexe[")
_COMMAND_LINES = ("proc.cmdline", "proc.pcmdline", "proc.acmdline", "proc.exeline", "proc.args", "evt.args")
_SEVERAL_VALUES = (*_ENDS, "fd.", "net.", "proc.a", "evt.around", "thread.")
_OPEN_START = re.compile(r"\^|\.[*+]|\(\^|\(\.\*|\(\?")
_OPEN_END = re.compile(r"(?:\$|\.[*+]\??|\$\)|\.\*\))\Z")
_EMPTY_LIST = re.compile(r"\([ \t\r\n]*\)")
_LOOKS_LIKE_LIST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+\Z")
_MOST_CONSTANTS = 50  # of a comparison that are looked at


class Surprises:
    """Looks for surprises in conditions; ``lists`` are the names of the lists there are."""

    def __init__(self, lists: Collection[str]) -> None:
        self._lists = lists
        self._beginnings = {name[:4] for name in lists}

    def find(self, parsed: Parsed) -> Iterator[Surprise]:
        """Yield the surprises in a condition whose macros are still names."""
        waiting: list[Tree] = [parsed.tree]
        while waiting:
            tree = waiting.pop()
            if isinstance(tree, Conjunction):
                yield from _contradiction(tree)
            if isinstance(tree, Conjunction | Disjunction):
                waiting.extend(reversed(tree.children))
            elif isinstance(tree, Negation):
                waiting.append(tree.child)
            elif isinstance(tree, Exists):
                yield from _existence(tree)
            elif isinstance(tree, Compare):
                yield from self._comparison(tree, parsed)

    def _comparison(self, tree: Compare, parsed: Parsed) -> Iterator[Surprise]:
        left, right = tree.left, tree.right
        if isinstance(left, FieldName):
            yield from _field(left, tree)
        if isinstance(right, Text):
            yield from _constant(tree, right.value, right.at)
        elif isinstance(right, TextList):
            written, offset = parsed.text.written, parsed.text.offset
            if not right.values and _EMPTY_LIST.match(written, offset(right.at)):
                operator = f"{tree.operator} {tree.modifier}".rstrip()
                yield Surprise(f"'{operator} ()' never holds: there is nothing to compare with", "", right.at, 1)
            for value, at in zip(right.values[:_MOST_CONSTANTS], right.places, strict=False):
                if written.startswith(value, offset(at)):  # typed here and without quotes, not an item of a list
                    yield from self._list_name(value, at)
                if tree.modifier or tree.operator == "in":
                    yield from _constant(tree, value, at)

    def _list_name(self, value: str, at: int) -> Iterator[Surprise]:
        if value[:4] not in self._beginnings or value in self._lists or not _LOOKS_LIKE_LIST.match(value):
            return
        close = difflib.get_close_matches(value[:100], self._lists, 1, 0.8)
        if close:
            message = f"there is no list '{value}': it is compared as text"
            yield Surprise(message, f"did you mean '{close[0]}'?", at, len(value))


def _spelled(field: FieldName) -> str:
    return field.name if field.argument is None else f"{field.name}[{field.argument}]"


def _existence(tree: Exists) -> Iterator[Surprise]:
    if isinstance(tree.left, FieldName) and tree.left.name == "container.id":
        message = "'container.id exists' is true for processes on the host too: their container.id is 'host'"
        yield Surprise(message, "write container.id != host for containers only", tree.at, len("container.id exists"))


def _field(left: FieldName, tree: Compare) -> Iterator[Surprise]:
    """Surprises of a field with an operator, whatever the constant."""
    name, right = _spelled(left), tree.right
    several = isinstance(right, TextList) and len(right.values) > 1
    if left.name in _ENDS and several and isinstance(right, TextList):
        first = right.values[0]
        if tree.modifier:
            message = (
                f"'{tree.modifier}' does nothing for {name}: only '{first}', the first of the values, is looked at"
            )
            hint = f"write a comparison with {name} for each value, joined with or"
            yield Surprise(message, hint, left.at, len(name))
        elif left.name == "fd.net" and tree.operator in ("in", "intersects"):
            message = f"'fd.net {tree.operator}' looks at the first network only, '{first}', as Falco does"
            hint = f"write fd.net = {first} or fd.net = {right.values[1]}, or ask for fd.cnet and fd.snet"
            yield Surprise(message, hint, left.at, len(name))
    if tree.operator == "!=" and name.startswith(_OFTEN_MISSING):
        message = f"'{name} !=' is false where there is no {name}, as any comparison with a missing field"
        yield Surprise(message, f"write not {name} = … to include events without it", left.at, len(name))


def _constant(tree: Compare, value: str, at: int) -> Iterator[Surprise]:
    """Surprises of one constant with an operator."""
    operator = tree.operator
    if operator == "startswith" and len(value) > 1 and value.endswith("*"):
        message = f"'*' stands for itself in '{operator} {value}'"
        yield Surprise(message, f"write startswith {value.rstrip('*')}, or glob {value}", at, len(value))
    elif operator == "endswith" and len(value) > 1 and value[0] == "*":
        message = f"'*' stands for itself in '{operator} {value}'"
        yield Surprise(message, f"write endswith {value.lstrip('*')}, or glob {value}", at, len(value))
    elif operator == "endswith" and len(value) > 1 and value.endswith("*"):
        message = f"'*' stands for itself in '{operator} {value}': only texts that end in a star match"
        yield Surprise(message, f"write contains {value.rstrip('*')}, or glob *{value}", at, len(value))
    elif operator in ("=", "==", "in") and value[:1] == "/" and value.endswith("/*"):
        message = f"'*' stands for itself in '{value}': '{operator}' knows no patterns"
        hint = f"write startswith {value[:-1]}, or pmatch ({value[:-2] or '/'})"
        yield Surprise(message, hint, at, len(value))
    elif operator == "regex" and isinstance(tree.left, FieldName):
        start, end = _OPEN_START.match(value), _OPEN_END.search(value)
        half = (value[:1] == "^" and not end) or (value.endswith("$") and not value.endswith("\\$") and not start)
        if half or (not start and not end and tree.left.name in _COMMAND_LINES):
            message = f"'regex {value}' must match the whole of {_spelled(tree.left)}, not a part of it"
            whole = f"{'' if start else '.*'}{value}{'' if end else '.*'}"
            yield Surprise(message, f'write "{whole}" to find it anywhere', at, len(value))


def _contradiction(tree: Conjunction) -> Iterator[Surprise]:
    """One field that is to equal two things at once."""
    asked: dict[tuple[str, str | None], str] = {}
    for child in tree.children:
        if not (isinstance(child, Compare) and child.operator in ("=", "==") and isinstance(child.right, Text)):
            continue
        left, value = child.left, child.right.value
        if not isinstance(left, FieldName) or left.name.startswith(_SEVERAL_VALUES):
            continue
        earlier = asked.setdefault((left.name, left.argument), value)
        if earlier != value and not (earlier + value).isdigit():
            name = _spelled(left)
            message = f"never holds: {name} cannot be '{earlier}' and '{value}' at once"
            yield Surprise(message, f"write {name} in ({earlier}, {value})", child.at, len(name))
