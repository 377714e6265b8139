"""A short fuzzing run of every target, and the mutators themselves."""

from __future__ import annotations

import subprocess
import sys
from random import Random

import pytest

from tests.capture.stories import break_in
from tests.fuzz import mutate, mutate_text
from tests.fuzz.run import TARGETS
from tests.fuzz.worker import make


@pytest.mark.parametrize("name", TARGETS)
def test_a_few_inputs(name: str) -> None:
    target = make(name, 1)
    for number in range(150):
        target.run(number, target.input(number))


@pytest.mark.parametrize("name", TARGETS)
def test_an_input_depends_on_its_number_alone(name: str) -> None:
    one, other = make(name, 0), make(name, 0)
    assert [one.input(number) for number in range(20)] == [other.input(number) for number in range(20)]
    assert one.input(3) != make(name, 1).input(3)


def test_splitting_loses_nothing() -> None:
    capture = break_in().to_bytes()
    assert b"".join(mutate.split(capture)) == capture
    assert b"".join(mutate.split(capture[:-5])) == capture[:-5]


def test_mutations_leave_the_seed_alone() -> None:
    seed = mutate.split(break_in().to_bytes())
    before = [bytes(block) for block in seed]
    changed = {mutate.mutate(seed, Random(number), seed) for number in range(50)}
    assert [bytes(block) for block in seed] == before
    assert len(changed) > 45


def test_tokens_join_to_the_text() -> None:
    text = "evt.type = open and not (fd.name in ('a b', \"c\"))\n"
    assert "".join(mutate_text.tokens(text)) == text


def test_the_driver_counts_what_it_ran() -> None:
    command = [sys.executable, "-m", "tests.fuzz.run", "--runs", "40", "--target", "condition", "--jobs", "2"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("condition: 40 inputs")
