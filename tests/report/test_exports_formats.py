"""Every format under its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.exported import attack
from tiercel.report.exports.formats import FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_each_writes_what_it_counts(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"case{FORMATS[name].ending}"
    assert FORMATS[name].write(attack(), path) > 0
    assert path.stat().st_size > 100
