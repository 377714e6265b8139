"""Taking over a case: an archive is unpacked with suspicion, verified as a whole, and only then a case."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiercel.case.archive import MANIFEST, MANIFEST_MOST, Member, Reader, safe_path
from tiercel.case.aside import appearing
from tiercel.case.case import Case
from tiercel.case.export import EXPORTED, FORMAT
from tiercel.case.record import digests_of
from tiercel.case.staging import INCOMING
from tiercel.case.verify import verify
from tiercel.custody import canonical
from tiercel.custody.hashes import Digests, digest
from tiercel.custody.keys import PublicKey, Signer
from tiercel.errors import InputError

IMPORTED = "imported"
_TOO_FAR = 200
"""Times its own size that an archive may expand to without being asked."""

_SMALL = 1 << 30
"""Bytes up to which it may expand in any case."""

_RESERVE = 64 << 20
_READ = 1 << 20
_MOST_FILES = 1_000_000


@dataclass(frozen=True, slots=True)
class Promised:
    """What an archive says of itself, its signature checked: ``head`` is that of the ledger, ``files`` by path."""

    case: str
    examiner: str
    head: str
    key: PublicKey
    files: dict[str, Digests]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())


def import_case(archive: Path, target: Path, signer: Signer, *, largest: int | None = None) -> Case:
    """Unpack and verify a case, and go on with its ledger as ``signer``.

    Args:
        archive: what ``export`` wrote.
        target: the directory of the case to be; not there yet, or empty.
        signer: who receives it.
        largest: bytes it may expand to; None for what is usual for its size.

    Raises:
        InputError: it is no sound export, holds what none does, expands to more than it may, or the disk refuses. There
            is no case then.
    """
    received = digest(archive)
    with appearing(target) as made:
        promised = _unpack(archive, made, received.size, largest)
        case = _checked(archive, made, promised)
        case.ledger.signer = signer
        detail = {"archive": archive.name, "from": promised.examiner, "head": promised.head}
        case.append(IMPORTED, before=received, detail=detail)
    return Case.open(target, signer)


def _unpack(archive: Path, made: Path, size: int, largest: int | None) -> Promised:
    with Reader(archive) as reader:
        members = reader.members()
        first = next(members, None)
        if first is None:
            raise InputError(f"{archive}: an empty archive")
        if first.size > MANIFEST_MOST:
            raise InputError(f"{archive}: refused: its manifest is too large ({first.size:,} bytes)")
        reader.accept(first.size)
        promised = _promised(archive, first.read(first.size))
        _refuse_bombs(archive, made, promised.size, size, largest)
        missing = set(promised.files)
        for member in members:
            known = promised.files.get(member.name)
            if known is None:
                raise InputError(f"{archive}: holds {member.name!r}, which is not in its manifest")
            if member.size != known.size:
                raise InputError(f"{archive}: {member.name!r} is altered: {member.size:,} bytes, not {known.size:,}")
            reader.accept(member.size)
            _extract(archive, member, made / member.name, known)
            missing.remove(member.name)
    if missing:
        raise InputError(f"{archive}: {len(missing)} files are missing, such as {min(missing)!r}")
    return promised


def _promised(archive: Path, content: bytes) -> Promised:
    """Return what the manifest says. Raises InputError when it is none, or not as it was signed."""
    try:
        told = canonical.decode(content)
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']!r} is not known, {FORMAT!r} is")
        key = PublicKey.from_raw(bytes.fromhex(told["key"]))
        signature = told.pop("signature")
        if not key.signed(canonical.encode(told), str(signature)):
            raise ValueError("its signature is not that of its content")
        files = {_path(archive, path): digests_of(digests) for path, digests in told["files"].items()}
        if len(files) > _MOST_FILES or any(file.size < 0 for file in files.values()):
            raise ValueError("its files cannot be")
        return Promised(str(told["case"]), str(told["examiner"]), str(told["ledger"]["head"]), key, files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{archive}: {MANIFEST} is altered or none: {error}") from None


def _path(archive: Path, path: Any) -> str:
    if safe_path(archive, str(path)).parts[0] == INCOMING:
        raise InputError(f"{archive}: refused: holds a file with the path {path!r}")
    return str(path)


def _refuse_bombs(archive: Path, made: Path, expanded: int, size: int, largest: int | None) -> None:
    if expanded > (max(_SMALL, size * _TOO_FAR) if largest is None else largest):
        raise InputError(
            f"{archive}: refused: expands to {expanded:,} bytes, {expanded // max(size, 1):,} times its size; "
            f"if that is right, give --max-size {expanded}"
        )
    free = shutil.disk_usage(made).free
    if expanded > free - _RESERVE:
        raise InputError(f"{archive}: expands to {expanded:,} bytes, and {free:,} are free where it is to go")


def _extract(archive: Path, member: Member, path: Path, known: Digests) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    hasher, left = hashlib.sha256(), member.size
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        while left and (data := member.read(min(left, _READ))):
            hasher.update(data)
            file.write(data)
            left -= len(data)
        file.flush()
        os.fsync(handle)
        os.fchmod(handle, 0o400 if member.name.startswith("evidence/") else 0o644)
    if left or hasher.hexdigest() != known.sha256:
        raise InputError(f"{archive}: {member.name!r} is altered: its hash is not that of the manifest")


def _checked(archive: Path, made: Path, promised: Promised) -> Case:
    """Return the unpacked case. Raises InputError unless it is sound and the one that was handed over."""
    done = verify(made)
    if not done.ok:
        first = next(fault for fault in done.faults if fault.serious)
        raise InputError(f"{archive}: the case in it is not sound, {done.outcome}: {first}")
    case = Case.open(made)
    if case.ledger.head().hash != promised.head or case.id != promised.case:
        raise InputError(f"{archive}: its manifest is that of another case")
    signed = any(entry.action == EXPORTED and entry.key == promised.key.fingerprint for entry in case.ledger.entries())
    if not signed:
        raise InputError(f"{archive}: its manifest is not signed by who handed the case over")
    return case
