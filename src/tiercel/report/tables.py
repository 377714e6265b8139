"""The report's tables about files, network, users, containers and alerts, from the views of a scene."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from tiercel.reconstruct.raised import INTERNAL_KIND, PRIORITIES
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.pods import pods as pods_view
from tiercel.reconstruct.views.users import users as users_view
from tiercel.report.model import Table, TableRow
from tiercel.report.wording import listing, size, when

MOST_ROWS = 100
"""Rows of a table shown; a reader of paper takes in no more, and the views hold the rest."""

_FROM = {"log": "alert log", INTERNAL_KIND: "Falco about itself"}
_HEAD = re.compile(rf"^\S+: (?:{'|'.join(PRIORITIES)}) ", re.ASCII)  # time and priority have columns of their own

Row = dict[str, Any]


def _table(
    columns: tuple[str, ...],
    rows: Iterable[Row],
    cells: Callable[[Row], tuple[str, ...]],
    marked: Callable[[Row], bool],
    more: str,
    mono: frozenset[int] = frozenset(),
    order: Callable[[Row], Any] | None = None,
) -> Table:
    listed = list(rows) if order is None else sorted(rows, key=order)
    shown = tuple(TableRow(cells(row), marked(row)) for row in listed[:MOST_ROWS])
    hidden = max(0, len(listed) - MOST_ROWS)
    return Table(columns, shown, hidden, f"All of them: {more}" if hidden else "", mono)


def _within(incident_acts: frozenset[int]) -> Callable[[Row], bool]:
    """Return what says whether a row of a view is about one of these acts."""
    return lambda row: not incident_acts.isdisjoint(row["acts"])


def files(rows: Iterable[Row], incident_acts: frozenset[int]) -> Table:
    """Return the files changed, given the rows of the view: of incidents first, then the suspicious, then by time."""
    in_incident = _within(incident_acts)

    def cells(row: Row) -> tuple[str, ...]:
        what = listing(row["what"], 8)
        if row["moved_from"]:
            what += f" (from {row['moved_from']})"
        if row["moved_to"]:
            what += f" (to {row['moved_to']})"
        if row["mode"]:
            what += f", mode {row['mode']}"
        return (
            row["path"],
            what,
            listing(row["reasons"], 3),
            listing(row["chains"], 2),
            listing(row["users"]),
            row["container"] or row["host"],
            when(row["first_ts"]),
            when(row["last_ts"]),
            size(row["bytes"]),
        )

    return _table(
        ("Path", "What", "Why it may matter", "By", "User", "Where", "First", "Last", "Written"),
        rows,
        cells,
        in_incident,
        "tiercel case files",
        frozenset({0}),
        lambda row: (not in_incident(row), -row["weight"], row["first_ts"], row["path"]),
    )


def network(rows: Iterable[Row], incident_acts: frozenset[int]) -> Table:
    """Return who talked to whom, given the rows of the view: of incidents first, unix sockets last, then by time."""
    in_incident = _within(incident_acts)

    def cells(row: Row) -> tuple[str, ...]:
        return (
            f"{row['chain'] or row['name'] or 'unknown'}" + (f" (pid {row['pid']})" if row["pid"] is not None else ""),
            row["direction"],
            row["proto"] or "",
            _end(row["laddr"], row["lport"]),
            _end(row["raddr"], row["rport"]) + (f" ({listing(row['names'], 2)})" if row["names"] else ""),
            row["class"] or "",
            row["outcome"] or "",
            f"{row['count']:,}",
            size(row["sent"]),
            size(row["received"]),
            when(row["first_ts"]),
            listing(row["notes"], 3),
        )

    shown = [row for row in rows if row["proto"] != "unix" or row["notes"] or in_incident(row)]
    return _table(
        (
            "Process",
            "Direction",
            "Protocol",
            "Here",
            "There",
            "Kind",
            "Outcome",
            "Times",
            "Sent",
            "Received",
            "First",
            "Notes",
        ),
        shown,
        cells,
        in_incident,
        "tiercel case network",
        frozenset({3, 4}),
        lambda row: (not in_incident(row), row["proto"] == "unix", not row["notes"], row["first_ts"]),
    )


def _end(address: str | None, port: int | None) -> str:
    if address is None:
        return ""
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def users(scene: Scene) -> Table:
    """Return the users, those with alerts first."""

    def cells(row: Row) -> tuple[str, ...]:
        name = row["user"] if row["user"] is not None else ""
        return (
            f"{name} ({row['uid']})" if name else str(row["uid"]),
            str(row["loginuid"]) if row["loginuid"] is not None and row["loginuid"] >= 0 else "",
            row["container"] or row["host"],
            listing(row["entries"], 3),
            when(row["first_ts"]),
            when(row["last_ts"]),
            f"{row['processes']:,}",
            listing(row["programs"], 6),
            listing(row["gained"], 3),
            f"{row['alerts']:,}",
        )

    return _table(
        ("User", "Login", "Where", "Came in by", "First", "Last", "Processes", "Programs", "Gained", "Alerts"),
        users_view(scene).to_pylist(),
        cells,
        lambda row: bool(row["alerts"]),
        "tiercel case users",
        order=lambda row: (-row["alerts"], row["first_ts"] or 0),
    )


def pods(scene: Scene) -> Table:
    """Return the containers, those with alerts first."""

    def cells(row: Row) -> tuple[str, ...]:
        pod = "/".join(part for part in (row["namespace"], row["pod"]) if part)
        return (
            row["container"],
            row["container_name"] or "",
            row["image"] or "",
            pod,
            row["host"],
            when(row["first_ts"]),
            when(row["last_ts"]),
            f"{row['processes']:,}",
            listing(row["entries"], 3),
            listing(row["peers"], 4),
            f"{row['files_changed']:,}",
            f"{row['alerts']:,}",
        )

    return _table(
        ("Container", "Name", "Image", "Pod", "Host", "First", "Last", "Processes", "Entered by", "Talked to",
         "Files changed", "Alerts"),
        pods_view(scene).to_pylist(),
        cells,
        lambda row: bool(row["alerts"]),
        "tiercel case pods",
        frozenset({0}),
        lambda row: (-row["alerts"], row["first_ts"] or 0),
    )  # fmt: skip


def alerts(table: pa.Table) -> Table:
    """Return the alerts in order; one about the same event as another, from another source, counts once."""

    def cells(row: Row) -> tuple[str, ...]:
        return (
            str(row["alert"]),
            when(row["ts"]),
            row["priority"] or "",
            row["rule"] or "(text log: rule not named)",
            _HEAD.sub("", row["output"] or ""),
            _FROM.get(row["kind"], "events") + (", cut" if row["truncated"] else ""),
        )

    return _table(
        ("#", "Time", "Priority", "Rule", "Message", "From"),
        table.to_pylist(),
        cells,
        lambda row: bool(row["truncated"]),
        "tiercel sql CASE 'SELECT * FROM alerts'",
    )
