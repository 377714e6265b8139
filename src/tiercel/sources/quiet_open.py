"""Opening evidence so that it is not changed: read-only, and without its access time where the system permits."""

from __future__ import annotations

import os
from io import BufferedReader
from pathlib import Path

_NO_ACCESS_TIME = getattr(os, "O_NOATIME", 0)


def open_quietly(path: str | Path) -> BufferedReader:
    """Open ``path`` for reading bytes. Only the owner of a file, or root, may leave its access time alone.

    Raises OSError when it cannot be opened.
    """
    return open(path, "rb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | _NO_ACCESS_TIME)
    except PermissionError:
        return os.open(path, flags)
