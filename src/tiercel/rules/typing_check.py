"""From parse trees to typed conditions: fields looked up, operators and constants checked against types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from tiercel.fields.model import ValueType
from tiercel.rules.condition_text import ConditionError, ConditionText, ConditionWarning
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
    Tree,
)
from tiercel.rules.syntax import (
    And,
    Check,
    FieldRef,
    Literal,
    Modifier,
    Node,
    Not,
    Operand,
    Operator,
    Or,
    Transform,
)
from tiercel.rules.typing_constants import SPECIAL_FIELDS, ConstantError, Constants, Target
from tiercel.rules.typing_fields import FieldError, FieldNames
from tiercel.rules.typing_operators import (
    incompatible,
    one_argument_type,
    operand_type,
    right_side_error,
    several_arguments_type,
)
from tiercel.rules.typing_warnings import NA_OPERATORS, never_unset
from tiercel.rules.values import Width

Term = Operand | bytes | tuple[bytes, ...]

_LATENCY = "field is not available due to the drop of enter events."
DEPRECATED_FIELDS: dict[str, str] = {
    "evt.dir": "due to the drop of enter events, 'evt.dir = <' always evaluates to true, and 'evt.dir = >' always "
    "evaluates to false. The rule expression can be simplified by removing the condition on 'evt.dir'",
    "evt.latency": _LATENCY,
    "evt.latency.s": _LATENCY,
    "evt.latency.ns": _LATENCY,
    "evt.latency.human": _LATENCY,
    "evt.wait_latency": _LATENCY,
}
"""Fields that still load but say nothing any more, with what Falco says about them."""

_OPERATORS: dict[str, Operator] = {operator.value: operator for operator in Operator}
_MODIFIERS: dict[str, Modifier | None] = {"": None, **{modifier.value: modifier for modifier in Modifier}}
_EVENT_TYPE_FIELDS = ("evt.type", "syscall.type")
_EVENT_TYPE_OPERATORS = (Operator.EQ, Operator.EQ2, Operator.NE, Operator.IN)


@dataclass(frozen=True, slots=True)
class Typed:
    """A typed condition and what is doubtful in it."""

    node: Node
    warnings: tuple[ConditionWarning, ...]


class Typing:
    """Types the conditions of one rule set; macros are typed once.

    ``fields`` decides which fields exist.
    """

    def __init__(self, fields: FieldNames, constants: Constants | None = None) -> None:
        self.fields = fields
        self.constants = Constants() if constants is None else constants
        self._macros: dict[int, tuple[Parsed, Typed]] = {}

    def condition(self, parsed: Parsed) -> Typed:
        """Return the typed form of a condition without identifiers.

        Raises:
            ConditionError: a field, operator, constant or transformer does not fit.
        """
        one = _One(self, parsed.text)
        node = one.node(parsed.tree)
        return Typed(node, tuple(one.warnings))

    def macro(self, parsed: Parsed) -> Typed:
        """Return the typed form of a macro, the same one each time."""
        known = self._macros.get(id(parsed))
        if known is None:
            known = self._macros[id(parsed)] = (parsed, self.condition(parsed))
        return known[1]

    def operand(self, tree: FieldName | Call, text: ConditionText) -> Operand:
        """Return the typed form of a field or transformer, for output templates.

        Raises:
            ConditionError: it does not exist, or its arguments do not fit.
        """
        return _One(self, text).operand(tree, tree.at)


class _One:
    """One text being typed."""

    def __init__(self, typing: Typing, text: ConditionText) -> None:
        self.typing = typing
        self.text = text
        self.warnings: list[ConditionWarning] = []

    def node(self, tree: Tree) -> Node:
        if isinstance(tree, Compare):
            return self._compare(tree)
        if isinstance(tree, MacroUse):
            typed = self.typing.macro(tree.macro)
            self.warnings.extend(typed.warnings)
            return typed.node
        if isinstance(tree, Conjunction):
            return And(tuple([self.node(child) for child in tree.children]))
        if isinstance(tree, Disjunction):
            return Or(tuple([self.node(child) for child in tree.children]))
        if isinstance(tree, Negation):
            return Not(self.node(tree.child))
        if isinstance(tree, Exists):
            left = self.operand(tree.left, tree.at)
            if self._event_type_inside(left):
                self._fail("event code search does not support `evt.type` checks with transformers", tree.at)
            return Check(left, Operator.EXISTS, at=self.text.span(tree.at))
        assert isinstance(tree, Identifier)
        self._fail(f"Undefined macro '{tree.name}' used in filter.", tree.at)

    # Checks

    def _compare(self, tree: Compare) -> Check:
        left = self.operand(tree.left, tree.at)
        operator = _OPERATORS[tree.operator]
        type, is_list = operand_type(left)
        if problem := incompatible(operator, type, is_list):
            self._fail(f"filter error: {problem}", tree.at, focus=tree.operator_at)
        if tree.modifier and is_list:
            self._fail(
                f"filter error: '{tree.modifier}' does not go with list filters", tree.at, focus=tree.operator_at
            )
        self._check_event_type(left, operator, tree)
        modifier = _MODIFIERS[tree.modifier]
        at = self.text.span(tree.at)
        if isinstance(tree.right, Call):
            right = self.operand(tree.right, tree.at)
            if problem := right_side_error(operator, left, right):
                self._fail(problem, tree.at, focus=tree.right.at)
            return Check(left, operator, right=right, modifier=modifier, at=at)
        written: tuple[str, ...]
        places: Sequence[int]
        if isinstance(tree.right, Text):
            written, places = (tree.right.value,), (tree.right.at,)
        else:
            written, places = tree.right.values, tree.right.places
        values = self._values(left, operator, type, written, places)
        if operator in NA_OPERATORS and never_unset(tree.left) and "<NA>" in written:
            self._warn("LOAD_UNSAFE_NA_CHECK", "", places[written.index("<NA>")])
        return Check(left, operator, values, None, modifier, written, at)

    def _values(
        self, left: Operand, operator: Operator, type: ValueType, written: tuple[str, ...], places: Sequence[int]
    ) -> tuple[Literal, ...]:
        """Return the constants as values of the left side's type; long tuples of them are converted once."""
        fields = self.typing.fields
        field = left.field.name if isinstance(left, FieldRef) else ""
        target = Target(type, operator, self._width(left), field if field in SPECIAL_FIELDS else "", fields.strict)
        try:
            typed = self.typing.constants.typed(written, target, fields.exists)
        except ConstantError as error:
            self._fail(str(error), places[error.index], unknown=error.unknown)
        for code, message, index in typed.doubts:
            self._warn(code, message, places[index])
        return typed.values

    def _width(self, left: Operand) -> Width | None:
        if isinstance(left, FieldRef) and left.field.name == "evt.rawarg" and isinstance(left.argument, str):
            return self.typing.fields.resolve(f"evt.rawarg.{left.argument}", None).width
        return None

    def _check_event_type(self, left: Operand, operator: Operator, tree: Compare) -> None:
        if operator not in _EVENT_TYPE_OPERATORS or self.typing.fields.source != "syscall":
            return
        if isinstance(left, FieldRef):
            if left.field.name in _EVENT_TYPE_FIELDS and isinstance(tree.right, Call):
                message = "right-hand field comparisons on `evt.type`/`syscall.type` checks are not supported"
                self._fail(f"{message} by event code search", tree.at)
        elif self._event_type_inside(left):
            self._fail("event code search does not support `evt.type` checks with transformers", tree.at)

    def _event_type_inside(self, operand: Operand) -> bool:
        if isinstance(operand, FieldRef) or self.typing.fields.source != "syscall":
            return False
        return any(
            argument.field.name in _EVENT_TYPE_FIELDS
            if isinstance(argument, FieldRef)
            else isinstance(argument, Transform) and self._event_type_inside(argument)
            for argument in operand.arguments
        )

    # Operands

    def operand(self, tree: FieldName | Call, check_at: int) -> Operand:
        if isinstance(tree, FieldName):
            return self._field(tree)
        if tree.name == "val":
            if tree.argument is not None:
                self._fail("filter error: transformer 'val' does not support field arguments", check_at)
            inner = tree.arguments[0]
            assert isinstance(inner, FieldName)
            return self._field(inner)
        arguments = tuple([self._term(argument, check_at) for argument in tree.arguments])
        try:
            if len(arguments) > 1:
                type, is_list = several_arguments_type(tree.name, arguments, tree.argument)
            elif tree.argument is not None:
                raise ValueError(f"transformer '{tree.name}' does not support field arguments")
            elif tree.name in ("join", "concat", "getopt"):
                raise ValueError(f"{tree.name}() takes at least 2 arguments")
            else:
                type, is_list = one_argument_type(tree.name, arguments[0])
        except ValueError as error:
            self._fail(f"filter error: {error}", check_at, focus=tree.at)
        return Transform(tree.name, arguments, type, is_list, tree.argument, self.text.span(tree.at))

    def _field(self, tree: FieldName) -> FieldRef:
        try:
            resolved = self.typing.fields.resolve(tree.name, tree.argument)
        except FieldError as error:
            self._fail(str(error), tree.at, unknown=error.unknown)
        if tree.name in DEPRECATED_FIELDS:
            self._warn("LOAD_DEPRECATED_ITEM", DEPRECATED_FIELDS[tree.name], tree.at)
        return FieldRef(resolved.field, resolved.argument, self.text.span(tree.at))

    def _term(self, tree: Argument, check_at: int) -> Term:
        if isinstance(tree, Text):
            return tree.value.encode("utf-8", "surrogateescape")
        if isinstance(tree, Items):
            items = tuple([self._term(item, check_at) for item in tree.items])
            texts = tuple([item for item in items if isinstance(item, bytes)])
            if len(texts) == len(items):
                return texts
            return Transform("list", items, ValueType.CHARBUF, True, None, self.text.span(tree.at))
        return self.operand(tree, check_at)

    def _warn(self, code: str, message: str, at: int) -> None:
        self.warnings.append(ConditionWarning(code, message, self.text, at))

    def _fail(self, message: str, at: int, *, unknown: bool = False, focus: int | None = None) -> NoReturn:
        raise ConditionError(message, self.text, at, unknown=unknown, focus=focus)
