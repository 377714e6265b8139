"""The timeline: every security-relevant act in order, alerts among them, noise collapsed and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.raised import Raised, raised
from tiercel.reconstruct.rows import Act, each
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views import hiding
from tiercel.reconstruct.views.columns import FLAG, INTEGER, TEXT, column
from tiercel.reconstruct.views.hiding import BYTES, REPEATED, Programs
from tiercel.reconstruct.wording import saying

Row = dict[str, Any]

TIMELINE = pa.schema(
    [
        column("ts", INTEGER, "when it happened, ns since epoch; of the first where a row stands for several"),
        column("last_ts", INTEGER, "when the last of them happened"),
        column("row", TEXT, "act, alert or collapsed"),
        column("kind", TEXT, "kind of act; name of the rule of an alert; reason of what is collapsed"),
        column("host", TEXT, "host it happened on"),
        column("container", TEXT, "container id, empty on the host"),
        column("container_name", TEXT, "name of the container, null when not known"),
        column("pod", TEXT, "pod, null when not known"),
        column("process", INTEGER, "row of the process"),
        column("pid", INTEGER, "process id as the host sees it"),
        column("name", TEXT, "name of the process at that time"),
        column("user", TEXT, "its user at that time"),
        column("says", TEXT, "what happened, in words; not escaped"),
        column("object", TEXT, "what it was done to"),
        column("target", TEXT, "the other end of a rename, link or mount"),
        column("detail", TEXT, "detail of the act, message of the alert"),
        column("ok", FLAG, "it succeeded"),
        column("count", INTEGER, "how many events this row stands for; of collapsed acts how many rows"),
        column("bytes", INTEGER, "bytes moved, null where none are known"),
        column("sent", INTEGER, "of them sent over a connection"),
        column("received", INTEGER, "of them received"),
        column("priority", TEXT, "priority of an alert"),
        column("act", INTEGER, "row of the act, or of the one an alert is about"),
        column("alert", INTEGER, "row of the alert"),
    ]
)
"""Columns of a timeline. The schema's metadata has ``hidden``: a JSON object, reason to number of acts left out."""

_ANCHORS = {
    "open_read": ("read",),
    "open_write": ("write",),
    "create": ("write",),
    "connect": ("send", "receive"),
    "accept": ("send", "receive"),
}
"""Acts whose row takes up the bytes that acts of other kinds moved."""

_ENOUGH = 5  # acts left out for which a row says so before the next one that is told


def timeline(
    scene: Scene,
    *,
    since: int | None = None,
    until: int | None = None,
    host: str | None = None,
    container: str | None = None,
    pod: str | None = None,
    process: int | Collection[int] | None = None,
    kinds: Collection[str] | None = None,
    alerts_only: bool = False,
    collapse: bool = True,
) -> pa.Table:
    """Return what happened, in order.

    Args:
        scene: what to tell of.
        since, until: ns since epoch; what was going on from ``since`` on and began before ``until``.
        host: name of a host.
        container: id of a container, or how it begins, or its name.
        pod: name of a pod, or namespace/name.
        process: rows of processes; what descends from them counts too.
        kinds: kinds of acts, with the alerts about them.
        alerts_only: leave out all acts.
        collapse: leave out what the reasons in ``hiding`` name and count it; False tells everything.

    Returns:
        a table with the columns of TIMELINE.
    """
    lineage = Lineage(scene.processes)
    places = _Places(scene.processes)
    wanted = _processes(lineage, process)

    def within(row: Act | _Raised) -> bool:
        return (
            (since is None or row.last_ts >= since)
            and (until is None or row.ts < until)
            and (host is None or row.host == host)
            and (wanted is None or row.process in wanted)
            and places.match(row.process, row.container or "", container, pod)
        )

    kind_of = scene.acts["kind"].to_pylist() if kinds is not None else []
    alerts = [
        alert
        for alert in map(_Raised.of, raised(scene.alerts))
        if within(alert) and (kinds is None or (alert.act is not None and kind_of[alert.act] in kinds))
    ]
    alerted = {alert.act for alert in alerts if alert.act is not None}
    acts = () if alerts_only else (act for act in each(scene.acts) if within(act))
    telling = _Telling(Programs(lineage), alerted, collapse)
    rows = list(telling.of(act for act in acts if kinds is None or act.kind in kinds))
    rows += [_alert_row(alert, lineage) for alert in alerts]
    rows.sort(key=lambda row: (row["ts"], row["row"] == "alert", row["act"] if row["act"] is not None else -1))
    for row in rows:
        row["container_name"], row["pod"] = places.names(row["process"])
        if row["row"] == "act":
            row["says"] = saying.sentence(row)
    metadata = {"hidden": json.dumps(dict(telling.hidden.most_common()))}
    return pa.Table.from_pylist(rows, schema=TIMELINE.with_metadata(metadata))


