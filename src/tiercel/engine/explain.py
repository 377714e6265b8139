"""Why a rule matched an event: which sub-conditions held, and with which values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tiercel.engine.row import evaluator, getter
from tiercel.fields.model import Value
from tiercel.model.event import Event
from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Operand, Or


@dataclass(frozen=True, slots=True)
class Explanation:
    """The outcome of one node of a condition.

    ``values`` are the left side's value (and the right side's, with ``val()``) as found in the event; both are empty
    for and, or, not.
    """

    node: Node
    held: bool
    values: tuple[Value | None, ...] = ()
    children: tuple[Explanation, ...] = ()

    def decisive(self) -> Iterator[tuple[int, Explanation]]:
        """Yield (depth, explanation) of the parts that decided the outcome: of an ``or`` that held, what held in it."""
        yield from self._decisive(0)

    def _decisive(self, depth: int) -> Iterator[tuple[int, Explanation]]:
        if isinstance(self.node, Check):
            yield depth, self
            return
        deciding = self.children
        if isinstance(self.node, Or) and self.held:
            deciding = tuple(child for child in self.children if child.held)[:1]
        elif isinstance(self.node, And) and not self.held:
            deciding = tuple(child for child in self.children if not child.held)[:1]
        if isinstance(self.node, Not):
            yield depth, self
            depth += 1
        for child in deciding:
            yield from child._decisive(depth)


def explain(node: Node, event: Event) -> Explanation:
    """Evaluate a condition on one event and keep every intermediate outcome."""
    if isinstance(node, Check):
        operands = [node.left] if node.right is None else [node.left, node.right]
        return Explanation(node, evaluator(node)(event), tuple(getter(operand)(event) for operand in operands))
    if isinstance(node, Not):
        child = explain(node.child, event)
        return Explanation(node, not child.held, (), (child,))
    children = tuple(explain(child, event) for child in node.children)
    held = all(c.held for c in children) if isinstance(node, And) else any(c.held for c in children)
    return Explanation(node, held, (), children)


def operand_text(operand: Operand) -> str:
    """Return an operand as it is written in a condition."""
    if isinstance(operand, FieldRef):
        return operand.text
    parts = []
    for argument in operand.arguments:
        if isinstance(argument, bytes):
            parts.append('"' + argument.decode("utf-8", "replace") + '"')
        elif isinstance(argument, tuple):
            parts.append("(" + ", ".join(item.decode("utf-8", "replace") for item in argument) + ")")
        else:
            parts.append(operand_text(argument))
    option = f"[{operand.option}]" if operand.option else ""
    return f"{operand.name}({', '.join(parts)}){option}"


def check_text(check: Check, limit: int = 4) -> str:
    """Return a check as it is written, a long value list shortened to ``limit`` entries."""
    left, op = operand_text(check.left), str(check.operator)
    if check.operator == "exists":
        return f"{left} exists"
    if check.modifier is not None:
        op = f"{op} {check.modifier}"
    if check.right is not None:
        return f"{left} {op} val({operand_text(check.right)})"
    written = list(check.written) or [_spell(value) for value in check.values]
    if len(written) > limit:
        written = [*written[:limit], f"… {len(written) - limit} more"]
    values = ", ".join(written)
    several = check.modifier is not None or op in ("in", "intersects", "pmatch")
    return f"{left} {op} ({values})" if several else f"{left} {op} {values}"


def _spell(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
