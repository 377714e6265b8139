"""Alerts of rules as lines and as values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tiercel.capture.scenario import Scenario
from tiercel.detect import Detection
from tiercel.outputs import weave as module
from tiercel.outputs.alerts import AlertStyle
from tiercel.replay import Replay
from tiercel.rules.load import load
from tiercel.rules.yaml_source import Source

RULES = """
- rule: Moved
  desc: d
  condition: evt.type = chdir
  output: 'to "%evt.arg.path" by %proc.name (%evt.args) %12evt.num|'
  priority: NOTICE
  tags: [b, a, b]
- rule: Moved to an even place
  desc: d
  condition: evt.type = chdir and evt.arg.path endswith 0
  output: even %evt.info %container.id
  priority: INFO
"""
PLACES = ['plain"quote', "back\\slash", "ünïcode 💥", "tab\there", *(f"p{number}" for number in range(25))]


@pytest.fixture(params=["compiled", "plain"], autouse=True)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "plain":
        monkeypatch.setattr(module, "_weave", None)
    elif module._weave is None:
        pytest.skip("not compiled")


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    story = Scenario("node-1", step=0)
    for place in PLACES:
        story.init.chdir(f"/{place}")
        story.wait(0.25)
    path = tmp_path_factory.mktemp("alerts") / "moves.scap"
    story.write(path)
    return path


def detection(every: bool = False, **style: Any) -> Detection:
    loaded = load([Source("rules.yaml", RULES.encode())])
    assert loaded.successful
    return Detection(loaded.rules, AlertStyle(**style), every)


def printed(capture: Path, every: bool = False, **style: Any) -> list[bytes]:
    """Return all lines, having checked that each is what it is when asked for alone."""
    found = detection(every, **style)
    lines: list[bytes] = []
    for batch in Replay(capture):
        matches = found.match(batch)
        woven = found.lines(batch, matches)
        pairs = zip(matches.indices.tolist(), matches.rules.tolist(), strict=True)
        single = [found.line(batch, index, rule) for index, rule in pairs]
        assert woven == b"".join(single)
        lines.extend(single)
    return lines


def test_text(capture: Path) -> None:
    lines = printed(capture)
    assert len(lines) == len(PLACES)
    form = rb'\d\d:\d\d:\d\d\.\d{9}: Notice to "(.*)" by \w+ \((.*)\) (.{12})\|\n'
    for place, line in zip(PLACES, lines, strict=True):
        matched = re.fullmatch(form, line)
        assert matched is not None, line
        assert matched[1].decode() == "/" + place.replace("\t", "\ufffd")
        assert matched[2].decode().endswith("path=/" + place.replace("\t", "\ufffd"))
        assert matched[3].rstrip().isdigit()


def test_json(capture: Path) -> None:
    parsed = [json.loads(line) for line in printed(capture, json=True)]
    assert list(parsed[0]) == ["hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"]
    texts = [line.decode().removesuffix("\n") for line in printed(capture)]
    assert [alert["output"] for alert in parsed] == texts
    assert parsed[0]["tags"] == ["a", "b"]
    assert parsed[0]["hostname"] == "node-1"
    assert parsed[0]["output_fields"]["evt.args"].endswith('path=/plain"quote')
    times = [alert["output_fields"]["evt.time"] for alert in parsed]
    assert [later - sooner for sooner, later in pairwise(times)] == [250_000_000] * (len(times) - 1)
    assert [f"{time % 10**9:09d}Z" for time in times] == [alert["time"].partition(".")[2] for alert in parsed]


def test_several_rules_are_interleaved_by_event(capture: Path) -> None:
    lines = [json.loads(line) for line in printed(capture, every=True, json=True)]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    even = [place for place in PLACES if place.endswith("0")]
    assert len(lines) == len(PLACES) + len(even) == 32
    second = [at for at, line in enumerate(lines) if line["rule"] == "Moved to an even place"]
    for at in second:
        assert lines[at - 1]["rule"] == "Moved"
        assert lines[at - 1]["time"] == lines[at]["time"]


@pytest.mark.parametrize(
    ("style", "keys"),
    [
        ({"include_output": False}, "hostname output_fields priority rule source tags time"),
        ({"include_message": True}, "hostname message output output_fields priority rule source tags time"),
        ({"include_output_fields": False, "include_tags": False}, "hostname output priority rule source time"),
    ],
)
def test_keys_that_the_style_asks_for(capture: Path, style: dict[str, bool], keys: str) -> None:
    assert list(json.loads(printed(capture, json=True, **style)[0])) == keys.split()


def test_times_with_a_date(capture: Path) -> None:
    line = printed(capture, time_iso_8601=True)[0]
    assert re.match(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+0000: Notice ", line)
    alert = json.loads(printed(capture, time_iso_8601=True, json=True)[0])
    assert "evt.time.iso8601" in alert["output_fields"]


def alerts(capture: Path) -> Iterator[tuple[int, int, Any]]:
    found = detection(every=True)
    for batch in Replay(capture):
        yield from found.alerts(batch, found.match(batch))


def test_values_are_what_the_json_says(capture: Path) -> None:
    lines = [json.loads(line) for line in printed(capture, every=True, json=True)]
    for line, (_, _, alert) in zip(lines, alerts(capture), strict=True):
        assert json.loads(alert.to_json()) == line
        assert alert.message in alert.output
        assert alert.time == line["output_fields"]["evt.time"]
