"""The report as Markdown, for wikis and tickets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tiercel.reconstruct.wording.printable import printable
from tiercel.report.model import IncidentPart, Report, Table, TreeNode
from tiercel.report.wording import lasting, listing, several, when

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def text(value: str) -> str:
    """Return a text from evidence such that Markdown shows it as it is: no markup, no HTML, no links."""
    return (
        _SPECIAL.sub(r"\\\1", printable(value)).replace("://", ":\\/\\/").replace("www.", "www\\.").replace("@", "\\@")
    )


def markdown(report: Report) -> str:
    """Return the report as a Markdown document."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {text(report.title)}\n"
    yield f"Case {report.case_id}, examined by {text(report.examiner)}, written {when(report.created)} UTC.\n"
    yield "All times in UTC.\n"
    yield "## Summary\n"
    for sentence in report.summary:
        yield f"{text(sentence)}\n"
    for name, value in report.figures:
        yield f"- {name}: **{text(value)}**"
    yield "\n## Incidents\n"
    if not report.incidents:
        yield "None.\n"
    for incident in report.incidents:
        yield from _incident(incident)
    for title, table in (
        ("Alerts", report.alerts),
        ("Files changed", report.files),
        ("Network", report.network),
        ("Users", report.users),
        ("Containers and pods", report.pods),
        ("Indicators", report.indicators),
    ):
        yield f"\n## {title}\n"
        yield from _table(table)
    yield "\n## Processes\n"
    yield from _tree(report.tree, 0)
    yield f"\n{text(report.tree_note)}\n"
    yield "\n## ATT&CK techniques\n"
    for technique in report.techniques:
        because = listing([text(reason) for reason in technique.because])
        yield f"- {technique.id} {technique.name} ({technique.tactic}), {several(technique.count, 'time')}: {because}"
    yield "\n## What was not seen\n"
    for gap in report.gaps:
        span = f"{when(gap.first)} to {when(gap.last)}: " if gap.first is not None else ""
        yield f"- {span}{text(gap.what)}. Weakens: {text(gap.weakens)}"
    yield "\n## Evidence\n"
    yield from _table(report.evidence)
    yield f"\n## Chain of custody\n\n{text(report.custody_state)}\n"
    yield from _table(report.custody)
    if report.notes:
        yield "\n## Notes\n"
        for ts, who, note in report.notes:
            yield f"- {when(ts)} {text(who)}: {text(note)}"
    yield "\n## Tools and versions\n"
    for name, version in report.tools:
        yield f"- {name} {text(version)}"


def _incident(incident: IncidentPart) -> Iterator[str]:
    yield f"### {incident.number}. {text(incident.title)} ({incident.severity})\n"
    where = [f"host {text(listing(incident.hosts))}"] if incident.hosts else []
    where += [f"container {text(listing(incident.containers))}"] if incident.containers else []
    where += [f"user {text(listing(incident.users))}"] if incident.users else []
    yield (
        f"{when(incident.first)} to {when(incident.last)} ({lasting(incident.last - incident.first)}); "
        f"{', '.join(where)}; {several(incident.alerts, 'alert')}, {several(incident.acts, 'act')}\n"
    )
    if incident.origin:
        yield f"{text(incident.origin)}\n"
    phase = ""
    for step in incident.steps:
        if step.phase and step.phase != phase:
            phase = step.phase
            yield f"\n**{text(phase)}**\n"
        cited = [f"act {act}" for act in step.acts[:4]] + [f"alert {alert}" for alert in step.alerts[:4]]
        yield f"- {when(step.ts, day=False)} {text(step.text)}" + (f" \\[{', '.join(cited)}\\]" if cited else "")
    yield ""


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        yield "None."
        return
    yield "| " + " | ".join(table.columns) + " |"
    yield "|" + "---|" * len(table.columns)
    for row in table.rows:
        yield "| " + " | ".join(text(cell) for cell in row.cells) + " |"
    if table.hidden or table.note:
        more = f"{several(table.hidden, 'more row')} not shown. " if table.hidden else ""
        yield f"\n{more}{text(table.note)}"


def _tree(nodes: tuple[TreeNode, ...], depth: int) -> Iterator[str]:
    for node in nodes:
        alerts = f" ({several(node.alerts, 'alert')})" if node.alerts else ""
        user = f", {text(node.user)}" if node.user else ""
        yield f"{'  ' * depth}- {text(node.label)} (pid {node.pid}{user}){alerts}"
        yield from _tree(node.children, depth + 1)
