"""Segments of older versions, read as if they were of the current one.

There is one converter for each older version. It takes the manifest as that version wrote it and returns it as the
next version would have; converters run one after the other. Segments themselves are never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiercel.errors import InputError
from tiercel.store.schema import SCHEMA_VERSION

Document = dict[str, Any]

CONVERTERS: dict[int, Callable[[Document], Document]] = {}
"""By version: makes a manifest of that version one of the next."""


def converted(document: Any, path: Path) -> Document:
    """Return a manifest's document as the current version has it.

    Raises:
        InputError: its version is newer than this tiercel, or too old to be known.
        TypeError: it is no manifest at all.
    """
    if not isinstance(document, dict) or not isinstance(version := document.get("schema"), int):
        raise TypeError("it names no schema version")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path}: written by a newer tiercel (version {version} of the tables, this one reads up to "
            f"{SCHEMA_VERSION}): upgrade tiercel"
        )
    current: Document = document
    while version < SCHEMA_VERSION:
        if version not in CONVERTERS:
            raise InputError(f"{path}: version {version} of the tables is not known")
        current = CONVERTERS[version](current)
        version += 1
    return current
