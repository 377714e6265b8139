"""What can still be read of JSON lines that were cut, or written into one another, when a writer died."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 64
MAX_PIECES = 200
"""Objects that are looked for in one line."""

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_OPEN_STRING = re.compile(r'"(?:[^"\\]++|\\u[0-9a-fA-F]{4}|\\[^u])*+', re.DOTALL)
_BEGINNING = re.compile(r'\{"(?:hostname|output|uuid|log|message)":')
_decoder = json.JSONDecoder(parse_constant=lambda name: None)


def objects(text: str) -> Iterator[tuple[dict[str, Any] | None, bool]]:
    """Yield the JSON objects of a line that begins with one, each with whether it is cut.

    None stands for a piece of which nothing could be read. A quote inside a JSON string is escaped, so the bare
    beginning of an alert in the middle of a line is where another one was written over the end of the first.
    """
    for _ in range(MAX_PIECES):
        value, end = _decoded(text)
        if isinstance(value, dict):
            yield value, False
        elif end:
            yield None, False
        else:
            again = _BEGINNING.search(text, 1)
            end = again.start() if again else len(text)
            yield completed(text[:end]), True
        text = text[end:].lstrip(" \t,")
        if not text.startswith("{"):
            break
    if text:
        yield None, False


def completed(text: str) -> dict[str, Any] | None:
    """Return what a JSON object says up to where it was cut; a text value keeps the part that is there.

    None when it is no beginning of an object, or nothing of it is whole.
    """
    closers: list[str] = []
    kept_to, kept_closers, quote = 0, closers, ""  # the text up to the last whole value, and what closes it
    key_next = False
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            if text[at].isspace():
                at += 1
                continue
            if closers and not key_next and text[at] == '"' and (open_string := _OPEN_STRING.match(text, at)):
                kept_to, kept_closers, quote = open_string.end(), closers, '"'
            break
        word, at = token.group(), token.end()
        if word in ("{", "["):
            if len(closers) == MAX_DEPTH or (not closers and word == "["):
                return None
            closers.append("}" if word == "{" else "]")
            key_next = word == "{"
            continue
        if word == ":":
            key_next = False
            continue
        if word == ",":
            key_next = bool(closers) and closers[-1] == "}"
            continue
        if word in ("}", "]") and (not closers or closers.pop() != word):
            return None
        if not key_next and (word[0] in '"}]' or at < len(text)):  # a number at the very end may lack digits
            kept_to, kept_closers = at, closers.copy()
    value, _ = _decoded(text[:kept_to] + quote + "".join(reversed(kept_closers)))
    return value if isinstance(value, dict) and value else None


def _decoded(text: str) -> tuple[Any, int]:
    """Return the JSON value at the beginning of a text and where it ends; None and 0 when there is none."""
    try:
        return _decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return None, 0
