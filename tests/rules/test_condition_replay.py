"""Every accepted language case finds what Falco finds in a capture."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.reference import SHARED
from tiercel.scanning import scan

CAPTURE = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"


def accepted() -> list[Any]:
    if not SHARED.is_dir():
        return []
    files = json.loads((SHARED / "language/expected.json").read_text())["files"]
    return [
        pytest.param(name, expected["replay"], id=name)
        for name, expected in files.items()
        if expected.get("replay") and not expected["replay"].get("exit_code")
    ]


@pytest.mark.parametrize(("name", "expected"), accepted())
def test_alerts(name: str, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHARED / "language")
    alerts = list(scan(CAPTURE, Path(name), every=True, strict=True))
    assert Counter(alert.rule for alert in alerts) == expected["by_rule"]
    if alerts:
        first = {**json.loads(alerts[0].to_json()), "hostname": expected["first_alert"]["hostname"]}
        assert first == expected["first_alert"]
