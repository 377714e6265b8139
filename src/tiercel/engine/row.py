"""The row evaluator: a condition as a closure over one event.

Used where events are few: live candidates, explanations, filters on single events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tiercel.engine.compare import (
    Matcher,
    effective,
    matcher,
    needs_all_elements,
    operand_is_list,
    operand_type,
    single,
)
from tiercel.fields.model import Value
from tiercel.model.event import Event
from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Operand, Operator, Or, Transform
from tiercel.rules.transformers import apply

Predicate = Callable[[Event], bool]
Getter = Callable[[Event], "Value | None"]


def getter(operand: Operand) -> Getter:
    """Return the function that takes the operand's value from an event."""
    if isinstance(operand, FieldRef):
        row, argument = operand.field.row, operand.argument
        return lambda event: row(event, argument)
    return _transform(operand)


def _transform(operand: Transform) -> Getter:
    parts: list[Any] = [
        getter(argument) if isinstance(argument, FieldRef | Transform) else argument for argument in operand.arguments
    ]
    name, option = operand.name, operand.option

    def get(event: Event) -> Value | None:
        values = []
        for part in parts:
            value = part(event) if callable(part) else part
            if value is None:
                return None
            values.append(value)
        return apply(name, values, option)

    return get


def several(match: Matcher, values: list[Any], every: bool) -> bool:
    """Return whether one element matches, or all of them when ``every``."""
    return all(match(value) for value in values) if every else any(match(value) for value in values)


def _check(check: Check) -> Predicate:
    check = effective(check)
    left = getter(check.left)
    if check.operator is Operator.EXISTS:
        return lambda event: left(event) is not None
    if check.right is not None:
        return _field_to_field(check, left)
    match, every = matcher(check), needs_all_elements(check)

    def predicate(event: Event) -> bool:
        value = left(event)
        if value is None:
            return False
        return several(match, value, every) if isinstance(value, list) else match(value)

    return predicate


def compare_values(check: Check, left: Any, right: Any) -> bool:
    """Return whether ``left operator right`` holds for two present values, as with ``val()`` on the right."""
    if operand_is_list(check.left):
        members = set(right)
        if check.operator is Operator.IN:
            return all(value in members for value in left)
        return any(value in members for value in left)
    return single(operand_type(check.left), check.operator, right)(left)


def _field_to_field(check: Check, left: Getter) -> Predicate:
    assert check.right is not None
    right = getter(check.right)

    def predicate(event: Event) -> bool:
        mine, other = left(event), right(event)
        return mine is not None and other is not None and compare_values(check, mine, other)

    return predicate


def evaluator(node: Node) -> Predicate:
    """Return a function that tells whether a condition holds for an event.

    Raises:
        ValueError: a right-hand value cannot be used.
    """
    if isinstance(node, Check):
        return _check(node)
    if isinstance(node, Not):
        child = evaluator(node.child)
        return lambda event: not child(event)
    children = [evaluator(child) for child in node.children]
    if isinstance(node, And):
        return lambda event: all(child(event) for child in children)
    assert isinstance(node, Or)
    return lambda event: any(child(event) for child in children)
