"""Taking evidence in: segments, what is missing, what was there before, and alert logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.store.stored import SOURCE, store_of, story
from tiercel.capture.scenario import Scenario
from tiercel.content import rules_path
from tiercel.detect import Detection
from tiercel.model.batch import Tables
from tiercel.outputs.alerts import AlertStyle
from tiercel.replay import Replay
from tiercel.rules.load import load
from tiercel.store.ingest import ingest, ingest_alerts, replay
from tiercel.store.manifest import Source
from tiercel.store.schema import ALERTS
from tiercel.store.store import Store


def test_a_segment_says_what_it_holds(tmp_path: Path) -> None:
    path = story(tmp_path / "story.scap")
    store = Store.create(tmp_path / "store")
    told: list[int] = []
    done = ingest(store, replay(path), Source("E1", path.name, "scap", "ab" * 32), progress=told.append)
    (segment,) = store.segments()
    assert done.segments == [segment.path]
    assert (done.kept, done.gaps, done.alerts) == (0, [], 0)
    manifest = segment.manifest
    assert segment.path.relative_to(store.path).parts == ("host=web-1", "day=2026-01-01", "E1-000000")
    assert manifest.source == Source("E1", "story.scap", "scap", "ab" * 32)
    assert manifest.machine.hostname == manifest.host == "web-1"
    batch = segment.batch(Tables())
    assert manifest.rows["events"] == sum(manifest.types.values()) == batch.count == done.events == told[-1]
    assert (manifest.first_num, manifest.last_num) == (int(batch.num[0]), int(batch.num[-1]))
    assert (manifest.first_ts, manifest.last_ts) == (int(batch.ts.min()), int(batch.ts.max()))
    (container,) = manifest.containers
    assert (container.name, container.image, container.pod, container.namespace) == (
        "web",
        "nginx:1.25",
        "shop",
        "prod",
    )
    segment.verify()


def test_alerts_are_raised_as_events_are_stored(tmp_path: Path) -> None:
    told = Scenario("node-1")
    shell = told.process("/bin/sh")
    shell.spawn("/usr/bin/cat", "/etc/shadow").open("/etc/shadow")
    told.write(tmp_path / "story.scap")
    rules = [rule for rule in load([rules_path()]).rules if rule.enabled]
    store = Store.create(tmp_path / "store")
    done = ingest(store, Replay(tmp_path / "story.scap"), SOURCE, Detection(rules, AlertStyle()))
    (segment,) = store.segments()
    rows = segment.table("alerts").to_pylist()
    assert done.alerts == len(rows) > 0
    nums = segment.table("events", ["num"]).column(0).to_pylist()
    for row in rows:
        assert row["num"] in nums
        assert (row["kind"], row["hostname"], row["truncated"]) == ("rules", "node-1", False)
        assert json.loads(row["output_fields"])
    assert segment.manifest.rows["alerts"] == len(rows)


def test_damage_is_a_gap_and_what_came_before_is_kept(tmp_path: Path) -> None:
    whole = story(tmp_path / "whole.scap").read_bytes()
    (tmp_path / "cut.scap").write_bytes(whole[:-30])
    (tmp_path / "bad.scap").write_bytes(whole + b"\xff" * 30)
    for name, kind in (("cut", "truncated"), ("bad", "damage")):
        store = Store.create(tmp_path / name)
        done = ingest(store, Replay(tmp_path / f"{name}.scap"), SOURCE)
        (segment,) = store.segments()
        (gap,) = done.gaps
        assert segment.manifest.gaps == (gap,)
        assert gap.kind == kind
        assert gap.from_ts == segment.manifest.last_ts
        assert "byte" in gap.what
        assert segment.manifest.rows["events"] > 100


def test_only_the_last_segment_holds_the_damage(tmp_path: Path) -> None:
    whole = story(tmp_path / "whole.scap").read_bytes()
    (tmp_path / "cut.scap").write_bytes(whole[:-30])
    store = store_of(tmp_path / "store", Replay(tmp_path / "cut.scap", 50))
    gaps = [len(segment.manifest.gaps) for segment in store.segments()]
    assert len(gaps) > 3
    assert gaps == [0] * (len(gaps) - 1) + [1]


def test_dropped_events_are_a_gap(tmp_path: Path) -> None:
    told = Scenario("node-1")
    process = told.process("/bin/sh")
    process.chdir("/tmp")
    told.emit(process.tid, "DROP_E", ratio=8)
    told.emit(process.tid, "DROP_X", ratio=8)
    process.chdir("/")
    told.write(tmp_path / "story.scap")
    (segment,) = store_of(tmp_path / "store", Replay(tmp_path / "story.scap")).segments()
    (gap,) = segment.manifest.gaps
    assert gap.kind == "dropped"
    assert gap.from_ts is not None
    assert gap.to_ts == gap.from_ts + told.step


def test_a_capture_without_events_leaves_a_segment_that_says_so(tmp_path: Path) -> None:
    story(tmp_path / "story.scap")
    whole = (tmp_path / "story.scap").read_bytes()
    (tmp_path / "cut.scap").write_bytes(whole[:40])
    store = store_of(tmp_path / "store", Replay(tmp_path / "cut.scap"))
    (segment,) = store.segments()
    assert segment.manifest.rows["events"] == 0
    assert len(segment.manifest.gaps) == 1
    batch = segment.batch(Tables())
    assert batch.count == len(batch.ts) == len(batch.start) == 0
    assert segment.path.parts[-2] == "day=__HIVE_DEFAULT_PARTITION__"


def test_taking_in_again_changes_nothing(tmp_path: Path) -> None:
    path = story(tmp_path / "story.scap")
    store = store_of(tmp_path / "store", Replay(path, 40))
    before = {file: file.read_bytes() for file in store.path.glob("**/*.*")}
    done = ingest(store, Replay(path, 40), SOURCE)
    assert done.kept == len(done.segments) == len(store.segments()) > 1
    assert done.events == sum(segment.manifest.rows["events"] for segment in store.segments())
    assert {file: file.read_bytes() for file in store.path.glob("**/*.*")} == before


def test_an_error_while_reading_keeps_what_was_read(tmp_path: Path) -> None:
    path = story(tmp_path / "story.scap")
    store = Store.create(tmp_path / "store")

    def failing() -> Any:
        for ordinal, batch in enumerate(Replay(path, 40)):
            if ordinal == 3:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        ingest(store, failing(), SOURCE)
    assert [segment.path.name for segment in store.segments()] == ["E1-000000", "E1-000001", "E1-000002"]
    assert not list(store.path.glob("**/.writing-*"))


def test_segments_follow_each_other(tmp_path: Path) -> None:
    """The time before the first event of a segment, and of the capture, are those of the capture."""
    path = story(tmp_path / "story.scap")
    store = store_of(tmp_path / "store", Replay(path, 64))
    (whole,) = list(Replay(path))
    batches = [segment.batch(Tables()) for segment in store.segments()]
    assert len(batches) > 4
    assert (
        np.concatenate([batch.times_before() for batch in batches]).tolist()
        == whole.times_before()[whole.visible].tolist()
    )
    assert {batch.first_ts for batch in batches} == {whole.first_ts}


def test_alert_logs_make_a_segment_for_each_host_and_day(tmp_path: Path) -> None:
    day = 86_400 * 1_000_000_000
    rows = [
        {
            "alert": 7,
            "num": None,
            "ts": 20_000 * day + ts,
            "rule": "Shell",
            "priority": "Notice",
            "source": "syscall",
            "output": "a shell",
            "output_fields": "{}",
            "tags": ["mitre"],
            "hostname": host,
            "kind": "log",
            "truncated": truncated,
        }
        for host, ts, truncated in (("a", 5, False), ("b", 1, True), ("a", 9, False), ("a", day, False), ("", 3, False))
    ]
    store = Store.create(tmp_path / "store")
    done = ingest_alerts(store, Source("E2", "alerts.jsonl", "falco_alerts"), pa.Table.from_pylist(rows, ALERTS.arrow))
    assert done.alerts == 5
    found = [
        (segment.manifest.host, [row["ts"] - 20_000 * day for row in segment.table("alerts").to_pylist()])
        for segment in store.segments()
    ]
    assert found == [("", [3]), ("a", [5, 9]), ("a", [day]), ("b", [1])]
    for segment in store.segments():
        assert segment.batch(Tables()).count == 0
        assert segment.table("alerts").column("alert").to_pylist() == list(range(segment.manifest.rows["alerts"]))
    assert ingest_alerts(store, Source("E3", "none"), ALERTS.arrow.empty_table()).segments == []
