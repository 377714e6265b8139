"""Alerts of a log, tied to what the recordings of the same hosts show.

An alert raised here and the same one in a log are one alert with two sources. Falco's usual outputs carry no process
id, but the time of the event to the nanosecond, which is as good as a name.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiercel.reconstruct.raised import INTERNAL_KIND
from tiercel.reconstruct.schema import ALERTS
from tiercel.sources.alert_record import INTERNAL

UNNAMED = "(rule not named)"
"""Rule of an alert whose log does not say it, as Falco's text output does not."""

SAME_AS = "same_as"
"""Column with the number of the alert of which a row is another sight, null where it is none."""


_COLUMNS = (
    "process", "host", "pid", "name", "cmdline", "container", "start", "end", "first_ts", "execs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Logged:
    """What an alert of a log says of its event."""

    ts: int
    host: str | None  # None: any
    num: int | None
    pid: int | None
    name: str | None
    cmdline: str | None
    path: str | None
    container: str | None


def link(alerts: pa.Table, acts: pa.Table, processes: pa.Table) -> pa.Table:
    """Find the process and the act of alerts read from logs, and alerts that are there more than once.

    An alert of a log is about an act of the same host at the same time, with the same event number and process id where
    it carries them; failing that, about the same path during the time an act stands for. A host that no recording
    is of, as when Falco reports the name of its pod, is taken for unknown. Where more than one process would do, none
    is named.

    Args:
        alerts, acts, processes: tables of a scene, with the schemas of :mod:`tiercel.reconstruct.schema`

    Returns:
        ``alerts`` with ``process`` and ``act`` filled in and the column SAME_AS, int64, at its end. The one that others
        are the same as is an alert raised from events, else one of a log that names its rule and is whole.
    """
    rows: list[dict[str, Any]] = alerts.to_pylist()
    hosts = set(acts["host"].unique().to_pylist()) | set(processes["host"].unique().to_pylist())
    logged = {at: _logged(row, hosts) for at, row in enumerate(rows) if row["kind"] == "log"}
    same = _same(rows, logged)
    open_rows = [at for at in logged if same[at] is None and rows[at]["act"] is None]
    found = _acts_at(acts, {at: logged[at] for at in open_rows})
    lives = _Lives(processes, [logged[at] for at in open_rows])
    for at in open_rows:
        act = found.get(at)
        if act is not None:
            rows[at]["act"], rows[at]["process"] = act["act"], act["process"]
        elif rows[at]["process"] is None:
            rows[at]["process"] = lives.of(logged[at])
    for at, first in enumerate(same):
        if first is not None:
            rows[at]["act"], rows[at]["process"] = rows[first]["act"], rows[first]["process"]
    for row in rows:
        row["host"] = row["host"] or _host(row, acts, processes)
    linked = alerts
    for name in ("host", "process", "act"):
        values = pa.array([row[name] for row in rows], ALERTS.field(name).type)
        linked = linked.set_column(linked.schema.get_field_index(name), ALERTS.field(name), values)
    originals = [None if first is None else rows[first]["alert"] for first in same]
    return linked.append_column(SAME_AS, pa.array(originals, pa.int64()))


def _host(row: dict[str, Any], acts: pa.Table, processes: pa.Table) -> str:
    """Return the host of what an alert is about, for one that does not say where it was raised."""
    for table, at in ((acts, row["act"]), (processes, row["process"])):
        if at is not None:
            return str(table["host"][at].as_py())
    return ""


def once(linked: pa.Table) -> pa.Table:
    """Return the alerts of :func:`link` without the repeated ones, numbered anew.

    ``evidence`` of an alert that was there several times names every source, separated by spaces.
    """
    sources: dict[int, list[str]] = defaultdict(list)
    for row in sorted(
        linked.select(["alert", SAME_AS, "evidence"]).to_pylist(), key=lambda row: row[SAME_AS] is not None
    ):
        places = sources[row["alert"] if row[SAME_AS] is None else row[SAME_AS]]
        if row["evidence"] and row["evidence"] not in places:
            places.append(row["evidence"])
    kept = linked.filter(pc.is_null(linked[SAME_AS])).drop_columns([SAME_AS])
    numbers: list[Any] = kept["alert"].to_pylist()
    evidence_of = pa.array([" ".join(sources[number]) for number in numbers], pa.string())
    kept = kept.set_column(kept.schema.get_field_index("evidence"), ALERTS.field("evidence"), evidence_of)
    return kept.set_column(0, ALERTS.field("alert"), pa.array(range(kept.num_rows), pa.int64()))


def gathered(alerts: pa.Table, acts: pa.Table, processes: pa.Table) -> pa.Table:
    """Return alerts linked and each there once; those that hold none of a log as they are.

    What Falco says of itself in a log gets the kind INTERNAL_KIND.
    """
    if "log" not in alerts["kind"].unique().to_pylist():
        return alerts
    found = once(link(alerts, acts, processes))
    rows: list[dict[str, Any]] = found.select(["rule", "kind", "source"]).to_pylist()
    for row in rows:
        row["rule"] = row["rule"] or UNNAMED
        if row["kind"] == "log" and (row["source"] == INTERNAL_KIND or row["rule"].startswith(INTERNAL)):
            row["kind"] = INTERNAL_KIND
    for name in ("rule", "kind"):
        values = pa.array([row[name] for row in rows], pa.string())
        found = found.set_column(found.schema.get_field_index(name), ALERTS.field(name), values)
    return found


def _logged(row: dict[str, Any], hosts: set[Any]) -> _Logged:
    fields = _fields(row["output_fields"])
    return _Logged(
        row["ts"],
        row["host"] if row["host"] in hosts else None,
        _number(fields, "evt.num"),
        _number(fields, "proc.pid"),
        _text(fields, "proc.name"),
        _text(fields, "proc.cmdline"),
        _text(fields, "fd.name") or _text(fields, "fs.path.name"),
        _text(fields, "container.id"),
    )


def _same(rows: Sequence[dict[str, Any]], logged: dict[int, _Logged]) -> list[int | None]:
    """Return for each row the row it is another sight of."""
    same: list[int | None] = [None] * len(rows)
    times = {log.ts for log in logged.values()}
    firsts: dict[int, list[int]] = defaultdict(list)  # by time; those raised here first
    for at, row in enumerate(rows):
        if at not in logged and row["ts"] in times:
            firsts[row["ts"]].append(at)
    taken: dict[tuple[int, str], int] = defaultdict(int)
    for at in sorted(logged, key=lambda at: (not rows[at]["rule"], bool(rows[at]["truncated"]), at)):
        log, row = logged[at], rows[at]
        likely = [first for first in firsts[log.ts] if _alike(row, rows[first], log, logged.get(first))]
        if len(likely) > 1:  # several events in one nanosecond: in the order of the log
            turn = taken[log.ts, row["rule"] or ""]
            taken[log.ts, row["rule"] or ""] += 1
            equal = [first for first in likely if _message(rows[first]["output"]) == _message(row["output"])]
            likely = [(equal or likely)[turn % len(equal or likely)]]
        if likely:
            same[at] = likely[0]
        else:
            firsts[log.ts].append(at)
    return same


def _alike(row: dict[str, Any], first: dict[str, Any], log: _Logged, first_log: _Logged | None) -> bool:
    """Whether two alerts of the same time are the same."""
    if first_log is None:
        here = log.host is None or first["host"] in (log.host, "")
        numbers = (log.num, first["num"])
    else:
        here = not row["host"] or not first["host"] or row["host"] == first["host"]
        numbers = (log.num, first_log.num)
    if not here or (None not in numbers and numbers[0] != numbers[1]):
        return False
    if row["rule"] and first["rule"]:
        # a log may hold two alerts of one rule for one nanosecond, a second copy of them tells them alike
        return row["rule"] == first["rule"] and (first_log is None or _close(row["output"], first["output"]))
    return _close(row["output"], first["output"])


def _close(output: str | None, other: str | None) -> bool:
    return not output or not other or _message(output) == _message(other)


def _message(output: str | None) -> str:
    """Return an output without the time it begins with: its form depends on the settings of Falco."""
    return (output or "").partition(": ")[2]


def _acts_at(acts: pa.Table, logged: dict[int, _Logged]) -> dict[int, dict[str, Any]]:
    """Return the act of each alert for which exactly one will do."""
    exact = defaultdict(list)
    wanted = pa.array({log.ts for log in logged.values()}, pa.int64())
    for act in acts.filter(pc.is_in(acts["ts"], wanted)).to_pylist():
        exact[act["ts"]].append(act)
    over = defaultdict(list)
    paths = pa.array({log.path for log in logged.values() if log.path}, pa.string())
    lasting = pc.and_(pc.is_in(acts["object"], paths), pc.greater(acts["last_ts"], acts["ts"]))
    for act in acts.filter(lasting).to_pylist():
        over[act["object"]].append(act)
    found: dict[int, dict[str, Any]] = {}
    for at, log in logged.items():
        likely = [act for act in exact[log.ts] if _fits(act, log)]
        if len(likely) > 1:
            likely = [act for act in likely if act["object"] == log.path or act["num"] == log.num] or likely[:1]
        if not likely and log.path:
            during = (act for act in over[log.path] if act["ts"] <= log.ts <= act["last_ts"])
            likely = [act for act in during if _fits(act, log, exact=False)]
            if len({act["process"] for act in likely}) > 1:
                likely = []
        if likely:
            found[at] = likely[0]
    return found


def _fits(act: dict[str, Any], log: _Logged, exact: bool = True) -> bool:
    return (
        log.host in (None, act["host"])
        and log.pid in (None, act["pid"])
        and (log.num in (None, act["num"]) or not exact)
        and (log.name in (None, act["name"]) or (exact and act["kind"] == "exec"))
    )


class _Lives:
    """The processes that alerts name, by id or by what they ran."""

    def __init__(self, processes: pa.Table, logged: Iterable[_Logged]) -> None:
        logged = list(logged)
        pids = pa.array({log.pid for log in logged if log.pid is not None}, pa.int64())
        named = {log.name for log in logged if log.pid is None and log.name}
        chosen = pc.or_(pc.is_in(processes["pid"], pids), pc.is_in(processes["name"], pa.array(named, pa.string())))
        columns = list(_COLUMNS)
        self.rows: list[dict[str, Any]] = processes.filter(chosen).select(columns).to_pylist()

    def of(self, log: _Logged) -> int | None:
        """Return the row of the only process an alert can be about, None when there is none or are several."""
        if log.pid is None and not log.name:
            return None
        likely = [row["process"] for row in self.rows if _is_of(row, log)]
        return likely[0] if len(likely) == 1 else None


def _is_of(row: dict[str, Any], log: _Logged) -> bool:
    begin = row["start"] if row["start"] is not None else row["first_ts"]
    if log.host not in (None, row["host"]) or log.ts < min(begin, row["first_ts"]):
        return False
    if row["end"] is not None and log.ts > row["end"]:
        return False
    if log.container is not None and row["container"] not in (log.container, "" if log.container == "host" else None):
        return False
    if log.pid is not None:
        return bool(log.pid == row["pid"])
    ran = [(row["name"], row["cmdline"]), *((run["name"], run["cmdline"]) for run in row["execs"] or ())]
    return any(name == log.name and log.cmdline in (None, cmdline) for name, cmdline in ran)


def _fields(text: str | None) -> dict[str, Any]:
    try:
        fields = json.loads(text or "{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _number(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    return value if type(value) is int and abs(value) < 1 << 63 else None


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) and value not in ("", "<NA>") else None
