"""Alerts to real programs, which end, hang and fail."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.outputs.channels.peers import alert, line, until
from tiercel.outputs.channels.front import Outputs
from tiercel.outputs.channels.settings import OutputSettings, ProgramSettings


def outputs(program: str, **changes: Any) -> Outputs:
    settings = ProgramSettings(program, **changes)
    return Outputs.of(OutputSettings(program=settings, retry_first=0.01, retry_most=0.05))


def children() -> list[str]:
    arguments = ["ps", "--no-headers", "-o", "stat,args", "--ppid", str(os.getpid())]
    listed = subprocess.run(arguments, capture_output=True, text=True, check=False).stdout
    return [entry for entry in listed.splitlines() if "ps --no-headers" not in entry]


@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_program_reads_lines(tmp_path: Path, keep_alive: bool) -> None:
    out = outputs(f"cat >> {tmp_path}/out; echo end >> {tmp_path}/out", keep_alive=keep_alive)
    for i in range(3):
        out.send(line(i), alert(i))
    assert out.flush(5)
    out.close()
    lines = (tmp_path / "out").read_bytes().splitlines()
    ends = [b"end"] if keep_alive else [b"end"] * 3
    assert [entry for entry in lines if entry != b"end"] == [line(i) for i in range(3)]
    assert [entry for entry in lines if entry == b"end"] == ends
    assert children() == []


def test_a_program_that_ends_is_begun_again(tmp_path: Path) -> None:
    out = outputs(f"read a; echo $a >> {tmp_path}/out; read a; echo $a >> {tmp_path}/out", keep_alive=True)
    for i in range(10):
        out.send(line(i), alert(i))
        time.sleep(0.02)
    until(lambda: line(9) in (tmp_path / "out").read_bytes())
    out.close()
    found = [entry for entry in (tmp_path / "out").read_bytes().splitlines() if entry]
    assert set(found) == {line(i) for i in range(10)}
    assert sorted(set(found), key=found.index) == [line(i) for i in range(10)]
    assert children() == []


def test_a_program_that_ends_leaves_no_zombie(tmp_path: Path) -> None:
    out = outputs("read a", keep_alive=True)
    out.send(line(0), alert())
    time.sleep(0.1)
    until(lambda: children() == [])
    out.close()


def test_an_alert_a_program_fails_on_is_tried_again(tmp_path: Path) -> None:
    flag, got = tmp_path / "flag", tmp_path / "out"
    out = outputs(f"test -e {flag} && cat >> {got}")
    for i in range(3):
        out.send(line(i), alert(i))
    until(lambda: out.metrics().outputs[0].failed > 1)
    assert "status 1" in out.metrics().outputs[0].error
    flag.touch()
    assert out.flush(5)
    out.close()
    assert got.read_bytes().splitlines() == [line(i) for i in range(3)]


def test_a_program_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    out = outputs("sleep 1000 | sleep 1000", timeout=0.1)
    out.send(line(0), alert())
    until(lambda: "did not end" in out.metrics().outputs[0].error)
    out.close()
    assert children() == []


def test_a_program_that_reads_nothing_blocks_no_end(tmp_path: Path) -> None:
    out = outputs("exec sleep 1000", keep_alive=True)
    for i in range(3):
        out.send(b"x" * 50_000, alert(i))
    assert not out.flush(0.3)
    began = time.monotonic()
    out.close()
    assert time.monotonic() - began < 5
    assert children() == []
