"""Which operators go with which types, and what transformers make of their arguments, as in libs 0.25.4."""

from __future__ import annotations

from collections.abc import Sequence

from tiercel.fields.model import ValueType
from tiercel.rules.syntax import FieldRef, Operand, Operator, Transform

_ORDERED = {Operator.LT, Operator.LE, Operator.GT, Operator.GE}
_MEMBER = {Operator.EQ, Operator.EQ2, Operator.NE, Operator.IN, Operator.INTERSECTS}
_NUMERIC = _MEMBER | _ORDERED
_TEXT = _NUMERIC | {
    Operator.CONTAINS,
    Operator.ICONTAINS,
    Operator.STARTSWITH,
    Operator.ENDSWITH,
    Operator.GLOB,
    Operator.IGLOB,
    Operator.PMATCH,
    Operator.REGEX,
}
_BUFFER = _MEMBER | {
    Operator.CONTAINS,
    Operator.STARTSWITH,
    Operator.ENDSWITH,
    Operator.BCONTAINS,
    Operator.BSTARTSWITH,
}
_LIST = {Operator.IN, Operator.INTERSECTS}
_LIST_TYPES = {
    ValueType.CHARBUF,
    ValueType.UINT64,
    ValueType.RELTIME,
    ValueType.ABSTIME,
    ValueType.BOOL,
    ValueType.IPADDR,
    ValueType.IPNET,
}
_ALLOWED: dict[ValueType, tuple[set[Operator], str]] = {
    ValueType.CHARBUF: (_TEXT, "string"),
    ValueType.BYTEBUF: (_BUFFER, "buffer"),
    ValueType.BOOL: (_MEMBER, "boolean"),
    ValueType.IPADDR: (_MEMBER, "ip address and network"),
    ValueType.IPNET: (_MEMBER, "ip address and network"),
    ValueType.INT16: (_NUMERIC, "numeric"),
    ValueType.INT32: (_NUMERIC, "numeric"),
    ValueType.INT64: (_NUMERIC, "numeric"),
    ValueType.UINT32: (_NUMERIC, "numeric"),
    ValueType.UINT64: (_NUMERIC, "numeric"),
    ValueType.DOUBLE: (_NUMERIC, "numeric"),
    ValueType.ABSTIME: (_NUMERIC, "numeric"),
    ValueType.RELTIME: (_NUMERIC, "numeric"),
    ValueType.PORT: (_NUMERIC, "numeric"),
}


def incompatible(operator: Operator, type: ValueType, is_list: bool) -> str:
    """Return why an operator cannot compare values of a type, an empty string when it can."""
    if operator is Operator.EXISTS:
        return ""
    if is_list:
        if type not in _LIST_TYPES:
            return f"list filters are not supported for type '{type}'"
        if operator not in _LIST:
            return f"'{operator}' operator not supported for list filters: use 'in' (all of) or 'intersects' (any of)"
        return ""
    allowed = _ALLOWED.get(type)
    if allowed is None:
        return f"'{operator}' operator not supported for type '{type}'"
    if operator not in allowed[0]:
        choice = ", ".join(op for op in Operator if op in allowed[0])
        return f"'{operator}' operator not supported for {allowed[1]} filters: use one of {choice}"
    return ""


def operand_type(operand: Operand | bytes | tuple[bytes, ...]) -> tuple[ValueType, bool]:
    """Return the type of a transformer's argument and whether it is a list."""
    if isinstance(operand, FieldRef):
        return operand.field.type, operand.field.is_list
    if isinstance(operand, Transform):
        return operand.type, operand.is_list
    return ValueType.CHARBUF, isinstance(operand, tuple)


def base_field(operand: Operand | bytes | tuple[bytes, ...]) -> FieldRef | None:
    """Return the field inside transformers of one argument; ``None`` for constants and other transformers."""
    while isinstance(operand, Transform) and operand.name in ("tolower", "toupper", "b64", "basename", "len"):
        operand = operand.arguments[0]
    return operand if isinstance(operand, FieldRef) else None


