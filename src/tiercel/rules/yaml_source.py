"""Rules files as YAML values that know where they stand.

Scalars stay text, as Falco's reader keeps them: ``0.10`` is not a number until a key asks for one.
:mod:`tiercel.rules.yaml_documents` reads them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

MAX_BYTES = 16 << 20

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("y", "yes", "true", "on"))
_FALSE = frozenset(("n", "no", "false", "off"))
_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)\s*\Z")


class YamlError(Exception):
    """A file that is not YAML, or exceeds a limit. Line and column count from 0."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


@dataclass(slots=True, eq=False)
class Scalar:
    """Text at a line and column (both from 0); ``plain`` when it was written without quotes or block sign."""

    text: str
    line: int
    column: int
    plain: bool = True

    @property
    def null(self) -> bool:
        return self.plain and self.text in _NULL

    def boolean(self) -> bool | None:
        """The truth value, in any of YAML 1.1's spellings, or None."""
        text = self.text
        if not (text.islower() or text.isupper() or (text[:1].isupper() and text[1:].islower())):
            return None
        folded = text.lower()
        return True if folded in _TRUE else False if folded in _FALSE else None

    def unsigned(self, bits: int = 32) -> int | None:
        """The number, decimal, ``0x`` hexadecimal or ``0`` octal, or None when it is no such number."""
        if self.text.startswith("-") or not _INTEGER.match(self.text):
            return None
        digits = self.text.strip().lstrip("+")
        octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
        try:
            number = int(digits, 8 if octal else 0)
        except ValueError:
            return None
        return number if number < 1 << bits else None


@dataclass(slots=True, eq=False)
class Sequence:
    line: int
    column: int
    items: list[Value] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Mapping:
    """Keys and values in the order written; a key given twice counts the first time."""

    line: int
    column: int
    pairs: list[tuple[Value, Value]] = field(default_factory=list)

    def get(self, key: str) -> Value | None:
        for name, value in self.pairs:
            if type(name) is Scalar and name.text == key:
                return value
        return None

    def key(self, key: str) -> Scalar | None:
        """Return the key itself, for its place."""
        for name, _ in self.pairs:
            if type(name) is Scalar and name.text == key:
                return name
        return None


Value = Scalar | Sequence | Mapping


def is_null(value: Value) -> bool:
    return type(value) is Scalar and value.null


class Source:
    """The bytes of a file, with its lines."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.content = content
        self._starts: list[int] | None = None

    @classmethod
    def read(cls, name: str) -> Source:
        """Read a file, up to one byte beyond the size that is accepted.

        Raises:
            OSError: the file cannot be read.
        """
        with open(name, "rb") as file:
            return cls(name, file.read(MAX_BYTES + 1))

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            starts, at = [0], self.content.find(b"\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.content.find(b"\n", at + 1)
            self._starts = starts
        return self._starts

    def line(self, number: int) -> str:
        """Return the text of a line (from 0) without its end; empty past the end of the file."""
        starts = self._line_starts()
        if not 0 <= number < len(starts):
            return ""
        end = starts[number + 1] - 1 if number + 1 < len(starts) else len(self.content)
        return self.content[starts[number] : end].rstrip(b"\r").decode("utf-8", "replace")

    def lines(self) -> int:
        return len(self._line_starts())

    def offset(self, line: int, column: int) -> tuple[int, int]:
        """Turn a line and a column in characters into an offset and a column in bytes."""
        starts = self._line_starts()
        if line >= len(starts):
            return len(self.content), column
        start = starts[line]
        if column == 0:
            return start, 0
        raw = self.content[start : starts[line + 1] if line + 1 < len(starts) else len(self.content)]
        width = len(raw.decode("utf-8", "replace")[:column].encode())
        return start + width, width

    def line_of(self, offset: int) -> int:
        """Return the line (from 0) that holds the byte at ``offset``."""
        return bisect_right(self._line_starts(), offset) - 1


def documents(source: Source) -> list[Value | None]:
    """Return every document of a file; None for an empty one.

    Raises:
        YamlError: the file is not YAML, refers to an unknown anchor, or exceeds a limit.
    """
    from tiercel.rules.yaml_documents import read_documents  # rules from the cache need no parser

    return read_documents(source)
