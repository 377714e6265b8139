"""The report as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from tiercel.reconstruct.wording.printable import printable
from tiercel.report import picture, wording
from tiercel.report.model import Report

_TONES = {
    "emergency": "grave",
    "alert": "grave",
    "critical": "grave",
    "high": "grave",
    "error": "grave",
    "warning": "warn",
    "medium": "warn",
    "notice": "warn",
}


def html(report: Report) -> str:
    """Return the report as an HTML document.

    All text from evidence is escaped; a policy in the page forbids scripts and every request.
    """
    templates = files("tiercel.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False)
    environment.filters.update(_filters())
    template = environment.from_string((templates / "report.html.jinja").read_text("utf-8"))
    pictures: dict[str, Any] = {
        "overview": picture.overview(report.overview, report.gaps) if report.overview else None,
        "lanes": {incident.number: picture.lanes(incident) for incident in report.incidents},
    }
    return template.render(
        report=report,
        pictures=pictures,
        css=Markup((templates / "report.css").read_text("utf-8")),  # ours: nothing of the evidence is in it
        sections=_sections(report),
    )


def _filters() -> dict[str, Any]:
    return {
        "clean": printable,
        "when": wording.when,
        "clock": lambda ts: wording.when(ts, day=False),
        "lasting": wording.lasting,
        "listing": wording.listing,
        "several": wording.several,
        "tone": lambda severity: _TONES.get(severity.lower(), ""),
    }


def _sections(report: Report) -> list[tuple[str, str]]:
    sections = [
        ("summary", "Summary"),
        ("incidents", "Incidents"),
        ("alerts", "Alerts"),
        ("processes", "Processes"),
        ("files", "Files changed"),
        ("network", "Network"),
        ("users", "Users"),
        ("pods", "Containers and pods"),
        ("indicators", "Indicators"),
        ("techniques", "ATT&CK techniques"),
        ("gaps", "What was not seen"),
        ("evidence", "Evidence"),
        ("custody", "Chain of custody"),
    ]
    if report.notes:
        sections.append(("notes", "Notes"))
    return [*sections, ("tools", "Tools and versions")]
