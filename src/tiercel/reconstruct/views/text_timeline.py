"""A timeline as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tiercel.reconstruct.views.hiding import SENTENCES
from tiercel.reconstruct.views.timeline import hidden
from tiercel.reconstruct.wording.printable import clip, pad, printable, width
from tiercel.reconstruct.wording.shown import utc

_NARROWEST = 20  # columns for what happened, however narrow the terminal
_WIDEST = {"place": 24, "who": 28}
_SHORT_ID = 12


def render(table: pa.Table, columns: int | None = None, numbered: bool = True) -> Iterator[str]:
    """Yield the lines of a timeline, times in UTC.

    Args:
        table: as :func:`tiercel.reconstruct.views.timeline.timeline` returns it.
        columns: width of the terminal; None cuts nothing.
        numbered: show the numbers of alerts.
    """
    rows = table.to_pylist()
    several = len({row["host"] for row in rows}) > 1
    cells = [(_place(row, several), _who(row)) for row in rows]
    places = min(max((width(place) for place, _ in cells), default=0), _WIDEST["place"])
    names = min(max((width(who) for _, who in cells), default=0), _WIDEST["who"])
    day = None
    for row, (place, who) in zip(rows, cells, strict=True):
        date, time = _when(row["ts"])
        if date != day:
            day = date
            yield date
        begin = f"{time}  {pad(clip(place, places), places)}  {pad(clip(who, names), names)}  "
        yield begin + _what(row, numbered, None if columns is None else max(columns - width(begin), _NARROWEST))
    yield from _left_out(table)


def _when(ts: int) -> tuple[str, str]:
    date, _, time = utc(ts).partition(" ")
    return date, time or date


def _place(row: dict[str, Any], several: bool) -> str:
    parts = [row["host"] or ""] if several else []
    if row["container"]:
        parts.append(row["pod"] or row["container_name"] or row["container"][:_SHORT_ID])
    return printable("/".join(parts)) or "host"


def _who(row: dict[str, Any]) -> str:
    if row["pid"] is None:
        return "-"
    user = f"{row['user']}:" if row["user"] and row["user"] != "root" else ""
    return printable(f"{user}{row['name'] or '?'}[{row['pid']}]")


def _what(row: dict[str, Any], numbered: bool, columns: int | None) -> str:
    if row["row"] == "alert":
        number = f" (alert {row['alert']})" if numbered else ""
        text = f"! {row['priority'] or 'alert'}: {row['says']}{number}"
    elif row["row"] == "collapsed":
        text = f"… {row['says']} ({row['detail']})"
    else:
        text = row["says"]
    more = f" ×{row['count']}" if row["row"] == "act" and row["count"] > 1 else ""
    shown = printable(text)
    return (shown if columns is None else clip(shown, columns - width(more))) + more


def _left_out(table: pa.Table) -> Iterator[str]:
    counts = hidden(table)
    if counts:
        yield ""
        yield "Left out (--all shows everything):"
        for reason, count in counts.items():
            yield f"{count:>9,}  {SENTENCES.get(reason, reason)}"
