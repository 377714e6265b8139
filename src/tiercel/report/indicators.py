"""Indicators: what to look for on other hosts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tiercel.case.record import Evidence
from tiercel.report.model import Table, TableRow
from tiercel.report.wording import listing, when

_LEAST_WEIGHT = 3  # of a file that is an indicator without being part of an incident


@dataclass(frozen=True, slots=True)
class Indicator:
    """``kind`` is path, address, domain, or file hash; ``first_ts`` is None where no event shows it."""

    kind: str
    value: str
    because: str
    first_ts: int | None = None
    last_ts: int | None = None


def indicators(
    files: Iterable[dict[str, Any]],
    network: Iterable[dict[str, Any]],
    evidence: Iterable[Evidence],
    incident_acts: frozenset[int],
) -> list[Indicator]:
    """Return the indicators that the rows of the views and the evidence hold, each once."""
    found: dict[tuple[str, str], Indicator] = {}
    network = list(network)
    for indicator in (*_paths(files, incident_acts), *_ends(network, incident_acts), *_kept(evidence)):
        found.setdefault((indicator.kind, indicator.value), indicator)
    return list(found.values())


def _paths(rows: Iterable[dict[str, Any]], incident_acts: frozenset[int]) -> Iterator[Indicator]:
    for row in rows:
        inside = not incident_acts.isdisjoint(row["acts"])
        if (inside and row["reasons"]) or row["weight"] >= _LEAST_WEIGHT:
            because = f"{listing(row['what'], 4)}: {listing(row['reasons'], 3)}"
            yield Indicator("path", row["path"], because, row["first_ts"], row["last_ts"])


def _ends(rows: list[dict[str, Any]], incident_acts: frozenset[int]) -> Iterator[Indicator]:
    for row in rows:
        if incident_acts.isdisjoint(row["acts"]) or row["proto"] == "unix" or row["direction"] == "listening":
            continue
        because = f"{row['name'] or 'a process'}: {row['direction']}, {row['outcome']}"
        span = row["first_ts"], row["last_ts"]
        if row["raddr"] and _beyond(row["raddr"]):
            yield Indicator("address", row["raddr"], because, *span)
        for name in row["names"] or ():
            if _is_domain(name):
                yield Indicator("domain", name, because, *span)


def _beyond(address: str) -> bool:
    """Return whether another host can meet this address: one of the host itself says nothing elsewhere."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified or parsed.is_link_local or parsed.is_multicast)


def _is_domain(name: str) -> bool:
    return "." in name and not name.replace(".", "").isdigit() and ":" not in name and name != "localhost"


def _kept(evidence: Iterable[Evidence]) -> Iterator[Indicator]:
    for piece in evidence:
        if piece.kind == "other":
            yield Indicator("file hash (SHA-256)", piece.digests.sha256, f"{piece.name}, kept as evidence {piece.id}")


def table(found: Iterable[Indicator]) -> Table:
    """Return indicators as a table of the report."""
    rows = tuple(
        TableRow(
            (
                indicator.kind,
                indicator.value,
                indicator.because,
                "" if indicator.first_ts is None else when(indicator.first_ts),
                "" if indicator.last_ts is None else when(indicator.last_ts),
            )
        )
        for indicator in found
    )
    return Table(("Kind", "Value", "Seen as", "First", "Last"), rows, mono=frozenset({1}))
