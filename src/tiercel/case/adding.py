"""Taking evidence into a case."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tiercel.case.intake import regular, shown, stored_name, take
from tiercel.case.record import ADDED, Evidence
from tiercel.errors import InputError
from tiercel.sources.sniff import kind_of

if TYPE_CHECKING:
    from tiercel.case.case import Case
    from tiercel.case.staging import Staging

AGAIN = "evidence offered again"


@dataclass(frozen=True, slots=True)
class Added:
    """A piece of evidence, and whether the case had its content before (under the same or another name)."""

    evidence: Evidence
    again: bool


def add(case: Case, staging: Staging, path: Path, copy: bool) -> Added:
    """Take one file into a case: copied, or with ``copy`` False hashed and left where it is.

    Raises:
        InputError: it is no regular file, cannot be read, changed while it was read, or lies in the case itself.
        OSError: the disk refuses something.
    """
    if path.resolve().is_relative_to(case.path.resolve()):
        raise InputError(f"{shown(path)}: lies in the case already")
    regular(path)
    identity = case.record.next_id()
    stored = f"evidence/{stored_name(identity, path)}"
    original = take(path, staging.at(stored) if copy else None)
    known = case.record.same(original.digests)
    if known is not None:
        staging.discard()
        detail = {"name": shown(path.name), "original": original.as_json()}
        case.append(AGAIN, evidence=known.id, before=original.digests, detail=detail)
        return Added(case.record.evidence[known.id], True)
    if copy:
        staging.made(stored, original.digests)
    pieces = {stored: original.pieces.as_json()}
    staging.write(f"pieces/{identity}.json", json.dumps(pieces).encode() + b"\n")
    case.commit(
        staging,
        ADDED,
        evidence=identity,
        before=original.digests,
        after=original.digests,
        detail={
            "name": shown(path.name),
            "kind": str(kind_of(staging.path / stored if copy else path)),
            "path": stored,
            "copied": copy,
            "original": original.as_json(),
        },
    )
    return Added(case.record.evidence[identity], False)


def files_of(path: Path) -> Iterator[Path]:
    """Yield a file itself, of a folder all files in it and below, in the order of their names.

    What is no regular file is among them: adding it says why it cannot be.
    """
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path, onerror=_refuse):
        folders.sort()
        linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted(files + linked):
            yield Path(folder, name)


def _refuse(error: OSError) -> None:
    raise InputError(f"{shown(error.filename or '')}: {error.strerror}")
