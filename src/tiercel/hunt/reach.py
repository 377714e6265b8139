"""What a condition or template needs of a segment: which event types, and whether the events around them."""

from __future__ import annotations

from collections.abc import Iterator

from tiercel.engine.compare import matcher
from tiercel.rules.model import Rule
from tiercel.rules.output_template import Slot, Template
from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Operand, Or
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

_GENERIC = frozenset({BY_CONSTANT["GENERIC_E"], BY_CONSTANT["GENERIC_X"]})
_COUNTING = ("thread.cpu",)
"""Fields whose value depends on other events than the one asked about."""

_NO, _YES, _MAYBE = 0, 1, 2


def possible_types(node: Node) -> frozenset[int]:
    """Return the event types for which a condition may hold: those its checks of ``evt.type`` do not rule out."""
    return frozenset(event.number for event in EVENTS if _verdict(node, event.number) != _NO)


def _verdict(node: Node, number: int) -> int:
    if isinstance(node, Not):
        return (_YES, _NO, _MAYBE)[_verdict(node.child, number)]
    if isinstance(node, And | Or):
        settled, other = (_NO, _YES) if isinstance(node, And) else (_YES, _NO)
        verdicts = {_verdict(child, number) for child in node.children}
        return settled if settled in verdicts else _MAYBE if _MAYBE in verdicts else other
    left = node.left
    plain = isinstance(left, FieldRef) and left.field.name == "evt.type" and node.right is None
    if not plain or number in _GENERIC:  # a generic event is named after its call
        return _MAYBE
    return _YES if matcher(node)(EVENTS[number].name.encode()) else _NO


def needs_all_events(fields: Iterator[FieldRef]) -> bool:
    """Return whether one of these fields looks at other events than the one it is asked about."""
    return any(ref.field.name.startswith(_COUNTING) for ref in fields)


def fields_of(node: Node) -> Iterator[FieldRef]:
    """Yield the fields of a condition."""
    if isinstance(node, Check):
        yield from _of_operand(node.left)
        if node.right is not None:
            yield from _of_operand(node.right)
    elif isinstance(node, Not):
        yield from fields_of(node.child)
    else:
        for child in node.children:
            yield from fields_of(child)


def fields_shown(template: Template) -> Iterator[FieldRef]:
    """Yield the fields of an output template."""
    for part in template.parts:
        if isinstance(part, Slot):
            yield from _of_operand(part.operand)


def fields_of_rule(rule: Rule) -> Iterator[FieldRef]:
    """Yield the fields of a rule's condition and outputs."""
    yield from fields_of(rule.condition)
    yield from fields_shown(rule.output)
    for template, _ in rule.output_fields.values():
        yield from fields_shown(template)


def _of_operand(operand: Operand) -> Iterator[FieldRef]:
    if isinstance(operand, FieldRef):
        yield operand
        return
    for argument in operand.arguments:
        if not isinstance(argument, bytes | int | float | tuple | bool):
            yield from _of_operand(argument)
