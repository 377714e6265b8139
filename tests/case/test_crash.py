"""Killed at any instant, a case is as it was before or after each step; what was acknowledged is there."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tests.case.crashing import Worker
from tiercel.capture.scenario import Scenario
from tiercel.case import Case
from tiercel.case.verify import verify
from tiercel.custody.entry import line_hash
from tiercel.custody.keys import signer

KILLS = int(os.environ.get("TIERCEL_KILLS", "12"))


@pytest.fixture
def captures(tmp_path: Path) -> list[Path]:
    quiet = Scenario("db-1")
    shell = quiet.process("/bin/sh")
    for number in range(12):
        shell.close(shell.open(f"/srv/{number}"))
    stories = {"web.scap": break_in(), "db.scap": quiet}
    for name, story in stories.items():
        story.write(tmp_path / name)
    return [tmp_path / name for name in stories]


@pytest.mark.slow
def test_killed_at_random_instants(tmp_path: Path, captures: list[Path]) -> None:
    """Set TIERCEL_KILLS for more of them."""
    key = tmp_path / "key.pem"
    who = signer("A. Name", key)
    empty = Case.new(tmp_path / "empty", "Crash", who).path
    chance = random.Random(11)
    with Worker(key, captures) as worker:
        times = []
        for number in range(4):
            whole = tmp_path / f"whole-{number}" / "case"
            shutil.copytree(empty, whole)
            code, seconds = worker.run(whole)
            assert code == 0
            times.append(seconds)
        segments = {path.name for path in whole.glob("store/*/*/*")}
        assert len(segments) > 4
        killed = 0
        for number in range(KILLS):
            directory = tmp_path / str(number) / "case"
            shutil.copytree(empty, directory)
            code, _ = worker.run(directory, chance.uniform(0, min(times)))
            killed += code == -9
            examine(directory)
            case = Case.open(directory, who)
            for capture in captures:
                case.add(capture)
            assert not any(evidence.waits for evidence in case.evidence)
            assert [evidence.name for evidence in case.evidence] == ["web.scap", "db.scap"]
            assert verify(directory).faults == [], number
            shutil.rmtree(directory.parent)
    assert killed > KILLS / 2


def examine(directory: Path) -> None:
    """A case just left by a process that was killed: sound, no segment in part, no acknowledged entry lost."""
    assert [fault for fault in verify(directory).faults if fault.serious] == []
    case = Case.open(directory)
    for segment in case.store.segments():
        segment.verify()
    assert not list(directory.glob("store/**/.writing-*"))
    known = {(entry.seq, line_hash(entry.line())) for entry in case.ledger.entries()}
    told = directory.with_name("acknowledged")
    if told.exists():
        for line in told.read_text().splitlines():
            seq, digest = line.split()
            assert (int(seq), digest) in known
