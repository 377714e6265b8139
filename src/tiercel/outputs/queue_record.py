"""One waiting alert, and how it lies in a segment file of the queue.

A segment begins with a header: the magic, the run of the program that wrote it, and the number of its first record. A
record is its length and CRC-32, then number, time, priority, length of the line, the line, and what else belongs to it.
"""

from __future__ import annotations

import os
import secrets
import struct
import time
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"TCLQUE01"
_HEADER = struct.Struct("<8s16sQI")
HEADER_SIZE = _HEADER.size
_FRAME = struct.Struct("<II")
_FIXED = struct.Struct("<QQBI")
MAX_RECORD = 64 << 20
_CHUNK = 256 << 10
_NUMBER_BITS = 40
_NUMBERS = (1 << _NUMBER_BITS) - 1


class Damage(ValueError):
    """Bytes that are no record, at ``at``; what stands before them is whole."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


def new_run() -> int:
    """Return a name for one run of the program: a UUID of version 8 whose last 40 bits are free for numbers.

    It begins with the time in milliseconds, so that ids sort by run and number; 34 bits are random.
    """
    run = (time.time_ns() // 1_000_000 & (1 << 48) - 1) << 80
    run |= 8 << 76 | secrets.randbits(12) << 64 | 2 << 62
    return run | secrets.randbits(62 - _NUMBER_BITS) << _NUMBER_BITS


def alert_id(run: int, number: int) -> str:
    """Return the id of an alert."""
    return str(uuid.UUID(int=run | number & _NUMBERS))


@dataclass(frozen=True, slots=True)
class Record:
    """An alert as it waits for the outputs.

    ``number`` counts from 1 and goes on over restarts, ``time`` is when it was queued (ns since the epoch),
    ``priority`` is that of syslog (0 gravest), ``line`` has no end of line, ``extra`` is the alert as the gRPC service
    sends it.
    """

    number: int
    run: int
    time: int
    priority: int
    line: bytes
    extra: bytes = b""

    @property
    def id(self) -> str:
        """The alert's id, the same for every output and every attempt, and never used twice."""
        return alert_id(self.run, self.number)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return _FRAME.size + _FIXED.size + len(self.line) + len(self.extra)

    def encoded(self) -> bytes:
        fixed = _FIXED.pack(self.number, self.time, self.priority, len(self.line))
        crc = zlib.crc32(self.extra, zlib.crc32(self.line, zlib.crc32(fixed)))
        length = len(fixed) + len(self.line) + len(self.extra)
        return b"".join((_FRAME.pack(length, crc), fixed, self.line, self.extra))


def header(run: int, first: int) -> bytes:
    """Return how a segment begins."""
    start = _HEADER.pack(MAGIC, run.to_bytes(16, "big"), first, 0)[:-4]
    return start + struct.pack("<I", zlib.crc32(start))


def read_header(data: bytes) -> tuple[int, int]:
    """Return the run and the number of the first record.

    Raises:
        Damage: these bytes do not begin a segment.
    """
    if len(data) < HEADER_SIZE:
        raise Damage(0, "shorter than a header")
    magic, run, first, crc = _HEADER.unpack_from(data)
    if magic != MAGIC or crc != zlib.crc32(data[: HEADER_SIZE - 4]):
        raise Damage(0, "not the header of a segment")
    return int.from_bytes(run, "big"), first


def records(data: bytes, run: int, at: int = 0) -> Iterator[tuple[Record, int]]:
    """Yield each whole record from ``at`` on and where it ends; a record that goes on past the end is left out.

    Raises:
        Damage: a checksum does not fit, or a length cannot be.
    """
    size = len(data)
    while size - at >= _FRAME.size:
        length, crc = _FRAME.unpack_from(data, at)
        if not _FIXED.size <= length <= MAX_RECORD:
            raise Damage(at, f"a record of {length:,} bytes cannot be")
        start, end = at + _FRAME.size, at + _FRAME.size + length
        if end > size:
            return
        if zlib.crc32(data[start:end]) != crc:
            raise Damage(at, "the checksum of a record does not fit")
        number, queued, priority, line = _FIXED.unpack_from(data, start)
        body = start + _FIXED.size
        if body + line > end:
            raise Damage(at, "a line longer than its record")
        yield Record(number, run, queued, priority, data[body : body + line], data[body + line : end]), end
        at = end


def read_records(descriptor: int, run: int, offset: int, size: int) -> Iterator[tuple[Record, int]]:
    """Yield the records of a segment's file from ``offset`` to ``size``, and where each ends.

    Raises:
        Damage: as :func:`records`, or the last one is cut off.
        OSError: the file cannot be read.
    """
    chunk = _CHUNK
    while offset < size:
        data = os.pread(descriptor, min(chunk, size - offset), offset)
        whole = 0
        for record, whole in records(data, run):
            yield record, offset + whole
        if not whole and len(data) < chunk:
            raise Damage(offset, "cut off")
        chunk = _CHUNK if whole else chunk * 2
        offset += whole
