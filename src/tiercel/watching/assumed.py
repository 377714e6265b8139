"""What becomes of a condition when something of the event is known beforehand.

A check of a field whose possible values are known holds for all of them, for none, or cannot be told. From this follows
which events a rule can do without: of failed calls, of files opened for reading, of unix sockets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tiercel.engine.compare import matcher
from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Or

Values = tuple[object, ...]
"""The values a field may have; None among them: it may be missing."""


def decide(node: Node, known: Mapping[str, Values]) -> bool | None:
    """Return whether a condition holds for every event of which ``known`` is true, for none (False), or either (None).

    ``known`` gives the possible values of fields by how conditions spell them; of all others nothing is known.
    """
    if isinstance(node, Not):
        inner = decide(node.child, known)
        return None if inner is None else not inner
    if isinstance(node, And | Or):
        settling = isinstance(node, Or)
        open_question = False
        for child in node.children:
            inner = decide(child, known)
            if inner is settling:
                return settling
            open_question |= inner is None
        return None if open_question else not settling
    return _check(node, known)


def _check(check: Check, known: Mapping[str, Values]) -> bool | None:
    if not isinstance(check.left, FieldRef) or check.right is not None:
        return None
    values = known.get(check.left.text)
    if values is None:
        return None
    try:
        match = matcher(check)
        held = {value is not None and bool(match(value)) for value in values}
    except (TypeError, ValueError):
        return None  # of another type than thought
    return held.pop() if len(held) == 1 else None


def fields_of(nodes: Iterable[Node]) -> frozenset[str]:
    """Return the fields that conditions check, as they spell them."""
    found: set[str] = set()
    for node in nodes:
        _gather(node, found)
    return frozenset(found)


def _gather(node: object, found: set[str]) -> None:
    if isinstance(node, And | Or):
        for child in node.children:
            _gather(child, found)
    elif isinstance(node, Not):
        _gather(node.child, found)
    elif isinstance(node, Check):
        _gather(node.left, found)
        _gather(node.right, found)
    elif isinstance(node, FieldRef):
        found.add(node.text)
    elif node is not None and hasattr(node, "arguments"):
        for argument in node.arguments:
            _gather(argument, found)
