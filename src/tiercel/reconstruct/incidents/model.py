"""An incident and its story."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

from tiercel.reconstruct.incidents.phases import Phase
from tiercel.reconstruct.views.columns import INTEGER, INTEGERS, TEXT, TEXTS, column
from tiercel.reconstruct.wording.shown import utc


class Severity(StrEnum):
    """How grave an incident is, gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing that happened, in plain words, with the evidence for it.

    ``acts`` and ``alerts`` are rows of the scene, ``processes`` the processes it is about, the one that acted first.
    """

    ts: int
    phase: Phase
    text: str
    acts: tuple[int, ...] = ()
    alerts: tuple[int, ...] = ()
    processes: tuple[int, ...] = ()

    def __str__(self) -> str:
        cited = [
            f"{word}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
            for word, numbers in (("act", self.acts), ("alert", self.alerts))
            if numbers
        ]
        return f"At {utc(self.ts, date=False)} {self.text} [{'; '.join(cited)}]"


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts and acts that one session, lineage or provenance link explains. Times in ns since epoch.

    ``origin`` says where it came in, as far as that was seen. ``acts`` are those the story cites, ``processes`` all
    that belong to it, ``phases`` the acts of each phase in the order of ``Phase``.
    """

    number: int
    title: str
    severity: Severity
    hosts: tuple[str, ...]
    containers: tuple[str, ...]
    users: tuple[str, ...]
    first_ts: int
    last_ts: int
    origin: str
    alerts: tuple[int, ...]
    rules: tuple[str, ...]
    acts: tuple[int, ...]
    processes: tuple[int, ...]
    phases: dict[Phase, tuple[int, ...]]
    story: tuple[Sentence, ...]

    @property
    def showing(self) -> str:
        """The phases that tell one incident from another, in words; the first rule's name where there are none."""
        told = [phase.value for phase in self.phases if phase not in (Phase.FOOTHOLD, Phase.EXECUTION)]
        return ", ".join(told) or self.rules[0]

    def __str__(self) -> str:
        return "\n".join([f"{self.title}: {self.showing} ({self.severity})", self.origin, *map(str, self.story)])


INCIDENTS = pa.schema(
    [
        column("incident", INTEGER, "number, 1 is the gravest"),
        column("title", TEXT),
        column("severity", TEXT, "critical, high, medium or low"),
        column("hosts", TEXTS),
        column("containers", TEXTS, "container ids, empty for the host"),
        column("users", TEXTS),
        column("first_ts", INTEGER, "ns since epoch"),
        column("last_ts", INTEGER, "ns since epoch"),
        column("origin", TEXT, "where it came in"),
        column("alerts", INTEGERS, "rows of the alerts"),
        column("rules", TEXTS, "rules that raised them"),
        column("acts", INTEGERS, "rows of the acts the story cites"),
        column("processes", INTEGERS, "rows of all processes that belong to it"),
        column("phases", TEXTS, "phases seen"),
    ]
)
"""Incidents as a table, one row each."""

STORY = pa.schema(
    [
        column("incident", INTEGER, "number of the incident"),
        column("step", INTEGER, "number of the sentence within it, from 1"),
        column("ts", INTEGER, "ns since epoch"),
        column("phase", TEXT),
        column("text", TEXT, "what happened, in plain words"),
        column("acts", INTEGERS, "rows of the acts it rests on"),
        column("alerts", INTEGERS, "rows of the alerts about them"),
        column("processes", INTEGERS, "rows of the processes it is about"),
    ]
)
"""Stories as a table, one row for each sentence."""


def incidents_table(incidents: list[Incident]) -> pa.Table:
    """Return incidents as a table with the schema :data:`INCIDENTS`."""
    names = [name for name in INCIDENTS.names if name not in ("incident", "severity", "phases")]
    rows = [
        {name: getattr(incident, name) for name in names}
        | {
            "incident": incident.number,
            "severity": incident.severity.value,
            "phases": [phase.value for phase in incident.phases],
        }
        for incident in incidents
    ]
    return pa.Table.from_pylist(rows, schema=INCIDENTS)


def story_table(incidents: list[Incident]) -> pa.Table:
    """Return the stories of incidents as a table with the schema :data:`STORY`."""
    rows = [
        {
            "incident": incident.number,
            "step": step,
            "ts": sentence.ts,
            "phase": sentence.phase.value,
            "text": sentence.text,
            "acts": sentence.acts,
            "alerts": sentence.alerts,
            "processes": sentence.processes,
        }
        for incident in incidents
        for step, sentence in enumerate(incident.story, 1)
    ]
    return pa.Table.from_pylist(rows, schema=STORY)


def as_document(incident: Incident) -> dict[str, Any]:
    """Return an incident with its story as a document that JSON can hold."""
    (row,) = incidents_table([incident]).to_pylist()
    story = story_table([incident]).drop_columns(["incident"]).to_pylist()
    phases = {phase.value: list(acts) for phase, acts in incident.phases.items()}
    return row | {"phases": phases, "story": story}
