"""What is in a case, at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tiercel.case.record import Evidence
from tiercel.case.verify import VERIFIED
from tiercel.custody.clock import rfc3339
from tiercel.errors import InputError
from tiercel.reconstruct.overlap import repeats

if TYPE_CHECKING:
    from tiercel.case.case import Case
    from tiercel.store.manifest import Gap
    from tiercel.store.segment import Segment

_MOST_GAPS = 3
"""Gaps of one kind in one piece of evidence that have a line each."""


@dataclass(frozen=True, slots=True)
class Status:
    """Totals of a case. Times of events are ns since the epoch, None without events; others are RFC 3339.

    ``repeats`` are, by id of evidence, the earlier ones of which it holds events again.
    ``verified`` is when the case was verified last and ``outcome`` what came of it, both None when it never was.
    """

    path: str
    id: str
    title: str
    created: str
    evidence: list[Evidence]
    segments: int
    events: int
    alerts: int
    hosts: list[str]
    first_ts: int | None
    last_ts: int | None
    gaps: list[tuple[str, Gap]]
    entries: int
    head: str
    last_entry: str
    examiners: list[str]
    verified: str | None
    outcome: str | None
    repeats: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the whole as one document."""
        return {
            "path": self.path, "id": self.id, "title": self.title, "created": self.created,
            "evidence": [
                _evidence(evidence) | {"repeats": self.repeats.get(evidence.id, [])} for evidence in self.evidence
            ],
            "segments": self.segments, "events": self.events, "alerts": self.alerts, "hosts": self.hosts,
            "first_ts": self.first_ts, "last_ts": self.last_ts,
            "gaps": [{"evidence": evidence, **asdict(gap)} for evidence, gap in self.gaps],
            "ledger": {
                "entries": self.entries, "head": self.head, "last_entry": self.last_entry, "examiners": self.examiners,
                "verified": self.verified, "outcome": self.outcome,
            },
        }  # fmt: skip

    def lines(self) -> Iterator[str]:
        """Yield it as text to read."""
        yield f"{self.title}"
        yield f"  case {self.id}, made {self.created[:19]}Z, in {self.path}"
        for evidence in self.evidence:
            yield f"{evidence.id}  {evidence.name}  {evidence.kind}, {evidence.digests.size:,} bytes, {state(evidence)}"
            yield f"      sha256 {evidence.digests.sha256}"
            yield f"      blake3 {evidence.digests.blake3}"
            if not evidence.copied:
                yield f"      kept at {evidence.origin}"
            if evidence.ingest and evidence.ingest.damage:
                yield f"      damaged: {evidence.ingest.damage}"
            if others := self.repeats.get(evidence.id):
                yield f"      repeats events of {', '.join(others)}; hunts, SQL and totals count them again"
        if not self.evidence:
            yield "no evidence yet: tiercel case add CASE FILE…"
        yield f"{self.events:,} events and {self.alerts:,} alerts in {self.segments:,} segments"
        if self.first_ts is not None and self.last_ts is not None:
            hosts = f" on {', '.join(self.hosts)}" if any(self.hosts) else ""
            yield f"  from {rfc3339(self.first_ts)} to {rfc3339(self.last_ts)}{hosts}"
        for (identity, _), gaps in groupby(sorted(self.gaps, key=_kind), key=_kind):
            told = [gap for _, gap in gaps]
            if len(told) > _MOST_GAPS:
                yield f"  gaps in {identity}: {_together(told)}"
            else:
                yield from (f"  gap in {identity}: {_gap(gap)}" for gap in told)
        yield f"ledger: {self.entries} entries by {', '.join(self.examiners)}, the last at {self.last_entry}"
        yield f"  head {self.head}"
        if self.verified is None:
            yield "  not verified yet: tiercel case verify CASE"
        else:
            yield f"  last verified {self.verified}: {self.outcome}"


