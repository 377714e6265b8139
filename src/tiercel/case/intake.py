"""Taking in an original: read-only, without a trace on it, and only if it holds still."""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiercel.case.pieces import Making, Pieces
from tiercel.custody.hashes import Digests, digest
from tiercel.errors import InputError

_SETTLED = 2_000_000_000
"""Nanoseconds: a file changed later than this before it is read may change again with the same time on it."""

_HARMLESS = re.compile(r"[^A-Za-z0-9._-]+")
_SPECIAL = (
    (stat.S_ISLNK, "a symbolic link: name the file it leads to"),
    (stat.S_ISFIFO, "a pipe: keep what comes out of it in a file first"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device: make an image of it first"),
    (stat.S_ISBLK, "a device: make an image of it first"),
)


@dataclass(frozen=True, slots=True)
class Original:
    """What an original was like when it was read; ``modified`` is in ns since epoch."""

    path: str
    digests: Digests
    pieces: Pieces
    mode: int
    uid: int
    gid: int
    modified: int

    def as_json(self) -> dict[str, Any]:
        """Return what the ledger keeps of it beside the hashes."""
        return {"path": self.path, "mode": f"{self.mode:04o}", "uid": self.uid, "gid": self.gid, "mtime": self.modified}


def take(path: Path, copy: Path | None) -> Original:
    """Hash an original and, with ``copy``, write its bytes there; the copy is read again and must be equal.

    Raises:
        InputError: the original is no regular file, cannot be read or changed meanwhile, or the copy is not equal.
        OSError: the copy cannot be written.
    """
    status = regular(path)
    started = time.time_ns()
    making = Making(status.st_size)
    if copy is None:
        digests = digest(path, making.feed)
    else:
        digests = _copy(path, status, making, copy)
        if digest(copy) != digests:
            raise InputError(f"{shown(path)}: the copy at {copy} differs from what was read: check the disk")
    # Files are stamped by a clock with coarse ticks: a change within the tick of the one before it leaves no trace.
    if started - status.st_mtime_ns < _SETTLED and digest(path) != digests:
        raise InputError(f"{shown(path)}: changed while it was read; stop what writes it, or take a copy and give that")
    return Original(
        path=shown(path.absolute()), digests=digests, pieces=making.pieces(), mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid, gid=status.st_gid, modified=status.st_mtime_ns,
    )  # fmt: skip


def regular(path: Path) -> os.stat_result:
    """Return the status of a regular file.

    Raises:
        InputError: it is something else, or not there.
    """
    try:
        status = os.lstat(path)
    except OSError as error:
        raise InputError(f"{shown(path)}: {error.strerror}") from None
    for is_special, what in _SPECIAL:
        if is_special(status.st_mode):
            raise InputError(f"{shown(path)}: is {what}")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{shown(path)}: is no regular file")
    return status


def shown(path: str | Path) -> str:
    """Return a path as valid text: bytes that are not UTF-8 become ``\\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def stored_name(identity: str, path: Path) -> str:
    """Return the name evidence goes by in the case: harmless on every system and in every archive."""
    return f"{identity}-{_HARMLESS.sub('_', path.name)[-100:]}"


def _copy(path: Path, status: os.stat_result, making: Making, copy: Path) -> Digests:
    with open(copy, "xb") as target:

        def sink(data: bytes) -> None:
            making.feed(data)
            target.write(data)

        digests = digest(path, sink)
        target.flush()
        os.utime(target.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fchmod(target.fileno(), 0o400)
        os.fsync(target.fileno())
    return digests
