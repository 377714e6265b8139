"""The report's tables about evidence, the ledger, and the tools that were used."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tiercel.case.record import Evidence
from tiercel.custody.entry import INTRODUCED, Entry
from tiercel.report.model import Table, TableRow
from tiercel.report.wording import size

_KINDS = {
    "scap": "capture of system calls",
    "falco_alerts": "alert log of Falco",
    "audit": "log of the Linux audit subsystem",
    "k8s_audit": "Kubernetes audit log",
    "other": "other file",
}


def evidence(pieces: Iterable[Evidence]) -> Table:
    """Return the pieces of evidence with their hashes."""
    rows = []
    for piece in pieces:
        if piece.ingest is not None:
            read = f"{piece.ingest.events:,} events, {piece.ingest.alerts:,} alerts"
            if piece.ingest.damage:
                read += f"; {piece.ingest.damage}"
        else:
            read = piece.failure or ("not read yet" if piece.waits else "kept, not read")
        rows.append(
            TableRow(
                (
                    piece.id,
                    piece.name,
                    _KINDS.get(piece.kind, piece.kind),
                    size(piece.digests.size),
                    piece.digests.sha256,
                    piece.digests.blake3,
                    f"{_short(piece.added)} by {piece.examiner}",
                    read,
                ),
                bool(piece.failure or (piece.ingest and piece.ingest.damage)),
            )
        )
    columns = ("Id", "Name", "Kind", "Size", "SHA-256", "BLAKE3", "Added", "Read")
    return Table(columns, tuple(rows), mono=frozenset({0, 4, 5}))


def ledger(entries: Iterable[Entry]) -> Table:
    """Return the entries of the ledger."""
    rows = [
        TableRow(
            (
                str(entry.seq),
                _short(entry.time),
                entry.examiner,
                entry.action,
                entry.evidence or "",
                _said(entry),
                entry.outcome,
            ),
            entry.outcome != "ok",
        )
        for entry in entries
    ]
    return Table(("#", "Time", "Examiner", "Action", "Evidence", "What", "Outcome"), tuple(rows), mono=frozenset({4}))


def _short(time: str) -> str:
    """Return an RFC 3339 time as the rest of the report writes times, to the second."""
    return time[:19].replace("T", " ")


def _said(entry: Entry) -> str:
    if entry.action == INTRODUCED:
        return f"key {entry.key}"
    if isinstance(text := entry.detail.get("text"), str):
        return text
    plain = {key: value for key, value in entry.detail.items() if isinstance(value, str | int) and key != "id"}
    said = ", ".join(f"{key} {value}" for key, value in plain.items())
    if entry.after and entry.action != "ingested":
        said += f"{', ' if said else ''}SHA-256 {entry.after.get('sha256', '')}"
    return said if len(said) <= 300 else said[:299] + "…"


def notes(entries: Iterable[Entry]) -> tuple[tuple[str, str, str], ...]:
    """Return (time, examiner, text) of the examiners' remarks."""
    return tuple(
        (entry.time, entry.examiner, str(entry.detail.get("text", ""))) for entry in entries if entry.action == "note"
    )


def tools(entries: Iterable[Entry]) -> tuple[tuple[str, str], ...]:
    """Return every tool and every version of it that wrote an entry."""
    found: dict[tuple[str, str], None] = {}
    for entry in entries:
        for name, version in entry.tool.items():
            if isinstance(version, str):
                found[name, version] = None
        libraries = entry.tool.get("libraries")
        if isinstance(libraries, dict):
            for name, version in sorted(libraries.items()):
                found[name, version if isinstance(version, str) else json.dumps(version)] = None
    return tuple(found)
