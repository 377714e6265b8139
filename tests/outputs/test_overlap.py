"""Batches rendered in children are written in order, and nothing is lost."""

# ruff: noqa: PT012 - errors come when a block is left

from __future__ import annotations

import os
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

import tiercel.outputs.overlap as module
from tiercel.errors import InputError
from tiercel.outputs.overlap import Overlap


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_processors", lambda: 2)


def work(number: int, seconds: float = 0.0) -> tuple[list[bytes], dict[str, int]]:
    time.sleep(seconds)
    return [b"%d " % number, b"from %d\n" % os.getpid()], {"alerts": number}


@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_order_and_totals(tmp_path: Path, two_processors: None, seconds: float) -> None:
    totals: Counter[str] = Counter()
    path = tmp_path / "out"
    with path.open("wb") as out, Overlap(out, totals.update) as overlap:
        for number in range(20):
            overlap.submit(partial(work, number, seconds))
    lines = path.read_text().splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(20))
    assert totals["alerts"] == sum(range(20))
    assert len({line.split()[2] for line in lines}) > 1  # some of it was done by children


def test_in_turn_without_a_second_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_processors", lambda: 1)
    path = tmp_path / "out"
    with path.open("wb") as out, Overlap(out, lambda _: None) as overlap:
        for number in range(5):
            overlap.submit(partial(work, number))
    assert {line.split()[2] for line in path.read_text().splitlines()} == {str(os.getpid())}


def test_what_was_submitted_is_written_when_reading_fails(tmp_path: Path, two_processors: None) -> None:
    path = tmp_path / "out"
    with (
        path.open("wb") as out,
        pytest.raises(ValueError, match="damaged"),
        Overlap(out, lambda _: None) as overlap,
    ):
        for number in range(4):
            overlap.submit(partial(work, number, 0.05))
        raise ValueError("damaged")
    assert len(path.read_text().splitlines()) == 4


def test_a_child_that_fails_is_an_error(tmp_path: Path, two_processors: None) -> None:
    parent = os.getpid()

    def fails_in_a_child() -> tuple[list[bytes], None]:
        if os.getpid() != parent:
            os._exit(9)
        return [], None

    with (
        (tmp_path / "out").open("wb") as out,
        pytest.raises(InputError, match="ended with 9"),
        Overlap(out, lambda _: None) as overlap,
    ):
        for _ in range(4):
            overlap.submit(fails_in_a_child)


def test_a_reader_that_went_away(two_processors: None) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as out, pytest.raises(BrokenPipeError):
        overlap = Overlap(out, lambda _: None)
        overlap.done = 2  # past the batches that the parent does itself
        overlap.submit(partial(work, 1))
        overlap.wait()
