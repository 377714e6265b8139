"""What is stored of threads and descriptors answers as tracking itself does, at every event."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.reference import needs_reference
from tests.store.stored import SOURCE, captures, story
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import P
from tiercel.replay import Replay
from tiercel.state.lookup import Lookup
from tiercel.store.ingest import ingest
from tiercel.store.store import Store


def cells(batch: Batch, row: int) -> list[object]:
    """Return a process row with its texts."""
    if row < 0:
        return []
    found: list[object] = batch.tables.processes.array[row].tolist()
    for column in (P.COMM, P.EXEPATH, P.ARGS, P.CWD):
        found[column] = batch.tables.strings.get(int(found[column]))  # type: ignore[call-overload]
    return found[: P.COMM] + [found[column] for column in (P.COMM, P.EXEPATH, P.ARGS, P.CWD, P.UID, P.FLAGS)]


def names(batch: Batch, table: dict[int, int]) -> list[tuple[int, bytes | None]]:
    """Return descriptors in their order, with the names of what they are."""
    files = batch.tables.files.array
    return [(fd, batch.tables.strings.get(int(files[row, 1]))) for fd, row in table.items()]


def compare(path: Path, root: Path, size: int) -> None:
    random = np.random.default_rng(1)
    store = Store.create(root)
    replay = Replay(path, size)

    def checked() -> object:
        for ordinal, batch in enumerate(replay):
            yield batch
            if ordinal == 0:
                continue
            check(batch, ordinal)

    def check(batch: Batch, ordinal: int) -> None:
        """Compare a batch, while its lookup still answers, with its segment, which is not there yet: kept for later."""
        assert isinstance(batch.lookup, Lookup)
        tids = np.unique(np.concatenate((batch.lookup.changes[0], batch.lookup.threads()[0])))
        seen = np.flatnonzero(batch.visible)
        if not len(seen) or not len(tids):
            return
        indices = random.choice(seen, 300)
        asked = random.choice(tids, 300)
        owners = random.choice(list(batch.lookup.open_descriptors()) or [0], 300)
        kept.append(
            (
                ordinal,
                [
                    (
                        int(batch.num[index]),
                        tid,
                        cells(batch, batch.lookup.process(tid, index)),
                        owner,
                        names(batch, batch.lookup.descriptors(owner, index)),
                    )
                    for index, tid, owner in zip(indices.tolist(), asked.tolist(), owners.tolist(), strict=True)
                ],
            )
        )

    kept: list[tuple[int, list[tuple[int, int, list[object], int, list[tuple[int, bytes | None]]]]]] = []
    ingest(store, checked(), SOURCE)  # type: ignore[arg-type]
    segments = {segment.path.name: segment for segment in store.segments()}
    for ordinal, answers in kept:
        batch = segments[f"E1-{ordinal:06d}"].batch(Tables())
        lookup = batch.lookup
        assert lookup is not None
        places = {num: index for index, num in enumerate(batch.num.tolist())}
        for num, tid, process, owner, descriptors in answers:
            index = places[num]
            assert cells(batch, lookup.process(tid, index)) == process
            many = lookup.processes(np.array([tid]), np.array([index]))
            assert cells(batch, int(many[0])) == process
            table = lookup.descriptors(owner, index)
            assert names(batch, table) == descriptors
            for fd, row in table.items():
                assert lookup.file(owner, fd, index) == row
                assert lookup.files(np.array([owner]), np.array([fd]), np.array([index])).tolist() == [row]
            assert lookup.file(owner, 99_999, index) == -1
            assert lookup.process(-7, index) == -1


@pytest.mark.parametrize("size", [7, 60])
def test_a_story(size: int, tmp_path: Path) -> None:
    compare(story(tmp_path / "story.scap"), tmp_path / "store", size)


@needs_reference
@pytest.mark.parametrize("path", [case for case in captures() if "seed" in str(case.id) or "full" in str(case.id)])
def test_a_capture(path: Path, tmp_path: Path) -> None:
    compare(path, tmp_path / "store", 4_000)
