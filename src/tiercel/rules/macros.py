"""Macros put into conditions as whole subtrees.

A macro sees the macros whose first definition stands before its own last change; a rule sees them all.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import NoReturn

from tiercel.rules.condition_text import ConditionError
from tiercel.rules.parse_tree import (
    Conjunction,
    Disjunction,
    Identifier,
    MacroUse,
    Negation,
    Parsed,
    Tree,
)

MAX_DEPTH = 80
"""How deep a condition may nest with its macros put in."""

MAX_CHECKS = 100_000
"""How many comparisons a condition may hold with its macros put in."""

_EVERYTHING = 1 << 62

_Done = dict[str, "Parsed"]


@dataclass(slots=True)
class _Macro:
    parsed: Parsed
    index: int
    visibility: int
    resolved: Parsed | None = None


class Macros:
    """The macros of a rule set, and which of them were used.

    Attributes:
        used: names of the macros that a condition or another macro referred to.
    """

    def __init__(self) -> None:
        self._macros: dict[str, _Macro] = {}
        self.used: set[str] = set()

    def define(self, name: str, parsed: Parsed, index: int | None = None, visibility: int | None = None) -> None:
        """Add a macro; without ``index`` and ``visibility`` it stands after those defined so far."""
        index = len(self._macros) if index is None else index
        self._macros[name] = _Macro(parsed, index, index if visibility is None else visibility)

    def __contains__(self, name: str) -> bool:
        return name in self._macros

    def names(self) -> tuple[str, ...]:
        """Return the names in the order of definition."""
        return tuple(self._macros)

    def resolved(self, name: str) -> Parsed:
        """Return a macro's own condition with the macros it uses put in.

        Raises:
            ConditionError: it refers to an undefined macro, or to itself.
        """
        macro = self._macros[name]
        if macro.resolved is None:
            macro.resolved = self._resolve(macro.parsed, macro.visibility, (), {})
        return macro.resolved

    def resolve_all(self) -> None:
        """Put macros into each other, in the order of definition.

        Raises:
            ConditionError: a macro refers to an undefined macro, or to itself.
        """
        for name in self._macros:
            self.resolved(name)

    def resolve(self, parsed: Parsed) -> Parsed:
        """Return a rule's condition with the macros put in.

        Raises:
            ConditionError: it refers to an undefined macro, or grows too large.
        """
        return self._resolve(parsed, _EVERYTHING, (), {})

    def _resolve(self, parsed: Parsed, visibility: int, path: tuple[str, ...], done: _Done) -> Parsed:
        if not parsed.identifiers:
            return parsed
        depth, checks = parsed.depth, parsed.checks
        for identifier in parsed.identifiers:
            inner = done.get(identifier.name)
            if inner is None:
                inner = self._inner(identifier, parsed, visibility, path, done)
                done[identifier.name] = inner
            depth = max(depth, parsed.depth + inner.depth)
            checks += inner.checks
            if depth > MAX_DEPTH:
                self._fail(f"with its macros the condition nests deeper than {MAX_DEPTH} levels", parsed, identifier)
            if checks > MAX_CHECKS:
                self._fail(f"with its macros the condition holds more than {MAX_CHECKS} checks", parsed, identifier)
        return Parsed(_substitute(parsed.tree, done), parsed.text, depth, checks)

    def _inner(
        self, identifier: Identifier, parsed: Parsed, visibility: int, path: tuple[str, ...], done: _Done
    ) -> Parsed:
        name = identifier.name
        macro = self._macros.get(name)
        if macro is None or macro.index >= visibility:
            self._fail_undefined(identifier, parsed, macro is not None)
        if name in path:
            self._fail(f"reference loop in macro '{name}'", parsed, identifier)
        self.used.add(name)
        if macro.resolved is not None:
            return macro.resolved
        if len(path) > MAX_DEPTH:
            self._fail(f"macros refer to each other more than {MAX_DEPTH} levels deep", parsed, identifier)
        return self._resolve(macro.parsed, visibility, (*path, name), done)

    def _fail_undefined(self, identifier: Identifier, parsed: Parsed, later: bool) -> NoReturn:
        message = f"Undefined macro '{identifier.name}' used in filter."
        if later:
            message += " It is defined further down: a macro sees only those defined before it."
        else:
            close = difflib.get_close_matches(identifier.name, self._macros, 1)
            if close:
                message += f" (did you mean '{close[0]}'?)"
        self._fail(message, parsed, identifier)

    def _fail(self, message: str, parsed: Parsed, identifier: Identifier) -> NoReturn:
        raise ConditionError(message, parsed.text, identifier.at, code="LOAD_ERR_VALIDATE")


def _substitute(tree: Tree, done: _Done) -> Tree:
    if isinstance(tree, Identifier):
        return MacroUse(tree.name, done[tree.name], tree.at)
    if isinstance(tree, Negation):
        child = _substitute(tree.child, done)
        return tree if child is tree.child else Negation(child, tree.at)
    if isinstance(tree, Conjunction | Disjunction):
        children = tuple(_substitute(child, done) for child in tree.children)
        if all(new is old for new, old in zip(children, tree.children, strict=True)):
            return tree
        return type(tree)(children, tree.at)
    return tree
