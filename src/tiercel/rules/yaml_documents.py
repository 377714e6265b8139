"""Reading YAML documents as values that know where they stand.

Documents are built without recursion and within limits, so a hostile file ends in an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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

from tiercel.rules.yaml_source import MAX_BYTES, Mapping, Scalar, Sequence, Source, Value, YamlError

_Parser: Any
try:
    from yaml._yaml import CParser as _Parser
except ImportError:  # pragma: no cover - PyYAML built without libyaml
    from yaml import BaseLoader as _Parser

MAX_DEPTH = 256
MAX_NODES = 1_000_000  # values met when every alias is followed


def read_documents(source: Source) -> list[Value | None]:
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
