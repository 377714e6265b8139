"""Reading the evidence again gives the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.case.flips import changed
from tiercel.case import Case
from tiercel.case.reproduce import Reproduction
from tiercel.errors import InputError

LOG = (
    b'{"hostname":"web-1","output":"12:00:00.000000000: Warning x","output_fields":{"evt.time":1767225600000000000},'
    b'"priority":"Warning","rule":"R","source":"syscall","tags":["a"],"time":"2026-01-01T00:00:00.000000000Z"}\n'
)


def test_the_same_again(full: Case, tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").write_bytes(LOG)
    (tmp_path / "photo.jpg").write_bytes(b"jpeg")
    assert full.add(tmp_path / "alerts.jsonl").evidence.kind == "falco_alerts"
    full.add(tmp_path / "photo.jpg")
    done = full.reproduce()
    assert done == Reproduction(evidence=2, segments=2, identical=2, events=38, alerts=5)
    last = list(full.ledger.entries())[-1]
    assert (last.action, last.outcome) == ("reproduced", "ok")
    assert list(done.lines()) == [
        "38 events and 5 alerts of 2 pieces of evidence read again: of 2 segments 2 identical"
    ]


def test_rules_that_were_used_are_used_again(case: Case, capture: Path, tmp_path: Path) -> None:
    rules = tmp_path / "mine.yaml"
    rules.write_text("- rule: Any\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n")
    case.add(capture, rules=[rules])
    rules.unlink()
    assert case.reproduce().alerts == 2


def test_what_differs_is_named(full: Case, capture: Path, tmp_path: Path) -> None:
    """Alerts of other rules put in the place of those that were found."""
    rules = tmp_path / "none.yaml"
    rules.write_text("- rule: None\n  desc: d\n  condition: evt.type = bpf\n  output: o\n  priority: INFO\n")
    signer = full.ledger.signer
    assert signer is not None
    other = Case.new(tmp_path / "other", "t", signer)
    other.add(capture, rules=[rules])
    (segment,) = other.store.segments()
    place = full.path / segment.path.relative_to(other.path)
    shutil.rmtree(place)
    shutil.copytree(segment.path, place)
    done = full.reproduce()
    assert [str(difference) for difference in done.differences] == [
        f"E001: {place.relative_to(full.path).as_posix()}: alerts: 0 rows then, 4 now"
    ]
    assert list(full.ledger.entries())[-1].outcome == "1 difference found"


def test_altered_rules_and_evidence_are_refused(full: Case) -> None:
    (evidence,) = full.evidence
    assert evidence.ingest is not None
    with changed(full.path / evidence.ingest.rules[0].path, 3, 1), pytest.raises(InputError, match="was altered"):
        full.reproduce()
    with changed(full.path / evidence.path, 3, 1), pytest.raises(InputError, match="was altered"):
        full.reproduce()


def test_other_versions_are_told(full: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiercel.case import reproduce

    monkeypatch.setattr(reproduce, "tool", lambda: {"tiercel": "9.9", "libraries": {}})
    versions = full.reproduce().versions
    assert "tiercel 0.1.0 then, 9.9 now" in versions
    assert any(text.startswith("pyarrow ") and text.endswith(" then, absent now") for text in versions)
