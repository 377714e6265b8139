"""The summary: what a reader who reads nothing else should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiercel.case.record import Evidence
from tiercel.reconstruct.incidents.model import Incident
from tiercel.reconstruct.raised import counted
from tiercel.reconstruct.scene import Scene
from tiercel.report.model import Gap
from tiercel.report.wording import lasting, listing, several, when

if TYPE_CHECKING:
    from tiercel.case.status import Status

_MOST_INCIDENTS = 5


def summary(
    status: Status, incidents: Sequence[Incident], scene: Scene, missing: Sequence[Gap], evidence: Sequence[Evidence]
) -> tuple[str, ...]:
    """Return the sentences of the summary, one paragraph each."""
    return tuple(
        sentence
        for sentence in (
            _looked_at(status, evidence),
            _found(incidents, scene),
            *(_incident(incident) for incident in incidents[:_MOST_INCIDENTS]),
            _limits(missing),
        )
        if sentence
    )


def _looked_at(status: Status, evidence: Sequence[Evidence]) -> str:
    names = [piece.name for piece in evidence]
    said = f"Examined: {several(len(names), 'piece')} of evidence ({listing(names)}), {several(status.events, 'event')}"
    if status.hosts:
        said += f" of {several(len(status.hosts), 'host')} ({listing(status.hosts)})"
    if status.first_ts is not None and status.last_ts is not None:
        span = lasting(status.last_ts - status.first_ts)
        said += f", from {when(status.first_ts)} to {when(status.last_ts)} UTC ({span})"
    return said + "."


def _found(incidents: Sequence[Incident], scene: Scene) -> str:
    said_of_events = counted(scene.alerts)
    rules = Counter(rule for rule in said_of_events.column("rule").to_pylist() if rule)
    alerts = f"{several(said_of_events.num_rows, 'alert')} of {several(len(rules), 'rule')}" if rules else "no alerts"
    if not incidents:
        return f"There are {alerts}, and no incident was found."
    explained = {alert for incident in incidents for alert in incident.alerts}
    rest = said_of_events.num_rows - len(explained)
    said = f"There are {alerts}; {len(explained):,} of them belong to {several(len(incidents), 'incident')}"
    return said + (f", {rest:,} to none." if rest else ".")


def _incident(incident: Incident) -> str:
    phases = listing([str(phase) for phase in incident.phases], 12)
    where = listing([container for container in incident.containers if container]) or listing(incident.hosts)
    place = f" in {where}" if where and where not in incident.title else ""
    said = f"Incident {incident.number} ({incident.severity}): {incident.title}{place}, {when(incident.first_ts)}"
    said += f", lasting {lasting(incident.last_ts - incident.first_ts)}."
    return f"{said} Phases seen: {phases}." if phases else said


def _limits(missing: Sequence[Gap]) -> str:
    if not missing:
        return "The evidence reports no gaps."
    return f"The evidence has {several(len(missing), 'gap')}; what each weakens is said below."
