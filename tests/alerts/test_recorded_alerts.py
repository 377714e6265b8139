"""Alerts of the upstream rules on every reference capture, equal to those Falco raised."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.detect import Detection
from tiercel.outputs.alerts import AlertStyle
from tiercel.replay import Replay
from tiercel.rules.extra_output import AppendOutput, ExtraOutput
from tiercel.rules.load import load
from tiercel.rules.model import Rule

UPSTREAM = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")


def captures() -> Iterator[Any]:
    for index in ("captures/index.json", "captures/modern/index.json"):
        path = SHARED / index
        if not path.exists():
            continue
        for capture in json.loads(path.read_text())["captures"]:
            folder = path.parent / capture["name"]
            scap = path.parent / capture["scap"] if "scap" in capture else folder / f"{capture['name']}.scap"
            yield pytest.param(scap, folder, id=capture["name"])


@cache
def upstream() -> tuple[Rule, ...]:
    extra = ExtraOutput((AppendOutput(suggested_output=True),))
    loaded = load([SHARED / "rules/upstream" / name for name in UPSTREAM], strict=True, extra=extra)
    assert loaded.successful
    return tuple(loaded.rules)


def alert_lines(scap: Path, rules: list[Rule], every: bool) -> list[bytes]:
    detection = Detection(rules, AlertStyle(json=True, hostname="node-1"), every)
    return b"".join(detection.lines(batch, detection.match(batch)) for batch in Replay(scap)).splitlines()


@needs_reference
@pytest.mark.parametrize(("scap", "folder"), list(captures()))
@pytest.mark.parametrize("every", [False, True], ids=["stock", "all"])
def test_alerts_equal_falcos_byte_for_byte(
    scap: Path, folder: Path, every: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    name = "alerts-all-enabled-match-all.jsonl" if every else "alerts-stock.jsonl"
    expected = (folder / name).read_bytes().splitlines()
    rules = [rule for rule in upstream() if every or rule.enabled]
    found = alert_lines(scap, rules, every)
    if folder.name.startswith("synthetic_libs3105"):  # Falco stops at the stale enter event; tiercel reads on
        last = max((json.loads(line)["time"] for line in expected), default="")
        found = [line for line in found if json.loads(line)["time"] <= last]
    assert found == expected
