"""Make a long capture by repeating the events of a short one.

``python bench/repeat_capture.py SRC DST --events 3100000 [--compress gz|zst]``

The blocks that describe the host are kept once; every event block is copied byte for byte except for its time, which
each repetition shifts past the end of the one before. Nothing inside the parameters is shifted, nor a time of 0 or of
all ones, which stand for no time. Whole repetitions are written, so the result holds at least the number of event
blocks asked for.
"""

from __future__ import annotations

import argparse
import gzip
import io
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import zstandard
from numpy.typing import NDArray

WITHOUT_FLAGS = {0x204, 0x216, 0x221, 0x8010ABCD}
WITH_FLAGS = {0x208, 0x217, 0x222}


def read(path: Path) -> bytes:
    """Return the whole uncompressed capture."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw)
    if raw[:4] == b"\x28\xb5\x2f\xfd":
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw), read_across_frames=True) as stream:
            return stream.read()
    return raw


def split(capture: bytes) -> tuple[bytes, bytes, NDArray[np.int64]]:
    """Return the host blocks, the event blocks, and where in the latter each time stands (byte offsets, int64)."""
    head, events, stamps = bytearray(), bytearray(), []
    offset = 0
    while offset + 12 <= len(capture):
        kind, length = struct.unpack_from("<II", capture, offset)
        if length < 12 or offset + length > len(capture):
            sys.exit(f"repeat_capture: damaged block at byte {offset}")
        block = capture[offset : offset + length]
        if kind in WITHOUT_FLAGS or kind in WITH_FLAGS:
            stamps.append(len(events) + (14 if kind in WITH_FLAGS else 10))
            events += block
        else:
            head += block
        offset += length
    return bytes(head), bytes(events), np.array(stamps, dtype=np.int64)


@contextmanager
def sink(path: Path, compress: str) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open ``path`` for writing, compressed as asked."""
    if compress == "gz":
        with gzip.open(path, "wb", compresslevel=6) as packed:
            yield packed
    elif compress == "zst":
        with path.open("wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file) as stream:
            yield stream
    else:
        with path.open("wb") as file:
            yield file


def repeat(source: Path, target: Path, at_least: int, compress: str = "") -> int:
    """Write ``target`` and return its number of event blocks."""
    head, events, stamps = split(read(source))
    if not len(stamps):
        sys.exit(f"repeat_capture: {source} holds no events")
    cells = stamps[:, None] + np.arange(8)
    buffer = np.frombuffer(events, dtype=np.uint8).copy()
    times = np.ascontiguousarray(buffer[cells]).view("<u8")[:, 0]
    timed = (times != 0) & (times != np.uint64(2**64 - 1))
    period = int(times[timed].max() - times[timed].min()) + 1 if timed.any() else 0
    repetitions = -(-at_least // len(stamps))
    with sink(target, compress) as out:
        out.write(head)
        for round in range(repetitions):
            shifted = np.where(timed, times + np.uint64(period * round), times).astype("<u8")
            buffer[cells] = shifted.view(np.uint8).reshape(-1, 8)
            out.write(buffer.tobytes())
    return repetitions * len(stamps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--events", type=int, default=3_100_000, help="at least this many event blocks")
    parser.add_argument("--compress", choices=["gz", "zst"], default="")
    options = parser.parse_args()
    count = repeat(options.source, options.target, options.events, options.compress)
    print(f"{options.target}: {count} event blocks", file=sys.stderr)


if __name__ == "__main__":
    main()
