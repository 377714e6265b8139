"""What becomes of a condition when something of the event is known beforehand.

A check of a field whose possible values are known holds for all of them, for none, or cannot be told. From this follows
which events a rule can do without: of failed calls, of files opened for reading, of unix sockets.
"""

from __future__ import annotations

from collections.abc import Mapping

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
