"""Where the host's files are: for a watcher in a container below the folder that ``HOST_ROOT`` names, as for Falco."""

from __future__ import annotations

import os


def host_path(path: str) -> str:
    """Return the place of an absolute path of the host."""
    return os.environ.get("HOST_ROOT", "").rstrip("/") + path


def own_pid() -> int:
    """Return the id of this process as the host's ``/proc`` has it."""
    try:
        return int(os.readlink(host_path("/proc/self")))
    except (OSError, ValueError):
        return os.getpid()
