"""Captures left behind, and captures that are too many."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from pathlib import Path

import pytest

from tests.recording.host import WEBSHELL
from tests.reference import needs_reference
from tiercel.recording.capture import SIDECAR
from tiercel.recording.file import CaptureFile, Compression
from tiercel.recording.flight import path_of
from tiercel.recording.leftovers import captures, complete
from tiercel.recording.retention import retain
from tiercel.replay import Replay


def left(folder: Path, content: bytes, number: int = 1) -> Path:
    """Write what a watch left behind; return what it would have been called."""
    path = path_of(f"{folder}/c", 1_700_000_000_000_000_000, number)
    Path(f"{path}.part").write_bytes(content)
    return path


@needs_reference
def test_it_is_completed_as_it_is(tmp_path: Path) -> None:
    content = WEBSHELL.read_bytes()[:-1000]
    path = left(tmp_path, content)
    ((found, about),) = complete(f"{tmp_path}/c")
    assert found == path
    assert path.read_bytes() == content
    assert about["sha256"] == hashlib.sha256(content).hexdigest()
    assert about["ended"] == "interrupted"
    assert about["events"] == sum(int(batch.visible.sum()) for batch in Replay(path))
    assert json.loads(Path(f"{path}{SIDECAR}").read_text()) == about
    assert complete(f"{tmp_path}/c") == []


def test_one_that_is_being_written_stays(tmp_path: Path) -> None:
    path = path_of(f"{tmp_path}/c", 1, 1)
    file = CaptureFile(path)
    file.write(b"x")
    assert complete(f"{tmp_path}/c") == []
    file.abandon()
    assert [found for found, _ in complete(f"{tmp_path}/c")] == [path]


def test_bytes_that_are_no_capture_are_kept_too(tmp_path: Path) -> None:
    path = left(tmp_path, b"no capture at all")
    ((found, about),) = complete(f"{tmp_path}/c")
    assert (found, about["events"], about["first_time"]) == (path, 0, None)
    assert path.read_bytes() == b"no capture at all"


def test_links_are_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("x")
    path = path_of(f"{tmp_path}/c", 1, 1)
    Path(f"{path}.part").symlink_to(precious)
    assert complete(f"{tmp_path}/c") == []
    with pytest.raises(OSError, match="exists"):
        CaptureFile(path)
    assert precious.read_text() == "x"


def test_other_names_are_left_alone(tmp_path: Path) -> None:
    for name in ("c_1_2.scap", "d_" + "0" * 20 + "_" + "0" * 20 + ".scap", "c.scap.part", "c_x.scap.part"):
        (tmp_path / name).write_text("x")
    assert captures(f"{tmp_path}/c") == []
    assert complete(f"{tmp_path}/c") == []
    assert captures(f"{tmp_path}/none/c") == []


def test_the_oldest_beyond_a_number_go(tmp_path: Path) -> None:
    paths = [path_of(f"{tmp_path}/c", ts, 1) for ts in range(5)]
    for path in paths:
        path.write_text("x")
        Path(f"{path}{SIDECAR}").write_text("{}")
    assert retain(captures(f"{tmp_path}/c"), 0, 0, 10**18) == []
    assert retain(captures(f"{tmp_path}/c"), 3, 0, 10**18) == paths[:2]
    assert sorted(tmp_path.iterdir()) == sorted([*paths[2:], *(Path(f"{path}{SIDECAR}") for path in paths[2:])])


def test_those_that_are_too_old_go(tmp_path: Path) -> None:
    paths = [path_of(f"{tmp_path}/c", ts, 1) for ts in range(3)]
    for age, path in zip((100, 50, 10), paths, strict=True):
        path.write_text("x")
        os.utime(path, ns=(0, 10**18 - age * 10**9))
    assert retain(captures(f"{tmp_path}/c"), 0, 60, 10**18) == paths[:1]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_a_file_can_be_read_before_its_end(tmp_path: Path, compression: Compression) -> None:
    from tiercel.sources.stream import Stream

    file = CaptureFile(tmp_path / "c.scap", compression)
    file.write(b"first")
    file.flush()
    room = bytearray(100)
    stream = Stream(file.part)
    assert stream.readinto(memoryview(room)) == 5
    assert room[:5] == b"first"
    stream.close()
    with file.part.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.write(b"second")
    digest = file.finish()
    assert digest == hashlib.sha256((tmp_path / "c.scap").read_bytes()).hexdigest()
    assert (tmp_path / "c.scap").stat().st_size == file.written
    assert not file.part.exists()
