"""Killed at any instant, or on a full disk, a store holds whole segments only."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tiercel
from tests.store.stored import SOURCE, store_of, story
from tiercel.errors import InputError
from tiercel.model.batch import Tables
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.store import Store

SIZE = 100
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(tiercel.__file__).parents[1])}

WRITER = f"""
import sys
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store
store = Store.create(sys.argv[2])
print("ready", flush=True)
ingest(store, Replay(sys.argv[1], {SIZE}), Source("E1", "capture.scap"))
"""


@pytest.mark.slow
def test_killed_at_any_instant(tmp_path: Path) -> None:
    capture = story(tmp_path / "story.scap", 200)
    whole = store_of(tmp_path / "whole", Replay(capture, SIZE))
    expected = {segment.path.name: dict(segment.manifest.files) for segment in whole.segments()}
    chance = random.Random(5)
    root = tmp_path / "store"
    counts = []
    for _ in range(10):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, capture, root], stdout=subprocess.PIPE, env=ENVIRONMENT
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.uniform(0, 0.15))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        segments = Store.open(root).segments()
        for segment in segments:
            segment.verify()
            assert dict(segment.manifest.files) == expected[segment.path.name]
        counts.append(len(segments))
    assert counts == sorted(counts), "what was there stays"
    store = Store.open(root)
    ingest(store, Replay(capture, SIZE), SOURCE)
    assert {segment.path.name: dict(segment.manifest.files) for segment in store.segments()} == expected
    assert not list(root.glob("**/.writing-*"))
    assert sum(segment.batch(Tables()).count for segment in store.segments()) == sum(
        segment.manifest.rows["events"] for segment in whole.segments()
    )


FULL = f"""
import resource, sys
{WRITER.replace('print("ready", flush=True)', "resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))")}
"""


def test_a_full_disk_is_told_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    """A bound on the size of files stands in for a full disk."""
    capture = story(tmp_path / "story.scap", 400)
    text = FULL.replace(f", {SIZE})", ", 100_000)")
    writer = subprocess.run(
        [sys.executable, "-c", text, capture, tmp_path / "store"],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert writer.returncode != 0
    assert "InputError" in writer.stderr
    assert "cannot be written: File too large" in writer.stderr
    store = Store.open(tmp_path / "store")
    assert store.segments() == []
    assert [path.name for path in store.path.glob("**/*") if path.is_file()] == ["store.json"]


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    (store.path / "host=web-1").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        ingest(store, Replay(story(tmp_path / "story.scap", 2)), SOURCE)
