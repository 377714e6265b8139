"""Writing a report in its forms, beside a case or into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tiercel.custody.clock import now
from tiercel.report.assemble import Findings, report
from tiercel.report.html import html
from tiercel.report.markdown import markdown
from tiercel.report.model import Report

if TYPE_CHECKING:
    from tiercel.case.case import Case

WRITTEN = "report written"


class Form(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"
    PDF = "pdf"
    TIMESKETCH = "timesketch"
    NAVIGATOR = "navigator"
    STIX = "stix"
    OCSF = "ocsf"


_NAMES = {
    Form.HTML: "report.html",
    Form.MARKDOWN: "report.md",
    Form.JSON: "report.json",
    Form.PDF: "report.pdf",
    Form.TIMESKETCH: "timesketch.jsonl",
    Form.NAVIGATOR: "attack-navigator.json",
    Form.STIX: "stix.json",
    Form.OCSF: "ocsf.jsonl",
}


def write(path: Path, form: Form, made: Report, findings: Findings) -> None:
    """Write one form of a report to a file.

    Raises:
        InputError: something the form needs is not installed.
        OSError: the file cannot be written.
    """
    if form is Form.TIMESKETCH:
        from tiercel.report.exports.timesketch import write_timesketch

        write_timesketch(findings.scene, path)
    elif form is Form.NAVIGATOR:
        from tiercel.report.exports.navigator import write_navigator

        write_navigator(findings.scene, path)
    elif form is Form.STIX:
        from tiercel.report.exports.stix import write_stix

        write_stix(findings.scene, path)
    elif form is Form.OCSF:
        from tiercel.report.exports.ocsf import write_ocsf

        write_ocsf(findings.scene, path)
    else:
        path.write_bytes(_rendered(form, made))


def _rendered(form: Form, made: Report) -> bytes:
    if form is Form.MARKDOWN:
        return markdown(made).encode("utf-8", "replace")
    if form is Form.JSON:
        return json.dumps(asdict(made), ensure_ascii=False, indent=1, default=sorted).encode("utf-8", "replace") + b"\n"
    page = html(made)
    if form is Form.PDF:
        from tiercel.report.pdf import pdf

        return pdf(page)
    return page.encode("utf-8", "replace")


def write_into(case: Case, forms: Sequence[Form], findings: Findings, *, verify: bool = True) -> list[Path]:
    """Verify a case and write its report into its folder ``reports``, with an entry in the ledger.

    Returns:
        the files, in the order of ``forms``.

    Raises:
        InputError: the case is open to read only, or a form cannot be made.
    """
    state = custody_state(case) if verify else ""
    made = report(case, findings, custody_state=state)
    folder = f"reports/{now()[:19].replace(':', '').replace('-', '')}Z"
    paths = []
    with case.working() as staging:
        while (case.path / folder).exists():
            folder += "+"
        for form in forms:
            relative = f"{folder}/{_NAMES[form]}"
            write(staging.at(relative), form, made, findings)
            staging.made(relative)
            paths.append(case.path / relative)
        case.commit(staging, WRITTEN, detail={"forms": ", ".join(forms)})
    return paths


def custody_state(case: Case) -> str:
    """Verify a case, and return in one sentence what came of it."""
    done = case.verify()
    if done.ok:
        return (
            "The case was verified before this report was written: evidence, segments, rules and reports are as the "
            "ledger says, and its entries are in place, chained and signed."
        )
    found = "; ".join(str(fault) for fault in done.faults[:5])
    return f"The case was verified before this report was written and is NOT as the ledger says: {found}."
