"""Paths of keys as ``-o`` takes them: ``engine.kind``, ``rules[0].enable.tag``, ``append_output[]``, ``a\\.b.c``.

A backslash takes the meaning from a dot, a bracket or another backslash. ``[]`` adds an entry to a list.
"""

from __future__ import annotations

Step = str | int | None
"""A key, an index, or None for a new entry at the end."""

_ESCAPABLE = ".[]\\"


def parse_path(text: str) -> list[Step]:
    """Split a path into steps.

    Raises:
        ValueError: the path is malformed; the message says where.
    """
    steps: list[Step] = []
    at, size = 0, len(text)
    while at < size:
        name, at = _name(text, at)
        steps.append(name)
        while at < size and text[at] == "[":
            end = text.find("]", at)
            if end < 0:
                raise ValueError(f"'[' at position {at + 1} is not closed")
            steps.append(_index(text[at + 1 : end]))
            at = end + 1
        if at < size:
            if text[at] != ".":
                raise ValueError(f"expected '.' at position {at + 1}")
            at += 1
            if at == size:
                raise ValueError("a key is missing after the last '.'")
    if not steps:
        raise ValueError("the key is empty")
    return steps


def _name(text: str, at: int) -> tuple[str, int]:
    start, name = at, ""
    while at < len(text) and text[at] not in ".[":
        if text[at] == "\\":
            following = text[at + 1 : at + 2]
            if not following:
                raise ValueError(f"nothing follows the backslash at position {at + 1}")
            if following not in _ESCAPABLE:
                raise ValueError(f"'\\{following}' at position {at + 1} is no escape; those are \\. \\[ \\] \\\\")
            name, at = name + following, at + 2
        else:
            name, at = name + text[at], at + 1
    if not name:
        raise ValueError(f"a key is missing at position {start + 1}")
    return name, at


def _index(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not text.isascii():
        raise ValueError(f"expected a number in brackets, found '{text}'")
    return int(text)
