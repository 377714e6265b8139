"""Alerts in a file that is rotated, moved away, cut off and kept for a while."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.outputs.channels.peers import alert, line, until
from tiercel.outputs.channels.file import earlier
from tiercel.outputs.channels.front import Outputs
from tiercel.outputs.channels.settings import FileSettings, OutputSettings


def outputs(path: Path, state: Path | None = None, **changes: Any) -> Outputs:
    file = FileSettings(str(path), **{"keep_alive": True, **changes})
    return Outputs.of(OutputSettings(json=True, file=file, retry_first=0.01, retry_most=0.05), state)


@pytest.mark.parametrize("keep_alive", [False, True])
def test_lines_are_appended(tmp_path: Path, keep_alive: bool) -> None:
    path = tmp_path / "alerts.log"
    path.write_bytes(b"cut off")
    out = outputs(path, keep_alive=keep_alive)
    for i in range(5):
        out.send(line(i) + b"\n", alert(i))
    assert out.flush(5)
    out.close()
    assert path.read_bytes() == b"cut off\n" + b"".join(line(i) + b"\n" for i in range(5))


def test_rotation_by_size_keeps_a_number_of_compressed_files(tmp_path: Path) -> None:
    path = tmp_path / "alerts.log"
    out = outputs(path, rotate_bytes=100, keep=3)
    for i in range(200):
        out.send(line(i), alert(i))
    assert out.flush(5)
    for i in range(200, 210):  # tidying happens aside
        out.send(line(i), alert(i))
        assert out.flush(5)
        time.sleep(0.01)
    until(lambda: len(earlier(path)) <= 4)
    out.close()
    assert path.stat().st_size <= 100
    files = [file for file in earlier(path) if file.suffix == ".gz"]
    assert files
    rest = b"".join(gzip.decompress(file.read_bytes()) for file in files)
    plain = [file.read_bytes() for file in earlier(path) if file.suffix != ".gz"]
    lines = (rest + b"".join(plain) + path.read_bytes()).splitlines()
    assert lines == [line(i) for i in range(210 - len(lines), 210)]


@pytest.mark.parametrize("keep_alive", [False, True])
def test_rotation_by_age_and_removal_of_old_files(tmp_path: Path, keep_alive: bool) -> None:
    path = tmp_path / "alerts.log"
    old = tmp_path / "alerts.log.20200101T000000Z"
    old.write_text("long ago\n")
    os.utime(old, (0, 0))
    path.write_bytes(b"yesterday\n")
    os.utime(path, (time.time() - 90_000,) * 2)
    out = outputs(path, rotate_seconds=86_400, keep_seconds=7 * 86_400, compress=False, keep_alive=keep_alive)
    out.send(line(0), alert())
    assert out.flush(5)
    out.close()
    assert path.read_bytes() == line(0) + b"\n"
    (kept,) = earlier(path)
    assert kept.read_bytes() == b"yesterday\n"


def test_a_file_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path, moved = tmp_path / "alerts.log", tmp_path / "moved"
    out = outputs(path)
    out.send(line(0), alert())
    assert out.flush(5)
    path.rename(moved)
    out.reload()
    out.send(line(1), alert())
    assert out.flush(5)
    out.close()
    assert (moved.read_bytes(), path.read_bytes()) == (line(0) + b"\n", line(1) + b"\n")


def test_a_folder_that_comes_later(tmp_path: Path) -> None:
    path = tmp_path / "later" / "alerts.log"
    out = outputs(path, tmp_path / "state")
    out.send(line(0), alert())
    until(lambda: out.metrics().outputs[0].error)
    out.close()
    path.parent.mkdir()
    out = outputs(path, tmp_path / "state")
    assert out.flush(5)
    out.close()
    assert path.read_bytes() == line(0) + b"\n"
