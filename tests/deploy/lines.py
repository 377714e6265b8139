"""What a watch that was started elsewhere prints."""

from __future__ import annotations

import time
from pathlib import Path

_PATIENCE = 20.0  # seconds


def line_with(path: Path, text: str) -> str:
    """Return the first line of a file with a text in it, as soon as it is there.

    Raises:
        AssertionError: it does not come; says what came instead, there and in the file ``err`` beside it.
    """
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        for line in path.read_text().splitlines():
            if text in line:
                return line
        time.sleep(0.1)
    raise AssertionError(f"nothing about '{text}' in:\n{path.read_text()}\n{(path.parent / 'err').read_text()}")
