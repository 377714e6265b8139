"""Hashes of a file, taken while it is read once, and whether it kept still meanwhile."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from tiercel.errors import InputError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 and BLAKE3 (hexadecimal) and the size (bytes) of one content."""

    sha256: str
    blake3: str
    size: int

    def as_dict(self) -> dict[str, str | int]:
        """Return what the ledger writes of it."""
        return {"sha256": self.sha256, "blake3": self.blake3, "size": self.size}


def open_untouched(path: str | Path) -> int:
    """Open a regular file read-only and return its descriptor; its access time stays as it is where that is permitted.

    Raises:
        InputError: it cannot be opened or is no regular file.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a named pipe must not wait for its writer
    try:
        try:
            handle = os.open(path, flags | getattr(os, "O_NOATIME", 0))
        except PermissionError:  # O_NOATIME is for the owner and root
            handle = os.open(path, flags)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InputError(f"{path}: not a regular file; give the path of a file")
    return handle


def digest(path: str | Path, sink: Callable[[bytes], object] | None = None) -> Digests:
    """Read a file once and return its hashes.

    Args:
        path: the file; opened read-only, access time kept where permitted.
        sink: called with each piece as it is read, to copy it in the same pass.

    Raises:
        InputError: it cannot be read, is no regular file, or changed while it was read.
    """
    handle = open_untouched(path)
    try:
        before = os.fstat(handle)
        sha256, blake = hashlib.sha256(), blake3()
        size = 0
        while size <= before.st_size:  # what grows as fast as it is read would never end
            try:
                piece = os.read(handle, _CHUNK)
            except OSError as error:
                raise InputError(f"{path}: {error.strerror} at byte {size:,}") from None
            if not piece:
                break
            size += len(piece)
            sha256.update(piece)
            blake.update(piece)
            if sink is not None:
                sink(piece)
        _refuse_changed(path, handle, before, size)
    finally:
        os.close(handle)
    return Digests(sha256.hexdigest(), blake.hexdigest(), size)


def digest_bytes(content: bytes) -> Digests:
    """Return the hashes of a content in memory."""
    return Digests(hashlib.sha256(content).hexdigest(), blake3(content).hexdigest(), len(content))


def _refuse_changed(path: str | Path, handle: int, before: os.stat_result, size: int) -> None:
    after = os.fstat(handle)
    if size != before.st_size or _identity(before) != _identity(after):
        how = f"{before.st_size:,} bytes before, {after.st_size:,} after"
    else:
        try:
            named = os.stat(path)
        except OSError:
            how = "it was removed"
        else:
            if (named.st_dev, named.st_ino) == (before.st_dev, before.st_ino):
                return
            how = "another file took its place"
    raise InputError(f"{path}: changed while it was read ({how}); stop what writes it, or take a copy and give that")


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
