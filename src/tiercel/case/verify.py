"""Verifying a case: every file against what the ledger says of it, and the ledger against itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from tiercel.case.checking import Checking, Expected, Fault
from tiercel.case.intake import shown
from tiercel.case.record import Record
from tiercel.case.staging import INCOMING, MANIFEST
from tiercel.custody import check as custody_check
from tiercel.custody import timestamp
from tiercel.custody.entry import Entry
from tiercel.custody.hashes import digest
from tiercel.custody.keys import PublicKey, Signer
from tiercel.custody.ledger import Ledger
from tiercel.custody.lock import locked
from tiercel.errors import InputError
from tiercel.store.manifest import MAX_BYTES

VERIFIED = "verified"
"""The action under which a verification stands in the ledger."""

FOLDERS = ("evidence", "keys", "timestamps", "store", "rules", "pieces", "reports", INCOMING)
_LEDGER = ("ledger.jsonl", "ledger.head")
_UNFINISHED = ".new"
_TOLD = 100


@dataclass(slots=True)
class Verification:
    """What a verification came to: how much was hashed and what was found.

    ``size`` is in bytes; ``unrecorded`` says why the ledger could not take an entry about it.
    """

    faults: list[Fault] = field(default_factory=list)
    entries: int = 0
    files: int = 0
    size: int = 0
    unrecorded: str | None = None

    @property
    def ok(self) -> bool:
        return not any(fault.serious for fault in self.faults)

    @property
    def outcome(self) -> str:
        """What the ledger says of it."""
        serious = sum(fault.serious for fault in self.faults)
        return "ok" if not serious else f"{serious} {'fault' if serious == 1 else 'faults'} found"

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok, "entries": self.entries, "files": self.files, "bytes": self.size,
            "faults": [fault.as_json() for fault in self.faults], "unrecorded": self.unrecorded,
        }  # fmt: skip

    def detail(self) -> dict[str, Any]:
        """Return what the ledger keeps of it."""
        faults = [str(fault) for fault in self.faults[:_TOLD]]
        return {"checked": {"entries": self.entries, "files": self.files, "bytes": self.size}, "faults": faults}


def verify(
    root: Path,
    trusted: Sequence[PublicKey] | None = None,
    roots: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Verify the case in ``root`` while nobody works on it; nothing in it is changed.

    Args:
        root: the directory of the case.
        trusted: keys that may have signed; None for those that the ledger introduces itself.
        roots: root certificates for time stamps (PEM); None for those that are kept with them.
        progress: told the number of bytes hashed so far.

    Raises:
        InputError: the ledger is there and cannot be read.
    """
    faults = list(_custody(root, trusted, roots))
    entries = list(_readable(root))
    record = Record.of(entries)
    faults += [
        Fault("unreadable", "ledger.jsonl", f"entry {seq} says nothing that makes sense") for seq in record.unreadable
    ]
    checking = Checking(root, progress)
    expected = _told_by_ledger(root, record)
    checking.run(sorted(expected.values(), key=lambda file: not file.path.startswith("pieces/")))
    segments = _told_by_manifests(record, checking)
    checking.run(segments.values())
    found = [*faults, *checking.faults]
    found += _strangers(root, expected | segments, {entry.key for entry in entries})
    found = _moved(root, found, expected | segments)
    found.sort(key=lambda fault: not fault.serious)
    return Verification(found, len(entries), checking.files, checking.size)