def hidden(table: pa.Table) -> dict[str, int]:
    """Return how many acts a timeline leaves out, by the name of the reason."""
    counts: dict[str, int] = json.loads((table.schema.metadata or {}).get(b"hidden", b"{}"))
    return counts


def _processes(lineage: Lineage, process: int | Collection[int] | None) -> set[int] | None:
    if process is None:
        return None
    chosen = [process] if isinstance(process, int) else list(process)
    return {found for row in chosen if 0 <= row < lineage.count for found in lineage.descendants(row)}


class _Places:
    """Names of containers and pods by process."""

    def __init__(self, processes: pa.Table) -> None:
        self._names = processes["container_name"].to_pylist()
        self._pods = processes["pod"].to_pylist()
        self._namespaces = processes["namespace"].to_pylist()

    def names(self, process: int | None) -> tuple[str | None, str | None]:
        return (None, None) if process is None else (self._names[process], self._pods[process])

    def match(self, process: int | None, id: str, container: str | None, pod: str | None) -> bool:
        name, own_pod = self.names(process)
        inside = container is None or (bool(id) and (id.startswith(container) or name == container))
        if not inside or pod is None or process is None:
            return inside and pod is None
        namespace, _, short = pod.rpartition("/")
        return own_pod == short and namespace in ("", self._namespaces[process])


@dataclass(slots=True)
class _Raised:
    """An alert as the filters see it."""

    ts: int
    last_ts: int
    host: str
    process: int | None
    container: str | None
    alert: int
    act: int | None
    rule: str
    priority: str
    output: str

    @classmethod
    def of(cls, alert: Raised) -> _Raised:
        return cls(
            alert.ts,
            alert.ts,
            alert.host,
            alert.process,
            alert.container,
            alert.alert,
            alert.act,
            alert.rule,
            alert.priority,
            alert.output,
        )


def _alert_row(alert: _Raised, lineage: Lineage) -> Row:
    process = alert.process
    return dict.fromkeys(TIMELINE.names) | {
        "ts": alert.ts,
        "last_ts": alert.ts,
        "row": "alert",
        "kind": alert.rule,
        "host": alert.host,
        "container": alert.container or ("" if process is None else lineage.container[process]),
        "process": process,
        "pid": None if process is None else lineage.pid[process],
        "name": None if process is None else lineage.name_at(process, alert.ts),
        "user": None if process is None else lineage.user[process],
        "says": alert.rule,
        "detail": alert.output,
        "count": 1,
        "priority": alert.priority,
        "act": alert.act,
        "alert": alert.alert,
    }


