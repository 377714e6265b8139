"""Events copied many at a time."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from tests.reference import SHARED, needs_reference
from tiercel.capture import event_blocks as module
from tiercel.capture.event_blocks import event_blocks
from tiercel.capture.writer import CaptureWriter
from tiercel.replay import Replay

CAPTURES = sorted((SHARED / "captures").rglob("*.scap")) if SHARED.is_dir() else []


@needs_reference
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_are_what_the_writer_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for batch in Replay(path, size=3000):
        chosen = np.arange(0, batch.count, 2, dtype=np.int64)
        found, count = event_blocks(batch, chosen, np.zeros(len(chosen), np.bool_))
        stream = io.BytesIO()
        writer = CaptureWriter(stream)
        writer.flush()
        head = stream.tell()
        batch.world, batch.visible = None, np.ones(batch.count, np.bool_)
        writer.write_batch(batch, chosen)
        writer.flush()
        assert bytes(found) == stream.getvalue()[head:]
        assert count == len(chosen)
        hidden = np.ones(len(chosen), np.bool_)
        compiled = event_blocks(batch, chosen, hidden)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_kernel", None)
            assert event_blocks(batch, chosen, hidden) == compiled
        break


@needs_reference
def test_what_is_outside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = next(iter(Replay(CAPTURES[0], size=100)))
    for _ in range(2):
        with pytest.raises(ValueError, match="outside"):
            event_blocks(batch, np.array([batch.count]), np.array([False]))
        length = batch.length.copy()
        batch.length = np.full_like(length, 0x7FFFFFFF)
        with pytest.raises(ValueError, match="outside"):
            event_blocks(batch, np.array([1]), np.array([False]))
        batch.length = length
        monkeypatch.setattr(module, "_kernel", None)
