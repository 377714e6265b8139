"""What is printed of events from a store is what is printed of them from the capture, byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tiercel
from tests.reference import needs_reference
from tests.store.stored import captures, fields, lines, store_of, story
from tiercel.model.batch import Batch, Tables
from tiercel.outputs.events import DEFAULT_TEMPLATE
from tiercel.replay import Replay


@needs_reference
@pytest.mark.parametrize("path", list(captures()))
def test_events_print_alike(path: Path, tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", Replay(path))
    tables = Tables()
    stored = lines((segment.batch(tables) for segment in store.segments()), DEFAULT_TEMPLATE)
    assert stored == lines(Replay(path), DEFAULT_TEMPLATE)


SMALL = [case for case in captures() if case.values[0].stat().st_size < 1_600_000 and "benign" not in str(case.id)]


@pytest.mark.slow
@needs_reference
@pytest.mark.parametrize("path", SMALL)
def test_every_field_prints_alike(path: Path, tmp_path: Path) -> None:
    template = "%evt.num %evt.info " + " ".join(f"{name}=%{name}" for name in fields())
    store = store_of(tmp_path / "store", Replay(path))
    tables = Tables()
    stored = lines((segment.batch(tables) for segment in store.segments()), template)
    assert stored == lines(Replay(path), template)


@pytest.mark.slow
@needs_reference
@pytest.mark.parametrize("path", [case for case in SMALL if "ipv6" in str(case.id) or "alpine" in str(case.id)])
def test_a_part_of_the_types_prints_alike(path: Path, tmp_path: Path) -> None:
    """Every field, over several segments, of which only some types are read."""
    template = "%evt.num %evt.info " + " ".join(f"{name}=%{name}" for name in fields())
    store = store_of(tmp_path / "store", Replay(path, 5_000))
    counts = {number: count for segment in store.segments() for number, count in segment.manifest.types.items()}
    types = sorted(counts, key=lambda number: -counts[number])[::3]
    tables = Tables()
    stored = lines((segment.batch(tables, types) for segment in store.segments()), template)

    def part() -> Iterator[Batch]:
        for batch in Replay(path, 5_000):
            batch.derived["evt.before"] = batch.times_before()
            batch.visible &= np.isin(batch.types, types)
            yield batch

    assert stored == lines(part(), template)
    assert len(stored) > 20


def test_a_story_prints_alike(tmp_path: Path) -> None:
    path = story(tmp_path / "story.scap")
    template = "%evt.num %evt.info " + " ".join(f"{name}=%{name}" for name in fields())
    for size in (30, 10_000):
        store = store_of(tmp_path / str(size), Replay(path, size))
        tables = Tables()
        stored = lines((segment.batch(tables) for segment in store.segments()), template)
        assert stored == lines(Replay(path, size), template)


def test_reading_does_without_pandas(tmp_path: Path) -> None:
    """Where it is installed pyarrow imports it for a trifle, which takes longer than reading a segment."""
    store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap", 2)))
    text = """
import sys
from tiercel.model.batch import Batch, Tables
from tiercel.store.store import Store
for segment in Store.open(sys.argv[1]).segments():
    batch = segment.batch(Tables())
    batch.fd, batch.file, batch.start, batch.world, batch.name_changed, batch.lookup.descriptors(1, 0)
print("pandas" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(tiercel.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", text, tmp_path / "store"], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "False\n"