@dataclass(slots=True)
class _Telling:
    """Goes over acts in order and decides what is told."""

    programs: Programs
    alerted: Collection[int]
    collapse: bool
    hidden: Counter[str] = field(default_factory=Counter)
    _anchors: dict[tuple[int | None, str | None, str], Row] = field(default_factory=dict)
    _told: dict[object, Row] = field(default_factory=dict)
    _collapsed: dict[str, Row] = field(default_factory=dict)

    def of(self, acts: Iterable[Act]) -> Iterator[Row]:
        for act in acts:
            if not self.collapse:
                yield _act_row(act)
                continue
            shown = self._row(act)
            if shown is None:
                continue
            yield from self._flush(_ENOUGH)
            yield shown
        yield from self._flush(1)

    def _row(self, act: Act) -> Row | None:
        """Return the row of an act, None when it is left out."""
        always = act.act in self.alerted
        if not always and self._fold(act):
            return None
        why = None if always else hiding.reason(act, self.programs)
        if why is not None:
            self._leave_out(act, why)
            self._anchor(act, {"bytes": None, "sent": None, "received": None, "last_ts": act.last_ts})
            return None
        row = _act_row(act)
        self._anchor(act, row)
        first = self._told.setdefault(self._same(act), row)
        if first is row or always:
            return row
        self.hidden[REPEATED] += 1
        first["count"] += act.count
        first["last_ts"] = max(first["last_ts"], act.last_ts)
        self._anchor(act, first)
        return None

    def _anchor(self, act: Act, row: Row) -> None:
        """Let a row take up the bytes that are moved through what the act opened."""
        for moved in _ANCHORS.get(act.kind, ()):
            self._anchors[act.process, act.object, moved] = row

    def _fold(self, act: Act) -> bool:
        """Add the bytes an act moved to the row of its file or connection, if there is one."""
        if act.bytes is None:
            return False
        row = self._anchors.get((act.process, act.object, act.kind))
        if row is None:
            return False
        row["bytes"] = (row["bytes"] or 0) + act.bytes
        if act.kind in ("send", "receive"):
            way = "sent" if act.kind == "send" else "received"
            row[way] = (row[way] or 0) + act.bytes
        row["last_ts"] = max(row["last_ts"], act.last_ts)
        self.hidden[BYTES] += 1
        return True

    def _leave_out(self, act: Act, why: str) -> None:
        self.hidden[why] += 1
        if why not in hiding.TOLD:
            return
        row = self._collapsed.get(why)
        if row is None:
            row = self._collapsed[why] = _act_row(act) | {"row": "collapsed", "kind": why, "count": 0, "act": None}
            row |= dict.fromkeys(("object", "target", "detail", "bytes", "ok"))
            row["names"] = {}
        row["count"] += 1
        row["names"][act.name] = None
        row["last_ts"] = max(row["last_ts"], act.last_ts)

    def _flush(self, least: int) -> Iterator[Row]:
        """Yield the rows that say what was left out, where that was at least so much."""
        for why, row in [entry for entry in self._collapsed.items() if entry[1]["count"] >= least]:
            del self._collapsed[why]
            names = list(row.pop("names"))
            row["detail"] = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
            number = row["count"]
            row["says"] = f"{number} act{'' if number == 1 else 's'} left out: {hiding.SENTENCES[why]}"
            yield row

    def _same(self, act: Act) -> object:
        """Return what acts have in common that say the same."""
        actor: object = act.process
        if act.process is not None and self.programs.lineage.execs[act.process]:
            program, line = self.programs.run(act.process, act.ts)
            actor = (self.programs.lineage.parent[act.process], program, line)
        about: object = act.object
        if act.raddr is not None and act.kind != "resolve":
            about = (act.laddr, act.lport, act.raddr) if act.kind == "accept" else (act.raddr, act.rport)
        return actor, act.kind, about, act.target, act.detail, act.ok, act.user


def _act_row(act: Act) -> Row:
    row = dict.fromkeys(TIMELINE.names) | {name: getattr(act, name) for name in _SHARED}
    row["row"] = "act"
    return row


_SHARED = (
    *("ts", "last_ts", "kind", "host", "container", "process", "pid", "name", "user"),
    *("object", "target", "detail", "ok", "count", "bytes", "act"),
)
