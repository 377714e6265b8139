"""Reading evidence into the store of a case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tiercel.case.disk import named
from tiercel.case.pieces import Pieces
from tiercel.case.reading import Progress, begins, fewer, read_into
from tiercel.case.record import INGESTED, NOT_INGESTED, Evidence
from tiercel.case.rules_used import RulesContent, detection, keep, read_rules
from tiercel.case.staging import STORE
from tiercel.custody.hashes import digest
from tiercel.detect import Detection
from tiercel.errors import InputError
from tiercel.sources.rotated import set_of
from tiercel.store.segment import Segment
from tiercel.store.store import Store

_MOST_PRECEDING = 4
"""Files of a rotated log that are read before one of its files."""

if TYPE_CHECKING:
    from tiercel.case.case import Case
    from tiercel.case.staging import Staging


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


def ingest_evidence(
    case: Case, staging: Staging, evidence: Evidence, reading: Reading, progress: Progress | None = None
) -> Evidence:
    """Read a piece of evidence into the store of its case; returns it as it is known then.

    Raises:
        InputError: it cannot be read (the case then says so), or the disk refuses.
        OSError: the disk refuses.
    """
    path = case.evidence_path(evidence)
    try:
        store = Store.create(staging.path / STORE)
        preceding = _preceding(case, evidence, path)
        before = [case.evidence_path(known) for known in preceding]
        read = read_into(store, evidence, path, reading.detection, progress, before)
        if not evidence.copied and digest(path) != evidence.digests:
            raise InputError(f"{path}: changed since it was added; give a copy that holds still")
    except InputError as error:
        staging.discard()
        message = named(str(error), staging.path, case.path)
        case.append(NOT_INGESTED, evidence=evidence.id, outcome=message)
        raise InputError(message) from None
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
            "preceding": [known.id for known in preceding],
            "gaps": [asdict(gap) for gap in fewer(done.gaps)],
        },
    )
    return case.record.evidence[evidence.id]


def _preceding(case: Case, evidence: Evidence, path: Path) -> list[Evidence]:
    """Return what the case holds of the same rotated audit log just before a file of it, oldest first."""
    if evidence.kind != "audit":
        return []
    alike = set_of(Path(evidence.origin))
    begin = begins(path)
    found = []
    for known in case.evidence:
        if known.kind == "audit" and known.ingest is not None and set_of(Path(known.origin)) == alike:
            ends = [Segment(case.path / segment).manifest.last_ts for segment in known.ingest.segments]
            end = max((ts for ts in ends if ts is not None), default=None)
            if end is not None and end <= begin:
                found.append((end, known.id, known))
    return [known for _, _, known in sorted(found)[-_MOST_PRECEDING:]]
