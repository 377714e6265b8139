"""Who was there: users with their logins and terminals, what they ran, and the rights they gained."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from tiercel.reconstruct.entry import entry, is_runtime
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.raised import raised
from tiercel.reconstruct.rows import Act, each, of_kinds
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.columns import INTEGER, INTEGERS, TEXT, TEXTS, column

USERS = pa.schema(
    [
        column("host", TEXT),
        column("container", TEXT, "container id, empty on the host"),
        column("user", TEXT, "name, null when not known"),
        column("uid", INTEGER),
        column("loginuid", INTEGER, "user of the login that led here, -1 without a login"),
        column("tty", INTEGER, "terminal, 0 without"),
        column("sessions", INTEGER, "sessions (setsid) its processes belong to"),
        column("entries", TEXTS, "how it came in, as in 'SSH login: bash (pid 12)'"),
        column("first_ts", INTEGER, "ns since epoch"),
        column("last_ts", INTEGER, "ns since epoch"),
        column("processes", INTEGER),
        column("programs", TEXTS, "what it ran most, at most 10"),
        column("gained", TEXTS, "rights it gained, and through what"),
        column("alerts", INTEGER),
        column("rules", TEXTS, "rules that raised alerts about it"),
        column("process_rows", INTEGERS, "rows of the processes, at most 1000"),
    ]
)
"""What :func:`users` returns, one row for each user, login and terminal in each container."""

_Key = tuple[str, str, int, int, int]
_MOST_ROWS, _MOST_PROGRAMS, _MOST_ENTRIES = 1000, 10, 20
_NOBODY = 0xFFFFFFFF  # the user number that stands for none
_CHANGE = re.compile(r"\buid (\d+) -> (\d+)")


@dataclass(slots=True)
class _User:
    name: str | None = None
    sessions: set[int | None] = field(default_factory=set)
    entries: dict[str, None] = field(default_factory=dict)
    first_ts: int | None = None
    last_ts: int | None = None
    processes: dict[int, None] = field(default_factory=dict)
    programs: Counter[str] = field(default_factory=Counter)
    gained: dict[str, None] = field(default_factory=dict)
    alerts: int = 0
    rules: dict[str, None] = field(default_factory=dict)


def users(scene: Scene) -> pa.Table:
    """Return who was there, the one with most alerts first, then by time.

    A process counts for every user it ran as. What an alert is about counts for the user the process had last.

    Returns:
        A table with the schema :data:`USERS`.
    """
    lineage = Lineage(scene.processes)
    found: dict[_Key, _User] = {}
    for row in range(lineage.count):
        _process(lineage, row, found)
    for act in each(of_kinds(scene.acts, {"credential"})):
        if act.process is not None and act.ok and not is_runtime(act.name):
            _gain(lineage, act, act.process, found)
    for alert in raised(scene.alerts):
        if alert.process is not None and 0 <= alert.process < lineage.count:
            user = found[_key(lineage, alert.process, lineage.uid[alert.process])]
            user.alerts += 1
            user.rules[alert.rule] = None
    ordered = sorted(found.items(), key=lambda item: (-item[1].alerts, item[1].first_ts or 0, item[0]))
    return pa.Table.from_pylist([_row(key, user) for key, user in ordered], schema=USERS)


def _key(lineage: Lineage, row: int, uid: int | None) -> _Key:
    return (
        lineage.host[row],
        lineage.container[row],
        _number(uid),
        _number(lineage.loginuid[row]),
        lineage.tty[row] or 0,
    )


def _number(uid: int | None) -> int:
    return -1 if uid is None or uid == _NOBODY else uid


def _process(lineage: Lineage, row: int, found: dict[_Key, _User]) -> None:
    """Enter a process under each user it ran as."""
    names = {lineage.uid[row]: lineage.user[row]}
    for step in lineage.execs[row]:
        names.setdefault(step["uid"], step["user"])
    came = entry(lineage, row)
    for uid, name in names.items():
        user = found.setdefault(_key(lineage, row, uid), _User())
        user.name = user.name or name
        user.sessions.add(lineage.sid[row])
        if len(user.processes) < _MOST_ROWS:
            user.processes[row] = None
        first, last = lineage.first_ts[row], lineage.last_ts[row]
        if first is not None:
            user.first_ts = first if user.first_ts is None else min(user.first_ts, first)
        if last is not None:
            user.last_ts = last if user.last_ts is None else max(user.last_ts, last)
        if came.root == row and lineage.execs[row] and len(user.entries) < _MOST_ENTRIES:
            user.entries[f"{came.door.value}: {lineage.name[row]} (pid {lineage.pid[row]})"] = None
        for step in lineage.execs[row]:
            if step["uid"] == uid and step["name"]:
                user.programs[step["name"]] += 1


def _gain(lineage: Lineage, act: Act, process: int, found: dict[_Key, _User]) -> None:
    """Enter a change of rights under the user who had them before."""
    change = _CHANGE.search(act.detail or "")
    dropped = change is not None and change.group(1) == "0"
    if dropped or (change is None and "gained" not in (act.detail or "")):
        return
    uid = int(change.group(1)) if change else act.uid
    user = found.setdefault(_key(lineage, process, uid), _User(first_ts=act.ts, last_ts=act.ts))
    user.gained[f"{act.detail} in {act.name} (pid {act.pid})"] = None


def _row(key: _Key, user: _User) -> dict[str, object]:
    host, container, uid, login, tty = key
    return {
        "host": host,
        "container": container,
        "user": user.name,
        "uid": None if uid < 0 else uid,
        "loginuid": login,
        "tty": tty,
        "sessions": len(user.sessions),
        "entries": list(user.entries),
        "first_ts": user.first_ts,
        "last_ts": user.last_ts,
        "processes": len(user.processes),
        "programs": [name for name, _ in user.programs.most_common(_MOST_PROGRAMS)],
        "gained": list(user.gained),
        "alerts": user.alerts,
        "rules": list(user.rules),
        "process_rows": list(user.processes),
    }
