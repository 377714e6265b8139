"""Recording a host: what a source tells goes into files, each of which can be read on its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tiercel.capture.event_blocks import event_blocks
from tiercel.capture.start import Start, start
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.recording.file import CaptureFile, compression_of
from tiercel.recording.kept import Kept
from tiercel.recording.rotation import Names, Rotation, Sums
from tiercel.recording.window import SECOND
from tiercel.recording.writing import Writing
from tiercel.state.track import Tracker

_END = 60.0  # seconds that the end waits for the disk


class Source(Protocol):
    """What is recorded; see :class:`tiercel.watching.source.Source`."""

    tracker: Tracker
    idle: Callable[[], None]

    @property
    def name(self) -> str: ...

    @property
    def hostname(self) -> str: ...

    def __iter__(self) -> Iterator[Batch]: ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file that is complete; ``events`` are those that readers see, ``size`` is in bytes."""

    path: Path
    size: int
    sha256: str
    events: int


class _File:
    """One file of a recording."""

    def __init__(self, path: Path, begin: Start, about: dict[str, object], sums: Sums) -> None:
        self.path = path
        self.events = self.taken = 0
        self.compression = compression_of(path)
        leftover = path.with_name(path.name + ".part")
        leftover.unlink(missing_ok=True)
        self.file = CaptureFile(path, self.compression)
        self.writing = Writing(self.file, finished=lambda _, digest: sums.add(path.name, digest))
        self._begin, self._about = begin, about
        self._head = 0  # bytes of what it begins with, once that was made
        self.writing.put(self._beginning)

    def _beginning(self) -> bytes:
        """Make what it begins with: in the thread that writes, since it takes a while."""
        blocks = self._begin.blocks(self._about)
        self._head = len(blocks)
        return blocks

    def put(self, blocks: bytes | bytearray, events: int) -> None:
        self.writing.put(blocks)
        self.taken += len(blocks)
        self.events += events

    @property
    def size(self) -> int:
        """Bytes in the file, or that will be there once what waits is written."""
        return self._head + self.taken if self.compression == "none" else self.file.written

    def full(self, limit: int) -> bool:
        """Return whether it has ``limit`` bytes. What it begins with is never most of it: else it would be all of it
        where the limit is small."""
        return self._head > 0 and self.size >= limit and self.taken >= self._head


class Recording:
    """Records a source into ``path``.

    ``events`` counts those recorded that readers see, ``files`` lists what is complete.

    Args:
        kept: which events are recorded.
        replace: files that are there already are replaced.

    Raises:
        InputError: the first file is there already, or cannot be created.
    """

    def __init__(
        self, source: Source, path: Path, rotation: Rotation, kept: Kept | None = None, replace: bool = False
    ) -> None:
        self.source, self.rotation = source, rotation
        self.events = 0
        self.files: list[Recorded] = []
        self._kept = kept or Kept()
        self._names = Names(path, rotation, replace)
        self._sums = Sums(path)
        self._closing: list[_File] = []
        self._ts = time.time_ns()
        self._began = self._ts
        self._file = self._open()

    def run(self, progress: Callable[[int], None] = lambda events: None) -> None:
        """Record until the source ends.

        Raises:
            InputError: a file could not be written; what was before is in its ``.part``.
        """
        self.source.idle = self._tick
        try:
            for batch in self.source:
                self._take(batch)
                self._tick()
                progress(self.events)
        finally:
            self._closing.append(self._file)
            self._file.writing.end()
            until = time.monotonic() + _END
            for file in self._closing:
                file.writing.join(max(0.0, until - time.monotonic()))
            self._collect()

    def _open(self) -> _File:
        about: dict[str, object] = {"host": self.source.hostname, "source": self.source.name}
        path = self._names.next(self._began)
        for file in self._closing:
            if file.path == path:  # a small ring on a slow disk
                file.writing.join(_END)
        try:
            return _File(path, start(self.source.tracker, self._ts), about, self._sums)
        except OSError as error:
            raise InputError(f"{path}: cannot be created: {error.strerror}") from None

    def _take(self, batch: Batch) -> None:
        if not batch.count:
            return
        chosen, hidden = self._kept.of(batch)
        if len(chosen):
            blocks, _ = event_blocks(batch, chosen, hidden)
            shown = len(chosen) - int(hidden.sum())
            self._file.put(blocks, shown)
            self.events += shown
        self._ts = max(self._ts, int(batch.ts[batch.count - 1]))

    def _tick(self) -> None:
        self._collect()
        now = max(time.time_ns(), self._ts)
        late = self.rotation.seconds and now >= self._began + int(self.rotation.seconds * SECOND)
        if late or (self.rotation.size and self._file.full(self.rotation.size)):
            self._closing.append(self._file)
            self._file.writing.end()
            self._began = now
            self._file = self._open()

    def _collect(self) -> None:
        """Take note of files that are complete."""
        for file in [file for file in self._closing if file.writing.written is not None]:
            self._closing.remove(file)
            done = file.writing.written
            assert done is not None
            if done.error:
                raise InputError(done.error)
            if any(entry.path == file.path for entry in self.files):
                self.files = [entry for entry in self.files if entry.path != file.path]
            self.files.append(Recorded(file.path, done.size, done.sha256, file.events))
        if self._file.writing.failed and self._file.writing.written is not None:
            raise InputError(self._file.writing.written.error)
        if self._file.writing.overrun:
            raise InputError(f"{self._file.path}: the disk is too slow for what this host does: record less of it")
