"""What is written reads back the same, from scenarios and from recorded captures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.capture.stories import break_in
from tests.reference import SHARED, needs_reference
from tiercel.capture.writer import CaptureWriter
from tiercel.model.batch import Batch
from tiercel.sources.capture import Capture


def spans(batch: Batch, index: int) -> list[bytes]:
    low, high = batch.first[index], batch.first[index + 1]
    pairs = zip(batch.start[low:high].tolist(), batch.length[low:high].tolist(), strict=True)
    return [bytes(batch.data[start : start + length]) for start, length in pairs]


def only_batch(path: Path) -> tuple[Capture, Batch]:
    with Capture(path) as capture:
        (batch,) = list(capture.batches(size=1 << 20))
        assert capture.damage is None
    return capture, batch


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_scenario_reads_back(tmp_path: Path, suffix: str) -> None:
    story = break_in()
    path = tmp_path / f"story.scap{suffix}"
    story.write(path)
    capture, batch = only_batch(path)
    assert capture.world.machine == story.world.machine
    assert capture.world.users == story.world.users
    assert capture.world.groups == story.world.groups
    assert [(i.name, i.address, i.netmask) for i in capture.world.interfaces] == [
        (b"lo", b"\x7f\0\0\x01", b"\xff\0\0\0"),
        (b"eth0", b"\x0a\0\0\x05", b"\xff\xff\xff\0"),
    ]
    assert capture.threads == story.threads
    assert capture.descriptors == story.descriptors
    assert batch.ts.tolist() == [event.ts for event in story.events]
    assert batch.tid.tolist() == [event.tid for event in story.events]
    assert batch.types.tolist() == [event.type for event in story.events]
    for index, event in enumerate(story.events):
        assert spans(batch, index) == event.parameters


@needs_reference
@pytest.mark.parametrize("name", ["sfc_ls", "sfc_files", "libs_test_ipv6_client", "modern/a-seed-webshell"])
def test_a_recorded_capture_reads_back(tmp_path: Path, name: str) -> None:
    source = SHARED / "captures" / name / f"{Path(name).name}.scap"
    capture, batch = only_batch(source)
    path = tmp_path / "copy.scap"
    with CaptureWriter(path, capture.world, capture.threads, capture.descriptors) as writer:
        writer.write_batch(batch)
    copy, again = only_batch(path)
    assert copy.world.machine == capture.world.machine
    assert copy.world.users == capture.world.users
    assert copy.world.interfaces == capture.world.interfaces
    assert copy.threads == capture.threads
    kept = [(tid, [record for record in records if record.type > 0]) for tid, records in capture.descriptors]
    assert copy.descriptors == kept
    for column in ("ts", "tid", "cpu", "types", "first", "length", "visible"):
        np.testing.assert_array_equal(getattr(again, column), getattr(batch, column), err_msg=column)
    for index in range(batch.count):
        assert spans(again, index) == spans(batch, index)


@needs_reference
def test_chosen_events(tmp_path: Path) -> None:
    capture, batch = only_batch(SHARED / "captures" / "modern" / "a-seed-webshell" / "a-seed-webshell.scap")
    chosen = np.flatnonzero(batch.types == 293)
    path = tmp_path / "execs.scap"
    with CaptureWriter(path, capture.world, capture.threads, capture.descriptors) as writer:
        writer.write_batch(batch, chosen)
        assert writer.events == len(chosen) == 50
    _, again = only_batch(path)
    assert again.ts.tolist() == batch.ts[chosen].tolist()
    assert set(again.types.tolist()) == {293}
