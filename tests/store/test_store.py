"""Finding segments, and directories that are no stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.stored import SOURCE, store_of, story
from tiercel.errors import InputError
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store
from tiercel.wire.event_table import BY_CONSTANT


def names(store: Store, **wanted: object) -> list[str]:
    return [segment.path.name for segment in store.segments(**wanted)]  # type: ignore[arg-type]


def test_segments_are_found_by_what_their_manifests_say(tmp_path: Path) -> None:
    path = story(tmp_path / "story.scap")
    store = store_of(tmp_path / "store", Replay(path, 40))
    ingest(store, Replay(story(tmp_path / "other.scap", 3, "db-1")), Source("E2", "other.scap"))
    every = names(store)
    assert every[0] == "E2-000000", "in the order of hosts"
    assert every[1:] == sorted(every[1:])
    assert len(every) > 4
    assert names(store, host="db-1") == ["E2-000000"]
    assert names(store, host="db") == names(store, host="*") == []
    assert names(store, evidence="E1") == every[1:]
    first = store.segments(evidence="E1")[0].manifest
    last = store.segments(evidence="E1")[-1].manifest
    assert names(store, host="web-1", until=first.first_ts) == []
    assert names(store, host="web-1", until=first.first_ts + 1) == [first.name]  # type: ignore[operator]
    assert names(store, host="web-1", since=last.last_ts) == [last.name]
    assert names(store, host="web-1", since=last.last_ts + 1) == []  # type: ignore[operator]
    assert names(store, pod="shop") == names(store, container="web") == every
    assert names(store, pod="sho") == names(store, container="we") == []
    id = first.containers[0].id
    assert set(names(store, container=id[:5])) >= {first.name}
    assert names(store, types=[BY_CONSTANT["SYSCALL_OPENAT_2_X"], BY_CONSTANT["SYSCALL_OPEN_X"]]) != []
    assert names(store, types=[BY_CONSTANT["SYSCALL_BPF_2_X"]]) == names(store, types=[]) == []


@pytest.mark.parametrize("host", ["", ".", "..", "../../x", "a/b", "a=b", "ä b", "*", "x" * 1000, "\n", "-"])
def test_any_name_of_a_host_is_a_directory_inside_the_store(host: str, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    place = store.directory(host, 1_700_000_000 * 10**9, "E1-000000")
    assert place.parent.parent.parent == store.path
    assert place.resolve() == place
    assert place.parent.name == "day=2023-11-14"
    assert len(place.parts[-3].encode()) < 255
    place.mkdir(parents=True)


def test_days_beyond_the_calendar(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    for ts in (None, -1, (1 << 63) - 1):
        place = store.directory("h", ts, "E1-000000")
        assert place.parent.name.startswith("day=")
        assert place.is_relative_to(store.path)


def test_what_a_writer_left_behind_is_ignored_and_then_removed(tmp_path: Path) -> None:
    path = story(tmp_path / "story.scap", 3)
    store = store_of(tmp_path / "store", Replay(path))
    (segment,) = store.segments()
    left = segment.path.parent / ".writing-999999999-E1-000001"
    left.mkdir()
    (left / "manifest.json").write_text("{")
    assert names(store) == [segment.path.name]
    ingest(store, Replay(path), SOURCE)
    assert not left.exists()


def test_a_segment_without_manifest_is_named(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap", 3)))
    (segment,) = store.segments()
    (segment.path.parent / "notes.txt").write_text("none of ours")
    assert names(store) == [segment.path.name]
    (segment.path / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"E1-000000/manifest\.json: No such file"):
        store.segments()


def test_only_stores_are_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        Store.open(tmp_path / "none")
    with pytest.raises(InputError, match="neither a store nor a case"):
        Store.open(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(InputError, match="not empty, and not a store"):
        Store.create(tmp_path / "full")
    with pytest.raises(InputError, match="file"):
        Store.create(tmp_path / "full" / "file" / "store")
    made = Store.create(tmp_path / "case" / "store")
    assert Store.create(made.path).path == Store.open(made.path).path == Store.open(tmp_path / "case").path
    assert made.segments() == []
