"""Where results go: stdout, as bytes."""

from __future__ import annotations

import io
import sys
from typing import BinaryIO


def results() -> BinaryIO:
    """Return stdout as a buffered stream; flush it in the end.

    A raw stdout, as under PYTHONUNBUFFERED, may write only a part of what it is given and not say so.
    """
    stream = sys.stdout.buffer
    return open(stream.fileno(), "wb", closefd=False) if isinstance(stream, io.RawIOBase) else stream
