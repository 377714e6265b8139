"""Containers and pods: when they ran, what entered them from outside, what happened inside."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from tiercel.reconstruct.entry import Door, entry
from tiercel.reconstruct.knowledge.addresses import joined
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.raised import raised
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.columns import INTEGER, INTEGERS, TEXT, TEXTS, column
from tiercel.reconstruct.views.files import files
from tiercel.reconstruct.views.network import network

PODS = pa.schema(
    [
        column("host", TEXT),
        column("container", TEXT, "container id"),
        column("container_name", TEXT, "null when not known"),
        column("image", TEXT, "with its tag, null when not known"),
        column("pod", TEXT, "null when not known"),
        column("namespace", TEXT, "Kubernetes namespace, null when not known"),
        column("first_ts", INTEGER, "ns since epoch"),
        column("last_ts", INTEGER, "ns since epoch"),
        column("processes", INTEGER),
        column("users", TEXTS),
        column("entries", TEXTS, "what entered from outside, as in 'exec into the container: bash (pid 12) by runc'"),
        column("entry_processes", INTEGERS, "rows of the processes that entered"),
        column("alerts", INTEGER),
        column("rules", TEXTS, "rules that raised alerts about it"),
        column("files_changed", INTEGER),
        column("suspicious_files", TEXTS, "paths of those with a grave reason, at most 20"),
        column("connections", INTEGER),
        column("listening", TEXTS, "addresses it listens on"),
        column("peers", TEXTS, "other ends, at most 20"),
    ]
)
"""What :func:`pods` returns, one row for each container."""

_MOST, _GRAVE = 20, 4


@dataclass(slots=True)
class _Container:
    known: dict[str, str | None] = field(default_factory=dict)
    first_ts: int | None = None
    last_ts: int | None = None
    processes: int = 0
    users: dict[str, None] = field(default_factory=dict)
    entries: dict[str, None] = field(default_factory=dict)
    entry_processes: list[int] = field(default_factory=list)
    alerts: int = 0
    rules: dict[str, None] = field(default_factory=dict)
    files: int = 0
    grave: list[str] = field(default_factory=list)
    connections: int = 0
    listening: dict[str, None] = field(default_factory=dict)
    peers: dict[str, None] = field(default_factory=dict)


_Key = tuple[str, str]
_NAMES = ("container_name", "image", "pod", "namespace")


def pods(scene: Scene) -> pa.Table:
    """Return the containers, those with most alerts first, then by time.

    Returns:
        A table with the schema :data:`PODS`.
    """
    lineage = Lineage(scene.processes)
    found: dict[_Key, _Container] = {}
    names = {name: scene.processes[name].to_pylist() for name in _NAMES}
    for row in range(lineage.count):
        if lineage.container[row]:
            container = found.setdefault((lineage.host[row], lineage.container[row]), _Container())
            _process(lineage, row, container)
            for name in _NAMES:
                container.known[name] = container.known.get(name) or names[name][row]
    for alert in raised(scene.alerts):
        inside = alert.container
        if alert.process is not None and 0 <= alert.process < lineage.count:
            inside = lineage.container[alert.process]
        if inside:
            container = found.setdefault((alert.host, inside), _Container(first_ts=alert.ts, last_ts=alert.ts))
            container.alerts += 1
            container.last_ts = max(container.last_ts or alert.ts, alert.ts)
            container.rules[alert.rule] = None
    _files(scene, found)
    _network(scene, found)
    ordered = sorted(found.items(), key=lambda item: (-item[1].alerts, item[1].first_ts or 0, item[0]))
    return pa.Table.from_pylist([_row(key, container) for key, container in ordered], schema=PODS)


def _process(lineage: Lineage, row: int, container: _Container) -> None:
    container.processes += 1
    first, last = lineage.first_ts[row], lineage.last_ts[row]
    if first is not None:
        container.first_ts = first if container.first_ts is None else min(container.first_ts, first)
    if last is not None:
        container.last_ts = last if container.last_ts is None else max(container.last_ts, last)
    container.users[lineage.user[row] or ("?" if lineage.uid[row] is None else str(lineage.uid[row]))] = None
    by = lineage.parent[row]
    from_outside = by is not None and lineage.container[by] != lineage.container[row]
    if not from_outside or not lineage.execs[row]:
        return  # helpers of the runtime enter too, and run nothing
    came = entry(lineage, row)
    if came.door in (Door.EXEC, Door.START):
        assert by is not None
        terminal = ", on a terminal" if lineage.tty[row] else ""
        container.entry_processes.append(row)
        container.entries[
            f"{came.door.value}: {lineage.name[row]} (pid {lineage.pid[row]}) by {lineage.name[by]}{terminal}"
        ] = None


def _files(scene: Scene, found: dict[_Key, _Container]) -> None:
    table = files(scene).select(["host", "container", "path", "weight"])
    for row in table.to_pylist():
        container = found.get((row["host"], row["container"]))
        if container is not None:
            container.files += 1
            if row["weight"] >= _GRAVE and len(container.grave) < _MOST:
                container.grave.append(row["path"])


def _network(scene: Scene, found: dict[_Key, _Container]) -> None:
    table = network(scene).select(["host", "container", "direction", "proto", "laddr", "lport", "raddr", "rport"])
    for row in table.to_pylist():
        container = found.get((row["host"], row["container"]))
        if container is None or row["proto"] == "unix":
            continue
        if row["direction"] == "listening":
            container.listening[joined(row["laddr"], row["lport"])] = None
        else:
            container.connections += 1
            if len(container.peers) < _MOST:
                container.peers[joined(row["raddr"], row["rport"] if row["direction"] == "out" else None)] = None


def _row(key: _Key, container: _Container) -> dict[str, object]:
    return {
        "host": key[0],
        "container": key[1],
        **{name: container.known.get(name) for name in _NAMES},
        "first_ts": container.first_ts,
        "last_ts": container.last_ts,
        "processes": container.processes,
        "users": list(container.users),
        "entries": list(container.entries),
        "entry_processes": container.entry_processes,
        "alerts": container.alerts,
        "rules": list(container.rules),
        "files_changed": container.files,
        "suspicious_files": container.grave,
        "connections": container.connections,
        "listening": list(container.listening),
        "peers": list(container.peers),
    }
