"""Replaying a capture: its events in tracked batches."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from tiercel.errors import InputError
from tiercel.kernels import tell_if_slow
from tiercel.model.batch import Batch, Tables
from tiercel.sources.capture import BATCH_EVENTS, Capture, CaptureError, Damage
from tiercel.state.restore import restore
from tiercel.state.snapshot import Snapshot, SnapshotError
from tiercel.state.track import Tracker

log = logging.getLogger(__name__)


def started(tables: Tables, capture: Capture) -> Tracker:
    """Return a tracker that knows what the capture says of the time before its first event."""
    if capture.state:
        try:
            snapshot = Snapshot.decoded(capture.state)
        except SnapshotError as error:
            log.warning("%s: the state in it cannot be read (%s): its lists are used", capture.path, error)
        else:
            tracker = Tracker(tables, capture.world)
            restore(tracker, snapshot)
            return tracker
    return Tracker(tables, capture.world, capture.threads, capture.descriptors)


class Replay:
    """Iterates over a capture's batches, decoded and tracked.

    ``damage`` tells, after iterating, where and why reading ended early (None for a sound file); ``events`` counts the
    visible events so far. With ``even`` the first batches are as large as the later ones.

    Raises:
        InputError: the file cannot be opened or is no capture.
    """

    def __init__(self, path: str | Path, size: int = BATCH_EVENTS, even: bool = False) -> None:
        self.path = Path(path)
        self.size = size
        self.even = even
        self.damage: Damage | None = None
        self.events = 0

    def __iter__(self) -> Iterator[Batch]:
        try:
            capture = Capture(self.path)
        except CaptureError as error:
            raise InputError(str(error).removeprefix("tiercel: ")) from None
        tell_if_slow()
        with capture:
            tables = Tables()
            section, tracker = -1, None
            for batch in capture.batches(self.size, tables, self.even):
                if tracker is None or capture.section != section:
                    section = capture.section
                    tracker = started(tables, capture)
                tracker.track(batch)
                self.events += int(batch.visible.sum())
                yield batch
                batch.derived.clear()  # what readers made of it refers back to it

            self.damage = capture.damage

    def damage_message(self) -> str | None:
        """Return what to tell the user of a damaged file: where, what, and what was still read."""
        if self.damage is None:
            return None
        return (
            f"{self.path}: damaged at byte {self.damage.offset}: {self.damage.reason}; "
            f"the {self.events:,} events before it were read"
        )
