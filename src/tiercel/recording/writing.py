"""Writing a capture in a thread of its own: a slow disk must not keep the watch from its turn."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import zstandard

from tiercel.recording.file import CaptureFile

log = logging.getLogger(__name__)

BACKLOG = 128 << 20
"""Most bytes that wait for the disk."""

_FLUSH = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Packed:
    """Blocks compressed with zstd; ``size`` bytes of them."""

    data: bytes
    size: int

    def unpacked(self) -> bytes:
        return zstandard.ZstdDecompressor().decompress(self.data, max_output_size=self.size)


Piece = bytes | bytearray | Packed | Callable[[], bytes]
"""Blocks, or how to get at them; the thread does that."""


@dataclass(frozen=True, slots=True)
class Written:
    """How it ended: ``size`` in bytes, ``sha256`` in hexadecimal, or why it failed."""

    size: int
    sha256: str = ""
    error: str = ""


class Writing:
    """Writes pieces to a file in their order, and flushes each second.

    ``written`` is set at the end. ``overrun`` says that the disk was too slow and pieces after that were not taken,
    ``full`` that the file has reached ``limit`` bytes (0 for none).

    Args:
        finished: called by the thread once the file has its name, with its size and SHA-256; may raise OSError.
    """

    def __init__(
        self, file: CaptureFile, limit: int = 0, finished: Callable[[int, str], None] = lambda size, digest: None
    ) -> None:
        self.file, self.limit = file, limit
        self.written: Written | None = None
        self.overrun = False
        self.waiting = 0  # bytes
        self._finished = finished
        self._pieces: deque[Piece] = deque()
        self._ending = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="tiercel-capture", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        return bool(self.limit) and self.file.written >= self.limit

    @property
    def failed(self) -> bool:
        """Whether writing ended on its own."""
        return self.written is not None and bool(self.written.error)

    def put(self, *pieces: Piece) -> None:
        """Write these next; does not wait."""
        if self.overrun or self._ending:
            return
        size = sum(len(piece) for piece in pieces if isinstance(piece, (bytes, bytearray)))
        with self._wake:
            if self.waiting + size > BACKLOG:
                self.overrun = True
                return
            self.waiting += size
            self._pieces.extend(pieces)
            self._wake.notify()

    def end(self) -> None:
        """Let the file be finished; does not wait."""
        with self._wake:
            self._ending = True
            self._wake.notify()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the file is finished (seconds); False when that took longer."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._write()
            digest = self.file.finish()
        except (OSError, zstandard.ZstdError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self.file.abandon()
            self._pieces.clear()
            self.written = Written(self.file.written, error=f"{self.file.part}: {reason}")
            return
        try:
            self._finished(self.file.written, digest)
        except OSError as error:
            log.error("%s: %s", error.filename or self.file.path, error.strerror)
        self.written = Written(self.file.written, digest)

    def _write(self) -> None:
        flushed = time.monotonic()
        while True:
            with self._wake:
                while not self._pieces and not self._ending:
                    if not self._wake.wait(_FLUSH):
                        break
                piece = self._pieces.popleft() if self._pieces else None
                if piece is None and self._ending:
                    return
            if piece is not None:
                data = piece.unpacked() if isinstance(piece, Packed) else piece() if callable(piece) else piece
                self.file.write(data)
                if isinstance(piece, (bytes, bytearray)):
                    with self._wake:
                        self.waiting -= len(piece)
            if time.monotonic() >= flushed + _FLUSH:
                self.file.flush()
                flushed = time.monotonic()