def one_argument_type(name: str, argument: Operand | bytes | tuple[bytes, ...]) -> tuple[ValueType, bool]:
    """Return what a transformer of one argument yields.

    Raises:
        ValueError: it does not take an argument of that type, or the field takes no transformer.
    """
    field = base_field(argument)
    if field is not None and field.field.no_transformer:
        raise ValueError(f"field '{field.field.name}' does not support transformers")
    type, is_list = operand_type(argument)
    if name == "len":
        if is_list or type in (ValueType.CHARBUF, ValueType.BYTEBUF):
            return ValueType.UINT64, False
    elif type is ValueType.CHARBUF or (name == "b64" and type is ValueType.BYTEBUF):
        return type, is_list
    of = f"{'list ' if is_list else ''}field '{field.text}'" if field else "its argument"
    raise ValueError(
        f"can't add field transformer: type '{type}' is not supported by '{name}' transformer applied on {of}"
    )


def several_arguments_type(
    name: str, arguments: Sequence[Operand | bytes | tuple[bytes, ...]], option: str | None
) -> tuple[ValueType, bool]:
    """Return what join, concat or getopt yields.

    Raises:
        ValueError: wrong arguments, in number or type, or an option that is not one character.
    """
    # libs looks at the innermost field's type: a transformed list counts as a list, the result of getopt() does not.
    types = [(operand_type(argument)[0], _counts_as_list(argument)) for argument in arguments]
    if name == "join":
        if len(types) != 2:
            raise ValueError("join() requires exactly 2 arguments: separator and list")
        if types[0][1]:
            raise ValueError("join() first argument (separator) must be a single value, not a list")
        if not types[1][1]:
            raise ValueError("join() second argument must be a list")
    elif name == "concat":
        if any(type is not ValueType.CHARBUF or is_list for type, is_list in types):
            raise ValueError("concat() arguments must be strings")
    elif name == "getopt":
        _check_getopt(types, option)
        return ValueType.CHARBUF, option is None
    else:
        raise ValueError(f"{name}() takes exactly 1 argument, not {len(types)}")
    if option is not None:
        raise ValueError(f"transformer '{name}' does not support field arguments")
    if any(type is not ValueType.CHARBUF for type, _ in types):
        raise ValueError(f"{name}() arguments must be strings")
    return ValueType.CHARBUF, False


def _check_getopt(types: Sequence[tuple[ValueType, bool]], option: str | None) -> None:
    if len(types) != 2:
        raise ValueError("getopt() requires exactly 2 arguments: args list and optstring")
    if not types[0][1]:
        raise ValueError("getopt() first argument must be a list")
    if types[1][1]:
        raise ValueError("getopt() second argument (optstring) must be a single value")
    if any(type is not ValueType.CHARBUF for type, _ in types):
        raise ValueError("getopt() arguments must be strings")
    if option is not None and len(option.encode()) != 1:
        raise ValueError("getopt() field argument must be a single option character")


def _counts_as_list(argument: Operand | bytes | tuple[bytes, ...]) -> bool:
    field = base_field(argument)
    if field is not None:
        return field.field.is_list
    while isinstance(argument, Transform) and len(argument.arguments) == 1 and argument.name != "list":
        argument = argument.arguments[0]
    return isinstance(argument, tuple) or (isinstance(argument, Transform) and argument.name == "list")


def right_side_error(operator: Operator, left: Operand, right: Operand) -> str:
    """Return why ``right`` cannot stand on the right of ``left operator``, an empty string when it can."""
    left_type, left_list = operand_type(left)
    right_type, right_list = operand_type(right)
    if operator in (Operator.PMATCH, Operator.REGEX):
        return f"operator '{operator}' doesn't support right-hand side fields"
    if left_type is ValueType.IPNET:
        return "field type 'IPNET' doesn't support right-hand side fields"
    field = base_field(left)
    if field is not None and field.field.no_rhs:
        return f"field '{field.field.name}' doesn't support right-hand side fields"
    other = base_field(right)
    if other is not None and other.field.no_rhs:
        return f"field '{other.field.name}' can't be used as a right-hand side field"
    if (left_type, left_list) != (right_type, right_list):
        return (
            f"{_named(left)} has type '{left_type}{' (list)' if left_list else ''}' while the right-hand side "
            f"{_named(right)} has incompatible type '{right_type}{' (list)' if right_list else ''}'"
        )
    return ""


def _named(operand: Operand) -> str:
    if isinstance(operand, FieldRef):
        return f"field '{operand.text}'"
    return f"'{operand.name}(...)'"
