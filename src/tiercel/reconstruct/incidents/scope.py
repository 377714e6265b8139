"""Which alerts and processes belong together.

Alerts are grouped by the session they happened in: what an exec into a container, a login, a scheduled job or a child
of a server brought with it. In a service of the machine there is no such visit, so only the process of the alert, those
between it and its like, and what they started count. Groups become one where a process of one ran, or read, what the
other had written before; a process elsewhere that ran it belongs to it too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from tiercel.reconstruct.entry import INTERACTIVE, Entry, entry
from tiercel.reconstruct.executed import ran
from tiercel.reconstruct.kinds import CHANGES
from tiercel.reconstruct.knowledge import suspicious
from tiercel.reconstruct.knowledge.noise import is_noise
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.raised import Raised, counted, raised
from tiercel.reconstruct.rows import Act, each, of_kinds, of_objects, of_processes
from tiercel.reconstruct.scene import Scene

_MOST_FOLLOWERS = 20  # a program that more processes ran afterwards is a program, not a trace
_APART = 600_000_000_000  # ns; alerts of logs further apart are not one story
_GONE = frozenset({"delete", "rmdir"})
_Path = tuple[str, str, str]


@dataclass(slots=True)
class Group:
    """Alerts and processes that belong together.

    ``entries`` are the sessions it is made of, ``followers`` processes outside them that ran what it left behind.
    """

    entries: list[Entry] = field(default_factory=list)
    alerts: list[Raised] = field(default_factory=list)
    scope: set[int] = field(default_factory=set)
    followers: set[int] = field(default_factory=set)

    def add(self, other: Group) -> None:
        self.entries += [entry for entry in other.entries if entry not in self.entries]
        self.alerts = sorted({alert.alert: alert for alert in self.alerts + other.alerts}.values(), key=_by_time)
        self.scope |= other.scope
        self.followers |= other.followers


def _by_time(alert: Raised) -> tuple[int, int]:
    return alert.ts, alert.alert


def groups(scene: Scene, lineage: Lineage) -> list[Group]:
    """Return the groups of a scene's alerts, by time. Every alert is in exactly one, internal ones in none."""
    sessions: dict[object, list[Raised]] = defaultdict(list)
    entries: dict[object, Entry] = {}
    loose: list[Raised] = []
    for alert in raised(counted(scene.alerts)):
        if alert.process is None or not 0 <= alert.process < lineage.count:
            loose.append(alert)
            continue
        came = entry(lineage, alert.process)
        sessions[came.root].append(alert)
        entries[came.root] = came
    found = [_session(lineage, entries[key], alerts) for key, alerts in sessions.items()]
    found += _logged(loose)
    found = _joined_by_files(scene, lineage, _nested(lineage, found))
    found = _alike(lineage, found)
    return sorted(found, key=lambda group: _by_time(group.alerts[0]))


def _session(lineage: Lineage, came: Entry, alerts: list[Raised]) -> Group:
    """Return the group of the alerts of one session."""
    if came.door in INTERACTIVE:
        return Group([came], alerts, set(lineage.descendants(came.root)))
    rows = sorted({alert.process for alert in alerts if alert.process is not None})
    top = lineage.common(rows)
    scope: set[int] = set()
    for row in rows:
        scope.update(lineage.path(row, top))
        scope.update(below for below in lineage.descendants(row) if entry(lineage, below).root == came.root)
    return Group([came], alerts, scope)


def _logged(alerts: list[Raised]) -> list[Group]:
    """Group alerts of which no process is known: those of one container, or host, with little time between them."""
    found: dict[tuple[str, str | None], list[Group]] = defaultdict(list)
    for alert in sorted(alerts, key=_by_time):
        groups = found[alert.host, alert.container]
        if groups and alert.ts - groups[-1].alerts[-1].ts <= _APART:
            groups[-1].alerts.append(alert)
        else:
            groups.append(Group(alerts=[alert]))
    return [group for groups in found.values() for group in groups]


