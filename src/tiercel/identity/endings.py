"""Which containers have ended: their cgroup is gone, or no process is in it any more."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tiercel.identity.files import on_host, read
from tiercel.state.containers import name

_HIERARCHIES = ("", "unified", "memory", "cpu", "cpu,cpuacct", "pids", "cpuset", "cpuacct", "blkio", "io", "systemd")
_MAX_FILE = 1 << 20


class Endings:
    """Follows containers by their cgroups. Used by one thread at a time."""

    def __init__(self) -> None:
        self._there: set[str] = set()  # paths that were seen
        self._missed: dict[str, int] = {}  # by id, how often no process of it was found

    def ended(self, cgroups: Mapping[str, str]) -> set[str]:
        """Return the ids of containers that have ended.

        Args:
            cgroups: by id of the container the path of its cgroup.
        """
        tops = [top for kind in _HIERARCHIES if (top := on_host(f"/sys/fs/cgroup/{kind}")).is_dir()]
        ended: set[str] = set()
        hidden: list[str] = []
        for id, path in cgroups.items():
            if any(os.path.isdir(f"{top}{path}") for top in tops):
                self._there.add(path)
            elif path in self._there:
                ended.add(id)
            else:
                hidden.append(id)
        if hidden:  # cgroups cannot be seen from here
            alive = _alive()
            for id in hidden:
                self._missed[id] = 0 if id in alive else self._missed.get(id, 0) + 1
                if self._missed[id] > 1:
                    ended.add(id)
        self._missed = {id: count for id, count in self._missed.items() if id in cgroups and id not in ended}
        self._there.intersection_update(path for id, path in cgroups.items() if id not in ended)
        return ended


def _alive() -> set[str]:
    """Return the ids of the containers that processes are in."""
    found: dict[bytes, str] = {}
    try:
        pids = [entry for entry in os.listdir(on_host("/proc")) if entry.isdigit()]
    except OSError:
        pids = []
    for pid in pids:
        try:
            lines = read(on_host(f"/proc/{pid}/cgroup"), _MAX_FILE).splitlines()
        except OSError:
            continue
        for line in lines:
            path = line.split(b":", 2)[-1]
            if path not in found:
                named = name(path)
                found[path] = named.id.decode("utf-8", "replace") if named else ""
    return set(found.values())
