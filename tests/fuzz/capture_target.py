"""Mutated captures through reading, decoding, tracking and field extraction."""

from __future__ import annotations

import atexit
import dataclasses
import gzip
import io
import os
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import zstandard

from tests.capture.stories import break_in
from tests.fuzz import mutate
from tests.reference import SHARED
from tiercel.capture.scenario import Scenario
from tiercel.capture.writer import CaptureWriter
from tiercel.fields.catalogue import FIELDS
from tiercel.fields.model import Argument, Field
from tiercel.model.batch import Batch, Tables
from tiercel.model.event import Event
from tiercel.model.world import World
from tiercel.sources.capture import Capture, CaptureError
from tiercel.state import descriptors, fd_events, track
from tiercel.state.track import Tracker
from tiercel.wire.event_table import EVENTS, EventFlag

REFERENCES = (
    "golden/trace_files/cat_write.scap",
    "golden/trace_files/connect_localhost.scap",
    "captures/libs_test_ipv6_client/libs_test_ipv6_client.scap",
    "captures/sfc_ls/sfc_ls.scap",
    "captures/sfc_full_capture/sfc_full_capture.scap",
    "captures/modern/a-seed-webshell/a-seed-webshell.scap",
)
_WINDOW = 16  # event blocks in a seed


class CaptureTarget:
    """Input ``number`` is a mutated seed; the same number gives the same bytes on every machine with the same seeds."""

    name = "capture"

    def __init__(self, base: int = 0, stages: str = "all") -> None:
        self.base = base
        self.seeds = seeds()
        self.fields = extractable() if stages == "all" else []
        self.tracks = stages in ("all", "track")
        handle, name = tempfile.mkstemp(suffix=".scap", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        os.close(handle)
        self.path = Path(name)
        quicken()
        atexit.register(self.path.unlink, missing_ok=True)

    def input(self, number: int) -> bytes:
        random = Random(self.base << 40 | number)
        seed = random.choice(self.seeds)
        return mutate.mutate(seed, random, random.choice(self.seeds))

    def run(self, number: int, data: bytes) -> None:
        """Read the capture to its end; raises where that is not a clean refusal."""
        if number % 32 == 0:
            data = packed(data, Random(number))
        with self.path.open("wb") as file:
            file.write(data)
        self.read(self.path, number)

    def read(self, path: Path, number: int) -> None:
        try:
            capture = Capture(path)
        except CaptureError:
            return
        with capture:
            tables = Tables()
            tracker, section = None, -1
            for batch in capture.batches(size=(512, 7)[number % 3 == 0], tables=tables):
                check_spans(batch)
                if not self.tracks:
                    continue
                if capture.section != section:
                    section = capture.section
                    tracker = Tracker(tables, capture.world, capture.threads, capture.descriptors)
                assert tracker is not None
                tracker.track(batch)
                check_rows(batch)
                if self.fields and batch.count and number % 4 == 1:
                    self._extract(batch, number)

    def _extract(self, batch: Batch, number: int) -> None:
        for step in range(3):
            field, argument = self.fields[(number * 31 + step * 7) % len(self.fields)]
            index = (number + step) % batch.count
            field.row(Event(batch, index), argument)
            field.output(Event(batch, index), argument)
            if field.bulk is not None:
                field.bulk(batch, np.arange(batch.count), argument)


def quicken() -> None:
    """Make the tables that depend on the event table once: for small captures they take longer than all the rest."""
    vars(descriptors)["locations"] = cache(fd_events.locations)
    plain = tuple(dataclasses.replace(event, flags=int(event.flags)) for event in EVENTS)  # type: ignore[arg-type]
    vars(track)["EVENTS"] = plain
    vars(track)["EventFlag"] = SimpleNamespace(**{flag.name: flag.value for flag in EventFlag if flag.name})


def packed(data: bytes, random: Random) -> bytes:
    """Return ``data`` compressed, and every other time damaged after that."""
    whole: bytes = random.choice((gzip.compress, zstandard.compress))(data)
    if random.random() < 0.5:
        whole = mutate.flip_anywhere(whole, random)[: random.randrange(1, len(whole) + 1)]
    return whole


def check_spans(batch: Batch) -> None:
    """Every parameter must lie inside the data, and every event number inside the table."""
    first, start, length = batch.first, batch.start.astype(np.int64), batch.length.astype(np.int64)
    assert len(first) == batch.count + 1
    assert first[0] == 0
    assert (np.diff(first) >= 0).all(), "spans out of order"
    assert first[-1] <= len(start) == len(length)
    assert (length >= 0).all(), "negative length"
    assert (start >= 0).all(), "negative start"
    assert (start + length <= len(batch.data)).all(), "span beyond the data"
    assert (batch.types < len(EVENTS)).all(), "unknown event type"


def check_rows(batch: Batch) -> None:
    """Every row number must be one of the tables, every event have its columns."""
    tables = batch.tables
    for column, rows in ((batch.process, tables.processes.count), (batch.file, tables.files.count)):
        assert len(column) == batch.count
        if batch.count:
            assert int(column.max()) < rows, "row beyond the table"
            assert int(column.min()) >= -1, "negative row"


def seeds() -> list[mutate.Blocks]:
    """Return the captures to damage: made up ones, and pieces of recorded ones where there are any."""
    found = [mutate.split(break_in().to_bytes()), mutate.split(Scenario().to_bytes())]
    for name in REFERENCES:
        path = SHARED / name
        if path.exists():
            found += pieces(path)
    return found


def pieces(path: Path) -> list[mutate.Blocks]:
    """Return a few windows of a recorded capture, each with the processes and descriptors it is about."""
    raw = path.read_bytes()
    blocks = mutate.split(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    events = [block for block in blocks if int.from_bytes(block[:4], "little") in mutate.EVENT_BLOCKS]
    others = [block for block in blocks if int.from_bytes(block[:4], "little") not in mutate.EVENT_BLOCKS]
    original = [block for block in others if len(block) < 400][:5]
    found = []
    with Capture(path) as capture:
        for start in range(0, len(events), max(1, len(events) // 4)):
            window = events[start : start + _WINDOW]
            found.append(host(capture, {thread_of(block) for block in window}) + window)
            found.append(original + window)
    return found


def thread_of(block: bytearray) -> int:
    """Return the thread of an event block."""
    at = mutate.EVENT_BLOCKS[int.from_bytes(block[:4], "little")] + 8
    return int.from_bytes(block[at : at + 8], "little")


def host(capture: Capture, tids: set[int]) -> mutate.Blocks:
    """Return the blocks that describe the host, with the threads ``tids`` and their forebears only."""
    known = {thread.tid: thread for thread in capture.threads}
    for tid in list(tids):
        while tid in known and known[tid].ptid not in tids:
            tid = known[tid].ptid
            tids.add(tid)
    stream = io.BytesIO()
    world = World(capture.world.machine, dict(list(capture.world.users.items())[:3]), {}, capture.world.interfaces[:3])
    threads = [thread for thread in capture.threads if thread.tid in tids][:5]
    descriptors = [(tid, records[:4]) for tid, records in capture.descriptors if tid in tids][:3]
    with CaptureWriter(stream, world, threads, descriptors):
        pass
    return mutate.split(stream.getvalue())


def extractable() -> list[tuple[Field, str | int | None]]:
    """Return the fields with arguments that they may be asked for with."""
    return [(field, argument) for field in FIELDS.values() for argument in _arguments(field)]


def _arguments(field: Field) -> list[str | int | None]:
    given: list[str | int | None] = []
    if field.argument is not Argument.REQUIRED:
        given.append(None)
    if field.argument is not Argument.NONE:
        given += ([0, 1, 70] if field.index else []) + (["name", "flags", "PATH"] if field.key else [])
    return given
