"""What fields can say in a segment: for some of them, every value that any of its events may have.

A search that asks for another value need not open the segment. ``proc.name`` and ``proc.exepath`` list the values of
all processes of the segment, whether or not an event is theirs. The values are those the fields read; what they say of
an event that itself tells of a container is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAME, EXEPATH, CONTAINER = "proc.name", "proc.exepath", "container.id"

Values = Mapping[str, frozenset[bytes]]
"""By field; a field that is not there may have any value."""


def to_document(values: Values) -> dict[str, list[Any]]:
    """Return values as JSON holds them: texts, or ``{"hex": …}`` where bytes are not UTF-8."""
    return {name: [_written(value) for value in sorted(found)] for name, found in values.items()}


def of_document(document: Mapping[str, Any]) -> dict[str, frozenset[bytes]]:
    """Return the values that JSON says.

    Raises:
        TypeError, KeyError, ValueError, AttributeError: it says none.
    """
    return {name: _read(found) for name, found in document.items()}


def _written(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def _read(found: Any) -> frozenset[bytes]:
    if not isinstance(found, list):
        raise TypeError("values are not a list")
    try:
        return frozenset([value.encode() for value in found])
    except AttributeError:  # not all are texts
        return frozenset([value.encode() if isinstance(value, str) else bytes.fromhex(value["hex"]) for value in found])
