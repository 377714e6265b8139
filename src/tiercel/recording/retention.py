"""Old captures are removed, with the file beside them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from tiercel.recording.capture import SIDECAR

log = logging.getLogger(__name__)


def retain(paths: Sequence[Path], most: int, age: float, now: int) -> list[Path]:
    """Remove captures that are more than ``most`` or older than ``age`` seconds (0 for no such bound); return them.

    Args:
        paths: the captures, oldest first.
        now: ns since the epoch.
    """
    removed = []
    for k, path in enumerate(paths):
        try:
            old = bool(age) and path.stat().st_mtime_ns < now - int(age * 1e9)
            if old or (most and k < len(paths) - most):
                path.unlink()
                path.with_name(path.name + SIDECAR).unlink(missing_ok=True)
                removed.append(path)
        except OSError as error:
            log.warning("%s: cannot be removed: %s", path, error.strerror)
    return removed
