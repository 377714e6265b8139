"""The values that a manifest lists, and manifests that list none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.store.stored import SOURCE, InputError, store_of, story
from tiercel.capture.scenario import Scenario
from tiercel.model.columns import P
from tiercel.model.world import World
from tiercel.replay import Replay
from tiercel.store import value_sets
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Manifest
from tiercel.store.store import Store
from tiercel.store.values import of_document, to_document


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap"), 50))


def test_it_lists_what_processes_and_containers_are_called(store: Store) -> None:
    for segment in store.segments():
        values = segment.manifest.values
        assert values["proc.name"] == _names(segment)
        assert {b"/usr/sbin/nginx"} <= values["proc.exepath"]
        assert values["container.name"] <= {b"web", b"host", b""}
        assert values["k8s.pod.name"] == {b"shop"}
        assert values["k8s.ns.name"] == {b"prod"}
        assert segment.manifest.untimed == 0


def _names(segment: object) -> set[bytes]:
    texts = segment.table("strings").column("text").to_pylist()  # type: ignore[attr-defined]
    comms = segment.table("processes", ["comm"]).column(0).to_pylist()  # type: ignore[attr-defined]
    return {texts[number].encode() for number in comms if number is not None}


def test_reading_what_was_written_gives_the_same(store: Store) -> None:
    manifest = store.segments()[0].manifest
    assert Manifest.of(json.loads(manifest.to_json())) == manifest


def test_bytes_that_are_no_text_are_kept() -> None:
    values = {"proc.name": frozenset({b"sh", b"\xff\xfe", "é".encode()})}
    document = to_document(values)
    assert document == {"proc.name": ["sh", "é", {"hex": "fffe"}]}
    assert of_document(json.loads(json.dumps(document))) == values


@pytest.mark.parametrize("values", [["sh"], {"proc.name": "sh"}, {"proc.name": [1]}, {"proc.name": [{"hex": "x"}]}, 5])
def test_values_that_are_none_are_refused(store: Store, values: object) -> None:
    path = store.segments()[0].path / "manifest.json"
    document = json.loads(path.read_text())
    document["values"] = values
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="not a manifest"):
        store.segments()


def test_an_early_manifest_lists_nothing(store: Store) -> None:
    path = store.segments()[0].path / "manifest.json"
    document = json.loads(path.read_text())
    del document["values"], document["untimed"]
    path.write_text(json.dumps(document))
    manifest = store.segments()[0].manifest
    assert (manifest.values, manifest.untimed) == ({}, None)


def test_a_field_with_too_many_values_is_not_listed() -> None:
    def listed(names: list[bytes]) -> bool:
        cells = np.full((len(names), P.COUNT), -1, np.int64)
        cells[:, P.COMM] = np.arange(1, len(names) + 1)
        return "proc.name" in value_sets.values(cells, [b"", *names], World(), 0)

    assert listed([b"%d" % number for number in range(4_096)])
    assert not listed([b"%d" % number for number in range(4_097)])
    assert not listed([b"x" * 15 + b"%d" % number for number in range(4_000)])


def test_a_container_is_listed_under_all_names_it_had(tmp_path: Path) -> None:
    told = Scenario("node-1")
    late = told.container("late", image="busybox", announced=False)
    process = told.process("/bin/sh", container=late)
    process.open("/tmp/a")
    told.announce(late)
    process.open("/tmp/b")
    told.write(tmp_path / "told.scap")
    store = Store.create(tmp_path / "store")
    ingest(store, Replay(tmp_path / "told.scap"), SOURCE)
    (segment,) = store.segments(container="late")
    assert b"late" in segment.manifest.values["container.name"]


def test_what_was_asked_for_by_container_or_pod_is_found(store: Store) -> None:
    everything = len(store.segments())
    (known,) = [known for known in store.segments()[0].manifest.containers if known.name == "web"]
    assert len(store.segments(container="web")) == everything
    assert len(store.segments(container=known.id[:4])) == everything
    assert len(store.segments(container=known.id + "0" * 52)) == everything
    assert len(store.segments(pod="shop")) == everything
    assert store.segments(container="db") == store.segments(pod="db") == []


def test_segments_of_later_days_are_not_read(store: Store) -> None:
    (day,) = {segment.path.parent for segment in store.segments()}
    later = day.with_name("day=2999-01-01") / "E9-000000"
    later.mkdir(parents=True)
    (later / "manifest.json").write_text("damaged")
    first = store.segments(until=4_000_000_000_000_000_000)
    assert {segment.path.parent for segment in first} == {day}
    with pytest.raises(InputError, match="not a manifest"):
        store.segments()
