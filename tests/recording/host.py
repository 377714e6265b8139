"""A recording in the place of a live source, and what the tests ask of captures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.reference import SHARED
from tiercel.detect import Detection
from tiercel.model.batch import Batch, Tables
from tiercel.replay import Replay
from tiercel.rules.model import Rule
from tiercel.scanning import prepare
from tiercel.sources.capture import Capture
from tiercel.sources.live.stream import Lost
from tiercel.state.track import Tracker

WEBSHELL = SHARED / "captures" / "modern" / "a-seed-webshell" / "a-seed-webshell.scap"


class Recorded:
    """A recording that plays the part of a live source; the clock of the watch stands still between batches."""

    name = "recorded"

    def __init__(self, path: Path, size: int = 200) -> None:
        self.capture = Capture(path)
        self.size = size
        self.events = 0
        self.idle: Callable[[], None] = lambda: None
        self.lost = Lost()
        self.tables = Tables()
        self.tracker = Tracker(self.tables, self.capture.world, self.capture.threads, self.capture.descriptors)
        self.hostname = self.capture.world.machine.hostname

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.capture.batches(self.size, self.tables, even=True):
            self.tracker.track(batch)
            self.events += int(batch.visible.sum())
            yield batch
            batch.derived.clear()

    def want(self, rules: Iterable[Rule]) -> None: ...

    def remarks(self) -> list[str]:
        return []

    def stop(self) -> None: ...

    def close(self) -> None:
        self.capture.close()


def detection(rules: Path, **options: object) -> Detection:
    """Return the rules of a file, ready to run."""
    found = prepare([], [rules], **options).detection  # type: ignore[arg-type]
    assert found is not None
    return found


def replayed(path: Path, rules: Path) -> list[str]:
    """Return the alerts of a capture as lines of text."""
    running, replay, lines = detection(rules, json=False), Replay(path), []
    for batch in replay:
        lines += running.lines(batch, running.match(batch)).decode().splitlines()
    assert replay.damage is None
    return lines
