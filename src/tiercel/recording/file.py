"""A capture file while it is written: under another name, readable up to the last second, hashed on the way."""

from __future__ import annotations

import fcntl
import hashlib
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

import zstandard

from tiercel.store.durable import sync

Compression = Literal["none", "gzip", "zstd"]

PART = ".part"
"""What is appended to the name of a capture that is not complete."""

_SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_FAST = 1


def compression_of(path: Path) -> Compression:
    """Return what the suffix of a path asks for."""
    return _SUFFIXES.get(path.suffix, "none")


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self, mode: int, /) -> bytes: ...


class CaptureFile:
    """Takes blocks and puts them into ``path``, which is there under that name once :meth:`finish` returns.

    Only its owner may read it: captures hold what was typed and sent. While it is written it is locked, so that
    another process does not take it for one left behind.

    Raises:
        OSError: it cannot be created, or is there already.
    """

    def __init__(self, path: Path, compression: Compression = "none") -> None:
        self.path = path
        self.part = path.with_name(path.name + PART)
        self.written = 0
        """Bytes on the disk so far."""
        self._digest = hashlib.sha256()
        self._packer: _Packer | None = None
        self._ends = (0, 0)  # modes of flushing: in between, at the end
        if compression == "gzip":
            self._packer = zlib.compressobj(_FAST, zlib.DEFLATED, 31)
            self._ends = zlib.Z_SYNC_FLUSH, zlib.Z_FINISH
        elif compression == "zstd":
            self._packer = zstandard.ZstdCompressor(level=_FAST).compressobj()
            self._ends = zstandard.COMPRESSOBJ_FLUSH_BLOCK, zstandard.COMPRESSOBJ_FLUSH_FINISH
        self._file = os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # not every file system can
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, data: bytes | bytearray) -> None:
        """Write blocks."""
        self._put(data if self._packer is None else self._packer.compress(bytes(data)))

    def flush(self) -> None:
        """Bring what was written into the file, so that it can be read up to here."""
        if self._packer is not None:
            self._put(self._packer.flush(self._ends[0]))

    def _put(self, data: bytes | bytearray) -> None:
        view = memoryview(data)
        while len(view):
            done = os.write(self._file, view)
            self._digest.update(view[:done])
            self.written += done
            view = view[done:]

    def finish(self) -> str:
        """End the file, bring it to the disk and give it its name; return its SHA-256 (hexadecimal).

        Raises:
            OSError: the disk refuses; what was written stays under the other name.
        """
        try:
            if self._packer is not None:
                self._put(self._packer.flush(self._ends[1]))
            os.fsync(self._file)
            os.rename(self.part, self.path)
            sync(self.path.parent)
        finally:
            self.abandon()
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """Close the file as it is. Calling it again does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
