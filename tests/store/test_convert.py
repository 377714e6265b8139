"""Segments of other versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.store.stored import store_of, story
from tiercel.errors import InputError
from tiercel.model.batch import Tables
from tiercel.replay import Replay
from tiercel.store import convert
from tiercel.store.schema import SCHEMA_VERSION


def test_older_manifests_are_converted_when_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap", 2)))
    (segment,) = store.segments()
    document = json.loads((segment.path / "manifest.json").read_text())
    document["hostname"] = document.pop("host")
    document["schema"] = SCHEMA_VERSION - 1
    text = json.dumps(document)
    (segment.path / "manifest.json").write_text(text)

    with pytest.raises(InputError, match="version 0 of the tables is not known"):
        store.segments()

    def renamed(older: convert.Document) -> convert.Document:
        return {**older, "host": older["hostname"]}

    monkeypatch.setitem(convert.CONVERTERS, SCHEMA_VERSION - 1, renamed)
    (segment,) = store.segments()
    assert segment.manifest.host == "web-1"
    assert segment.batch(Tables()).count == segment.manifest.rows["events"]
    assert (segment.path / "manifest.json").read_text() == text, "a segment is never changed"


def test_newer_manifests_are_refused(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap", 2)))
    (segment,) = store.segments()
    path = segment.path / "manifest.json"
    path.write_text(path.read_text().replace('"schema": 1', f'"schema": {SCHEMA_VERSION + 1}'))
    with pytest.raises(InputError, match=r"written by a newer tiercel .* upgrade tiercel"):
        store.segments()
