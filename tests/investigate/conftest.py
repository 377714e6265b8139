"""One investigation of a mixed folder, looked at by many tests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.command import Ran, tiercel
from tests.investigate.evidence import folder, untouched

Run = Callable[..., Ran]


class Investigation(NamedTuple):
    """What was given, what it was like before, what the command said, and the case it made."""

    evidence: Path
    before: dict[str, tuple[Any, ...]]
    hashes: dict[str, str]
    ran: Ran
    case: Path
    run: Run


def facts(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Return what an original is like: times, mode, owner, size, hash; for what is no file all but the hash."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        about = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        regular = path.is_file() and not path.is_symlink()
        if regular:
            about += (status.st_atime_ns, status.st_size)
        found[str(path)] = about
    return found


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK)
    }


@pytest.fixture(scope="session")
def investigation(tmp_path_factory: pytest.TempPathFactory) -> Investigation:
    """Run ``tiercel investigate`` on the folder, as A. Name."""
    root = tmp_path_factory.mktemp("investigation")

    def run(*arguments: str | Path, **environment: str) -> Ran:
        home = {"HOME": str(root / "home"), "TIERCEL_EXAMINER": "A. Name"}
        return tiercel(*arguments, cwd=root, **{**home, **environment})

    evidence = folder(root / "seized")
    hashed = hashes(evidence)
    untouched(evidence)
    return Investigation(
        evidence, facts(evidence), hashed, run("investigate", "seized", "-o", "case"), root / "case", run
    )
