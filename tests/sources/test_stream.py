"""Compressed files: members, frames, early ends, damage, and files that expand without measure."""

from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path

import pytest
import zstandard

from tiercel.sources.stream import FINE, Stream

CONTENT = random.Random(1).randbytes(400_000) + b"run " * 400_000
GZIPPED = gzip.compress(CONTENT)
ZSTANDARD = zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT)


def read(folder: Path, packed: bytes, most: int = 6_000_000) -> tuple[bytes, str | None]:
    """Return what comes out, and the error."""
    path = folder / "packed"
    path.write_bytes(packed)
    stream = Stream(path)
    room = bytearray(most)
    got = stream.readinto(memoryview(room))
    error = stream.error
    stream.close()
    return bytes(room[:got]), error


@pytest.mark.parametrize(
    ("packed", "times"),
    [
        (CONTENT, 1),
        (b"", 0),
        (GZIPPED, 1),
        (GZIPPED * 2, 2),
        (GZIPPED + bytes(1000), 1),
        (ZSTANDARD, 1),
        (ZSTANDARD * 2, 2),
    ],
    ids=["plain", "empty", "gzip", "two members", "padding", "zstd", "two frames"],
)
def test_sound_files(tmp_path: Path, packed: bytes, times: int) -> None:
    assert read(tmp_path, packed) == (CONTENT * times, None)


@pytest.mark.parametrize("kept", [4, 15, 100, 5_000, 200_000, len(GZIPPED) - 9, len(GZIPPED) - 1])
def test_a_gzip_file_cut_off(tmp_path: Path, kept: int) -> None:
    got, error = read(tmp_path, GZIPPED[:kept])
    reference = zlib.decompressobj(31).decompress(GZIPPED[:kept])
    assert CONTENT.startswith(got)
    assert len(got) >= len(reference) - 300
    assert error == "gzip data ends too early"


@pytest.mark.parametrize("kept", [4, 100, 200_000, len(ZSTANDARD) - 1])
def test_a_zstd_file_cut_off(tmp_path: Path, kept: int) -> None:
    got, _ = read(tmp_path, ZSTANDARD[:kept])
    assert CONTENT.startswith(got)
    assert len(got) >= kept - 200_000


@pytest.mark.parametrize("packed", [GZIPPED, ZSTANDARD], ids=["gzip", "zstd"])
def test_what_stands_before_damage_comes_out(tmp_path: Path, packed: bytes) -> None:
    at = 300_000
    got, error = read(tmp_path, packed[:at] + b"\xff" * 2_000 + packed[at + 2_000 :])
    assert error is not None
    assert "is damaged" in error
    assert len(got) > at - (128 << 10) - FINE  # zstd checks blocks of 128 KB as a whole
    assert got[: at - (128 << 10)] == CONTENT[: at - (128 << 10)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_a_file_that_expands_without_measure_is_read_bit_by_bit(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    got, error = read(tmp_path, pack(bytes(200_000_000)), most=100_000)
    assert (got, error) == (bytes(100_000), None)
