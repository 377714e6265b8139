"""Archives of whole cases: ``.tar.zst``, ``.tar.gz`` and ``.zip``, written as one stream and read with suspicion.

An archive holds regular files only, the manifest first. What is read is never more than was promised before: the
manifest gives each size, and what stands between files is limited.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Protocol, cast

import zstandard

from tiercel.errors import InputError

SUFFIXES = (".tar.zst", ".tar.gz", ".tgz", ".zip")
MANIFEST = "EXPORT.json"
MANIFEST_MOST = 64 << 20
"""Bytes of the largest manifest that is read."""

_BETWEEN = 1 << 20
"""Bytes that may stand between two files of a tar archive: headers, padding, what is read ahead."""

_LONGEST_PATH, _LONGEST_NAME = 1000, 255
_READ = 1 << 20
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError, zlib.error, EOFError, ValueError, OSError,
           NotImplementedError, RuntimeError)  # fmt: skip


class Writer(Protocol):
    """Where the files of an archive go, one after the other."""

    def add(self, name: str, path: Path, size: int) -> None:
        """Add a file of ``size`` bytes."""

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a small file."""


@contextmanager
def writing(path: Path, out: BinaryIO) -> Iterator[Writer]:
    """Write an archive to ``out``, of the kind that the name of ``path`` asks for.

    Raises:
        InputError: the name ends in none of ``SUFFIXES``.
    """
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            yield _ZipWriter(packed)
    elif path.name.endswith(".tar.zst"):
        compressor = zstandard.ZstdCompressor(level=3, threads=-1)
        with compressor.stream_writer(out, closefd=False) as stream, _tar(stream) as tar:
            yield _TarWriter(tar)
    elif path.name.endswith((".tar.gz", ".tgz")):
        with gzip.GzipFile("", "wb", 6, out, mtime=0) as packed_stream, _tar(packed_stream) as tar:
            yield _TarWriter(tar)
    else:
        raise InputError(f"{path}: unknown kind of archive: name it {' or '.join(SUFFIXES[:2])} or .zip")


def _tar(stream: Any) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT)


@dataclass(slots=True)
class _TarWriter:
    tar: tarfile.TarFile

    def add(self, name: str, path: Path, size: int) -> None:
        with path.open("rb") as file:
            self.tar.addfile(_member(name, size), file)

    def add_bytes(self, name: str, content: bytes) -> None:
        self.tar.addfile(_member(name, len(content)), io.BytesIO(content))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o400
    return member


@dataclass(slots=True)
class _ZipWriter:
    packed: zipfile.ZipFile

    def add(self, name: str, path: Path, size: int) -> None:
        member = zipfile.ZipInfo(name)
        member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, (stat.S_IFREG | 0o400) << 16
        member.file_size = size  # decides between the two forms of the header
        with path.open("rb") as file, self.packed.open(member, "w") as target:
            shutil.copyfileobj(file, target, _READ)

    def add_bytes(self, name: str, content: bytes) -> None:
        member = zipfile.ZipInfo(name)
        member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, (stat.S_IFREG | 0o400) << 16
        self.packed.writestr(member, content)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its path beside the manifest and its size in bytes; to be read before the next one."""

    archive: Path
    name: str
    size: int
    content: IO[bytes]

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises InputError when the archive is damaged there."""
        try:
            return self.content.read(size)
        except _DAMAGE as error:
            raise InputError(f"{self.archive}: damaged in {self.name!r}: {error}") from None


class Reader:
    """The files of an archive in its order, the manifest first. Use it in a ``with`` statement.

    Raises InputError when it is no archive, damaged, or holds what no export does (a link, a device, a path that leads
    out of it, the same file twice).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        self._limited: _Limited | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def members(self) -> Iterator[Member]:
        """Yield the files; read each before asking for the next, and no more than :meth:`accept` was told."""
        seen: set[str] = set()
        top: str | None = None
        try:
            for name, size, content in self._zip() if self._magic().startswith(b"PK") else self._tar():
                parts = safe_path(self.path, name).parts
                top = top or parts[0]
                inner = "/".join(parts[1:])
                if parts[0] != top or not inner:
                    raise InputError(f"{self.path}: {name!r} stands outside the folder {top!r} of the case")
                if inner in seen:
                    raise InputError(f"{self.path}: holds {name!r} twice")
                if not seen and inner != MANIFEST:
                    raise InputError(f"{self.path}: does not begin with {MANIFEST}: not made by 'tiercel case export'")
                seen.add(inner)
                yield Member(self.path, inner, size, content)
        except InputError:
            raise
        except _DAMAGE as error:
            raise InputError(f"{self.path}: damaged or no archive: {error}") from None

    def accept(self, size: int) -> None:
        """Let a file of ``size`` bytes be read."""
        if self._limited is not None:
            self._limited.left += size + _BETWEEN

    def _magic(self) -> bytes:
        magic = self._file.read(4)
        self._file.seek(0)
        return magic

    def _tar(self) -> Iterator[tuple[str, int, IO[bytes]]]:
        stream: Any
        if self._magic() == b"\x28\xb5\x2f\xfd":
            stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(self._file)
        elif self._magic().startswith(b"\x1f\x8b"):
            stream = gzip.GzipFile(fileobj=self._file)
        else:
            raise InputError(f"{self.path}: no .tar.zst, .tar.gz or .zip archive")
        self._limited = _Limited(self.path, stream)
        with tarfile.open(fileobj=cast(BinaryIO, self._limited), mode="r|") as tar:
            for member in tar:
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.sparse is not None:
                    raise InputError(f"{self.path}: {member.name!r} is no regular file")
                content = tar.extractfile(member)
                if content is not None:
                    yield member.name, member.size, content

    def _zip(self) -> Iterator[tuple[str, int, IO[bytes]]]:
        with zipfile.ZipFile(self._file) as packed:
            for member in packed.infolist():
                kind = stat.S_IFMT(member.external_attr >> 16)
                if member.is_dir() or kind not in (0, stat.S_IFREG):
                    raise InputError(f"{self.path}: {member.filename!r} is no regular file")
                if member.flag_bits & 1:
                    raise InputError(f"{self.path}: is encrypted")
                with packed.open(member) as content:
                    yield member.filename, member.file_size, content


def safe_path(archive: Path, name: str) -> PurePosixPath:
    """Return a path in an archive.

    Raises:
        InputError: it leads elsewhere, or is none that an export would write.
    """
    parts = name.split("/")
    long = len(os.fsencode(name)) > _LONGEST_PATH or any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts)
    if long or not all(parts) or {".", ".."} & set(parts) or not name.isprintable() or "\\" in name:
        raise InputError(f"{archive}: refused: holds a file with the path {name[:200]!r}")
    return PurePosixPath(name)


@dataclass(slots=True)
class _Limited:
    """A stream of which only ``left`` bytes may still be read: no header can ask for the memory of the machine."""

    path: Path
    stream: Any
    left: int = _BETWEEN

    def read(self, size: int) -> bytes:
        data: bytes = self.stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise InputError(f"{self.path}: refused: expands to more than its manifest says")
        return data
