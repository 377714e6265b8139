"""Files, network, users, containers and incidents as text. Everything from evidence is made printable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from tiercel.reconstruct.incidents.model import Incident
from tiercel.reconstruct.knowledge.addresses import joined
from tiercel.reconstruct.wording.printable import clip, pad, printable, width
from tiercel.reconstruct.wording.shown import size, terminal, utc

_INDENT = "    "
_SHORT_ID = 12
_WIDEST = 60  # columns of a cell, but for the last of a line
_GRAVE = 2  # weight from which on a file is told of without --all

Row = dict[str, Any]


def render_files(table: pa.Table, *, everything: bool = False, columns: int | None = None) -> Iterator[str]:
    """Yield the lines of :func:`tiercel.reconstruct.views.files.files`: grave ones, unless ``everything`` is asked for.

    Args:
        columns: width of the terminal; None cuts nothing.
    """
    rows = table.to_pylist()
    shown = [row for row in rows if everything or row["weight"] >= _GRAVE]
    for row in shown:
        state = {True: "still there", False: "gone", None: ""}[row["exists"]]
        yield from _line(["!" * row["weight"] or "·", _place(row), row["path"], ", ".join(row["what"])], columns, [5])
        if row["reasons"]:
            yield from _more("; ".join(row["reasons"]), columns)
        if row["moved_from"] or row["moved_to"]:
            ends = [f"moved from {row['moved_from']}" if row["moved_from"] else "", _to(row["moved_to"])]
            yield from _more(", ".join(filter(None, ends)), columns)
        facts = [
            _span(row),
            f"by {', '.join(row['users'])}",
            " | ".join(row["chains"]),
            "" if row["bytes"] is None else f"{size(row['bytes'])} written",
            f"mode {row['mode']}" if row["mode"] else "",
            f"owner {row['owner']}" if row["owner"] else "",
            f"{_count(row['failed'], 'attempt')} failed" if row["failed"] else "",
            state,
        ]
        yield from _more(", ".join(filter(None, facts)), columns)
    if not shown:
        yield "No file was changed in a way that stands out." if rows else "No file was changed."
    if len(shown) < len(rows):
        yield ""
        yield f"{len(rows) - len(shown):,} more files were changed or run in ordinary places (--all shows them)."


def _to(path: str | None) -> str:
    return f"moved to {path}" if path else ""


def render_network(table: pa.Table, *, everything: bool = False, columns: int | None = None) -> Iterator[str]:
    """Yield the lines of :func:`tiercel.reconstruct.views.network.network`.

    Processes of one name that did alike are one line, unless ``everything`` is asked for.
    """
    rows = table.to_pylist()
    grouped: dict[object, list[Row]] = {}
    for number, row in enumerate(rows):
        alike = (_place(row), row["name"], row["chain"], _between(row), row["proto"], row["outcome"], *row["notes"])
        grouped.setdefault(number if everything else alike, []).append(row)
    cells = []
    for group in grouped.values():
        line = _connection({**group[0], **{name: _sum(group, name) for name in ("count", "sent", "received")}})
        if len(group) > 1:
            line[-1] += f"; {len(group):,} processes alike"
        cells.append([utc(group[0]["first_ts"], digits=3), _place(group[0]), *line])
    yield from _aligned(cells, columns)
    if not rows:
        yield "No connection was seen."


def _sum(rows: list[Row], name: str) -> int | None:
    found = [row[name] for row in rows if row[name] is not None]
    return sum(found) if found else None


def _between(row: Row) -> str:
    """Return the ends of a connection; a client's own port says nothing and is left out."""
    near, far = joined(row["laddr"], row["lport"]), joined(row["raddr"], row["rport"])
    if row["direction"] == "listening":
        return near
    if row["proto"] == "unix":
        return row["raddr"] or "?"
    return f"{near} <- {far}" if row["direction"] == "in" else f"· -> {far}"


def _connection(row: Row) -> list[str]:
    """Return who, over what, with whom, and how it went."""
    names = ", ".join(row["names"]) or ("name not seen" if row["class"] == "public" else "")
    amounts = [f"{verb} {size(row[verb])}" for verb in ("sent", "received") if row[verb] is not None]
    times = f"×{row['count']:,}" if row["count"] and row["count"] > 1 else ""
    facts = [row["class"] or "", names, row["outcome"], times, *amounts, *row["notes"]]
    return [f"{row['name']}[{row['pid']}]", row["proto"] or "?", _between(row), _listed(facts)]


