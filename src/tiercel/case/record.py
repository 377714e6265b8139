"""What the ledger says a case holds: its evidence and its files. There is no other list of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tiercel.custody.entry import Entry
from tiercel.custody.hashes import Digests
from tiercel.store.manifest import Gap

CREATED = "case created"
ADDED = "evidence added"
INGESTED = "ingested"
NOT_INGESTED = "ingest failed"

INGESTIBLE = ("scap", "audit", "falco_alerts")
"""Kinds of evidence that are read into the store; others are kept."""


@dataclass(frozen=True, slots=True)
class RulesFile:
    """A rules file as it was used: its name, where the case keeps it, its SHA-256."""

    name: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Ingest:
    """One reading of evidence into the store.

    ``segments`` are paths in the case. ``gaps`` are what is missing, by the evidence's own account. ``damage`` says
    what could not be read, None when all could. ``tool`` are the versions of tiercel and its libraries then, ``every``
    whether each matching rule alerted instead of the first. ``preceding`` are the ids of the evidence that was read
    before it because it is earlier in the same rotated log.
    """

    seq: int
    time: str
    segments: tuple[str, ...]
    events: int
    alerts: int
    rules: tuple[RulesFile, ...]
    every: bool
    damage: str | None
    gaps: tuple[Gap, ...]
    tool: Mapping[str, Any]
    preceding: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence.

    ``name`` and ``origin`` (absolute path) are those of the original, ``path`` is where the case keeps its copy;
    ``copied`` is False when it only refers to the original.
    ``added`` is RFC 3339. ``ingest`` is None as long as it was not read into the store, ``failure`` then may say why.
    """

    id: str
    name: str
    kind: str
    digests: Digests
    origin: str
    path: str
    copied: bool
    added: str
    examiner: str
    ingest: Ingest | None = None
    failure: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it still has to be read into the store."""
        return self.kind in INGESTIBLE and self.ingest is None


@dataclass(slots=True)
class Record:
    """``files``: the hashes that each file of the case must have now; ``evidence`` by id, in order."""

    files: dict[str, Digests] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    unreadable: list[int] = field(default_factory=list)  # entries that say nothing that can be understood

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Record:
        """Gather what entries say, in their order."""
        record = cls()
        for entry in entries:
            record.take(entry)
        return record

    def take(self, entry: Entry) -> None:
        """Add what one more entry says. What makes no sense is passed over: its signature is checked elsewhere."""
        try:
            self._take(entry)
        except (KeyError, TypeError, ValueError, AttributeError):
            self.unreadable.append(entry.seq)

    def _take(self, entry: Entry) -> None:
        files = {_safe(path): digests_of(told) for path, told in entry.detail.get("files", {}).items()}
        self.files |= files
        if entry.action == ADDED and entry.evidence is not None and entry.after is not None:
            self.evidence[entry.evidence] = Evidence(
                id=entry.evidence, name=str(entry.detail["name"]), kind=str(entry.detail["kind"]),
                digests=digests_of(entry.after), origin=str(entry.detail["original"]["path"]),
                path=inside("evidence", entry.detail["path"]), copied=bool(entry.detail["copied"]), added=entry.time,
                examiner=entry.examiner,
            )  # fmt: skip
        elif entry.action == INGESTED and entry.evidence in self.evidence:
            known = self.evidence[entry.evidence]
            self.evidence[entry.evidence] = replace(known, ingest=_ingest(entry), failure=None)
        elif entry.action == NOT_INGESTED and entry.evidence in self.evidence:
            known = self.evidence[entry.evidence]
            self.evidence[entry.evidence] = replace(known, failure=entry.outcome)

    def same(self, digests: Digests) -> Evidence | None:
        """Return the evidence with the same content, None without."""
        return next((known for known in self.evidence.values() if known.digests == digests), None)

    def next_id(self) -> str:
        return f"E{len(self.evidence) + 1:03}"


def inside(folder: str, path: object) -> str:
    """Return a path in a case that must lie in ``folder``. Raises ValueError when it leads elsewhere."""
    text = _safe(str(path))
    if not text.startswith(f"{folder}/"):
        raise ValueError(f"{text!r} is no path in {folder}")
    return text


def _safe(path: str) -> str:
    parts = path.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in path:
        raise ValueError(f"{path!r} leads out of the case")
    return path


def digests_of(told: Mapping[str, Any]) -> Digests:
    """Return hashes as the ledger writes them. Raises KeyError, TypeError or ValueError when they are none."""
    return Digests(str(told["sha256"]), str(told["blake3"]), int(told["size"]))


def _ingest(entry: Entry) -> Ingest:
    told = entry.detail
    return Ingest(
        seq=entry.seq, time=entry.time, segments=tuple(inside("store", path) for path in told["segments"]),
        events=int(told["events"]), alerts=int(told["alerts"]), rules=tuple(map(_rules_file, told["rules"])),
        every=bool(told["every"]), damage=None if told["damage"] is None else str(told["damage"]),
        gaps=tuple(Gap(**gap) for gap in told["gaps"]), tool=entry.tool,
        preceding=tuple(map(str, told.get("preceding", ()))),
    )  # fmt: skip


def _rules_file(told: Mapping[str, Any]) -> RulesFile:
    return RulesFile(str(told["name"]), inside("rules", told["path"]), str(told["sha256"]))
