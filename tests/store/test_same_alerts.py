"""Alerts of stored events are those of the capture, however much of a segment is read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.alerts.test_recorded_alerts import upstream
from tests.reference import needs_reference
from tests.store.stored import SOURCE, captures
from tiercel.detect import Detection
from tiercel.model.batch import Batch, Tables
from tiercel.outputs.alerts import AlertStyle
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.store import Store


def detection() -> Detection:
    return Detection(list(upstream()), AlertStyle(json=True), every=True)


def alert_lines(batches: Iterable[Batch]) -> list[bytes]:
    running = detection()
    return b"".join(running.lines(batch, running.match(batch)) for batch in batches).splitlines()


@needs_reference
@pytest.mark.parametrize("path", list(captures()))
def test_alerts_alike(path: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    done = ingest(store, Replay(path), SOURCE, detection())
    expected = alert_lines(Replay(path))

    whole, part = Tables(), Tables()
    types = set().union(*(rule.event_types for rule in upstream()))
    assert alert_lines(segment.batch(whole) for segment in store.segments()) == expected
    assert alert_lines(segment.batch(part, types) for segment in store.segments()) == expected

    assert done.alerts == len(expected)
    rows = [row for segment in store.segments() for row in segment.table("alerts").to_pylist()]
    told = [json.loads(line) for line in expected]
    assert [(row["rule"], row["output"]) for row in rows] == [(alert["rule"], alert["output"]) for alert in told]
    assert [json.loads(row["output_fields"]) for row in rows] == [alert["output_fields"] for alert in told]


@needs_reference
@pytest.mark.parametrize("path", [case for case in captures() if "seed" in str(case.id) or "ping" in str(case.id)])
def test_alerts_of_single_types_alike(path: Path, tmp_path: Path) -> None:
    """Each rule asked over the events of one of its types."""
    store = Store.create(tmp_path / "store")
    ingest(store, Replay(path), SOURCE)
    (segment,) = store.segments()
    expected = detection().match(next(iter(Replay(path)))).counts()
    found: dict[int, int] = {}
    for number in segment.manifest.types:
        for rule, count in detection().match(segment.batch(Tables(), [number])).counts().items():
            found[rule] = found.get(rule, 0) + count
    assert found == expected
