"""The lines of a log file, plain or compressed, whatever bytes they hold."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tiercel.sources.stream import Stream

MAX_LINE = 4 << 20
"""Bytes of a line that are kept; what follows up to the end of the line is skipped."""

_CHUNK = 1 << 18
_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. ``number`` counts from 1; ``cut``: it was longer than MAX_LINE."""

    number: int
    data: bytes
    cut: bool = False


class LogLines:
    """The lines of ``path`` in order, read once, with bounded memory.

    A byte order mark is left out, UTF-16 (as some shells redirect) becomes UTF-8. ``error`` says after the last line
    why reading ended before the end of the file, None when it did not. Raises OSError when the file cannot be opened.
    """

    def __init__(self, path: Path, limit: int = MAX_LINE) -> None:
        self.path = path
        self.limit = limit
        self.error: str | None = None
        self._stream = Stream(path)

    def __iter__(self) -> Iterator[Line]:
        number, held, cut = 0, bytearray(), False
        try:
            for chunk in self._chunks():
                *ends, rest = chunk.split(b"\n")
                for piece in ends:
                    number += 1
                    if not held and len(piece) <= self.limit:
                        yield Line(number, piece.rstrip(b"\r"), cut)
                    else:
                        held += piece
                        cut |= len(held) > self.limit
                        yield Line(number, bytes(held[: self.limit]).rstrip(b"\r"), cut)
                        held = bytearray()
                    cut = False
                held += rest
                if len(held) > self.limit:
                    cut = True
                    del held[self.limit :]
            if held or cut:
                yield Line(number + 1, bytes(held).rstrip(b"\r"), cut)
        finally:
            self.error = self._stream.error
            self._stream.close()

    def close(self) -> None:
        """Close the file; iterating to the end does so too."""
        self._stream.close()

    def _chunks(self) -> Iterator[bytes]:
        room = memoryview(bytearray(_CHUNK))
        first = bytes(room[: self._stream.readinto(room)])
        encoding = _WIDE.get(first[:2])
        if encoding is None:
            chunk = first.removeprefix(codecs.BOM_UTF8)
            while chunk:
                yield chunk
                chunk = bytes(room[: self._stream.readinto(room)])
            return
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        chunk = first[2:]
        while chunk:
            yield decoder.decode(chunk).encode("utf-8", "replace")
            chunk = bytes(room[: self._stream.readinto(room)])
        yield decoder.decode(b"", True).encode("utf-8", "replace")
