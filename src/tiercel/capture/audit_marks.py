"""Marks, kept on disk as the lines they came from: there may be far more of them than memory holds."""

from __future__ import annotations

import struct
import tempfile
import weakref
from collections.abc import Iterator
from typing import IO, Protocol

from tiercel.sources.audit_mark import AuditMark, mark_of
from tiercel.sources.audit_record import AuditRecord, parse

_LENGTHS = struct.Struct("<III")


class Marks(Protocol):
    """Takes records that become no event."""

    def add(self, record: AuditRecord, place: str, note: bytes = b"") -> None:
        """Take a record; ``place`` is where it stands, ``note`` is put in front of what it says."""


class MarkSpool:
    """Takes records and yields them as marks. ``count`` says how many there are."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.count = 0
        self._file: IO[bytes] | None = None

    def add(self, record: AuditRecord, place: str, note: bytes = b"") -> None:
        """Keep a record; ``place`` is file and line, ``note`` is put in front of what it says. Raises OSError."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="tiercel-marks-")  # noqa: SIM115  (lives as long as the spool)
            weakref.finalize(self, self._file.close)
        parts = (place.encode("utf-8", "surrogateescape"), note, record.line)
        self._file.seek(0, 2)
        self._file.write(_LENGTHS.pack(*map(len, parts)) + b"".join(parts))
        self.count += 1

    def __iter__(self) -> Iterator[AuditMark]:
        if self._file is None:
            return
        at = 0
        for _ in range(self.count):
            self._file.seek(at)
            place, note, line = _LENGTHS.unpack(self._file.read(_LENGTHS.size))
            where = self._file.read(place).decode("utf-8", "surrogateescape")
            about = self._file.read(note)
            record = parse(self._file.read(line))
            at += _LENGTHS.size + place + note + line
            yield mark_of(record, self.host, where, about)
