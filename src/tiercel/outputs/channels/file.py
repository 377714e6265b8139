"""Alerts as lines of a file, with rotation, compression and retention."""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import shutil
import stat
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tiercel.outputs.channels.settings import FileSettings
from tiercel.outputs.queue_record import Record

log = logging.getLogger("tiercel.outputs")


class FileSink:
    """Appends to a file. A line is counted as delivered when it is on the disk."""

    most = 256 << 10

    def __init__(self, settings: FileSettings) -> None:
        self.settings = settings
        self.path = Path(settings.filename)
        self.refused = 0
        self._fd = -1
        self._size = 0
        self._last = 0.0  # time of the last line, s since the epoch
        self._inode = 0
        self._unsynced = False
        self._tidying: threading.Thread | None = None

    def send(self, records: Sequence[Record]) -> None:
        limit = self.settings.rotate_bytes
        if self._fd < 0 or self._moved_away():
            self._open()
        if self._too_old():
            self._rotate()
        pending: list[bytes] = []
        size = self._size
        for record in records:
            line = record.line + b"\n"
            if limit and size and size + len(line) > limit:
                self._write(b"".join(pending))
                self._rotate()
                pending, size = [], 0
            pending.append(line)
            size += len(line)
        self._write(b"".join(pending))
        if not self.settings.keep_alive:
            self.reopen()

    def settle(self) -> None:
        if not self._unsynced:
            return
        if self._fd < 0:  # closed after writing; what it has to bring to the disk is the file's, not the descriptor's
            with contextlib.suppress(FileNotFoundError):
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    _sync(descriptor)
                finally:
                    os.close(descriptor)
        else:
            _sync(self._fd)
        self._unsynced = False

    def reopen(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def stop(self) -> None:
        pass

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.settle()
        self.reopen()
        if self._tidying is not None:
            self._tidying.join(5)

    def _open(self) -> None:
        self.reopen()
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        found = os.fstat(self._fd)
        self._size, self._inode = found.st_size, found.st_ino
        self._last = found.st_mtime
        if found.st_size:
            with contextlib.suppress(OSError):
                if os.pread(self._fd, 1, found.st_size - 1) != b"\n":
                    self._write(b"\n")  # a line that was cut off stays one line

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while len(view):
            written = os.write(self._fd, view)
            self._size += written
            view = view[written:]
        self._unsynced = True
        self._last = time.time()

    def _moved_away(self) -> bool:
        try:
            return os.stat(self.path).st_ino != self._inode
        except OSError:
            return True

    def _too_old(self) -> bool:
        age = self.settings.rotate_seconds
        return bool(age and self._size and self._last // age != time.time() // age)

    def _rotate(self) -> None:
        self.settle()
        self.reopen()
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        target, at = self.path.with_name(f"{self.path.name}.{stamp}"), 0
        while target.exists() or target.with_name(target.name + ".gz").exists():
            at += 1
            target = self.path.with_name(f"{self.path.name}.{stamp}-{at:03d}")
        os.rename(self.path, target)
        self._open()
        if self._tidying is None or not self._tidying.is_alive():
            self._tidying = threading.Thread(target=self._tidy, name="file-output-tidy", daemon=True)
            self._tidying.start()

    def _tidy(self) -> None:
        """Compress and remove earlier files; a large one takes seconds, for which no alert waits."""
        try:
            tidy(self.path, self.settings)
        except OSError as error:
            log.warning("%s: earlier files cannot be tidied: %s", self.path, error)


def _sync(descriptor: int) -> None:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # else it is a pipe, a terminal …
        os.fdatasync(descriptor)


def earlier(path: Path) -> list[Path]:
    """Return the files that were rotated away from ``path``, oldest first."""
    prefix = path.name + "."
    found = [entry for entry in path.parent.iterdir() if entry.name.startswith(prefix)]
    return sorted(entry for entry in found if entry.name[len(prefix) :][:8].isdigit() and entry.suffix != ".part")


def tidy(path: Path, settings: FileSettings) -> None:
    """Remove what is too much or too old of the files rotated away from ``path``, and compress the others.

    Raises:
        OSError: a file cannot be read, written or removed.
    """
    files = earlier(path)
    gone = files[: -settings.keep] if settings.keep else []
    if settings.keep_seconds:
        limit = time.time() - settings.keep_seconds
        gone += [file for file in files if file not in gone and file.stat().st_mtime < limit]
    for file in gone:
        file.unlink()
    for file in files:
        if settings.compress and file not in gone and file.suffix != ".gz":
            part = file.with_name(file.name + ".gz.part")
            with open(file, "rb") as plain, gzip.open(part, "wb", 6) as packed:
                shutil.copyfileobj(plain, packed, 1 << 20)
            shutil.copystat(file, part)
            os.replace(part, file.with_name(file.name + ".gz"))
            file.unlink()