def status(case: Case) -> Status:
    """Gather the totals of a case from its ledger and the manifests of its segments.

    Raises:
        InputError: the ledger or a manifest is damaged.
    """
    entries = list(case.ledger.entries())
    segments = case.store.segments()
    manifests = [segment.manifest for segment in segments]
    checks = [entry for entry in entries if entry.action == VERIFIED]
    starts = [manifest.first_ts for manifest in manifests if manifest.first_ts is not None]
    ends = [manifest.last_ts for manifest in manifests if manifest.last_ts is not None]
    head = case.ledger.head()
    return Status(
        path=str(case.path), id=case.id, title=case.title, created=case.created,
        evidence=case.evidence, segments=len(manifests),
        events=sum(manifest.rows.get("events", 0) for manifest in manifests),
        alerts=sum(manifest.rows.get("alerts", 0) for manifest in manifests),
        hosts=sorted({manifest.host for manifest in manifests if manifest.host}),
        first_ts=min(starts, default=None), last_ts=max(ends, default=None),
        gaps=[(evidence.id, gap) for evidence in case.evidence if evidence.ingest for gap in evidence.ingest.gaps],
        entries=len(entries), head=head.hash, last_entry=entries[-1].time if entries else case.created,
        examiners=list(dict.fromkeys(entry.examiner for entry in entries)),
        verified=checks[-1].time if checks else None, outcome=checks[-1].outcome if checks else None,
        repeats=_repeats(segments),
    )  # fmt: skip


def _repeats(segments: Sequence[Segment]) -> dict[str, list[str]]:
    try:
        return repeats(segments)
    except InputError:  # a segment that was damaged later is for verify to tell
        return {}


def state(evidence: Evidence) -> str:
    """Return in words what became of a piece of evidence."""
    if evidence.ingest is not None:
        alerts = f"{evidence.ingest.alerts:,} {'alert' if evidence.ingest.alerts == 1 else 'alerts'}"
        return alerts if evidence.kind == "falco_alerts" else f"{evidence.ingest.events:,} events, {alerts}"
    if evidence.failure is not None:
        return f"could not be read: {evidence.failure}"
    if evidence.waits:
        return "not read yet: tiercel case add CASE goes on with it"
    return "kept; its events are not read" if evidence.kind == "k8s_audit" else "kept"


def _evidence(evidence: Evidence) -> dict[str, Any]:
    ingest = evidence.ingest
    return {
        "id": evidence.id, "name": evidence.name, "kind": evidence.kind, **evidence.digests.as_dict(),
        "original": evidence.origin, "path": evidence.path if evidence.copied else evidence.origin,
        "copied": evidence.copied, "added": evidence.added, "examiner": evidence.examiner, "state": state(evidence),
        "segments": len(ingest.segments) if ingest else 0, "events": ingest.events if ingest else 0,
        "alerts": ingest.alerts if ingest else 0, "damage": ingest.damage if ingest else None,
    }  # fmt: skip


def _kind(found: tuple[str, Gap]) -> tuple[str, str]:
    return found[0], found[1].kind


def _gap(gap: Gap) -> str:
    return f"{gap.kind}{_count(gap.count)}{_span(gap.from_ts, gap.to_ts)}: {gap.what}"


def _together(gaps: list[Gap]) -> str:
    counts = [gap.count for gap in gaps if gap.count is not None]
    begin = min((gap.from_ts for gap in gaps if gap.from_ts is not None), default=None)
    end = max((gap.to_ts for gap in gaps if gap.to_ts is not None), default=None)
    total = _count(sum(counts) if counts else None)
    return f"{gaps[0].kind} {len(gaps):,} times{total}{_span(begin, end)}: --json lists them"


def _count(count: int | None) -> str:
    return "" if count is None else f", {count:,} in all"


def _span(begin: int | None, end: int | None) -> str:
    times = list(dict.fromkeys(rfc3339(ts) for ts in (begin, end) if ts is not None))
    return f", {' to '.join(times)}" if times else ""
