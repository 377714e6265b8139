"""Where a containerd keeps its bundles, learnt from its shims: their working directory is the bundle of a container.

For a containerd whose ``state`` is none of the usual folders, as those that come with a distribution of Kubernetes.
"""

from __future__ import annotations

import os
import re
import stat

from tiercel.identity.files import on_host, read

TASKS = "io.containerd.runtime.v2.task"
_BUNDLE = re.compile(rf"(/.+)/{re.escape(TASKS)}/[^/]+/[^/]+")
_ANCESTORS = 8
_MAX_STAT = 4096


def state_of(pid: int) -> str:
    """Return the ``state`` of the containerd whose shim a process descends from, "" when there is none.

    Only folders that nobody but root may write to count: others could be anybody's.
    """
    for _ in range(_ANCESTORS):
        if pid <= 1:
            break
        try:
            found = _BUNDLE.fullmatch(os.readlink(on_host(f"/proc/{pid}/cwd")))
        except OSError:
            found = None
        if found and _is_roots(found[1]) and _is_roots(f"{found[1]}/{TASKS}"):
            return found[1]
        pid = _parent(pid)
    return ""


def _parent(pid: int) -> int:
    try:
        return int(read(on_host(f"/proc/{pid}/stat"), _MAX_STAT).rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _is_roots(path: str) -> bool:
    try:
        info = os.stat(on_host(path))
    except OSError:
        return False
    return info.st_uid == 0 and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
