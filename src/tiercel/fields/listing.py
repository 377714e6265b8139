"""Listing fields: how a field is written, and which ones a pattern names."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable

from tiercel.fields.model import Argument, Field


def signature(field: Field) -> str:
    """Return a field as it is written, with what stands in its brackets."""
    inside = "index" if field.index and not field.key else "name"
    if field.argument is Argument.REQUIRED:
        return f"{field.name}[<{inside}>]"
    if field.argument is Argument.OPTIONAL:
        return f"{field.name}[[<{inside}>]]"
    return field.name


def matching(fields: Iterable[Field], pattern: str | None) -> list[Field]:
    """Return the listed fields that a pattern names: part of name or summary, or a name with wildcards."""
    listed = [field for field in fields if not field.unlisted]
    if pattern is None:
        return listed
    if any(char in pattern for char in "*?["):
        return [field for field in listed if fnmatch.fnmatchcase(field.name, pattern)]
    wanted = pattern.lower()
    by_name = [field for field in listed if wanted in field.name]
    return by_name or [field for field in listed if wanted in field.summary.lower()]
