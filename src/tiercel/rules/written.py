"""Condition text that remembers where it was written.

A condition is put together from the rule, what others append to it, and exceptions. An error or an explanation must
point at the file, line and column that somebody typed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

from tiercel.rules.syntax import Span
from tiercel.rules.yaml_source import Scalar, Source

_RUN = re.compile(r"[^ \t\r\n]+")
_ESCAPE_WIDTH = {"x": 2, "u": 4, "U": 8}
_ESCAPED_SPACE = frozenset(" tnrvf\t_NLP")


@dataclass(slots=True)
class Origin:
    """A scalar of a rules file.

    Folding changes nothing but white space, so the n-th run of other characters in the value is the n-th in the file.
    """

    source: Source
    scalar: Scalar
    _starts: list[int] = field(default_factory=list)
    _places: list[tuple[int, int]] = field(default_factory=list)

    def span(self, offset: int = 0, length: int = 1) -> Span:
        """Return the place of the character at ``offset`` of the scalar's value."""
        line, column = self._place(offset)
        return Span(self.source.name, line + 1, column + 1, length)

    def _place(self, offset: int) -> tuple[int, int]:
        scalar = self.scalar
        style = "" if scalar.plain else self.source.line(scalar.line)[scalar.column : scalar.column + 1]
        if style in ("'", '"') and style:
            return self._quoted(offset, style)
        if not self._starts:
            self._map(1 if style in ("|", ">") and style else 0)
        run = bisect_right(self._starts, offset) - 1
        if not 0 <= run < len(self._places):
            return scalar.line, scalar.column
        line, column = self._places[run]
        return line, column + offset - self._starts[run]

    def _quoted(self, offset: int, quote: str) -> tuple[int, int]:
        """Find a character of a quoted scalar: the n-th that is no white space is the n-th in the file."""
        if not self._starts:  # here: how many such characters stand before each one of the value
            self._starts = list(accumulate((not char.isspace() for char in self.scalar.text), initial=0))
            self._places = _quoted_places(self.source, self.scalar, quote, self._starts[-1] + 1)
        wanted = self._starts[min(offset, len(self._starts) - 1)]
        return self._places[wanted] if wanted < len(self._places) else (self.scalar.line, self.scalar.column)

    def _map(self, skipped: int) -> None:
        self._starts = [found.start() for found in _RUN.finditer(self.scalar.text)]
        line, column = self.scalar.line + skipped, 0 if skipped else self.scalar.column
        last, wanted, places = self.source.lines(), len(self._starts), self._places
        while len(places) < wanted and line < last:
            places.extend((line, found.start()) for found in _RUN.finditer(self.source.line(line), column))
            line, column = line + 1, 0


class Written:
    """Text with the origins of its parts, each part from its offset up to the next."""

    __slots__ = ("_pieces", "_text", "parts")

    def __init__(self, text: str, parts: list[tuple[int, Origin]] | None = None) -> None:
        self._pieces = [text]
        self._text = text
        self.parts = [] if parts is None else parts

    @classmethod
    def of(cls, scalar: Scalar, source: Source) -> Written:
        return cls(scalar.text, [(0, Origin(source, scalar))])

    @property
    def text(self) -> str:
        if len(self._pieces) > 1:
            self._text = " ".join(self._pieces)
            self._pieces = [self._text]
        return self._text

    def append(self, other: Written) -> None:
        """Add another text with a blank before it."""
        shift = sum(map(len, self._pieces)) + len(self._pieces)
        self.parts += [(at + shift, origin) for at, origin in other.parts]
        self._pieces.append(other.text)
        if len(self._pieces) > 64:  # keeps many appends cheap
            self._pieces = [self.text]

    def locate(self, offset: int) -> Span:
        """Return where the character at ``offset`` was written."""
        if not self.parts:
            return Span()
        start, origin = self.parts[max(bisect_right(self.parts, offset, key=_start) - 1, 0)]
        return origin.span(max(offset - start, 0))


def _start(part: tuple[int, Origin]) -> int:
    return part[0]


def _quoted_places(source: Source, scalar: Scalar, quote: str, count: int) -> list[tuple[int, int]]:
    """Return line and column (from 0) of the first ``count`` characters of a quoted scalar that are no white space."""
    places: list[tuple[int, int]] = []
    line, column, last = scalar.line, scalar.column + 1, source.lines()
    while line < last:
        text = source.line(line)
        while column < len(text):
            char, width = text[column], 1
            counts = not char.isspace()
            if quote == '"' and char == "\\":
                code = text[column + 1 : column + 2]
                width = 2 + _ESCAPE_WIDTH.get(code, 0)
                counts = bool(code) and code not in _ESCAPED_SPACE
            elif quote == "'" and char == "'":
                width = 2
            if counts:
                places.append((line, column))
                if len(places) == count:
                    return places
            column += width
        line, column = line + 1, 0
    return places
