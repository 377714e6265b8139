"""Techniques of MITRE ATT&CK in a scene: what the tags of rules name, and what acts show by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tiercel.report.attack_acts import Acts
from tiercel.report.attack_table import TACTICS, TECHNIQUES, Known, Tactic
from tiercel.report.model import Technique

REASONS = 5
"""Reasons that are kept for a technique."""

_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?", re.ASCII)
_BY_TAG = {tactic.tag: tactic for tactic in TACTICS} | {tactic.id: tactic for tactic in TACTICS}


def technique(identity: str, tactics: Iterable[Tactic] = ()) -> Known:
    """Return a technique by its id; one that the table does not have gets its id as name and the given tactics."""
    return TECHNIQUES.get(identity) or Known(identity, identity, tuple(tactics))


def tagged_techniques(tags: Iterable[str] | None) -> list[Known]:
    """Return the techniques that a rule's tags name (``T1059`` …), in order, each once."""
    tags = list(tags or ())
    tactics = tagged_tactics(tags)
    return [technique(tag, tactics) for tag in dict.fromkeys(tags) if _TECHNIQUE.fullmatch(tag)]


def tagged_tactics(tags: Iterable[str] | None) -> list[Tactic]:
    """Return the tactics that a rule's tags name (``mitre_execution``, ``TA0003``), in the order of the matrix."""
    named = {_BY_TAG[tag].id for tag in tags or () if tag in _BY_TAG}
    return [tactic for tactic in TACTICS if tactic.id in named]


def techniques(
    alerts: Iterable[dict[str, Any]], acts: Iterable[dict[str, Any]], seen: Iterable[dict[str, Any]] | None = None
) -> list[Technique]:
    """Return the techniques of some alerts and acts, in the order of the matrix, then by id.

    A technique counts once for each alert and each act that shows it; an act and the alert about it are one.

    Args:
        alerts: rows of :data:`tiercel.reconstruct.schema.ALERTS`
        acts: rows of :data:`tiercel.reconstruct.schema.ACTS`
        seen: all acts of the scene, when ``acts`` are some of them; what was executed is known from them
    """
    found: dict[str, _Found] = {}
    acts = list(acts)
    for alert in alerts:
        tactics = tagged_tactics(alert["tags"])
        for known in tagged_techniques(alert["tags"]):
            here = found.setdefault(known.id, _Found(known, tactics))
            here.add(f"rule {alert['rule'] or 'of an alert in text'}", alert["act"])
    shown = Acts(acts if seen is None else seen)
    for act in acts:
        for identity, because in shown.of(act).items():
            found.setdefault(identity, _Found(technique(identity), [])).add(because, act["act"])
    order = {tactic.id: at for at, tactic in enumerate(TACTICS)}
    return sorted(
        (here.as_technique() for here in found.values()),
        key=lambda one: (order.get(_tactic_id(one.tactic), len(order)), one.id),
    )


@dataclass(slots=True)
class _Found:
    known: Known
    named: list[Tactic]  # tactics the first rule's tags name: they choose among those of the technique
    because: dict[str, None] = field(default_factory=dict)
    acts: set[int] = field(default_factory=set)
    others: int = 0

    def add(self, because: str, act: int | None) -> None:
        if len(self.because) < REASONS:
            self.because[because] = None
        if act is None:
            self.others += 1
        else:
            self.acts.add(act)

    def as_technique(self) -> Technique:
        tactics = self.known.tactics or tuple(self.named)
        tactic = next((one for one in self.named if one in tactics), tactics[0] if tactics else None)
        count = len(self.acts) + self.others
        return Technique(self.known.id, self.known.name, tactic.name if tactic else "", count, tuple(self.because))


def _tactic_id(name: str) -> str:
    return next((tactic.id for tactic in TACTICS if tactic.name == name), "")