def verified(
    root: Path,
    signer: Signer | None,
    trusted: Sequence[PublicKey] | None = None,
    roots: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Verify the case in ``root`` and, with a signer, write an entry about it into its ledger.

    Raises:
        InputError: the ledger cannot be read, or another process is working on the case.
    """
    with locked(root):  # what is just being added is in the case, and not yet in its ledger, or the other way round
        done = verify(root, trusted, roots, progress)
    if signer is not None:
        try:
            Ledger.open(root, signer).append(VERIFIED, outcome=done.outcome, detail=done.detail())
        except InputError as error:
            done.unrecorded = str(error)
    return done


def _custody(root: Path, trusted: Sequence[PublicKey] | None, roots: Path | None) -> Iterator[Fault]:
    findings = custody_check.check(root, trusted)
    if not any(finding.serious for finding in findings):
        findings += timestamp.verify(Ledger.open(root), roots)
    for finding in findings:
        path = {"head": "ledger.head", "key": "keys", "timestamp": "timestamps"}.get(finding.kind, "ledger.jsonl")
        place = "" if finding.line is None else f"line {finding.line}: "
        yield Fault(finding.kind, path, place + finding.what, serious=finding.serious)


def _readable(root: Path) -> Iterator[Entry]:
    """Yield the entries that can be understood, also of a ledger that was tampered with."""
    with suppress(InputError):
        for _, _, entry in Ledger.open(root).numbered():
            if entry is not None:
                yield entry


def _told_by_ledger(root: Path, record: Record) -> dict[str, Expected]:
    """Return the files that the ledger gives the hashes of, by path."""
    evidence = {known.path: known.id for known in record.evidence.values()}
    expected = {
        path: Expected(path, known.size, known.sha256, known.blake3, evidence.get(path))
        for path, known in record.files.items()
    }
    for known in record.evidence.values():
        if not known.copied and known.path not in expected:
            where = known.path if (root / known.path).exists() else known.origin
            digests = known.digests
            expected[where] = Expected(where, digests.size, digests.sha256, digests.blake3, known.id, known.path)
    return expected


def _told_by_manifests(record: Record, checking: Checking) -> dict[str, Expected]:
    """Return the files of segments, by path; where a manifest is not sound, as the hashes of pieces tell them."""
    expected: dict[str, Expected] = {}
    for evidence in record.evidence.values():
        for segment in evidence.ingest.segments if evidence.ingest else ():
            manifest = f"{segment}/{MANIFEST}"
            if manifest in checking.sound and (files := _manifest_files(checking.place(manifest))) is not None:
                told = [Expected(f"{segment}/{name}", size, sha256) for name, (size, sha256) in files.items()]
            else:
                pieces = checking.pieces()
                inside = [path for path in pieces if path.startswith(f"{segment}/") and path != manifest]
                told = [Expected(path, pieces[path].size) for path in inside]
            expected |= {file.path: replace(file, evidence=evidence.id) for file in told}
    return expected


def _manifest_files(path: Path) -> dict[str, tuple[int, str]] | None:
    """Return size and SHA-256 of a segment's files by name, None when the manifest does not say."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        told = json.loads(path.read_bytes())["files"]
        return {str(name): (int(file["size"]), str(file["sha256"])) for name, file in told.items() if "/" not in name}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _strangers(root: Path, expected: Collection[str], keys: Collection[str]) -> Iterator[Fault]:
    """Yield what lies in the case and is not part of it; ``keys`` are the fingerprints of those who signed."""
    parents = {parent.as_posix() for path in expected for parent in PurePosixPath(path).parents} | set(FOLDERS)
    for folder, folders, names in os.walk(root):
        inside = Path(folder).relative_to(root)
        if INCOMING in folders and folder == os.fspath(root):
            folders.remove(INCOMING)
            yield _trace(INCOMING, "left by work that was interrupted; the next command that works on it tidies up")
        for name in sorted(folders):
            path = shown(inside / name)
            if os.path.islink(os.path.join(folder, name)):
                yield Fault("inserted", path, "a symbolic link")
            elif path not in parents and not os.listdir(os.path.join(folder, name)):
                yield Fault("inserted", path, "an empty folder that is not part of the case")
        for name in sorted(names):
            path = shown(inside / name)
            if path not in expected and path not in _LEDGER:
                yield from _stranger(path, keys)


def _stranger(path: str, keys: Collection[str]) -> Iterator[Fault]:
    folder, _, name = path.rpartition("/")
    if folder in ("", "keys") and name.endswith(_UNFINISHED) and name.startswith(("ledger.", *keys)):
        yield _trace(path, "left by a crash")
    elif not folder and name.startswith("ledger.torn-"):
        yield _trace(path, "bytes of an entry that was never acknowledged, set aside after a crash")
    elif folder == "keys" and name.endswith(".pub"):
        if name.removesuffix(".pub") not in keys:
            yield _trace(path, "a key that signed nothing here")
    elif folder == "timestamps":
        yield _trace(path, "a time stamp that no entry of the ledger tells of")
    else:
        yield Fault("inserted", path, "is not part of the case: no entry of the ledger knows it")


def _trace(path: str, what: str) -> Fault:
    return Fault("left over", path, what, serious=False)


def _moved(root: Path, faults: list[Fault], expected: Mapping[str, Expected]) -> list[Fault]:
    """Return the faults with a removed file and an inserted one of the same content as one."""
    removed = [fault for fault in faults if fault.kind == "removed" and fault.path in expected]
    inserted = [fault.path for fault in faults if fault.kind == "inserted"]
    moved: dict[str, Fault] = {}
    for fault in removed:
        for other in inserted:
            if _holds(root / other, expected[fault.path]):
                moved[fault.path] = Fault("moved", fault.path, f"lies at {other} now", fault.evidence)
                inserted.remove(other)
                break
    gone = {fault.path for fault in faults if fault.kind == "inserted"} - set(inserted)
    return [moved.get(fault.path, fault) for fault in faults if fault.path not in gone]


def _holds(path: Path, expected: Expected) -> bool:
    try:
        return path.stat().st_size == expected.size and digest(path).sha256 == expected.sha256
    except (OSError, InputError):
        return False
