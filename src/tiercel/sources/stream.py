"""Reading a capture file from front to back, decompressing on the way.

Compressed files are decompressed a few megabytes ahead. Memory stays bounded whatever a file expands to.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import BinaryIO

import zstandard
from isal import isal_zlib
from isal.igzip_lib import IsalError

from tiercel.sources.quiet_open import open_quietly

CHUNK = 1 << 20
"""Bytes decompressed at a time."""

FINE = 1 << 10
"""Bytes decompressed at a time where a compressed file is damaged; what is lost before the damage is less than this."""

AHEAD = 8
"""Chunks kept in store."""

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


class StreamError(Exception):
    """The file does not decompress."""


class StreamEnds(StreamError):
    """The file ends too early."""


def gzip(file: BinaryIO, step: int = CHUNK) -> Iterator[bytes]:
    """Yield the content of one or more gzip members; zero bytes after the last one are padding."""
    packed = file.read(CHUNK)
    while packed:
        member = isal_zlib.decompressobj(wbits=31)
        while not member.eof:
            if not packed:
                packed = file.read(CHUNK)
                if not packed:
                    raise StreamEnds("gzip data ends too early")
            try:
                chunk = member.decompress(packed, step)
            except (zlib.error, IsalError) as error:  # type: ignore[misc]
                raise StreamError(f"gzip data is damaged: {error}") from None
            packed = member.unused_data if member.eof else member.unconsumed_tail
            if chunk:
                yield chunk
        while not (packed := packed.lstrip(b"\0")):
            packed = file.read(CHUNK)
            if not packed:
                return


def zstd(file: BinaryIO, step: int = CHUNK) -> Iterator[bytes]:
    """Yield the content of one or more zstd frames."""
    reader = zstandard.ZstdDecompressor().stream_reader(file, read_size=CHUNK, read_across_frames=True)
    while True:
        try:
            chunk = reader.read(step)
        except zstandard.ZstdError as error:
            raise StreamError(f"zstd data is damaged: {error}") from None
        if not chunk:
            return
        yield chunk


def decompressed(file: BinaryIO, unpack: Callable[[BinaryIO, int], Iterator[bytes]]) -> Iterator[bytes]:
    """Yield what ``unpack`` gives, and on damage also what a second, finer pass gets out before it.

    A decompressor that meets damage keeps to itself what it made in the same call.
    """
    done = 0
    try:
        for chunk in unpack(file, CHUNK):
            done += len(chunk)
            yield chunk
    except StreamEnds:
        raise  # nothing was kept back
    except StreamError as damage:
        try:
            file.seek(0)
            passed = 0
            for chunk in unpack(file, FINE):
                fresh = chunk[max(done - passed, 0) :]
                passed += len(chunk)
                if fresh:
                    yield fresh
        except (StreamError, OSError):
            pass
        raise damage from None


class Stream:
    """The uncompressed bytes of ``path``, front to back.

    ``error`` says why the bytes ended before their time, None when they did not. Raises OSError when the file cannot be
    opened.
    """

    def __init__(self, path: Path) -> None:
        self.error: str | None = None
        self._file = open_quietly(path)
        try:
            magic = self._file.peek(4)[:4]
        except OSError:
            self._file.close()
            raise
        self._ahead: Ahead | None = None
        if magic.startswith(GZIP):
            self._ahead = Ahead(decompressed(self._file, gzip))
        elif magic == ZSTD:
            self._ahead = Ahead(decompressed(self._file, zstd))

    def readinto(self, room: memoryview) -> int:
        """Fill ``room`` as far as there are bytes; returns how many were put there."""
        filled = 0
        while filled < len(room):
            try:
                if self._ahead is not None:
                    got = self._ahead.readinto(room[filled:])
                    self.error = self._ahead.error
                else:
                    got = self._file.readinto(room[filled:])
            except OSError as error:
                self.error = error.strerror or str(error)
                break
            if not got:
                break
            filled += got
        return filled

    def close(self) -> None:
        """Stop reading ahead and close the file."""
        if self._ahead is not None:
            self._ahead.close()
        self._file.close()


class Ahead:
    """Runs a decompressor in a thread of its own and keeps some chunks in store.

    Both sides let go of the interpreter while they work, so decoding goes on meanwhile.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.error: str | None = None
        self._chunks = chunks
        self._store: Queue[bytes | None] = Queue(AHEAD)
        self._closing = Event()
        self._left = memoryview(b"")
        self._ended = False
        self._thread = Thread(target=self._work, name="decompress", daemon=True)
        self._thread.start()

    def readinto(self, room: memoryview) -> int:
        """Copy some bytes into ``room``; returns how many, 0 at the end."""
        if not self._left and not self._ended:
            chunk = self._store.get()
            self._ended = chunk is None
            self._left = memoryview(chunk or b"")
        size = min(len(room), len(self._left))
        room[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._ended = True

    def _work(self) -> None:
        try:
            for chunk in self._chunks:
                if not self._hand_over(chunk):
                    return
        except StreamError as error:
            self.error = str(error)
        except OSError as error:
            self.error = error.strerror or str(error)
        finally:
            self._hand_over(None)  # whatever happens, the reader must not wait for ever

    def _hand_over(self, chunk: bytes | None) -> bool:
        """Put ``chunk`` in store; False when the reader has gone."""
        while not self._closing.is_set():
            try:
                self._store.put(chunk, timeout=0.1)
            except Full:
                continue
            return True
        return False
