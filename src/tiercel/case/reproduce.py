"""Repeating the reading of all evidence with the rules that were used, and comparing with what the case holds."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiercel.case.disk import explained
from tiercel.case.reading import Progress, read_into
from tiercel.case.record import Evidence, Ingest, RulesFile
from tiercel.case.rules_used import RulesContent, detection
from tiercel.custody.entry import tool
from tiercel.custody.hashes import digest
from tiercel.errors import InputError
from tiercel.store.schema import TABLES
from tiercel.store.segment import Segment
from tiercel.store.store import Store

if TYPE_CHECKING:
    from tiercel.case.case import Case

REPRODUCED = "reproduced"
_TOLD = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a repetition came to something else; ``segment`` is a path in the case, empty for evidence as a whole."""

    evidence: str
    segment: str
    what: str

    def __str__(self) -> str:
        return f"{self.evidence}{': ' + self.segment if self.segment else ''}: {self.what}"


@dataclass(slots=True)
class Reproduction:
    """What came of it: figures of what was compared, what differs, and other versions of tools than in those days.

    ``identical`` counts segments of which each file is the same byte for byte, ``equal`` those with the same rows in
    files that differ, as another version of pyarrow may write them.
    """

    evidence: int = 0
    segments: int = 0
    identical: int = 0
    equal: int = 0
    events: int = 0
    alerts: int = 0
    differences: list[Difference] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}

    def lines(self) -> Iterator[str]:
        """Yield it as text to read."""
        yield from map(str, self.differences)
        yield from (f"other version: {version}" for version in self.versions)
        same = f"{self.identical:,} identical" + (f", {self.equal:,} with the same rows" if self.equal else "")
        yield (
            f"{self.events:,} events and {self.alerts:,} alerts of {self.evidence:,} pieces of evidence read again: "
            f"of {self.segments:,} segments {same}"
        )


def reproduce(case: Case, progress: Progress | None = None) -> Reproduction:
    """Read every evidence that was read once more, into a store beside, and compare segment by segment.

    The ledger gets an entry about it when the case is opened to be worked on.

    Raises:
        InputError: evidence or rules are not what the ledger says, or the disk refuses.
    """
    done = Reproduction()
    with explained(case.path, "nothing was compared"):
        for evidence in case.evidence:
            if evidence.ingest is not None:
                done.evidence += 1
                done.versions += [text for text in _versions(evidence.ingest) if text not in done.versions]
                with tempfile.TemporaryDirectory(prefix="tiercel-") as folder:
                    _compare(case, evidence, evidence.ingest, Store.create(Path(folder, "store")), done, progress)
    if case.ledger.signer is not None:
        count = len(done.differences)
        outcome = "ok" if done.ok else f"{count} {'difference' if count == 1 else 'differences'} found"
        detail = asdict(done) | {"differences": [str(difference) for difference in done.differences[:_TOLD]]}
        case.append(REPRODUCED, outcome=outcome, detail=detail)
    return done


def _compare(
    case: Case, evidence: Evidence, ingest: Ingest, store: Store, done: Reproduction, progress: Progress | None
) -> None:
    def differs(segment: str, what: str) -> None:
        done.differences.append(Difference(evidence.id, segment, what))

    if digest(path := case.evidence_path(evidence)) != evidence.digests:
        raise InputError(f"{path}: was altered since it was added; see 'tiercel case verify'")
    rules = [_rules(case, file) for file in ingest.rules]
    before = [case.evidence_path(known) for known in case.evidence if known.id in ingest.preceding]
    read = read_into(store, evidence, path, detection(rules, ingest.every), progress, before)
    done.events += read.done.events
    done.alerts += read.done.alerts
    for name, then, now in (
        ("events", ingest.events, read.done.events),
        ("alerts", ingest.alerts, read.done.alerts),
        ("damage", ingest.damage, read.damage),
    ):
        if then != now:
            differs("", f"{name}: {_figure(then)} then, {_figure(now)} now")
    again = {f"store/{path.relative_to(store.path).as_posix()}": path for path in read.done.segments}
    for segment in ingest.segments:
        done.segments += 1
        if segment not in again:
            differs(segment, "did not come about this time")
            continue
        found = list(_differing(Segment(case.path / segment), Segment(again.pop(segment))))
        if not found:
            done.identical += 1
        elif all(not what for _, what in found):
            done.equal += 1
        for table, what in found:
            if what:
                differs(segment, f"{table}: {what}")
    for segment in again:
        differs(segment, "did not come about in those days")


def _differing(then: Segment, now: Segment) -> Iterator[tuple[str, str]]:
    """Yield the tables whose files differ, and how their rows do (empty: they do not)."""
    for name in TABLES:
        if then.manifest.files.get(f"{name}.parquet") == now.manifest.files.get(f"{name}.parquet"):
            continue
        before, after = then.table(name), now.table(name)
        if before.num_rows != after.num_rows:
            yield name, f"{before.num_rows:,} rows then, {after.num_rows:,} now"
        elif before.equals(after):
            yield name, ""
        else:
            columns = [column for column in before.column_names if not _same(before, after, column)]
            yield name, f"other values in {', '.join(columns)}" if columns else "other columns"


def _same(before: Any, after: Any, column: str) -> bool:
    return column in after.column_names and bool(before.column(column).equals(after.column(column)))


def _rules(case: Case, file: RulesFile) -> RulesContent:
    path = case.path / file.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; see 'tiercel case verify'") from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise InputError(f"{path}: was altered since it was used; see 'tiercel case verify'")
    return RulesContent(file.name, file, content)


def _versions(ingest: Ingest) -> Iterator[str]:
    now = _flat(tool())
    then = _flat(ingest.tool)
    for name in sorted(now.keys() | then.keys()):
        if then.get(name) != now.get(name):
            yield f"{name} {then.get(name, 'absent')} then, {now.get(name, 'absent')} now"


def _flat(versions: Any) -> dict[str, str]:
    libraries = versions.get("libraries", {})
    own = {name: str(value) for name, value in versions.items() if name != "libraries"}
    return own | {str(name): str(value) for name, value in libraries.items()} if isinstance(libraries, dict) else own


def _figure(value: object) -> str:
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
