"""Reading evidence of each kind into a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tiercel.capture.from_audit import AuditReplay
from tiercel.case.record import Evidence
from tiercel.detect import Detection
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.sources.alert_log import read_alerts
from tiercel.sources.audit_gaps import AuditGap
from tiercel.sources.audit_log import AuditLog
from tiercel.store.alert_rows import table_of
from tiercel.store.ingest import SEGMENT_EVENTS, Ingested, ingest, ingest_alerts, replay
from tiercel.store.manifest import Gap, Source
from tiercel.store.store import Store

MOST_GAPS = 200
"""Gaps of one piece of evidence that the ledger tells apart."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class Read:
    """What came of reading evidence: segments, figures and gaps, and what could not be read (None: all could)."""

    done: Ingested
    damage: str | None = None


def read_into(
    store: Store,
    evidence: Evidence,
    path: Path,
    detection: Detection,
    progress: Progress | None = None,
    preceding: Sequence[Path] = (),
) -> Read:
    """Read the evidence that lies at ``path`` into a store.

    ``preceding`` are the files of the same rotated audit log just before it: processes they tell of are known then.

    Raises:
        InputError: nothing of it can be read, or the disk refuses.
    """
    source = Source(evidence.id, evidence.name, evidence.kind, evidence.digests.sha256)
    if evidence.kind == "scap":
        batches = replay(path)
        done = ingest(store, batches, source, detection, progress)
        damage = batches.damage
        return Read(done, None if damage is None else f"byte {damage.offset}: {damage.reason}")
    if evidence.kind == "audit":
        return _read_audit(store, source, path, detection, progress, preceding)
    if evidence.kind == "falco_alerts":
        alerts = read_alerts([path])
        done = ingest_alerts(store, source, table_of(alerts))
        done.gaps += [Gap(gap.kind, gap.what, gap.from_ts, gap.to_ts, gap.count) for gap in alerts.gaps]
        if alerts.cut:
            what = f"{alerts.cut:,} {'alert was' if alerts.cut == 1 else 'alerts were'} cut by a forwarder"
            done.gaps.append(Gap("alerts_truncated", what, count=alerts.cut))
        if alerts.unparsable:
            what = "pieces of lines that are neither alerts nor what Falco says of itself"
            done.gaps.append(Gap("unparsed", what, count=alerts.unparsable))
        return Read(done, "; ".join(f"line {fault.line}: {fault.reason}" for fault in alerts.broken) or None)
    raise InputError(f"{evidence.name}: evidence of the kind {evidence.kind} cannot be read yet")


def _read_audit(
    store: Store,
    source: Source,
    path: Path,
    detection: Detection,
    progress: Progress | None,
    preceding: Sequence[Path],
) -> Read:
    log = AuditReplay([*preceding, path], size=SEGMENT_EVENTS)
    if not preceding:
        done = ingest(store, log, source, detection, progress)
        found, problems, damage = log.gaps(), log.problems.count, log.damage_message()
    else:
        before = AuditReplay(preceding, size=SEGMENT_EVENTS)
        done = ingest(store, _after(log, before), source, detection, progress)
        begin = begins(path)
        found = [gap for gap in log.gaps() if gap.to_ts >= begin]
        problems = log.problems.count - before.problems.count
        damage = None if log.damage_message() == before.damage_message() else log.damage_message()
    done.gaps += [Gap("dropped", _serials(gap), gap.from_ts, gap.to_ts, gap.count) for gap in found]
    if problems > 0:
        done.gaps.append(Gap("unparsed", "lines and events that could not be read", count=problems))
    return Read(done, damage)


def begins(path: Path) -> int:
    """Return the time of the first event of an audit log, ns since the epoch; later than any when it has none."""
    return next((event.ts for event in AuditLog([path])), 1 << 63)


def _after(batches: Iterable[Batch], before: Iterable[Batch]) -> Iterator[Batch]:
    """Yield batches without the events that ``before`` has of each host, which come first: they are hidden."""
    hidden = Counter[str]()
    for batch in before:
        hidden[_host(batch)] += int(batch.visible.sum())
    for batch in batches:
        shown = np.flatnonzero(batch.visible)
        earlier = shown[: hidden[_host(batch)]]
        hidden[_host(batch)] -= len(earlier)
        batch.visible[earlier] = False
        if len(earlier) < len(shown):
            yield batch


def _host(batch: Batch) -> str:
    return batch.world.machine.hostname if batch.world is not None else ""


def _serials(gap: AuditGap) -> str:
    numbers = f"{gap.first}" if gap.first == gap.last else f"{gap.first} to {gap.last}"
    host = f" of {gap.host}" if gap.host else ""
    return f"audit events {numbers}{host} are not in the log: lost, filtered or taken out"


def fewer(gaps: list[Gap]) -> list[Gap]:
    """Return the gaps, of very many the largest and one for all others."""
    if len(gaps) <= MOST_GAPS:
        return gaps
    largest = sorted(range(len(gaps)), key=lambda place: -(gaps[place].count or 0))[: MOST_GAPS - 1]
    kept = [gaps[place] for place in sorted(largest)]
    rest = [gaps[place] for place in set(range(len(gaps))) - set(largest)]
    starts = [gap.from_ts for gap in rest if gap.from_ts is not None]
    ends = [gap.to_ts for gap in rest if gap.to_ts is not None]
    count = sum(gap.count or 1 for gap in rest)
    return [
        *kept,
        Gap(rest[0].kind, f"{len(rest):,} smaller gaps", min(starts, default=None), max(ends, default=None), count),
    ]
