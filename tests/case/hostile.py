"""Archives that no export would write."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import zstandard

Member = tuple[tarfile.TarInfo, bytes]


def members(archive: Path) -> list[Member]:
    """Return what a .tar.zst holds."""
    with tarfile.open(fileobj=io.BytesIO(_plain(archive))) as tar:
        return [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]


def _plain(archive: Path) -> bytes:
    with archive.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read()


def packed(path: Path, content: Iterable[Member]) -> Path:
    """Write a .tar.zst with other content."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in content:
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(zstandard.ZstdCompressor().compress(plain.getvalue()))
    return path


def plus(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b"x"
) -> Callable[[list[Member]], None]:
    """Return what adds one more member."""

    def change(content: list[Member]) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        content.append((info, b"x"))

    return change


def zip_with(path: Path, archive: Path, name: str, mode: int) -> Path:
    """Copy a .zip and add a member."""
    path.write_bytes(archive.read_bytes())
    with zipfile.ZipFile(path, "a") as packed:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        packed.writestr(info, "/etc/passwd")
    return path
