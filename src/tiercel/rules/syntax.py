"""The typed syntax tree a condition compiles to.

Nodes compare by meaning: two conditions written in different places are equal when they ask the same, which is how
repeated sub-conditions come to be computed once.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum

from tiercel.fields.model import Field, ValueType


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands. Lines and columns count from 1, offsets from 0."""

    file: str = ""
    line: int = 1
    column: int = 1
    length: int = 1


class Operator(StrEnum):
    """Comparison operators, spelled as in conditions."""

    EXISTS = "exists"
    EQ = "="
    EQ2 = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    BCONTAINS = "bcontains"
    STARTSWITH = "startswith"
    BSTARTSWITH = "bstartswith"
    ENDSWITH = "endswith"
    GLOB = "glob"
    IGLOB = "iglob"
    REGEX = "regex"
    IN = "in"
    INTERSECTS = "intersects"
    PMATCH = "pmatch"


class Modifier(StrEnum):
    """How a comparison with several right-hand values combines them."""

    ONEOF = "oneof"
    ANYOF = "anyof"
    ALLOF = "allof"


DOTTED_ARGUMENTS = ("evt.arg", "evt.rawarg", "evt.type.is", "evt.abspath", "thread.cgroup")
"""Fields whose argument follows a dot when it is a name, as in ``evt.arg.flags``."""


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field with its argument, as in ``proc.aname[2]``."""

    field: Field
    argument: str | int | None
    at: Span = dataclasses.field(default_factory=Span, compare=False)

    @property
    def text(self) -> str:
        """The field as conditions spell it: ``proc.aname[2]``, ``evt.arg.flags``."""
        name = self.field.name
        if self.argument is None:
            return name
        dotted = name in DOTTED_ARGUMENTS and isinstance(self.argument, str)
        return f"{name}.{self.argument}" if dotted else f"{name}[{self.argument}]"


@dataclass(frozen=True, slots=True)
class Transform:
    """A transformer applied to operands, as in ``tolower(proc.name)`` or ``concat(proc.name, "x")``.

    Literal arguments are tuples of bytes for a list, bytes for one text.
    """

    name: str
    arguments: tuple[Operand | bytes | tuple[bytes, ...], ...]
    type: ValueType
    is_list: bool = False
    option: str | None = None  # the bracketed selector of getopt(...)[o]
    at: Span = field(default_factory=Span, compare=False)


Operand = FieldRef | Transform

Literal = bytes | int | float | bool | tuple[bytes, int]
"""A right-hand value converted to the left side's type. Addresses are 4 or 16 bytes, networks (address, prefix)."""


@dataclass(frozen=True, slots=True)
class Check:
    """``left operator values``. ``right`` is set instead of ``values`` when the right side is ``val(field)``.

    ``written`` keeps the values as they were spelled, for messages and explanations.
    """

    left: Operand
    operator: Operator
    values: tuple[Literal, ...] = ()
    right: Operand | None = None
    modifier: Modifier | None = None
    written: tuple[str, ...] = field(default=(), compare=False)
    at: Span = field(default_factory=Span, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    child: Node


@dataclass(frozen=True, slots=True)
class And:
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    children: tuple[Node, ...]


Node = Check | Not | And | Or
