"""Canonical JSON: one spelling for each value, so that it can be hashed and signed.

RFC 8785 without its numbers: keys in the order of their UTF-16 code units, no spaces, UTF-8, only characters that must
be escaped are. Numbers are integers only, written with all their digits (nanoseconds since 1970 do not fit the doubles
of RFC 8785).
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


def encode(value: Any) -> bytes:
    """Return ``value`` (None, bool, int, str, list, tuple, dict with text keys) as canonical JSON, without a line end.

    Text that is no valid Unicode (a file name or argument of other bytes) is written with ``\\xNN`` for each such byte.

    Raises:
        TypeError: a value of another type, floats included.
    """
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def decode(text: bytes) -> dict[str, Any]:
    """Return the object that ``text`` is the canonical JSON of.

    Raises:
        ValueError: no JSON object, or not in its canonical spelling; says which.
    """
    try:
        value = json.loads(text.decode(), parse_float=_refuse, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    try:
        if encode(value) == text:
            return value
    except (ValueError, RecursionError):  # lone surrogates, and what is nested too deep to write again
        pass
    raise ValueError("not canonical JSON (key order, spaces, escapes or a key twice)")


def _ordered(value: Any) -> Any:
    if isinstance(value, str):
        return _valid(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("keys of canonical JSON are text")
        pairs = [(_valid(key), _ordered(item)) for key, item in value.items()]
        return dict(sorted(pairs, key=lambda pair: pair[0].encode("utf-16-be")))
    raise TypeError(f"{type(value).__name__} has no place in canonical JSON")


def _valid(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        try:
            return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:
            return text.encode("utf-8", "backslashreplace").decode()


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number} is not an integer")
