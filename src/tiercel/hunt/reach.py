"""Whether fields need the events around the one asked about."""

from __future__ import annotations

from collections.abc import Iterator

from tiercel.rules.syntax import FieldRef

_COUNTING = ("thread.cpu",)
"""Fields whose value depends on other events than the one asked about."""


def needs_all_events(fields: Iterator[FieldRef]) -> bool:
    """Return whether one of these fields looks at other events than the one it is asked about."""
    return any(ref.field.name.startswith(_COUNTING) for ref in fields)
