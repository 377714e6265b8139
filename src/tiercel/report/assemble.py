"""Gathering a report from a case: what its views and its ledger say, as one :class:`~tiercel.report.model.Report`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tiercel.custody.clock import now
from tiercel.custody.entry import Entry
from tiercel.reconstruct.incidents.find import incidents as incidents_view
from tiercel.reconstruct.incidents.model import Incident, Sentence
from tiercel.reconstruct.raised import PRIORITIES, counted
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.files import files as files_view
from tiercel.reconstruct.views.network import network as network_view
from tiercel.report import activity, custody, gaps, indicators, tables
from tiercel.report.forest import forest
from tiercel.report.model import IncidentPart, Report, Step
from tiercel.report.summary import summary
from tiercel.report.techniques import of_incident, of_scene
from tiercel.report.wording import lasting

if TYPE_CHECKING:
    from tiercel.case.case import Case


@dataclass(frozen=True, slots=True)
class Findings:
    """What an analysis of a case found: the scene, and the incidents in it."""

    scene: Scene
    incidents: Sequence[Incident]

    @classmethod
    def of(cls, scene: Scene) -> Findings:
        """Analyse a scene."""
        return cls(scene, incidents_view(scene))


def report(case: Case, findings: Findings, *, custody_state: str = "") -> Report:
    """Return the report of a case.

    Args:
        case: the case; its ledger must be readable.
        findings: what was found in it.
        custody_state: one sentence on what a verification of the case said, empty when none was made.

    Raises:
        InputError: the ledger or a segment cannot be read.
    """
    scene, status, entries = findings.scene, case.status(), list(case.ledger.entries())
    acts = frozenset(act for incident in findings.incidents for act in incident.acts)
    missing = gaps.gaps(_reported(case))
    techniques = of_scene(scene, findings.incidents)
    parts = tuple(_incident(scene, incident) for incident in findings.incidents)
    tree, tree_note = forest(scene, findings.incidents)
    files, network = files_view(scene).to_pylist(), network_view(scene).to_pylist()
    lookups = indicators.lookups(scene, {row for incident in findings.incidents for row in incident.processes})
    found = indicators.indicators(files, network, case.evidence, acts, lookups)
    figures = [
        ("incidents", f"{len(parts):,}"),
        ("alerts", f"{counted(scene.alerts).num_rows:,}"),
        ("events", f"{status.events:,}"),
        ("hosts", ", ".join(status.hosts) if 0 < len(status.hosts) <= 2 else f"{len(status.hosts):,}"),
    ]
    if status.first_ts is not None and status.last_ts is not None:
        figures.append(("of evidence", lasting(status.last_ts - status.first_ts)))
    return Report(
        title=case.title,
        case_id=case.id,
        examiner=_examiner(case, entries),
        created=_ns(now()),
        summary=summary(status, findings.incidents, scene, missing, case.evidence),
        figures=tuple(figures),
        incidents=parts,
        overview=activity.overview(scene),
        tree=tree,
        tree_note=tree_note,
        files=tables.files(files, acts),
        network=tables.network(network, acts),
        users=tables.users(scene),
        pods=tables.pods(scene),
        alerts=tables.alerts(scene.alerts),
        indicators=indicators.table(found),
        techniques=techniques,
        evidence=custody.evidence(case.evidence),
        custody=custody.ledger(entries),
        custody_state=custody_state or "The case was not verified for this report; run: tiercel case verify",
        tools=custody.tools(entries),
        gaps=missing,
        notes=tuple((_ns(time), who, text) for time, who, text in custody.notes(entries)),
    )


def _examiner(case: Case, entries: Sequence[Entry]) -> str:
    signer = case.ledger.signer
    return signer.examiner if signer is not None else entries[-1].examiner if entries else ""


def _ns(time: str) -> int:
    """Return an RFC 3339 time of the ledger in ns since the epoch, to the microsecond."""
    moment = datetime.fromisoformat(f"{time[:26]}+00:00" if time.endswith("Z") else time)
    return round(moment.timestamp() * 1_000_000) * 1000


def _reported(case: Case) -> list[dict[str, object]]:
    """Return what the evidence, by its own account and by its kind, does not tell."""
    found: list[dict[str, object]] = []
    told = set()
    for piece in case.evidence:
        for gap in piece.ingest.gaps if piece.ingest else ():
            if gap.count is None or gap not in told:  # a log given whole and in parts has the same gap twice
                found.append(asdict(gap) | {"evidence": piece.name})
            told.add(gap)
        if piece.kind == "audit":
            found.append({"kind": "audit", "what": f"{piece.name} is an audit log"})
        if piece.kind == "k8s_audit":
            found.append({"kind": "kept", "what": f"{piece.name} is an audit log of Kubernetes"})
        if piece.failure:
            found.append({"kind": "damage", "what": f"{piece.name} was not read: {piece.failure}"})
    if case.evidence and all(piece.kind in ("falco_alerts", "other", "k8s_audit") for piece in case.evidence):
        found.append({"kind": "alerts_only", "what": "no recording of events is among the evidence"})
    return found


def _incident(scene: Scene, incident: Incident) -> IncidentPart:
    grave = dict(enumerate(scene.alerts.column("priority").to_pylist()))
    return IncidentPart(
        number=incident.number,
        title=incident.title,
        severity=str(incident.severity),
        first=incident.first_ts,
        last=incident.last_ts,
        hosts=incident.hosts,
        containers=tuple(container for container in incident.containers if container),
        users=incident.users,
        phases=tuple(str(phase) for phase in incident.phases),
        origin=incident.origin,
        steps=tuple(_step(sentence, grave) for sentence in incident.story),
        lanes=activity.lanes(scene, incident.processes, incident.acts, incident.alerts),
        techniques=of_incident(scene, incident),
        alerts=len(incident.alerts),
        acts=len(incident.acts),
    )


def _step(sentence: Sentence, priorities: dict[int, str | None]) -> Step:
    said = [priorities.get(alert) or "" for alert in sentence.alerts]
    gravest = next((priority for priority in PRIORITIES if priority in said), "")
    phase = str(sentence.phase)
    return Step(sentence.ts, phase[:1].upper() + phase[1:], sentence.text, sentence.acts, sentence.alerts, gravest)
