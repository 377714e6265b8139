"""Conditions about one text alone, evaluated as one: ``fd.name startswith /etc or fd.name in (…) and not fd.name …``.

Such a part of a condition is a predicate on that text, whatever its shape, and its verdict is kept per distinct string
like that of a single check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tiercel.engine.columns import ColumnGetter, Indices, Mask, MaskGetter, Verdicts, column_getter, present_only
from tiercel.engine.compare import effective, matcher, operand_is_list
from tiercel.fields.model import ValueType
from tiercel.model.batch import Batch
from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Operator, Or

TextPredicate = Callable[["bytes | None"], bool]


def subject(node: Node) -> FieldRef | None:
    """Return the text field that a condition is about, None when it is about several or about something else."""
    if isinstance(node, Check):
        left = node.left
        if not isinstance(left, FieldRef) or node.right is not None or effective(node) is not node:
            return None
        one_text = left.field.type is ValueType.CHARBUF and not operand_is_list(left) and left.field.bulk is not None
        return left if one_text and left.field.printed is None else None
    if isinstance(node, Not):
        return subject(node.child)
    subjects = {subject(child) for child in node.children}
    return subjects.pop() if len(subjects) == 1 else None


def grouped(children: Iterable[Node], kind: type[And] | type[Or]) -> list[Node]:
    """Return the operands of a conjunction or disjunction with those about the same text put together."""
    groups: dict[FieldRef, list[Node]] = {}
    order: list[FieldRef | Node] = []
    for child in children:
        about = subject(child)
        if about is None:
            order.append(child)
        else:
            if about not in groups:
                order.append(about)
            groups.setdefault(about, []).append(child)
    found: list[Node] = []
    for entry in order:
        if isinstance(entry, FieldRef):
            members = groups[entry]
            found.append(members[0] if len(members) == 1 else kind(tuple(members)))
        else:
            found.append(entry)
    return found


def predicate(node: Node) -> TextPredicate:
    """Return a condition about one text as a function of that text."""
    if isinstance(node, Check):
        if node.operator is Operator.EXISTS:
            return lambda text: text is not None
        return present_only(matcher(node))
    if isinstance(node, Not):
        inner = predicate(node.child)
        return lambda text: not inner(text)
    parts = [predicate(child) for child in node.children]
    if isinstance(node, And):
        return lambda text: all(part(text) for part in parts)
    return lambda text: any(part(text) for part in parts)


def text_mask(node: Node) -> MaskGetter:
    """Return the function that evaluates a condition about one text over events."""
    about = subject(node)
    assert about is not None
    getter = column_getter(about)
    assert getter is not None
    get: ColumnGetter = getter
    verdicts = Verdicts(predicate(node))
    return lambda batch, indices: _mask(batch, verdicts, get, indices)


def _mask(batch: Batch, verdicts: Verdicts, get: ColumnGetter, indices: Indices) -> Mask:
    return verdicts(batch.tables, get(batch, indices).values)
