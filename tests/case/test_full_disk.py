"""A disk that fills up: a clear error, a sound case, and all goes on once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.custody.ledgers import lines_of
from tiercel.case import Case
from tiercel.case.verify import verify
from tiercel.custody.keys import Signer
from tiercel.errors import InputError


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a tmpfs")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill a disk but for some bytes; returns the file to delete to make room."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    size = free.f_bavail * free.f_frsize - leave
    if size > 0:
        ballast.write_bytes(bytes(size))
    return ballast


@pytest.mark.parametrize("leave", [0, 4096, 16384, 65536, 98304, 131072, 180224, 262144])
def test_adding_to_a_full_disk(small_disk: Path, capture: Path, signer: Signer, leave: int) -> None:
    case = Case.new(small_disk / "case", "Full", signer)
    before = lines_of(case.ledger)
    ballast = fill(small_disk, leave)
    failed = None
    try:
        case.add(capture)
    except InputError as error:
        failed = str(error)
    assert verify(case.path).ok
    assert lines_of(case.ledger)[: len(before)] == before
    if leave <= 65536:
        assert failed is not None
        assert "o space left on" in failed
        assert "incoming" not in failed
    if failed is not None:
        assert not any(evidence.ingest for evidence in Case.open(case.path).evidence)
    ballast.unlink(missing_ok=True)
    again = Case.open(case.path, signer)
    assert again.add(capture).evidence.ingest is not None
    assert verify(case.path).faults == []
    assert again.store.segments()[0].table("events").num_rows == 38


def test_a_ledger_on_a_full_disk(small_disk: Path, signer: Signer) -> None:
    case = Case.new(small_disk / "case", "Full", signer)
    ballast = fill(small_disk, 0)
    written: list[int] = []

    def write() -> None:
        for number in range(2_000):
            case.note(f"note {number}")
            written.append(number)

    with pytest.raises(InputError, match="no space left on the device"):
        write()
    assert verify(case.path).ok
    assert len(lines_of(case.ledger)) == 2 + len(written)
    ballast.unlink()
    case.note("room again")
    assert verify(case.path).faults == []


def test_exporting_and_importing_on_a_full_disk(small_disk: Path, full: Case, tmp_path: Path, signer: Signer) -> None:
    from tiercel.case.importing import import_case

    ballast = fill(small_disk, 8192)
    with pytest.raises(InputError, match=r"disk/case\.tar\.zst: no space left on the device; no archive was written"):
        full.export(small_disk / "case.tar.zst")
    assert os.listdir(small_disk) == ["ballast"]
    archive = full.export(tmp_path / "case.tar.zst").path
    with pytest.raises(InputError, match="are free where it is to go"):
        import_case(archive, small_disk / "theirs", signer)
    assert os.listdir(small_disk) == ["ballast"]
    ballast.unlink()
    assert full.export(small_disk / "case.zip").files > 10
    assert verify(full.path).ok


def test_a_new_case_on_a_full_disk(small_disk: Path, signer: Signer) -> None:
    fill(small_disk, 4096)
    with pytest.raises(InputError, match=r"disk/case[:/].*no space left on the device"):
        Case.new(small_disk / "case", "Full", signer)
    assert os.listdir(small_disk) == ["ballast"]
