"""Events printed by a template."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tiercel.capture.scenario import Scenario
from tiercel.outputs import events as module
from tiercel.outputs.events import EventLines
from tiercel.replay import Replay
from tiercel.rules.condition import ConditionCompiler
from tiercel.rules.output_template import compile_output


def lines(template: str, as_json: bool = False) -> EventLines:
    return EventLines(compile_output(template, ConditionCompiler()).template, as_json)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    story = Scenario("node-1", step=0)
    for name in ['plain"quote', "back\\slash", "ünïcode", "tab\there", *(str(number) for number in range(16))]:
        story.init.chdir(f"/{name}")
    path = tmp_path / "moves.scap"
    story.write(path)
    return path


def test_chunks_are_the_whole(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 7)
    for batch in Replay(capture):
        indices = np.flatnonzero(batch.visible)
        for printer in lines("%evt.num %evt.time %evt.type %evt.info"), lines("%evt.args %evt.num", as_json=True):
            chunks = list(printer.chunks(batch, indices))
            assert len(chunks) == -(-len(indices) // 7)
            assert b"".join(chunks) == printer(batch, indices).data


def test_one_by_one_and_many_at_once_are_alike(capture: Path) -> None:
    template = (
        "%evt.num|%evt.time|%evt.info|%evt.rawtime.ns|%12evt.type|%evt.rawres|%fd.num|%evt.time.iso8601|%proc.pid"
    )
    for batch in Replay(capture):
        indices = np.flatnonzero(batch.visible)
        for as_json in False, True:
            printer = lines(template, as_json)
            single = [printer(batch, np.array([index])).data for index in indices.tolist()]
            assert printer(batch, indices).lines() == single


def test_json_holds_what_the_text_shows(capture: Path) -> None:
    for batch in Replay(capture):
        indices = np.flatnonzero(batch.visible)
        shown = lines("%evt.args")(batch, indices).lines()
        parsed = [json.loads(line) for line in lines("%evt.args %evt.num", as_json=True)(batch, indices).lines()]
        assert [entry["evt.args"] for entry in parsed] == [line.decode().removesuffix("\n") for line in shown]
        assert [entry["evt.num"] for entry in parsed] == batch.num[indices].tolist()
    assert 'path=/plain"quote' in shown[0].decode()


def test_a_template_without_fields_prints_its_text(capture: Path) -> None:
    for batch in Replay(capture):
        assert lines("*hello")(batch, np.array([0, 1])).lines() == [b"hello\n", b"hello\n"]
        assert lines("*hello", as_json=True)(batch, np.array([0])).lines() == [b"{}\n"]
