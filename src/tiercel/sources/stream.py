"""Reading a capture file from front to back, decompressing on the way.

A thread of its own reads and decompresses a few megabytes ahead: both let go of the interpreter while they work, so
decoding goes on meanwhile. Memory stays bounded whatever the file expands to.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import BinaryIO

import zstandard
from isal import isal_zlib

CHUNK = 1 << 20
"""Bytes handed over at a time; also the most a damaged compressed stream loses of what stands before the damage."""

AHEAD = 8
"""Chunks read ahead."""

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


class StreamError(Exception):
    """The file ends too early or does not decompress."""


def plain(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file as it is."""
    while chunk := file.read(CHUNK):
        yield chunk


def gzip(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of one or more gzip members; zero bytes after the last one are padding."""
    packed = file.read(CHUNK)
    while packed:
        member = isal_zlib.decompressobj(wbits=31)
        while not member.eof:
            if not packed:
                packed = file.read(CHUNK)
                if not packed:
                    raise StreamError("gzip data ends too early")
            try:
                chunk = member.decompress(packed, CHUNK)
            except isal_zlib.error as error:
                raise StreamError(f"gzip data is damaged: {error}") from None
            packed = member.unused_data if member.eof else member.unconsumed_tail
            if chunk:
                yield chunk
        while not (packed := packed.lstrip(b"\0")):
            packed = file.read(CHUNK)
            if not packed:
                return


def zstd(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of one or more zstd frames."""
    reader = zstandard.ZstdDecompressor().stream_reader(file, read_size=CHUNK, read_across_frames=True)
    while True:
        try:
            chunk = reader.read(CHUNK)
        except zstandard.ZstdError as error:
            raise StreamError(f"zstd data is damaged: {error}") from None
        if not chunk:
            return
        yield chunk


class Stream:
    """The uncompressed bytes of ``path``, chunk by chunk.

    ``error`` says why the bytes ended before their time, None when they did not. Raises OSError when the file cannot be
    opened.
    """

    def __init__(self, path: Path) -> None:
        self.error: str | None = None
        self._file = path.open("rb", buffering=0)
        self._ahead: Queue[bytes | None] = Queue(AHEAD)
        self._closing = Event()
        self._ended = False
        self._thread = Thread(target=self._work, name=f"read {path.name}", daemon=True)
        self._thread.start()

    def read(self) -> bytes:
        """Return the next bytes, empty at the end."""
        if self._ended:
            return b""
        chunk = self._ahead.get()
        if chunk is None:
            self._ended = True
            return b""
        return chunk

    def close(self) -> None:
        """Stop reading ahead and close the file."""
        self._closing.set()
        self._thread.join()
        self._file.close()
        self._ended = True

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        try:
            for chunk in self._chunks():
                if not self._hand_over(chunk):
                    return
        except StreamError as error:
            self.error = str(error)
        except OSError as error:
            self.error = error.strerror or str(error)
        self._hand_over(None)

    def _chunks(self) -> Iterator[bytes]:
        file = io.BufferedReader(self._file, CHUNK)
        magic = file.peek(4)[:4]
        if magic.startswith(GZIP):
            return gzip(file)
        return zstd(file) if magic == ZSTD else plain(file)

    def _hand_over(self, chunk: bytes | None) -> bool:
        """Put ``chunk`` in the queue; False when the reader has gone."""
        while not self._closing.is_set():
            try:
                self._ahead.put(chunk, timeout=0.1)
            except Full:
                continue
            return True
        return False
