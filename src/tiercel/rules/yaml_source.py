"""Rules files as YAML values that know where they stand.

Scalars stay text, as Falco's reader keeps them: ``0.10`` is not a number until a key asks for one. Documents are built
without recursion and within limits, so a hostile file ends in an error.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

_Parser: Any
try:
    from yaml._yaml import CParser as _Parser
except ImportError:  # pragma: no cover - PyYAML built without libyaml
    from yaml import BaseLoader as _Parser

MAX_BYTES = 16 << 20
MAX_DEPTH = 256
MAX_NODES = 1_000_000  # values met when every alias is followed

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
    if len(source.content) > MAX_BYTES:
        raise YamlError(f"file larger than {MAX_BYTES >> 20} MiB", 0, 0)
    try:
        return list(_Builder().documents(_events(source.content)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        parts = [part for part in (error.problem, error.context) if part]
        where = (mark.line, mark.column) if mark else (0, 0)
        raise YamlError(", ".join(parts) or "malformed YAML", *where) from error
    except yaml.YAMLError as error:  # bytes that are no text
        position = getattr(error, "position", 0) or 0
        reason = getattr(error, "reason", str(error))
        raise YamlError(str(reason), source.line_of(position) if isinstance(position, int) else 0, 0) from error
    except UnicodeError as error:
        raise YamlError(f"not UTF-8 text: {error}", 0, 0) from error


def _events(content: bytes) -> Iterator[Any]:
    parser = _Parser(content)
    next_event = parser.get_event
    while (event := next_event()) is not None:
        yield event


@dataclass(slots=True)
class _Open:
    """A sequence or mapping whose end has not come yet."""

    value: Sequence | Mapping
    children: list[Value]
    before: int  # values met when it began
    anchored: bool

    def close(self) -> Sequence | Mapping:
        value, children = self.value, self.children
        if isinstance(value, Sequence):
            value.items = children
        else:
            value.pairs = list(zip(children[::2], children[1::2], strict=True))
        return value


class _Builder:
    """Builds values from parser events with its own stack."""

    def documents(self, events: Iterator[Any]) -> Iterator[Value | None]:
        for event in events:
            if isinstance(event, DocumentStartEvent):
                yield self._document(events)

    def _document(self, events: Iterator[Any]) -> Value | None:
        self.anchors: dict[str, Value] = {}
        self.weights: dict[int, int] = {}  # how many values stand under an anchored one
        self.seen = 0
        stack: list[_Open] = []
        root: Value | None = None
        for event in events:
            kind = type(event)
            self.seen += 1
            value: Value
            if kind is ScalarEvent:
                start = event.start_mark
                value = Scalar(event.value, start.line, start.column, not event.style)
                if event.anchor is not None:
                    self.anchors[event.anchor] = value
                    self.weights[id(value)] = 1
            elif kind is SequenceStartEvent or kind is MappingStartEvent:
                stack.append(self._open(event, kind is SequenceStartEvent, len(stack)))
                continue
            elif kind is SequenceEndEvent or kind is MappingEndEvent:
                ended = stack.pop()
                value = ended.close()
                if ended.anchored:
                    self.weights[id(value)] = self.seen - ended.before
            elif kind is AliasEvent:
                value = self._alias(event)
            else:
                break  # the document's end
            if stack:
                stack[-1].children.append(value)
            else:
                root = value
        return None if isinstance(root, Scalar) and root.null else root

    def _open(self, event: Any, sequence: bool, depth: int) -> _Open:
        start = event.start_mark
        if depth >= MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH}", start.line, start.column)
        value = Sequence(start.line, start.column) if sequence else Mapping(start.line, start.column)
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        return _Open(value, [], self.seen, event.anchor is not None)

    def _alias(self, event: Any) -> Value:
        start, name = event.start_mark, event.anchor
        value = self.anchors.get(name)
        if value is None:
            raise YamlError(f"the anchor {name!r} was not defined", start.line, start.column)
        if id(value) not in self.weights:
            raise YamlError(f"the anchor {name!r} contains itself", start.line, start.column)
        self.seen += self.weights[id(value)]
        if self.seen > MAX_NODES:
            raise YamlError(f"more than {MAX_NODES} values once aliases are followed", start.line, start.column)
        return value
