"""``tiercel investigate`` on a folder of everything: what is told, what is refused, and that nothing is touched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import tiercel
from tests.investigate.conftest import Investigation, facts, hashes

pytestmark = pytest.mark.slow


def status(investigation: Investigation) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(investigation.run("case", "status", "case", "--json").stdout)
    return told


def test_originals_are_as_they_were(investigation: Investigation) -> None:
    assert facts(investigation.evidence) == investigation.before
    assert hashes(investigation.evidence) == investigation.hashes


def test_what_cannot_be_evidence_is_named_and_the_rest_is_read(investigation: Investigation) -> None:
    ran = investigation.ran
    assert ran.code == 1
    problems = [line for line in ran.stderr.splitlines() if line.startswith("tiercel: seized/")]
    assert problems == [
        "tiercel: seized/link: is a symbolic link: name the file it leads to",
        "tiercel: seized/pipe: is a pipe: keep what comes out of it in a file first",
    ]
    assert re.search(
        r"^tiercel: cut.scap: damaged at byte \d+: .*; the [\d,]+ events before it were read$", ran.stderr, re.M
    )
    kinds = {piece["name"]: piece["kind"] for piece in status(investigation)["evidence"]}
    assert kinds["web-1.scap"] == kinds["cut.scap"] == kinds["hostile.scap"] == "scap"
    assert kinds["falco.log"] == "falco_alerts"
    assert kinds["audit.log.2.gz"] == kinds["audit.log"] == "audit"
    assert kinds["k8s.log"] == "k8s_audit"
    assert kinds["random.bin"] == kinds["empty"] == kinds["more.txt"] == "other"


def test_stdout_holds_the_story_alone(investigation: Investigation) -> None:
    lines = investigation.ran.lines
    assert lines[0].startswith("1. ")
    assert re.fullmatch(r"\d+ incidents, \d+ alerts(, \d+ of them in no incident)?", lines[-1])
    assert not any(line.startswith(("E0", "case:", "report:", "tiercel:")) for line in lines)
    assert "case: case" in investigation.ran.stderr


def test_rotated_logs_are_read_oldest_first(investigation: Investigation) -> None:
    names = [piece["name"] for piece in status(investigation)["evidence"]]
    assert [name for name in names if name.startswith("audit")] == ["audit.log.2.gz", "audit.log.1", "audit.log"]


def test_a_recording_given_three_times_is_told_once(investigation: Investigation, tmp_path: Path) -> None:
    alone = tiercel("investigate", investigation.evidence / "web-1.scap", "-o", tmp_path / "c", HOME=str(tmp_path))
    mixed = [line for line in investigation.ran.lines if line.startswith("At ")]
    for line in (line for line in alone.lines if line.startswith("At ")):
        text = line.partition(" [act")[0]
        assert sum(other.startswith(text) for other in mixed) == 1, text


def test_gaps_are_told_in_the_status_and_the_report(investigation: Investigation) -> None:
    kinds = {(gap["evidence"], gap["kind"]) for gap in status(investigation)["gaps"]}
    by_name = {piece["name"]: piece["id"] for piece in status(investigation)["evidence"]}
    assert {(by_name["falco.log"], "alerts_truncated"), (by_name["falco.log"], "dropped")} <= kinds
    assert (by_name["cut.scap"], "truncated") in kinds
    report = investigation.run("case", "report", "case", "--format", "markdown", "-o", "r.md")
    assert report.code == 0, report.stderr
    text = (investigation.case.parent / "r.md").read_text().partition("## What was not seen")[2].partition("\n## ")[0]
    assert "falco.log: 1 alert was cut by a forwarder" in text
    assert "k8s.log is an audit log of Kubernetes" in text
    assert "cut.scap: byte" in text


def test_the_report_runs_nothing(investigation: Investigation) -> None:
    page = next((investigation.case / "reports").rglob("report.html")).read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in page
    assert "\x1b" not in page


def test_a_case_of_everything_is_reproduced_and_verified(investigation: Investigation) -> None:
    reproduced = investigation.run("case", "reproduce", "case")
    assert (reproduced.code, reproduced.lines[-1].endswith(" identical")) == (0, True), reproduced.stdout
    verified = investigation.run("case", "verify", "case")
    assert (verified.code, verified.lines[-1].endswith("ledger entries: all as recorded")) == (0, True)


def test_a_stranger_takes_the_case_over(investigation: Investigation, tmp_path: Path) -> None:
    archive = tmp_path / "case.tar.zst"
    assert investigation.run("case", "export", "case", archive).code == 0
    elsewhere = {"HOME": str(tmp_path / "home"), "TIERCEL_EXAMINER": "B. Other"}
    taken = tiercel("case", "import", archive, "mine", cwd=tmp_path, **elsewhere)
    assert taken.code == 0, taken.stderr
    assert tiercel("case", "verify", "mine", cwd=tmp_path, **elsewhere).code == 0
    here = investigation.run("case", "incidents", "case")
    assert tiercel("case", "incidents", "mine", cwd=tmp_path, **elsewhere).stdout == here.stdout
