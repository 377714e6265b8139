"""What is printed of events from a store is what is printed of them from the capture, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reference import needs_reference
from tests.store.stored import captures, fields, lines, store_of
from tiercel.model.batch import Tables
from tiercel.outputs.events import DEFAULT_TEMPLATE
from tiercel.replay import Replay


@needs_reference
@pytest.mark.parametrize("path", list(captures()))
def test_events_print_alike(path: Path, tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", Replay(path))
    tables = Tables()
    stored = lines((segment.batch(tables) for segment in store.segments()), DEFAULT_TEMPLATE)
    assert stored == lines(Replay(path), DEFAULT_TEMPLATE)


SMALL = [case for case in captures() if case.values[0].stat().st_size < 3_000_000]


@needs_reference
@pytest.mark.parametrize("path", SMALL)
def test_every_field_prints_alike(path: Path, tmp_path: Path) -> None:
    template = "%evt.num %evt.info " + " ".join(f"{name}=%{name}" for name in fields())
    store = store_of(tmp_path / "store", Replay(path))
    tables = Tables()
    stored = lines((segment.batch(tables) for segment in store.segments()), template)
    assert stored == lines(Replay(path), template)
