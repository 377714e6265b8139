"""The phases an intrusion goes through, and which of them an alert's tags name."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Phase(StrEnum):
    """A phase, in the order a report lists them; the value is the plain word for it."""

    FOOTHOLD = "first foothold"
    EXECUTION = "execution"
    PERSISTENCE = "persistence"
    ESCALATION = "privilege escalation"
    EVASION = "defence evasion"
    CREDENTIALS = "credential access"
    DISCOVERY = "discovery"
    LATERAL = "lateral movement"
    CONTROL = "command and control"
    COLLECTION = "collection"
    EXFILTRATION = "exfiltration"
    IMPACT = "impact"


_TAGS = {
    "mitre_initial_access": Phase.FOOTHOLD,
    "mitre_execution": Phase.EXECUTION,
    "mitre_persistence": Phase.PERSISTENCE,
    "mitre_privilege_escalation": Phase.ESCALATION,
    "mitre_defense_evasion": Phase.EVASION,
    "mitre_credential_access": Phase.CREDENTIALS,
    "mitre_discovery": Phase.DISCOVERY,
    "mitre_lateral_movement": Phase.LATERAL,
    "mitre_command_and_control": Phase.CONTROL,
    "mitre_collection": Phase.COLLECTION,
    "mitre_exfiltration": Phase.EXFILTRATION,
    "mitre_impact": Phase.IMPACT,
}


def tagged(tags: Iterable[str]) -> list[Phase]:
    """Return the phases that a rule's tags name (``mitre_persistence`` …), in the order of :class:`Phase`."""
    named = {_TAGS[tag] for tag in tags if tag in _TAGS}
    return [phase for phase in Phase if phase in named]
