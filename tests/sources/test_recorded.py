"""Every recorded capture gives the events Falco hands out: number, time, processor, type and thread."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from tests.reference import SHARED, needs_reference
from tiercel.model.batch import Batch
from tiercel.sources.capture import Capture
from tiercel.wire.event_table import EVENTS
from tiercel.wire.syscall_table import NAMES

COLUMNS = ("evt.num", "evt.rawtime", "evt.cpu", "evt.type", "thread.tid")
CAPTURES = SHARED / "captures"

pytestmark = needs_reference


def recorded() -> list[str]:
    """Names of all captures, with their folder."""
    return sorted(str(path.parent.relative_to(CAPTURES)) for path in CAPTURES.rglob("fields.tsv.zst"))


@cache
def listing() -> dict[str, dict[str, Any]]:
    """What the two indexes say of each capture, by its name."""
    found = {}
    for folder in (CAPTURES, CAPTURES / "modern"):
        for capture in json.loads((folder / "index.json").read_text())["captures"]:
            found[Path(capture["name"]).name] = capture
    return found


def file_of(name: str) -> Path:
    """Path of a capture's ``.scap`` file."""
    own = next((CAPTURES / name).glob("*.scap"), None)
    return own or (CAPTURES / listing()[Path(name).name]["scap"]).resolve()


def oracle(path: Path) -> Iterator[list[str]]:
    """The five columns of every event."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        lines = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
        header = next(lines).rstrip("\n").split("\t")
        picks = [header.index(column) for column in COLUMNS]
        for line in lines:
            cells = line.rstrip("\n").split("\t")
            yield [cells[pick] for pick in picks]


def type_name(batch: Batch, index: int) -> str:
    """The name of an event; a generic one carries the code of its system call, empty when it is unknown."""
    event = EVENTS[int(batch.types[index])]
    if event.number > 1:
        return event.name
    start = int(batch.start[batch.first[index]])
    code = int.from_bytes(batch.data[start : start + 2], "little")
    name: str = NAMES[code] if code else ""
    return name


def visible(batch: Batch) -> Iterator[list[str]]:
    for index in np.flatnonzero(batch.visible).tolist():
        yield [
            str(batch.num[index]),
            str(batch.ts[index]),
            str(batch.cpu[index]),
            type_name(batch, index),
            str(batch.tid[index]),
        ]


@pytest.mark.parametrize("name", recorded())
def test_events_are_those_falco_hands_out(name: str) -> None:
    expected = oracle(CAPTURES / name / "fields.tsv.zst")
    stopped_early = "error" in listing()[Path(name).name]["oracle"]
    compared = 0
    with Capture(file_of(name)) as capture:
        for batch in capture.batches():
            for got in visible(batch):
                want = next(expected, None)
                if want is None:
                    assert stopped_early, f"one event too many: {got}"
                    break
                if want[4] == "<NA>":  # an unknown thread
                    want[4] = got[4]
                if not got[3]:  # Falco goes by the machine's own number then
                    want[3] = got[3]
                assert got == want
                compared += 1
        assert capture.damage is None
    assert next(expected, None) is None
    assert compared == listing()[Path(name).name]["oracle"]["events_returned"]


def test_a_left_over_enter_event_does_not_end_the_reading() -> None:
    """libs 0.25.4 gives up in the middle of this file; the truth is what an older sysdig lists."""
    folder = CAPTURES / "synthetic_libs3105_a"
    with (folder / "fields-sysdig036.jsonl.zst").open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    truth = {
        (event["evt.rawtime"], event["thread.tid"])
        for event in map(json.loads, lines)
        if event["evt.dir"] == "<" or event["evt.type"] in ("switch", "procexit", "signaldeliver")
    }
    got = set()
    with Capture(folder / "synthetic_libs3105_a.scap") as capture:
        for batch in capture.batches():
            for index in np.flatnonzero(batch.visible):
                if EVENTS[batch.types[index]].name != "procinfo":  # sysdig does not list it
                    got.add((int(batch.ts[index]), int(batch.tid[index])))
        assert capture.damage is None
    assert got == truth


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_the_size_of_batches_changes_nothing(size: int) -> None:
    path = file_of("sfc_ls")
    with Capture(path) as capture:
        (whole,) = capture.batches()
    at = 0
    with Capture(path) as capture:
        for batch in capture.batches(size):
            assert batch.count <= size
            for column in ("num", "ts", "tid", "cpu", "types", "visible"):
                part = getattr(whole, column)[at : at + batch.count]
                np.testing.assert_array_equal(getattr(batch, column), part)
            assert params(batch, 0, batch.count) == params(whole, at, at + batch.count)
            at += batch.count
    assert at == whole.count


def params(batch: Batch, begin: int, end: int) -> list[bytes]:
    """The bytes of every parameter of some events."""
    spans = range(batch.first[begin], batch.first[end])
    return [bytes(batch.data[batch.start[j] : batch.start[j] + batch.length[j]]) for j in spans]
