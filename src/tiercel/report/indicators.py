"""Indicators: what to look for on other hosts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tiercel.case.record import Evidence
from tiercel.reconstruct.knowledge.addresses import address_class
from tiercel.reconstruct.rows import Act, each, of_kinds, of_processes
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.wording.saying import looked_up
from tiercel.report.model import Table, TableRow
from tiercel.report.wording import listing, when

_MET_ELSEWHERE = ("private", "public")  # kinds of addresses that another host can meet
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
    lookups: Iterable[Act] = (),
) -> list[Indicator]:
    """Return the indicators that the rows of the views, the evidence and the names looked up hold, each once."""
    found: dict[tuple[str, str], Indicator] = {}
    network = list(network)
    for indicator in (
        *_paths(files, incident_acts),
        *_ends(network, incident_acts),
        *_names(lookups),
        *_kept(evidence),
    ):
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
        if address_class(row["raddr"]) in _MET_ELSEWHERE:
            yield Indicator("address", row["raddr"], because, *span)
        for name in row["names"] or ():
            if _is_domain(name):
                yield Indicator("domain", name, because, *span)


def lookups(scene: Scene, processes: Collection[int]) -> list[Act]:
    """Return the acts by which these processes looked names up, in order of time."""
    return list(each(of_processes(of_kinds(scene.acts, {"resolve"}), processes)))


def _names(acts: Iterable[Act]) -> Iterator[Indicator]:
    found: dict[str, list[Act]] = {}
    for act in acts:
        if act.object and _is_domain(act.object) and not act.object.endswith(".arpa"):
            found.setdefault(act.object, []).append(act)
    for name, same in found.items():
        said = dict.fromkeys(looked_up(name, act.target, act.detail) for act in same)
        because = f"{same[0].name or 'a process'}: {listing(list(said), 3)}"
        yield Indicator("domain", name, because, same[0].ts, max(act.last_ts for act in same))


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
