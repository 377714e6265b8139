"""The recorded language cases on a capture: refused ones do not run, and the default mode finds what Falco finds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.errors import InputError
from tiercel.scanning import scan

FOLDER = SHARED / "language"
CAPTURE = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"


def cases(refused: bool) -> list[Any]:
    if not FOLDER.is_dir():
        return []
    files = json.loads((FOLDER / "expected.json").read_text())["files"]
    return [
        pytest.param(name, expected["replay"], id=name)
        for name, expected in files.items()
        if bool(expected["replay"].get("exit_code")) == refused
    ]


@needs_reference
def test_the_number_of_cases() -> None:
    assert (len(cases(refused=False)), len(cases(refused=True))) == (64, 30)


@pytest.mark.parametrize(("name", "expected"), cases(refused=True))
def test_refused(name: str, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    assert expected["by_rule"] == {}
    with pytest.raises(InputError):
        next(scan(CAPTURE, Path(name), every=True, strict=True))


@pytest.mark.parametrize(("name", "expected"), cases(refused=False))
def test_what_falco_accepts_means_the_same_by_default(
    name: str, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    alerts = list(scan(CAPTURE, Path(name), every=True))
    assert Counter(alert.rule for alert in alerts) == expected["by_rule"]
    assert Counter(alert.priority for alert in alerts) == expected["by_priority"]
    if alerts:
        first = {**json.loads(alerts[0].to_json()), "hostname": expected["first_alert"]["hostname"]}
        assert first == expected["first_alert"]
