"""Whether files have changed: a look at each of them from time to time.

Looking sees what editors do (a new file moved over the old one) and what Kubernetes does to a mounted ConfigMap (a link
to another folder), on every file system, as it follows links to what is there in the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

Look = dict[str, tuple[int, int, int, int]]
"""Device, inode, size and time of change (ns) of each file there was."""

_MOST = 10_000  # entries of one folder


def look(paths: Iterable[str]) -> Look:
    """Look at files, and at the files in folders; what does not exist or cannot be seen is left out."""
    found: Look = {}
    for path in paths:
        _see(path, found)
        if not os.path.isdir(path):
            continue
        try:
            entries = os.listdir(path)
        except OSError:
            continue
        for name in entries[:_MOST]:
            _see(os.path.join(path, name), found)
    return found


def _see(path: str, found: Look) -> None:
    try:
        state = os.stat(path)
    except OSError:
        return
    if not os.path.isdir(path):
        found[path] = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


class Changes:
    """Says when the files at some paths, folders included, have changed and come to rest.

    A change counts when two looks one after the other see the same: a file that is still being written is waited for.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(paths)
        self._known = self._last = look(self.paths)

    def due(self) -> bool:
        """Look; say whether there is something new, once for each change."""
        now = look(self.paths)
        settled, self._last = now == self._last, now
        if now == self._known or not settled:
            return False
        self._known = now
        return True

    def follow(self, paths: Iterable[str]) -> None:
        """Look at these paths from now on. What changed at those looked at so far is not forgotten."""
        self.paths = tuple(paths)
        fresh = look(self.paths)
        self._known = {path: self._known.get(path, state) for path, state in fresh.items()}
        self._last = fresh
