"""Recordings that hold the same events, together in a store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tiercel.capture.scenario import Scenario
from tiercel.detect import Detection
from tiercel.model.batch import Batch
from tiercel.reconstruct.overlap import repeats
from tiercel.reconstruct.scene import Scene
from tiercel.replay import Replay
from tiercel.scanning import prepare
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "web-1.scap"
    break_in().write(path)
    return path


@pytest.fixture
def detection() -> Detection:
    found = prepare([], []).detection
    assert found is not None
    return found


def stored(folder: Path, detection: Detection, *captures: Path) -> Scene:
    """Return the scene of captures, each a piece of evidence of its own."""
    store = Store.create(folder)
    for number, path in enumerate(captures, 1):
        batches: Iterable[Batch] = Replay(path)
        ingest(store, batches, Source(f"E{number:03}", path.name, "scap", f"{number:064}"), detection)
    return Scene.load(store)


def told(scene: Scene) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in scene.acts.drop_columns(["evidence"]).to_pylist()]


def test_a_copy_adds_nothing(tmp_path: Path, capture: Path, detection: Detection) -> None:
    copy = tmp_path / "copy.scap"
    copy.write_bytes(capture.read_bytes())
    once, twice = stored(tmp_path / "a", detection, capture), stored(tmp_path / "b", detection, capture, copy)
    assert once.alerts.num_rows > 0
    assert told(twice) == told(once)
    assert twice.alerts["rule"].to_pylist() == once.alerts["rule"].to_pylist()
    assert set(twice.alerts["evidence"].to_pylist()) == {"E001 E002"}
    assert twice.processes.num_rows == once.processes.num_rows


def test_which_evidence_repeats_which_is_told(tmp_path: Path, capture: Path, detection: Detection) -> None:
    copy, other = tmp_path / "copy.scap", tmp_path / "other.scap"
    copy.write_bytes(capture.read_bytes())
    told = Scenario("web-2")
    told.process("/sbin/init").spawn("/bin/sh").open("/etc/hosts")
    told.write(other)
    stored(tmp_path / "store", detection, capture, copy, other)
    assert repeats(Store.open(tmp_path / "store").segments()) == {"E002": ["E001"]}
    stored(tmp_path / "apart", detection, capture, other)
    assert repeats(Store.open(tmp_path / "apart").segments()) == {}


def test_a_part_adds_nothing_whichever_comes_first(tmp_path: Path, capture: Path, detection: Detection) -> None:
    part = tmp_path / "part.scap"
    part.write_bytes(capture.read_bytes()[: capture.stat().st_size * 9 // 10])
    once = stored(tmp_path / "a", detection, capture)
    for folder, captures in (("b", (capture, part)), ("c", (part, capture))):
        scene = stored(tmp_path / folder, detection, *captures)
        assert told(scene) == told(once)
        assert scene.alerts.num_rows == once.alerts.num_rows


def test_what_happened_twice_is_told_twice(tmp_path: Path, detection: Detection) -> None:
    for name, delay in (("first.scap", 0), ("second.scap", 60)):
        story = break_in()
        for at, event in enumerate(story.events):
            story.events[at] = event._replace(ts=event.ts + delay * 1_000_000_000)
        story.write(tmp_path / name)
    scene = stored(tmp_path / "s", detection, tmp_path / "first.scap", tmp_path / "second.scap")
    alone = stored(tmp_path / "a", detection, tmp_path / "first.scap")
    assert scene.alerts.num_rows == 2 * alone.alerts.num_rows
