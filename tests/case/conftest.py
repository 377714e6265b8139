"""Cases to try things on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tests.custody.ledgers import signer_of
from tiercel.case import Case
from tiercel.custody.keys import Signer


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A break-in: the shipped rules see a server's shell, a sensitive file read, a download and a setuid bit set."""
    path = tmp_path_factory.mktemp("captures") / "break-in.scap"
    break_in().write(path)
    return path


@pytest.fixture(scope="session")
def signer() -> Signer:
    return signer_of("A. Name")


@pytest.fixture
def case(tmp_path: Path, signer: Signer) -> Case:
    """An empty case."""
    return Case.new(tmp_path / "case", "The web shop", signer)


@pytest.fixture
def full(case: Case, capture: Path) -> Case:
    """A case with a capture."""
    case.add(capture)
    return case


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Write a file and return its path."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write
