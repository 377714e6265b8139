"""Which fields conditions, templates and rules mention; some are told more than once."""

from __future__ import annotations

from collections.abc import Iterator

from tiercel.rules.model import Rule
from tiercel.rules.output_template import Slot, Template
from tiercel.rules.syntax import Check, FieldRef, Node, Not, Operand


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
