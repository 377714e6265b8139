"""The loop of a watch, over a recording in place of a live source."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.detect import Detection
from tiercel.model.batch import Batch, Tables
from tiercel.outputs.alert import Alert
from tiercel.replay import Replay
from tiercel.rules.model import Rule
from tiercel.scanning import prepare
from tiercel.sources.live.stream import Lost
from tiercel.state.track import Tracker
from tiercel.watching.loop import Seen, Watch

CAPTURE = SHARED / "captures" / "modern" / "a-seed-webshell" / "a-seed-webshell.scap"


class Recorded:
    """A recording that plays the part of a live source."""

    name = "recorded"
    hostname = "web-1"
    tables: Tables
    tracker: Tracker

    def __init__(self, path: Path) -> None:
        self.replay = Replay(path, size=2000)
        self.events = 0
        self.idle: Callable[[], None] = lambda: None
        self.lost = Lost()
        self.wanted: list[list[str]] = []

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.replay:
            self.events = self.replay.events
            yield batch
            self.idle()

    def want(self, rules: Iterable[Rule]) -> None:
        self.wanted.append([rule.name for rule in rules])

    def remarks(self) -> list[str]:
        return []

    def stop(self) -> None: ...

    def close(self) -> None: ...


class Looker:
    """Notes what it is told, and adds a field to each alert."""

    def __init__(self) -> None:
        self.batches = self.events = self.ticks = self.closed = 0
        self.seen: list[Seen] = []

    def annotate(self, batch: Batch, index: int, rule: Rule, alert: Alert) -> Mapping[str, str] | None:
        return {"capture.path": f"/{rule.index}"}

    def see(self, batch: Batch, alerts: Sequence[Seen]) -> None:
        self.batches += 1
        self.events += batch.count
        self.seen += alerts

    def tick(self, now: int) -> None:
        self.ticks += 1

    def close(self) -> None:
        self.closed += 1


def detection(*options: str) -> Detection:
    found = prepare([], options=["json_output=true", *options]).detection
    assert found is not None
    return found


@pytest.fixture(scope="module")
def expected() -> list[bytes]:
    wanted = detection()
    return [line for batch in Replay(CAPTURE) for *_, line, _ in wanted.pairs(batch, wanted.match(batch))]


@needs_reference
def test_alerts_are_printed_as_they_come(expected: list[bytes]) -> None:
    out = io.BytesIO()
    Watch(Recorded(CAPTURE), detection(), out).run()
    assert out.getvalue().splitlines(keepends=True) == expected
    assert len(expected) == 9


@needs_reference
def test_parts_see_every_event_and_every_alert_with_what_was_added(expected: list[bytes]) -> None:
    out, looker, source = io.BytesIO(), Looker(), Recorded(CAPTURE)
    Watch(source, detection(), out, parts=[looker]).run()
    assert [seen.line for seen in looker.seen] == out.getvalue().splitlines(keepends=True)
    for seen, line in zip(looker.seen, expected, strict=True):
        plain, full = json.loads(line), json.loads(seen.line)
        assert seen.rule is not None
        assert full.pop("output_fields") == plain.pop("output_fields") | {"capture.path": f"/{seen.rule.index}"}
        assert full == plain
        assert seen.alert.output_fields["capture.path"] == f"/{seen.rule.index}"
    assert (looker.closed, looker.ticks > 0, looker.batches > 1) == (1, True, True)
    assert looker.events >= source.events


@needs_reference
def test_rules_are_replaced_between_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiercel.watching.loop._TICK", 0)
    source, out = Recorded(CAPTURE), io.BytesIO()
    watch = Watch(source, detection(), out)
    thread = threading.Thread(target=watch.use, args=(detection("rules[].disable.rule=*"),))
    thread.start()
    thread.join()
    watch.run()
    assert source.wanted == [[]]
    assert watch.detection.rules == []


@needs_reference
def test_parts_are_closed_when_the_source_fails() -> None:
    class Failing(Recorded):
        def __iter__(self) -> Iterator[Batch]:
            raise OSError("gone")

    looker = Looker()
    with pytest.raises(OSError, match="gone"):
        Watch(Failing(CAPTURE), detection(), parts=[looker]).run()
    assert looker.closed == 1
