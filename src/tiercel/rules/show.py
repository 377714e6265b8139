"""Conditions printed back as Falco prints them, and what they are made of, as ``falco -L`` reports it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from tiercel.rules.lexer import escape
from tiercel.rules.parse_tree import (
    Argument,
    Call,
    Compare,
    Conjunction,
    Disjunction,
    Exists,
    FieldName,
    Identifier,
    Items,
    MacroUse,
    Negation,
    Parsed,
    Text,
    TextList,
    Tree,
)


def condition_text(parsed: Parsed) -> str:
    """Return a condition in Falco's spelling (``condition_compiled``), macros put in."""
    parts: list[str] = []
    _write(parsed.tree, parts)
    return "".join(parts)


def _write(tree: Tree, parts: list[str]) -> None:
    if isinstance(tree, MacroUse):
        _write(tree.macro.tree, parts)
    elif isinstance(tree, Conjunction | Disjunction):
        word = " and " if isinstance(tree, Conjunction) else " or "
        parts.append("(")
        for number, child in enumerate(tree.children):
            if number:
                parts.append(word)
            _write(child, parts)
        parts.append(")")
    elif isinstance(tree, Negation):
        parts.append("not ")
        _write(tree.child, parts)
    elif isinstance(tree, Compare):
        modifier = f" {tree.modifier}" if tree.modifier else ""
        parts.append(f"{operand_text(tree.left)} {tree.operator}{modifier} {_right_text(tree.right)}")
    elif isinstance(tree, Exists):
        parts.append(f"{operand_text(tree.left)} exists")
    else:
        parts.append(tree.name)


def _right_text(right: Text | TextList | Call) -> str:
    if isinstance(right, TextList):
        return f"({', '.join(map(escape, right.values))})"
    return operand_text(right)


def operand_text(tree: Argument) -> str:
    """Return a field, transformer or constant in Falco's spelling; it is also the key in ``output_fields``."""
    if isinstance(tree, Text):
        return escape(tree.value)
    if isinstance(tree, Items):
        return f"({','.join(map(operand_text, tree.items))})"
    bracket = "" if tree.argument is None else f"[{escape(tree.argument) or _EMPTY}]"
    if isinstance(tree, FieldName):
        return tree.name + bracket
    return f"{tree.name}({','.join(map(operand_text, tree.arguments))}){bracket}"


_EMPTY = '""'


@dataclass(slots=True)
class Details:
    """What a condition is made of.

    ``fields`` have their arguments in brackets. ``lists`` and ``macros`` are found only in a condition parsed without
    putting them in. ``event_names`` are the constants compared with ``evt.type`` or ``evt.asynctype``.
    """

    fields: set[str] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    transformers: set[str] = field(default_factory=set)
    macros: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    event_names: set[str] = field(default_factory=set)


def details(parsed: Parsed, known_macros: Collection[str] = (), known_lists: Collection[str] = ()) -> Details:
    """Return what a condition is made of; names count as macros and lists when they are known as such."""
    result = Details()
    _Collector(result, known_macros, known_lists).tree(parsed.tree)
    return result


class _Collector:
    def __init__(self, result: Details, macros: Collection[str], lists: Collection[str]) -> None:
        self.result = result
        self.macros = macros
        self.lists = lists

    def tree(self, tree: Tree) -> None:
        if isinstance(tree, MacroUse):
            self.tree(tree.macro.tree)
        elif isinstance(tree, Conjunction | Disjunction):
            for child in tree.children:
                self.tree(child)
        elif isinstance(tree, Negation):
            self.tree(tree.child)
        elif isinstance(tree, Identifier):
            if tree.name in self.macros:
                self.result.macros.add(tree.name)
        elif isinstance(tree, Exists):
            self.argument(tree.left)
            self.result.operators.add("exists")
        else:
            self._compare(tree)

    def _compare(self, tree: Compare) -> None:
        last = self.argument(tree.left)
        self.result.operators.add(f"{tree.operator} {tree.modifier}" if tree.modifier else tree.operator)
        about_events = last in ("evt.type", "evt.asynctype")
        if isinstance(tree.right, TextList):
            for value in tree.right.values:
                if value in self.lists:
                    self.result.lists.add(value)
                elif about_events:
                    self.result.event_names.add(value)
        elif isinstance(tree.right, Text):
            if about_events:
                self.result.event_names.add(tree.right.value)
        else:
            self.argument(tree.right)

    def argument(self, tree: Argument) -> str:
        """Collect from a field or transformer; return the last field named in it."""
        last = ""
        if isinstance(tree, FieldName):
            last = f"{tree.name}[{tree.argument}]" if tree.argument else tree.name
            self.result.fields.add(last)
        elif isinstance(tree, Call):
            self.result.transformers.add(tree.name)
            for inner in tree.arguments:
                last = self.argument(inner) or last
        elif isinstance(tree, Items):
            for inner in tree.items:
                last = self.argument(inner) or last
        return last
