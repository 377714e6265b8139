"""Scenes of the reference captures, with the alerts of the upstream rules."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from tests.alerts.test_recorded_alerts import upstream
from tests.reference import SHARED
from tiercel.detect import Detection
from tiercel.outputs.alerts import AlertStyle
from tiercel.reconstruct.scene import Scene
from tiercel.replay import Replay

MODERN = SHARED / "captures/modern"


@cache
def recorded(name: str, every: bool = False) -> Scene:
    """Return the scene of a capture; with ``every`` all rules are on and all matches count."""
    path = MODERN / name / f"{name}.scap"
    rules = [rule for rule in upstream() if every or rule.enabled]
    detection = Detection(rules, AlertStyle(json=True, hostname="node-1"), every)
    alerts = [alert for batch in Replay(path) for _, _, alert in detection.alerts(batch, detection.match(batch))]
    return Scene.of(Replay(path), alerts)


@cache
def ground_truth(name: str) -> dict[str, Any]:
    """Return what was done while a capture was recorded."""
    found: dict[str, Any] = yaml.safe_load((MODERN / name / "ground-truth.yaml").read_text())
    return found
