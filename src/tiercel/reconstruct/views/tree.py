"""The process tree: who started whom, what each ran, wrote and talked to, and the alerts about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiercel.errors import InputError
from tiercel.reconstruct.gather import ending
from tiercel.reconstruct.knowledge.noise import is_noise
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.raised import raised
from tiercel.reconstruct.rows import Act, each, of_kinds
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.columns import FLAG, INTEGER, INTEGERS, TEXT, TEXTS, column

TREE = pa.schema(
    [
        column("process", INTEGER, "row of the process"),
        column("parent", INTEGER, "row of its parent, null at the top"),
        column("depth", INTEGER, "how far below the top"),
        column("asked", FLAG, "it is part of what was asked for; false for processes above that"),
        column("host", TEXT, "host it ran on"),
        column("container", TEXT, "container id, empty on the host"),
        column("container_name", TEXT, "name of the container, null when not known"),
        column("pod", TEXT, "pod, null when not known"),
        column("pid", INTEGER, "process id as the host sees it"),
        column("name", TEXT, "name at its last sight"),
        column("user", TEXT, "user at its last sight"),
        column("tty", INTEGER, "number of its controlling terminal, 0 without"),
        column("start", INTEGER, "when it was forked, ns since epoch, null when not known"),
        column("end", INTEGER, "when it ended, null when that was not seen"),
        column("ends", TEXT, "how it ended: exit code 1, killed by SIGKILL; null when that was not seen"),
        column("from_start", FLAG, "it was running before the recording began"),
        column("cmdline", TEXT, "name and arguments at its last sight"),
        column("ran", TEXTS, "command lines of what it executed, in order"),
        column("alerts", INTEGERS, "rows of the alerts about it"),
        column("rules", TEXTS, "their rules, with priority: 'Critical: Drop and execute …'"),
        column("written", TEXTS, "files it changed or made"),
        column("sockets", TEXTS, "what it connected to, accepted from and listened on"),
    ]
)
"""Columns of a tree; rows are in the order in which a tree is drawn: a process, then what descends from it."""

_WRITING = {"create", "open_write", "write", "rename", "link", "symlink", "chmod", "delete", "mknod"}
_MOVING = {"send", "receive"}
_TALKING = {"connect": "to", "accept": "from", "listen": "listening on", "send": "to", "receive": "from"}

_KINDS = _WRITING | set(_TALKING)


def tree(
    scene: Scene,
    *,
    pid: int | None = None,
    container: str | None = None,
    alert: int | None = None,
    process: int | None = None,
) -> pa.Table:
    """Return the processes of a scene as a tree, those that are gone included.

    With a process, or the one of an alert, these are it, what descends from it and what it descends from; with a
    container, the processes in it and what they descend from. Without any, all.

    Args:
        pid: process id as the host sees it; all processes that had it.
        container: id of a container, or how it begins, or its name.
        alert: row of an alert.
        process: row of a process.

    Returns:
        a table with the columns of TREE.

    Raises:
        InputError: there is no such process, container or alert.
    """
    lineage = Lineage(scene.processes)
    asked = _asked(scene, lineage, pid, container, alert, process)
    kept = asked.copy()
    for row in asked:
        kept.update(lineage.ancestors(row))
    details = _Details(scene, kept)
    rows = [_row(lineage, row, depth, parent, row in asked, details) for row, depth, parent in _walk(lineage, kept)]
    return pa.Table.from_pylist(rows, schema=TREE)


def _asked(
    scene: Scene, lineage: Lineage, pid: int | None, container: str | None, alert: int | None, process: int | None
) -> set[int]:
    starts: list[int] | None = None
    if process is not None:
        if not 0 <= process < lineage.count:
            raise InputError(f"there is no process {process}; there are {lineage.count:,}")
        starts = [process]
    if pid is not None:
        starts = [row for row in range(lineage.count) if lineage.pid[row] == pid]
        if not starts:
            raise InputError(f"no process had the id {pid}; look for one with 'tiercel case timeline'")
    if alert is not None:
        starts = [_process_of(scene, alert)]
    chosen = (
        set(range(lineage.count)) if starts is None else {found for row in starts for found in lineage.descendants(row)}
    )
    if container is not None:
        names = scene.processes["container_name"].to_pylist()
        inside = {
            row
            for row in range(lineage.count)
            if lineage.container[row] and (lineage.container[row].startswith(container) or names[row] == container)
        }
        if not inside:
            raise InputError(f"no process ran in a container {container!r}; 'tiercel case pods' lists containers")
        chosen &= inside
    return chosen


def _process_of(scene: Scene, alert: int) -> int:
    if not 0 <= alert < scene.alerts.num_rows:
        last = scene.alerts.num_rows - 1
        raise InputError(
            f"there is no alert {alert}; {f'they go from 0 to {last:,}' if last >= 0 else 'there are none'}"
        )
    process: int | None = scene.alerts["process"][alert].as_py()
    if process is None:
        raise InputError(f"which process alert {alert} is about is not known: no recording shows its event")
    return process


def _walk(lineage: Lineage, kept: set[int]) -> Iterator[tuple[int, int, int | None]]:
    """Yield (process, depth, parent) in the order of a drawn tree, children by the time they began."""

    def age(row: int) -> tuple[str, int, int]:
        start = lineage.start[row]
        return lineage.host[row], start if start is not None else lineage.first_ts[row] or 0, row

    seen: set[int] = set()
    roots = sorted((row for row in kept if lineage.parent[row] not in kept), key=age)
    # what is left of a circle, in damaged evidence, is drawn from its first process on
    for root in (*roots, *sorted(kept, key=age)):
        waiting: list[tuple[int, int, int | None]] = [(root, 0, None)]
        while waiting:
            row, depth, parent = waiting.pop()
            if row in seen:
                continue
            seen.add(row)
            yield row, depth, parent
            children = sorted((child for child in lineage.children.get(row, ()) if child in kept), key=age)
            waiting += [(child, depth + 1, row) for child in reversed(children)]


class _Details:
    """What the tables say of processes that :class:`Lineage` does not: what they wrote, whom they talked to, alerts."""

    def __init__(self, scene: Scene, kept: set[int]) -> None:
        self.own = {name: scene.processes[name].to_pylist() for name in ("container_name", "pod", "exit", "tty")}
        self.written: dict[int, dict[str, None]] = {}
        self.sockets: dict[int, dict[str, None]] = {}
        self.alerts: dict[int, dict[int, str]] = {}
        acts = [act for act in each(of_kinds(scene.acts.filter(pc.field("ok")), _KINDS)) if act.process in kept]
        opened = {(act.process, act.object) for act in acts if act.kind in ("connect", "accept")}
        for act in acts:
            if act.process is None or (act.kind in _MOVING and (act.process, act.object) in opened):
                continue
            if act.kind in _WRITING:
                for path in (act.target if act.kind == "rename" else None, act.object):
                    if path and not is_noise(path):
                        self.written.setdefault(act.process, {})[path] = None
            elif (end := _end(act)) is not None:
                self.sockets.setdefault(act.process, {})[end] = None
        for alert in raised(scene.alerts):
            if alert.process is not None and alert.process in kept:
                self.alerts.setdefault(alert.process, {})[alert.alert] = f"{alert.priority}: {alert.rule}"


def _end(act: Act) -> str | None:
    """Return the end of a connection that is not the process's own."""
    word = _TALKING[act.kind]
    if act.kind == "listen":
        return f"{word} {act.object}"
    if act.raddr is None:
        return f"{word} {act.object}" if act.object and act.object[:1] in "/@" and not is_noise(act.object) else None
    other = f"[{act.raddr}]" if ":" in act.raddr else act.raddr
    return f"{word} {other}" if act.kind == "accept" else f"{word} {other}:{act.rport}"


def _row(lineage: Lineage, row: int, depth: int, parent: int | None, asked: bool, details: _Details) -> dict[str, Any]:
    own = {name: values[row] for name, values in details.own.items()}
    alerts = details.alerts.get(row, {})
    return {
        "process": row,
        "parent": parent,
        "depth": depth,
        "asked": asked,
        "host": lineage.host[row],
        "container": lineage.container[row],
        "container_name": own["container_name"],
        "pod": own["pod"],
        "pid": lineage.pid[row],
        "name": lineage.name[row],
        "user": lineage.user[row],
        "tty": own["tty"],
        "start": lineage.start[row],
        "end": lineage.end[row],
        "ends": None if lineage.end[row] is None else ending(own["exit"]),
        "from_start": lineage.from_start[row],
        "cmdline": lineage.cmdline[row],
        "ran": [run["cmdline"] or run["exepath"] for run in lineage.execs[row]],
        "alerts": list(alerts),
        "rules": list(alerts.values()),
        "written": list(details.written.get(row, {})),
        "sockets": list(details.sockets.get(row, {})),
    }
