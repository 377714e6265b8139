"""A snapshot in a capture may say anything: what is believed must harm nobody who reads on from there."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest

from tests.fuzz.capture_target import extractable
from tests.recording.host import WEBSHELL, Recorded
from tests.reference import needs_reference
from tests.state.test_snapshot import copied
from tiercel.capture import blocks
from tiercel.capture.listed import descriptors, threads
from tiercel.model.batch import Batch, Tables
from tiercel.model.event import Event
from tiercel.model.world import World
from tiercel.state.restore import restore
from tiercel.state.snapshot import Snapshot, SnapshotError, take
from tiercel.state.track import Tracker

TABLES = ("threads", "processes", "files", "groups", "members", "owners", "descriptors", "exits", "ports", "ending")
NUMBERS = (0, -1, 1, -2, 7, 255, 4096, 2**31, 2**32 - 1, 2**63 - 1, -(2**63), 1 << 62, -(1 << 62))
TEXTS = (b"", b"\0", b"a" * 5000, bytes(40), b"{", b"\xff" * 16, b'{"execs": [[1, 2]], "entered": [[]]}')


@cache
def recorded() -> tuple[bytes, list[Batch]]:
    """Return a snapshot, and the batches that follow."""
    source, body = Recorded(WEBSHELL, 1500), b""
    batches: list[Batch] = []
    for k, batch in enumerate(source):
        if k == 3:
            body = take(source.tracker, int(batch.ts[-1])).encoded()
        elif k > 3:
            batches.append(copied(batch))
        if k == 5:
            break
    return body, batches


def altered(chance: random.Random) -> Snapshot:
    snapshot = Snapshot.decoded(recorded()[0])
    for _ in range(chance.choice((1, 3, 30))):
        table = getattr(snapshot, chance.choice(TABLES))
        if table.size:
            row, column = chance.randrange(table.shape[0]), chance.randrange(table.shape[1])
            others = (chance.choice(NUMBERS), table[chance.randrange(len(table)), column])
            table[row, column] = chance.choice((*others, chance.randrange(len(snapshot.strings))))
    if chance.random() < 0.3:
        snapshot.strings[chance.randrange(len(snapshot.strings))] = chance.choice(TEXTS)
    return snapshot


@needs_reference
@pytest.mark.parametrize("seed", range(30))
def test_altered_snapshots_are_refused_or_harmless(seed: int) -> None:
    chance = random.Random(seed)
    try:
        snapshot = Snapshot.decoded(altered(chance).encoded())
    except SnapshotError:
        return
    for thread in threads(snapshot):
        blocks.thread_entry(thread)
    for tid, records in descriptors(snapshot):
        blocks.descriptor_list(tid, records)
    tracker = Tracker(Tables(), World())
    restore(tracker, snapshot)
    for batch in map(copied, recorded()[1]):
        batch.tables = tracker.tables
        tracker.track(batch)
        for _ in range(12):
            field, argument = chance.choice(extractable())
            event = Event(batch, chance.randrange(batch.count))
            field.row(event, argument)
            field.output(event, argument)
            if field.bulk is not None:
                field.bulk(batch, np.arange(batch.count), argument)
    take(tracker).encoded()
