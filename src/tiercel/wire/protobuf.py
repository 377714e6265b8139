"""Protocol buffers as bytes: the few kinds of fields that are spoken here need no generated code.

Messages to send are put together from :func:`number`, :func:`data` and :func:`text`. A message received is read with a
:data:`Layout`, which says what stands in its fields; what a layout does not name is passed over.

References: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Kind = Literal["text", "bytes", "number", "texts", "map"]
"""``texts`` is a repeated text, ``map`` a map of texts to texts, ``number`` a signed or unsigned integer or a flag."""

Layout = Mapping[int, "tuple[str, Kind | Layout | tuple[Layout]]"]
"""By field number its name, and its kind, its layout when it is a message, or that in a tuple when it is repeated."""

MAX_ENTRIES = 4096
"""Most entries of a repeated field that are read."""

_MAX_DEPTH = 16


def number(field: int, value: int) -> bytes:
    """Return a number; zero is left out, as it is what absence means. Negative ones take ten bytes."""
    return _varint(field << 3) + _varint(value & (1 << 64) - 1) if value else b""


def data(field: int, value: bytes) -> bytes:
    """Return bytes, or a message inside another."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """Return a text; an empty one is left out."""
    return data(field, value.encode("utf-8", "replace")) if value else b""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read(message: bytes, layout: Layout, depth: int = 0) -> dict[str, Any]:
    """Return the fields of a message by name; those that are absent have no entry.

    Raises:
        ValueError: it ends inside a field, or nests too deeply.
    """
    if depth > _MAX_DEPTH:
        raise ValueError("a message nests too deeply")
    found: dict[str, Any] = {}
    for field, value in _fields(message):
        if field not in layout:
            continue
        name, kind = layout[field]
        if isinstance(value, int):
            if kind == "number":
                found[name] = value - (1 << 64) if value >> 63 else value
        elif isinstance(kind, tuple):
            entries = found.setdefault(name, [])
            if len(entries) < MAX_ENTRIES:
                entries.append(read(value, kind[0], depth + 1))
        elif not isinstance(kind, str):
            found[name] = read(value, kind, depth + 1)
        elif kind == "bytes":
            found[name] = value
        elif kind == "text":
            found[name] = value.decode("utf-8", "replace")
        elif kind == "texts":
            entries = found.setdefault(name, [])
            if len(entries) < MAX_ENTRIES:
                entries.append(value.decode("utf-8", "replace"))
        elif kind == "map":
            pair = read(value, {1: ("key", "text"), 2: ("value", "text")}, depth + 1)
            entries = found.setdefault(name, {})
            if len(entries) < MAX_ENTRIES:
                entries[pair.get("key", "")] = pair.get("value", "")
    return found


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field; numbers as they are on the wire."""
    at = 0
    while at < len(message):
        key, at = _number_at(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _number_at(message, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _number_at(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind} is not known")
        if size > len(message) - at:
            raise ValueError("a message ends inside a field")
        if kind == 2:
            yield key >> 3, message[at : at + size]
        at += size


def _number_at(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a number does not end")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value & (1 << 64) - 1, at
