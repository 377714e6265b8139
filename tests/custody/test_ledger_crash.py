"""Killed at any instant or without space, a ledger is sound and holds all that was acknowledged."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.custody.ledgers import signer_of
from tiercel.custody.keys import signer
from tiercel.custody.ledger import Ledger
from tiercel.errors import InputError

KILLS = int(os.environ.get("TIERCEL_KILLS", "200"))
EACH = 40  # kills of one ledger: checking a long one takes longer than filling it


@pytest.mark.slow
def test_killed_at_random_instants(tmp_path: Path) -> None:
    """Set TIERCEL_KILLS for more or less of them."""
    key = tmp_path / "key.pem"
    who = signer("A. Name", key)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    hits = acknowledged = present = 0
    for seed in range(-(-KILLS // EACH)):
        folder = tmp_path / str(seed) / "ledger"
        folder.mkdir(parents=True)
        Ledger.create(folder, who)
        command = [sys.executable, "-m", "tests.custody.appending", folder, key, str(EACH), str(seed)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        counts = [int(count) for count in done.stdout.split()]
        hits, acknowledged, present = hits + counts[0], acknowledged + counts[1], present + counts[2]
    assert hits >= KILLS
    assert 0 < acknowledged <= present


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if mounted.returncode:
        pytest.skip(f"mounting needs root: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("size", [10, 900, 5000])
def test_a_full_disk(small: Path, size: int) -> None:
    ledger = Ledger.create(small, signer_of())
    added, refusal = 0, None
    while refusal is None:
        before = ledger.file.read_bytes(), ledger.head_file.read_bytes()
        try:
            ledger.append("note", detail={"text": "x" * size})
            added += 1
        except InputError as error:
            refusal = str(error)
    assert refusal.endswith("ledger.jsonl: no space left on the device; nothing was recorded; make room and repeat")
    assert added > 3
    assert (ledger.file.read_bytes(), ledger.head_file.read_bytes()) == before
    assert sorted(path.name for path in small.iterdir()) == ["keys", "ledger.head", "ledger.jsonl"]
    assert ledger.check() == []
    with pytest.raises(InputError, match="no space left"):
        ledger.append("note", detail={"text": "x" * size})
    subprocess.run(["mount", "-o", "remount,size=128k", small], check=True)
    assert ledger.append("note", detail={"text": "x" * size}).seq == added + 2
    assert ledger.check() == []
