"""Incidents: alerts and acts that one session, lineage or provenance link explains, told as one story."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from tiercel.reconstruct.dns import addresses_of
from tiercel.reconstruct.entry import INTERACTIVE, Door, Entry, is_runtime
from tiercel.reconstruct.incidents.deeds import Deed, deeds
from tiercel.reconstruct.incidents.from_alerts import told, user_of
from tiercel.reconstruct.incidents.model import (
    INCIDENTS,
    STORY,
    Incident,
    Sentence,
    Severity,
    as_document,
    incidents_table,
    story_table,
)
from tiercel.reconstruct.incidents.origin import arrivals, origin
from tiercel.reconstruct.incidents.phases import Phase
from tiercel.reconstruct.incidents.scope import Group, groups
from tiercel.reconstruct.incidents.story import Teller
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.raised import Raised, counted, raised
from tiercel.reconstruct.rows import each, of_processes
from tiercel.reconstruct.scene import Scene

__all__ = [
    "INCIDENTS",
    "STORY",
    "Incident",
    "Sentence",
    "Severity",
    "alone",
    "as_document",
    "incidents",
    "incidents_table",
    "story_table",
]

_WARNING = 4  # rank of the priority Warning
_MOST_SENTENCES = 400
_PLAIN = frozenset({Phase.EXECUTION, Phase.DISCOVERY})
_SEVERITIES = (Severity.CRITICAL,) * 3 + (Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.LOW, Severity.LOW)
_COMMON = _PLAIN | {Phase.FOOTHOLD}
_RAISED_BY = 5  # phases from which on an incident is graver than its alerts


def incidents(scene: Scene) -> list[Incident]:
    """Return the incidents of a scene, gravest first, then by time.

    An alert alone makes an incident when its priority is Warning or above; lesser ones need at least two rules, and
    two phases beyond coming in, running programs and looking around in what surrounds them. Alerts left over are found
    by :func:`alone`.
    """
    lineage = Lineage(scene.processes)
    found = [_incident(scene, lineage, group) for group in groups(scene, lineage)]
    kept = [incident for incident, group in found if _counts(incident, group)]
    order = list(Severity)
    kept.sort(key=lambda incident: (order.index(incident.severity), -len(incident.phases), incident.first_ts))
    return [_numbered(incident, number) for number, incident in enumerate(kept, 1)]


def alone(scene: Scene, found: list[Incident]) -> list[int]:
    """Return the numbers of the alerts that belong to none of the incidents, internal ones aside."""
    explained = {alert for incident in found for alert in incident.alerts}
    return [alert.alert for alert in raised(counted(scene.alerts)) if alert.alert not in explained]


def _counts(incident: Incident, group: Group) -> bool:
    if min(alert.rank for alert in group.alerts) <= _WARNING:
        return True
    return len(incident.rules) >= 2 and len(set(incident.phases) - _COMMON) >= 2


def _numbered(incident: Incident, number: int) -> Incident:
    return replace(incident, number=number)


def _incident(scene: Scene, lineage: Lineage, group: Group) -> tuple[Incident, Group]:
    """Return the incident that a group of alerts makes."""
    story = _story(scene, lineage, group)
    phases: dict[Phase, list[int]] = defaultdict(list)
    for sentence in story:
        phases[sentence.phase].extend(sentence.acts)
    ordered = {phase: tuple(dict.fromkeys(phases[phase])) for phase in Phase if phase in phases}
    scope = sorted(group.scope | group.followers)
    acts = tuple(sorted({act for sentence in story for act in sentence.acts}))
    rules = tuple(dict.fromkeys(alert.rule for alert in group.alerts))
    severity = _severity(group.alerts, ordered)
    times = [sentence.ts for sentence in story] + [alert.ts for alert in group.alerts]
    hosts = {lineage.host[row] for row in scope} | {alert.host for alert in group.alerts}
    containers = {lineage.container[row] for row in scope}
    containers |= {alert.container or "" for alert in group.alerts if alert.process is None}
    users = {lineage.user[row] or str(lineage.uid[row]) for row in scope if lineage.uid[row] is not None}
    users |= {user for alert in group.alerts if alert.process is None and (user := user_of(alert))}
    incident = Incident(
        0,
        _title(lineage, group),
        severity,
        tuple(sorted(hosts)),
        tuple(sorted(containers - {""})),
        tuple(sorted(users)),
        min(times),
        max(times),
        origin(lineage, group),
        tuple(alert.alert for alert in group.alerts),
        rules,
        acts,
        tuple(scope),
        ordered,
        story,
    )
    return incident, group


def _severity(alerts: list[Raised], phases: dict[Phase, tuple[int, ...]]) -> Severity:
    """Return the severity: that of the gravest alert, one up where an intrusion shows in most of its phases."""
    found = _SEVERITIES[min(alert.rank for alert in alerts)]
    grave = {Phase.PERSISTENCE, Phase.ESCALATION, Phase.CREDENTIALS, Phase.EXFILTRATION, Phase.IMPACT} & set(phases)
    if len(phases) >= _RAISED_BY and grave and found is not Severity.CRITICAL:
        order = list(Severity)
        return order[order.index(found) - 1]
    return found


def _title(lineage: Lineage, group: Group) -> str:
    if not group.entries:
        where = group.alerts[0].container
        return f"alerts about {f'container {where}' if where else group.alerts[0].host or 'the host'}"
    came = group.entries[0]
    name, inside = lineage.name[came.root], lineage.inside(came.root)
    place = f"in container {inside}" if inside else f"on {lineage.host[came.root] or 'the host'}"
    return f"{name} {place} ({came.door.value})"


def _story(scene: Scene, lineage: Lineage, group: Group) -> tuple[Sentence, ...]:
    """Return the sentences of a group's story, by time."""
    by_act: dict[int, list[Raised]] = defaultdict(list)
    for alert in group.alerts:
        if alert.act is not None:
            by_act[alert.act].append(alert)
    acts = list(each(of_processes(scene.acts, group.scope | group.followers)))
    found = deeds(acts, lineage, _began(lineage, group), by_act)
    visits = [came for came in group.entries if came.door in INTERACTIVE]
    teller = Teller(lineage, {came.root: _by(lineage, came) for came in visits})
    story = arrivals(scene, lineage, visits)
    cited: set[int] = set()
    lookups: list[tuple[int, Deed]] = []
    controlled: set[str | None] = set()
    for deed in found:
        alerts = [alert for act in deed.acts for alert in by_act.get(act.act, ())]
        cited.update(alert.alert for alert in alerts)
        sentence = teller.tell(deed, alerts)
        if deed.kind == "resolve":
            lookups.append((len(story), deed))
        elif deed.kind == "talk" and sentence.phase is Phase.CONTROL:
            controlled.add(deed.first.raddr)
        story.append(sentence)
    for place, deed in lookups:
        if not controlled.isdisjoint(address for act in deed.acts for address in addresses_of(act)):
            story[place] = replace(story[place], phase=Phase.CONTROL)
    story += [told(alert) for alert in group.alerts if alert.alert not in cited]
    story.sort(key=lambda sentence: (sentence.ts, sentence.acts))
    return tuple(_shortened(story))