def render_users(table: pa.Table, *, columns: int | None = None) -> Iterator[str]:
    """Yield the lines of :func:`tiercel.reconstruct.views.users.users`."""
    for row in table.to_pylist():
        who = row["user"] or "?"
        login = f"login {row['loginuid']}" if row["loginuid"] not in (None, -1, 0xFFFFFFFF) else "no login"
        tty = terminal(row["tty"]) or "no terminal"
        counts = [
            _count(row["processes"], "process"),
            _count(row["sessions"], "session"),
            _count(row["alerts"], "alert"),
        ]
        yield from _line([_place(row), f"{who} (uid {row['uid']})", login, tty, ", ".join(counts)], columns)
        yield from _more(_span(row), columns)
        for name, words in (
            ("entries", "came in: "),
            ("programs", "ran: "),
            ("gained", "gained: "),
            ("rules", "alerts: "),
        ):
            if row[name]:
                yield from _more(words + ", ".join(row[name]), columns)
    if not table.num_rows:
        yield "No process was seen."


def render_pods(table: pa.Table, *, columns: int | None = None) -> Iterator[str]:
    """Yield the lines of :func:`tiercel.reconstruct.views.pods.pods`."""
    for row in table.to_pylist():
        pod = "/".join(filter(None, (row["namespace"], row["pod"])))
        names = [row["container"], row["container_name"], row["image"] or "image not known", pod and f"pod {pod}"]
        yield from _line([row["host"], *filter(None, names)], columns)
        counts = [
            _count(row["processes"], "process"),
            _count(row["alerts"], "alert"),
            _count(row["files_changed"], "file") + " changed",
            _count(row["connections"], "connection"),
            f"users {', '.join(row['users'])}" if row["users"] else "",
        ]
        yield from _more(f"{_span(row)}, {_listed(counts)}", columns)
        for entry in row["entries"]:
            yield from _more(entry, columns)
        for name, words in (
            ("listening", "listens on "),
            ("peers", "talked to "),
            ("suspicious_files", "files that stand out: "),
            ("rules", "alerts: "),
        ):
            if row[name]:
                yield from _more(words + ", ".join(row[name]), columns)
    if not table.num_rows:
        yield "No container was seen."


def render_incidents(found: Sequence[Incident], alone: Sequence[tuple[str, int]] = ()) -> Iterator[str]:
    """Yield incidents with their stories.

    Args:
        alone: rules of alerts that belong to no incident, each with how many alerts it raised.
    """
    for incident in found:
        yield printable(f"{incident.number}. {incident.title}: {incident.showing}")
        where = [*incident.hosts, *(f"container {container}" for container in incident.containers)]
        yield printable(
            f"{_INDENT}{incident.severity}, {utc(incident.first_ts)} to {utc(incident.last_ts, date=False)} UTC, "
            f"{', '.join(where)}, user {', '.join(incident.users) or 'not known'}"
        )
        yield printable(f"{_INDENT}{incident.origin}")
        yield f"{_INDENT}{_count(len(incident.alerts), 'alert')}: {printable(', '.join(incident.rules))}"
        yield ""
        phases = max((len(sentence.phase.value) for sentence in incident.story), default=0)
        for sentence in incident.story:
            yield printable(f"{_INDENT}{sentence.phase.value:<{phases}}  {sentence}")
        yield ""
    if not found:
        yield "No incident was found."
    if alone:
        yield "Alerts that belong to no incident:"
        for rule, count in alone:
            yield printable(f"{count:>7,}  {rule}")


def _place(row: Row) -> str:
    return (row["container"] or "")[:_SHORT_ID] or row["host"] or "host"


def _span(row: Row) -> str:
    """Return first and last time, the date once where it is the same."""
    first, last = utc(row["first_ts"], digits=3), utc(row["last_ts"], digits=3)
    if first == last:
        return first
    same_day = first.partition(" ")[0] == last.partition(" ")[0]
    return f"{first} to {last.partition(' ')[2] if same_day and ' ' in last else last}"


def _count(count: int, word: str) -> str:
    plural = "es" if word.endswith("s") else "s"
    return f"{count:,} {word}{'' if count == 1 else plural}"


def _listed(facts: Iterable[str]) -> str:
    return ", ".join(fact for fact in facts if fact)


def _more(text: str, columns: int | None) -> Iterator[str]:
    shown = printable(text)
    yield _INDENT + (shown if columns is None else clip(shown, max(columns - len(_INDENT), len(_INDENT))))


def _line(cells: Sequence[str], columns: int | None, widths: Sequence[int] = ()) -> Iterator[str]:
    shown = [printable(cell) for cell in cells]
    padded = [
        pad(cell, widths[i]) if i < len(widths) and width(cell) < widths[i] else cell for i, cell in enumerate(shown)
    ]
    text = "  ".join(padded)
    yield text if columns is None else clip(text, columns)


def _aligned(rows: list[list[str]], columns: int | None) -> Iterator[str]:
    """Yield rows with their cells below each other; the last cell takes what is left."""
    shown = [[printable(cell) for cell in row] for row in rows]
    if not shown:
        return
    widths = [min(max(width(row[i]) for row in shown), _WIDEST) for i in range(len(shown[0]) - 1)]
    for row in shown:
        begin = [pad(clip(cell, most), most) for cell, most in zip(row, widths, strict=False)]
        text = "  ".join([*begin, row[-1]]).rstrip()
        yield text if columns is None else clip(text, columns)
