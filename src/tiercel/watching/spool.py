"""Events on their way into a store: captures in a folder of it, one after the other.

Each begins with the state before its first event and holds the alerts that were raised, so it can be taken into the
store by anyone at any time, after a crash too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from tiercel.capture.event_blocks import event_blocks
from tiercel.capture.notes import alert_note
from tiercel.capture.start import start
from tiercel.model.batch import Batch
from tiercel.recording.file import CaptureFile
from tiercel.recording.writing import Writing
from tiercel.state.track import Tracker
from tiercel.watching.loop import Seen

SUFFIX = ".scap"
_PAUSE = 5.0  # seconds after a failure


class Spool:
    """Writes the events of a watch into captures in ``folder``.

    A capture ends after ``seconds``, ``most_events`` events or ``most_bytes`` bytes; the next goes on where it ended.
    ``events`` counts what was given to the disk, ``lost`` what it did not take.

    Args:
        done: called with each complete capture, by another thread.
    """

    def __init__(
        self,
        folder: Path,
        tracker: Tracker,
        hostname: str,
        done: Callable[[Path], None],
        seconds: float = 600.0,
        most_events: int = 1 << 17,
        most_bytes: int = 32 << 20,
    ) -> None:
        self.folder, self.tracker, self.hostname, self.done = folder, tracker, hostname, done
        self.seconds, self.most_events, self.most_bytes = seconds, most_events, most_bytes
        self.events = self.lost = 0
        self.error = ""
        """Why nothing can be written at present."""
        self._last = time.time_ns()
        self._closing: list[Writing] = []
        self._writing: Writing | None = None
        self._retry = 0.0
        self._begin()

    @property
    def waiting(self) -> int:
        """Bytes that wait for the disk."""
        return self._writing.waiting if self._writing is not None else 0

    def _begin(self) -> None:
        """Open a capture for what comes after the batch that was tracked last."""
        self._held = self._bytes = 0
        self._until = time.monotonic() + self.seconds
        path = self.folder / f"{time.time_ns():020d}{SUFFIX}"
        try:
            file = CaptureFile(path)
        except OSError as error:
            self.error = f"{path}: {error.strerror}"
            self._retry = time.monotonic() + _PAUSE
            return
        self.error = ""
        beginning = start(self.tracker, self._last)
        about = {"host": self.hostname, "store": True}
        self._writing = Writing(file, finished=lambda size, digest: self.done(path))
        self._writing.put(lambda: beginning.blocks(about))

    def put(self, batch: Batch, alerts: Sequence[Seen]) -> None:
        """Take in a batch and the alerts it raised."""
        if not batch.count:
            return
        writing, shown = self._writing, int(batch.visible.sum())
        self._last = int(batch.ts[batch.count - 1])
        if writing is None or writing.failed or writing.overrun:
            self.lost += shown
        else:
            data = _blocks(batch, alerts)
            writing.put(data)
            self._held += shown
            self._bytes += len(data)
            if writing.overrun:
                self.lost += shown
            else:
                self.events += shown
        self.turn()

    def turn(self) -> None:
        """Begin another capture if it is time to; to be called between two batches."""
        now, writing = time.monotonic(), self._writing
        self._closing = [other for other in self._closing if other.written is None]
        if writing is None:
            if now >= self._retry:
                self._begin()
            return
        failed = writing.failed
        full = self._held >= self.most_events or self._bytes >= self.most_bytes
        if not (failed or writing.overrun or full or now >= self._until):
            return
        if failed and writing.written is not None:
            self.error, self._writing, self._retry = writing.written.error, None, now + _PAUSE
            self._release(writing.file)
            return
        writing.end()
        self._closing.append(writing)
        self._writing = None
        self._begin()

    def _release(self, file: CaptureFile) -> None:
        """Give a capture its name that could not be written to its end: what is in it counts."""
        with suppress(OSError):
            file.abandon()
        with suppress(OSError):
            file.part.rename(file.path)
            self.done(file.path)

    def close(self, timeout: float) -> None:
        """End the capture and wait (s) until it is complete."""
        if self._writing is not None:
            self._writing.end()
            self._closing.append(self._writing)
            self._writing = None
        for writing in self._closing:
            writing.join(timeout)


def _blocks(batch: Batch, alerts: Sequence[Seen]) -> bytes:
    """Return a batch as blocks, each alert after the event it is about."""
    about: dict[int, list[Seen]] = {}
    for seen in alerts:
        about.setdefault(seen.index, []).append(seen)
    parts: list[bytes | bytearray] = []
    low = 0
    for high in sorted({*(index + 1 for index in about), batch.count}):
        parts.append(event_blocks(batch, np.arange(low, high, dtype=np.int64), ~batch.visible[low:high])[0])
        for seen in about.get(high - 1, ()):
            line = seen.alert.to_json().encode("utf-8", "replace")
            parts.append(alert_note(int(batch.ts[high - 1]), line, seen.alert.rule))
        low = high
    return b"".join(parts)
