"""Handing a case over: one archive with everything, and a signed list of what is in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiercel.case.archive import MANIFEST, MANIFEST_MOST, SUFFIXES, writing
from tiercel.case.disk import explained
from tiercel.case.intake import stored_name
from tiercel.case.verify import Verification, verify
from tiercel.custody import canonical, clock
from tiercel.custody.hashes import Digests, digest
from tiercel.custody.keys import Signer
from tiercel.custody.ledger_file import locked
from tiercel.errors import InputError
from tiercel.store.durable import sync

if TYPE_CHECKING:
    from tiercel.case.case import Case

FORMAT = "tiercel case export 1"
EXPORTED = "exported"
ARCHIVED = "archive written"
_WITHOUT = (".new",)


@dataclass(frozen=True, slots=True)
class Exported:
    """An archive that was written: where, its hashes, how many files it holds beside its manifest."""

    path: Path
    digests: Digests
    files: int


def export(case: Case, out: Path) -> Exported:
    """Write the case into an archive, evidence that is kept elsewhere included.

    The case is verified first. The ledger gets an entry before, which goes along, and one with the archive's hashes
    after.

    Raises:
        InputError: the case is not sound, ``out`` is there already or cannot be written.
        OSError: the disk refuses something.
    """
    if not out.name.endswith(SUFFIXES):
        raise InputError(f"{out}: unknown kind of archive: name it {' or '.join(SUFFIXES[:2])} or .zip")
    if out.exists() or out.is_symlink():
        raise InputError(f"{out}: exists already")
    if out.absolute().parent.resolve().is_relative_to(case.path.resolve()):
        raise InputError(f"{out}: lies in the case: name a place outside of it")
    signer = case.ledger.signer
    if signer is None:
        raise InputError(f"{case.path}: opened to read only; name the examiner who hands it over")
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    with case.working():
        _refuse_unsound(case, verify(case.path))
        case.append(EXPORTED, detail={"archive": out.name, "case": case.id})
        with explained(out, "no archive was written", part), locked(case.ledger.file, write=False):
            written, count = _write(case, out, part, signer)
    case.append(ARCHIVED, after=written, detail={"archive": out.name})
    return Exported(out, written, count)


def _write(case: Case, out: Path, part: Path, signer: Signer) -> tuple[Digests, int]:
    files = {name: (path, digest(path)) for name, path in _files(case)}
    manifest = _manifest(case, signer, {name: known for name, (_, known) in files.items()})
    top = stored_name("case", case.path.absolute())
    try:
        with part.open("xb") as target:
            with writing(out, target) as writer:
                writer.add_bytes(f"{top}/{MANIFEST}", manifest)
                for name, (path, known) in files.items():
                    writer.add(f"{top}/{name}", path, known.size)
            target.flush()
            os.fsync(target.fileno())
        written = digest(part)
        os.link(part, out)  # unlike a rename never in the place of another file
        sync(out.absolute().parent)
    finally:
        part.unlink(missing_ok=True)
    return written, len(files)


def _manifest(case: Case, signer: Signer, files: Mapping[str, Digests]) -> bytes:
    head = case.ledger.head()
    told: dict[str, Any] = {
        "format": FORMAT,
        "case": case.id,
        "title": case.title,
        "exported": clock.now(),
        "examiner": signer.examiner,
        "ledger": {"entries": head.seq, "head": head.hash},
        "files": {name: known.as_dict() for name, known in files.items()},
        "key": signer.public.raw.hex(),
    }
    told["signature"] = signer.sign(canonical.encode(told))
    manifest = canonical.encode(told)
    if len(manifest) > MANIFEST_MOST:
        raise InputError(f"{case.path}: has too many files for one archive ({len(files):,})")
    return manifest


def _files(case: Case) -> Iterator[tuple[str, Path]]:
    """Yield the files of a case, the ledger first, with evidence that is kept elsewhere as if it were here."""
    for name in ("ledger.jsonl", "ledger.head"):
        yield name, case.path / name
    for folder, folders, names in os.walk(case.path):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            inside = path.relative_to(case.path).as_posix()
            if inside not in ("ledger.jsonl", "ledger.head") and not name.endswith(_WITHOUT):
                yield inside, path
    for evidence in case.evidence:
        if not evidence.copied and not (case.path / evidence.path).exists():
            yield evidence.path, case.evidence_path(evidence)


def _refuse_unsound(case: Case, done: Verification) -> None:
    if not done.ok:
        first = next(fault for fault in done.faults if fault.serious)
        raise InputError(f"{case.path}: {done.outcome}, so it is not handed over: {first}; see 'tiercel case verify'")
