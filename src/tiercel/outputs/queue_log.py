"""Alerts on the disk: segment files that are only appended to, and removed from the old end."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tiercel.errors import InputError
from tiercel.outputs.queue_cursor import sync_folder
from tiercel.outputs.queue_record import HEADER_SIZE, Damage, Record, header, read_header, read_records

log = logging.getLogger("tiercel.outputs")

_TORN_KEPT = 4
SUFFIX = ".seg"


@dataclass(slots=True)
class Segment:
    """One file: the records ``first`` to ``last``, ``size`` whole bytes, ``newest`` the time of the last (ns)."""

    path: Path
    run: int
    first: int
    last: int
    size: int
    newest: int


class Log:
    """The segments of one folder.

    One thread appends, syncs may come from another, and each reader belongs to a thread of its own.

    Args:
        folder: made when it is not there; locked until :meth:`close`.
        run: the name of this run, for what it writes.
        segment_bytes: how large a file becomes before the next one is begun.

    Raises:
        InputError: the folder cannot be made, written or locked.
    """

    def __init__(self, folder: Path, run: int, segment_bytes: int = 16 << 20) -> None:
        self.folder, self.run, self.segment_bytes = folder, run, segment_bytes
        self.lock = threading.Lock()
        self.segments: list[Segment] = []
        self.unreadable = 0
        self._open: Segment | None = None
        self._fd = -1
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock_fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise InputError(f"{folder}: cannot keep alerts there: {error.strerror}") from error
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock_fd)
            raise InputError(f"{folder}: another process keeps its alerts there: use another folder") from error
        try:
            self._recover()
        except OSError as error:
            os.close(self._lock_fd)
            raise InputError(f"{error.filename or folder}: cannot be read: {error.strerror}") from error

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(segment.size for segment in self.segments)

    @property
    def last(self) -> int:
        """The newest number, 0 when there is none."""
        return self.segments[-1].last if self.segments else 0

    # Writing

    def append(self, new: Sequence[Record]) -> None:
        """Append records; on failure the file is cut back to what it was.

        Raises:
            OSError: the disk is full or broken.
        """
        segment = self._open
        if segment is None or segment.size >= self.segment_bytes:
            segment = self._begin(new[0].number)
        data = b"".join([record.encoded() for record in new])
        try:
            _write(self._fd, data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, segment.size)
            raise
        with self.lock:
            segment.size += len(data)
            segment.last = new[-1].number
            segment.newest = new[-1].time

    def _begin(self, first: int) -> Segment:
        self._finish()
        path = self.folder / f"{first:020d}{SUFFIX}"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write(self._fd, header(self.run, first))
            sync_folder(self.folder)
        except OSError:
            os.close(self._fd)
            self._fd = -1
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        self._open = Segment(path, self.run, first, first - 1, HEADER_SIZE, 0)
        with self.lock:
            self.segments.append(self._open)
        return self._open

    def finish(self) -> None:
        """Have what comes next begin a new segment, as far as the disk lets the open one go."""
        with contextlib.suppress(OSError):
            self._finish()

    def _finish(self) -> None:
        """Bring the open segment to the disk and close it."""
        if self._fd < 0:
            return
        os.fsync(self._fd)
        with self.lock:
            os.close(self._fd)
            ended, self._fd, self._open = self._open, -1, None
            empty = ended is not None and ended.last < ended.first
            if empty and ended in self.segments:
                self.segments.remove(ended)
        if ended is not None and empty:
            ended.path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Bring everything appended so far to the disk.

        Raises:
            OSError: the disk says no.
        """
        with self.lock:
            if self._fd < 0:
                return
            descriptor = os.dup(self._fd)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close, with everything on the disk if it takes it."""
        try:
            self._finish()
        except OSError as error:
            log.error("%s: not all alerts are on the disk: %s", self.folder, error.strerror)
        os.close(self._lock_fd)

    # The old end

    def drop_oldest(self) -> Segment | None:
        """Remove the oldest segment that is not being written; None when there is none."""
        with self.lock:
            if not self.segments or self.segments[0] is self._open:
                return None
            segment = self.segments.pop(0)
        with contextlib.suppress(OSError):
            segment.path.unlink()
        return segment

    def forget(self, before: int) -> None:
        """Remove the segments whose records are all numbered below ``before``."""
        while True:
            with self.lock:
                oldest = self.segments[0] if self.segments else None
                if oldest is None or oldest is self._open or oldest.last >= before:
                    return
            self.drop_oldest()

    # Starting again

    def _recover(self) -> None:
        names = sorted(path for path in self.folder.iterdir() if path.suffix == SUFFIX)
        for path in names:
            segment = self._recovered(path, whole=path == names[-1])
            if segment is not None:
                self.segments.append(segment)
        for earlier, later in zip(self.segments, self.segments[1:], strict=False):
            earlier.last = later.first - 1
        for torn in sorted(self.folder.glob("*.torn"))[:-_TORN_KEPT]:
            torn.unlink()

    def _recovered(self, path: Path, whole: bool) -> Segment | None:
        size = path.stat().st_size
        with open(path, "rb") as file:
            try:
                run, first = read_header(file.read(HEADER_SIZE))
            except Damage as damage:
                if size:
                    self.unreadable += 1
                    log.warning("%s: set aside: %s", path, damage)
                    os.replace(path, path.with_suffix(".torn"))
                else:
                    path.unlink()
                return None
        segment = Segment(path, run, first, first - 1, size, path.stat().st_mtime_ns)
        if whole:
            self._measure(segment, size)
            if segment.size < size:
                log.warning("%s: the last %d bytes are no whole alert: set aside", path, size - segment.size)
                _set_aside(path, segment.size)
            if segment.last < first:
                path.unlink()
                return None
        return segment

    @staticmethod
    def _measure(segment: Segment, size: int) -> None:
        """Find where the whole records of a file end."""
        segment.size = HEADER_SIZE
        descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for record, end in read_records(descriptor, segment.run, HEADER_SIZE, size):
                segment.last, segment.size, segment.newest = record.number, end, record.time
        except Damage:
            return
        finally:
            os.close(descriptor)


def _set_aside(path: Path, whole: int) -> None:
    """Move what is not whole into a file beside it."""
    with open(path, "r+b") as file:
        file.seek(whole)
        path.with_suffix(".torn").write_bytes(file.read(1 << 20))
        file.truncate(whole)
        file.flush()
        os.fsync(file.fileno())


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while len(view):
        view = view[os.write(descriptor, view) :]
