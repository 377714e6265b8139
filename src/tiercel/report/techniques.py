"""The techniques a report names: of what belongs to incidents and of alerts, not of every act of ordinary work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiercel.reconstruct.incidents.model import Incident
from tiercel.reconstruct.scene import Scene
from tiercel.report.attack import techniques
from tiercel.report.model import Technique


def of_incident(scene: Scene, incident: Incident) -> tuple[Technique, ...]:
    """Return the techniques that the alerts and acts of one incident show."""
    return tuple(techniques(_rows(scene.alerts, incident.alerts), _rows(scene.acts, incident.acts)))


def of_scene(scene: Scene, incidents: Sequence[Incident]) -> tuple[Technique, ...]:
    """Return the techniques of all alerts, and of the acts of incidents."""
    acts = sorted({act for incident in incidents for act in incident.acts})
    return tuple(techniques(scene.alerts.to_pylist(), _rows(scene.acts, acts)))


def _rows(table: Any, numbers: Sequence[int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.take(sorted(numbers)).to_pylist() if numbers else []
    return rows
