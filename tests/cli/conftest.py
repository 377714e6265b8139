"""Captures and rules that the command line is tried on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.stories import break_in


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A break-in: the shipped rules see a server's shell, a sensitive file read, a download and a setuid bit set."""
    path = tmp_path_factory.mktemp("captures") / "break-in.scap"
    break_in().write(path)
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Callable[[str], Path]:
    """Write a rules file and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "rules.yaml"
        path.write_text(text)
        return path

    return write