def _nested(lineage: Lineage, found: list[Group]) -> list[Group]:
    """Make sessions that began within a visit of others part of these."""
    visits = [group for group in found if any(came.door in INTERACTIVE for came in group.entries)]
    gone: set[int] = set()
    for inner in found:
        above = {row for came in inner.entries for row in lineage.ancestors(came.root)}
        for outer in visits:
            if outer is not inner and id(outer) not in gone and above & outer.scope:
                outer.add(inner)
                gone.add(id(inner))
                break
    return [group for group in found if id(group) not in gone]


def _written(acts: Iterable[Act], groups: dict[int, int]) -> dict[_Path, tuple[int, int]]:
    """Return the files that groups changed: the group that did it first, and when."""
    found: dict[_Path, tuple[int, int]] = {}
    for act in acts:
        group = groups.get(act.process) if act.process is not None else None
        if group is None or not act.ok or act.kind in _GONE or act.kind == "mkdir":
            continue
        for path in (act.target, act.object) if act.kind in ("rename", "link") else (act.object,):
            if path and not is_noise(path) and not suspicious.is_log(path) and not suspicious.is_history(path):
                found.setdefault((act.host, act.container, path), (group, act.ts))
    return found


def _joined_by_files(scene: Scene, lineage: Lineage, found: list[Group]) -> list[Group]:
    """Join groups of which one used files the other had written, and processes elsewhere that ran them."""
    of_process = {row: number for number, group in enumerate(found) for row in group.scope}
    if not of_process:
        return found
    changes = each(of_processes(of_kinds(scene.acts, CHANGES), of_process.keys()))
    written = _written(changes, of_process)
    if not written:
        return found
    links: list[tuple[int, int]] = []
    followers: dict[_Path, set[int]] = defaultdict(set)
    paths_written = {path for _, _, path in written}
    reads = of_objects(of_kinds(scene.acts, {"open_read", "read"}), paths_written.__contains__)
    for act in chain(each(of_kinds(scene.acts, {"exec"})), each(reads)):
        row = act.process
        if row is None or not act.ok or not 0 <= row < lineage.count:
            continue
        paths = [act.object] if act.kind != "exec" else ran(act.object, act.target, act.detail, lineage.cwd[row])
        for path in paths:
            author = written.get((act.host, act.container, path or ""))
            own = of_process.get(row)
            if author is None or author[1] > act.ts or author[0] == own:
                continue
            if own is not None:
                links.append((author[0], own))
            elif act.kind == "exec":
                followers[act.host, act.container, path or ""].add(row)
    for path_key, rows in followers.items():
        if len(rows) <= _MOST_FOLLOWERS:
            group = found[written[path_key][0]]
            for row in rows:
                group.followers.update(lineage.descendants(row))
    return _merged(found, links)


def _merged(found: list[Group], links: list[tuple[int, int]]) -> list[Group]:
    """Return the groups with linked ones made one."""
    leader = list(range(len(found)))

    def first(number: int) -> int:
        while leader[number] != number:
            number = leader[number]
        return number

    for one, other in links:
        a, b = sorted((first(one), first(other)))
        if a != b:
            leader[b] = a
            found[a].add(found[b])
    return [group for number, group in enumerate(found) if leader[number] == number]


def _alike(lineage: Lineage, found: list[Group]) -> list[Group]:
    """Make one of groups that are repetitions: one session each, same place, same command, same rules."""
    seen: dict[object, Group] = {}
    kept: list[Group] = []
    for group in found:
        if len(group.entries) != 1:
            kept.append(group)
            continue
        root = group.entries[0].root
        rules = frozenset(alert.rule for alert in group.alerts)
        key = lineage.host[root], lineage.container[root], lineage.cmdline[root], group.entries[0].door, rules
        if len(group.scope) == 1 and key in seen:
            seen[key].add(group)
        else:
            seen[key] = group
            kept.append(group)
    return kept
