"""The parse tree of a condition, before fields and types are known.

Each node keeps ``at``, the offset in the condition's text where it starts. Nodes are never changed once built: macros
are shared between the rules that use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from tiercel.rules.condition_text import ConditionText


@dataclass(slots=True, eq=False)
class Text:
    """One constant, quoted or bare."""

    value: str
    at: int


@dataclass(frozen=True, slots=True)
class OnePlace(Sequence[int]):
    """The places of constants that all come from one list's name."""

    at: int
    length: int

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        return repeat(self.at, self.length)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self.at] * len(range(*index.indices(self.length)))
        return self.at


@dataclass(slots=True, eq=False)
class TextList:
    """Constants in parentheses on the right of an operator; ``places`` are their offsets."""

    values: tuple[str, ...]
    places: Sequence[int]
    at: int


@dataclass(slots=True, eq=False)
class FieldName:
    """A field with what stood in brackets after it, ``None`` without brackets."""

    name: str
    argument: str | None
    at: int


@dataclass(slots=True, eq=False)
class Items:
    """A list literal as an argument of a transformer."""

    items: tuple[Argument, ...]
    at: int


@dataclass(slots=True, eq=False)
class Call:
    """A transformer, or ``val``, applied to arguments; ``argument`` is the bracketed selector after it."""

    name: str
    arguments: tuple[Argument, ...]
    argument: str | None
    at: int


Argument = FieldName | Call | Text | Items


@dataclass(slots=True, eq=False)
class Exists:
    """``field exists``."""

    left: FieldName | Call
    at: int


@dataclass(slots=True, eq=False)
class Compare:
    """``left operator right``; ``modifier`` is oneof, anyof, allof or empty."""

    left: FieldName | Call
    operator: str
    modifier: str
    right: Text | TextList | Call
    at: int
    operator_at: int = 0


@dataclass(slots=True, eq=False)
class Identifier:
    """A reference to a macro that has not been put in yet."""

    name: str
    at: int


@dataclass(slots=True, eq=False)
class MacroUse:
    """A reference to a macro with the macro's own tree."""

    name: str
    macro: Parsed
    at: int


@dataclass(slots=True, eq=False)
class Negation:
    child: Tree
    at: int


@dataclass(slots=True, eq=False)
class Conjunction:
    children: tuple[Tree, ...]
    at: int


@dataclass(slots=True, eq=False)
class Disjunction:
    children: tuple[Tree, ...]
    at: int


Tree = Exists | Compare | Identifier | MacroUse | Negation | Conjunction | Disjunction


@dataclass(slots=True, eq=False)
class Parsed:
    """A parsed condition.

    ``depth`` and ``checks`` bound how deep the tree is and how many comparisons it holds, macros included, so that
    conditions that would explode are refused before anything walks them.
    """

    tree: Tree
    text: ConditionText
    depth: int
    checks: int
    identifiers: tuple[Identifier, ...] = ()