def _began(lineage: Lineage, group: Group) -> dict[int, int]:
    """Return when the first process of each session ran its first own program, by row."""
    found = {}
    for came in group.entries:
        own = [step["ts"] for step in lineage.execs[came.root] if not is_runtime(step["name"] or "")]
        if came.door in (Door.EXEC, Door.START) and own:
            found[came.root] = own[0]
    return found


_CAME = {
    Door.EXEC: "by exec into the container by",
    Door.SSH: "by an SSH login through",
    Door.LOGIN: "by a login through",
    Door.SERVER: "as a child of the server",
    Door.CRON: "as a job of",
}


def _by(lineage: Lineage, came: Entry) -> str:
    """Return how a session came in, with who let it in."""
    if came.by is None:
        return f"by {came.door.value}"
    by = came.by
    how = _CAME.get(came.door, f"by {came.door.value} by")
    return f"{how} {lineage.name_at(by, lineage.start[came.root])} (pid {lineage.pid[by]})"


def _shortened(story: list[Sentence]) -> list[Sentence]:
    """Leave out plain sentences of a very long story, and say how many."""
    if len(story) <= _MOST_SENTENCES:
        return story
    kept = [sentence for sentence in story if sentence.alerts or sentence.phase not in _PLAIN]
    room = max(0, _MOST_SENTENCES - len(kept))
    plain = [sentence for sentence in story if not sentence.alerts and sentence.phase in _PLAIN]
    kept = sorted([*kept[:_MOST_SENTENCES], *plain[:room]], key=lambda sentence: (sentence.ts, sentence.acts))
    left = Counter(sentence.phase for sentence in story) - Counter(sentence.phase for sentence in kept)
    words = ", ".join(f"{count} of {phase.value}" for phase, count in left.items())
    last = story[-1]
    return [*kept, Sentence(last.ts, Phase.EXECUTION, f"the same processes did more that is not told here: {words}.")]
