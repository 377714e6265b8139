"""Reading evidence into the store of a case."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tiercel.case.pieces import Pieces
from tiercel.case.record import INGESTED, NOT_INGESTED, Evidence
from tiercel.case.rules_used import RulesContent, detection, keep, read_rules
from tiercel.case.staging import STORE
from tiercel.detect import Detection
from tiercel.errors import InputError
from tiercel.sources.alert_log import read_alerts
from tiercel.store.alert_rows import table_of
from tiercel.store.ingest import Ingested, ingest, ingest_alerts, replay
from tiercel.store.manifest import Gap, Source
from tiercel.store.store import Store

if TYPE_CHECKING:
    from tiercel.case.case import Case
    from tiercel.case.staging import Staging

Progress = Callable[[int], None]


@dataclass(slots=True)
class Reading:
    """How evidence is read: the rules, ready to run, and whether each that matches an event alerts."""

    rules: list[RulesContent]
    every: bool
    detection: Detection

    @classmethod
    def of(cls, rules: Sequence[str | Path] = (), every: bool = False) -> Reading:
        """Load rules files and folders of them; without any those that come with tiercel.

        Raises:
            InputError: they cannot be read or do not load.
        """
        contents = read_rules(rules)
        return cls(contents, every, detection(contents, every))


@dataclass(slots=True)
class Read:
    """What came of reading evidence: segments, figures and gaps, and what could not be read (None: all could)."""

    done: Ingested
    damage: str | None = None


def read_into(
    store: Store, evidence: Evidence, path: Path, detection: Detection, progress: Progress | None = None
) -> Read:
    """Read the evidence that lies at ``path`` into a store.

    Raises:
        InputError: nothing of it can be read, or the disk refuses.
    """
    source = Source(evidence.id, evidence.name, evidence.kind, evidence.digests.sha256)
    if evidence.kind == "scap":
        batches = replay(path)
        done = ingest(store, batches, source, detection, progress)
        damage = batches.damage
        return Read(done, None if damage is None else f"byte {damage.offset}: {damage.reason}")
    if evidence.kind == "falco_alerts":
        log = read_alerts([path])
        done = ingest_alerts(store, source, table_of(log))
        done.gaps += [Gap(gap.kind, gap.what, gap.from_ts, gap.to_ts, gap.count) for gap in log.gaps]
        if log.unparsable:
            what = "pieces of lines that are neither alerts nor what Falco says of itself"
            done.gaps.append(Gap("unparsed", what, count=log.unparsable))
        return Read(done, "; ".join(f"line {fault.line}: {fault.reason}" for fault in log.broken) or None)
    raise InputError(f"{evidence.name}: evidence of the kind {evidence.kind} cannot be read yet")


def ingest_evidence(
    case: Case, staging: Staging, evidence: Evidence, reading: Reading, progress: Progress | None = None
) -> Evidence:
    """Read a piece of evidence into the store of its case; returns it as it is known then.

    Raises:
        InputError: it cannot be read (the case then says so), or the disk refuses.
        OSError: the disk refuses.
    """
    try:
        store = Store.create(staging.path / STORE)
        read = read_into(store, evidence, case.evidence_path(evidence), reading.detection, progress)
    except InputError as error:
        staging.discard()
        case.append(NOT_INGESTED, evidence=evidence.id, outcome=str(error))
        raise
    done, damage = read.done, read.damage
    segments = [path.relative_to(staging.path).as_posix() for path in done.segments]
    pieces = {
        f"{segment}/{file.name}": Pieces.of_file(file).as_json()
        for segment, path in zip(segments, done.segments, strict=True)
        for file in sorted(path.iterdir())
    }
    staging.write(f"pieces/{evidence.id}.store.json", json.dumps(pieces).encode() + b"\n")
    keep(reading.rules, case.record.files, staging)
    case.commit(
        staging,
        INGESTED,
        evidence=evidence.id,
        outcome="ok" if damage is None else f"damaged: {damage}",
        detail={
            "segments": segments,
            "events": done.events,
            "alerts": done.alerts,
            "rules": [asdict(rule.file) for rule in reading.rules],
            "every": reading.every,
            "damage": damage,
            "gaps": [asdict(gap) for gap in done.gaps],
        },
    )
    return case.record.evidence[evidence.id]
