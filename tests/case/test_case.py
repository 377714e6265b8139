"""Making a case and taking evidence into it."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.audit_logs import RECORDED
from tests.capture.stories import break_in
from tests.custody.ledgers import signer_of
from tiercel.case import Case, reading
from tiercel.case.ingesting import Reading
from tiercel.custody.keys import Signer
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.store.manifest import Gap

Write = Callable[[str, bytes], Path]


def actions(case: Case) -> list[str]:
    return [entry.action for entry in case.ledger.entries()]


def test_a_new_case_holds_what_the_ledger_says(case: Case) -> None:
    assert case.title == "The web shop"
    assert actions(case) == ["key introduced", "case created"]
    assert sorted(path.name for path in case.path.iterdir()) == [
        "case.json",
        "keys",
        "ledger.head",
        "ledger.jsonl",
        "store",
    ]
    assert case.verify(record=False).faults == []


def test_a_case_is_not_made_where_something_is(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something already"):
        Case.new(tmp_path, "t", signer)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_capture_is_copied_hashed_and_read(case: Case, capture: Path) -> None:
    (evidence,) = [case.add(capture).evidence]
    copy = case.path / "evidence" / "E001-break-in.scap"
    assert evidence.id == "E001"
    assert evidence.kind == "scap"
    assert evidence.digests.sha256 == hashlib.sha256(capture.read_bytes()).hexdigest()
    assert copy.read_bytes() == capture.read_bytes()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o400
    assert copy.stat().st_mtime_ns == capture.stat().st_mtime_ns
    assert evidence.ingest is not None
    assert (evidence.ingest.events, evidence.ingest.alerts) == (38, 4)
    assert [rule.name for rule in evidence.ingest.rules] == ["rules.yaml"]
    assert actions(case)[2:] == ["evidence added", "ingested"]
    (segment,) = case.store.segments()
    assert segment.manifest.source.sha256 == evidence.digests.sha256


def test_the_rules_that_ran_are_kept(case: Case, capture: Path, written: Write) -> None:
    text = b"- rule: Any\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n"
    evidence = case.add(capture, rules=[written("mine.yaml", text)]).evidence
    assert evidence.ingest is not None
    assert evidence.ingest.alerts == 2
    (rules,) = evidence.ingest.rules
    assert (case.path / rules.path).read_bytes() == text
    assert rules.sha256 == hashlib.sha256(text).hexdigest()


def test_rules_that_do_not_load_change_nothing(case: Case, capture: Path, written: Write) -> None:
    before = actions(case)
    with pytest.raises(InputError, match="the rules do not load"):
        case.add(capture, rules=[written("bad.yaml", b"- rule: x\n  condition: nonsense.field = 1\n")])
    assert actions(case) == before


def test_evidence_can_stay_where_it_is(case: Case, capture: Path) -> None:
    evidence = case.add(capture, copy=False).evidence
    assert not (case.path / "evidence").exists()
    assert case.evidence_path(evidence) == capture
    assert case.verify().ok


def test_the_same_evidence_twice_is_noticed(full: Case, capture: Path, tmp_path: Path) -> None:
    again = tmp_path / "other-name.scap"
    again.write_bytes(capture.read_bytes())
    added = full.add(again)
    assert added.again
    assert added.evidence.id == "E001"
    assert len(full.evidence) == 1
    assert actions(full)[-1] == "evidence offered again"
    assert full.verify().ok


def test_other_files_are_kept(case: Case, written: Write) -> None:
    evidence = case.add(written("memory of it.txt", b"I saw it")).evidence
    assert evidence.kind == "other"
    assert evidence.ingest is None
    assert not evidence.waits
    assert (case.path / evidence.path).name == "E001-memory_of_it.txt"


def test_alert_logs(case: Case, written: Write) -> None:
    alert = (
        b'{"hostname":"web-1","output":"x","output_fields":{"evt.time":1767225600000000000},"priority":"Warning",'
        b'"rule":"R","source":"syscall","tags":["a"],"time":"2026-01-01T00:00:00.000000000Z"}\n'
    )
    evidence = case.add(written("alerts.log", alert + b"{ half of one\n" + alert)).evidence
    assert evidence.kind == "falco_alerts"
    assert evidence.ingest is not None
    assert evidence.ingest.alerts == 2
    assert [(gap.kind, gap.count) for gap in evidence.ingest.gaps] == [("unparsed", 1)]
    (segment,) = case.store.segments()
    assert segment.table("alerts").column("rule").to_pylist() == ["R", "R"]
    assert case.verify().ok


def test_audit_logs(case: Case) -> None:
    evidence = case.add(RECORDED).evidence
    assert evidence.kind == "audit"
    assert evidence.ingest is not None
    assert evidence.ingest.events > 50
    assert evidence.ingest.damage is None
    ran = case.tree().column("cmdline").to_pylist()
    assert "cat /etc/shadow" in ran
    assert case.verify().ok
    assert case.reproduce().ok


def test_rotated_audit_logs_are_one_story(case: Case, tmp_path: Path) -> None:
    """A process is known by what an earlier file says of it; each file is evidence of its own."""
    lines = RECORDED.read_bytes().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if b"/srv/app/job.sh" in line) + 12
    older, newer = tmp_path / "audit.log.1", tmp_path / "audit.log"
    older.write_bytes(b"".join(lines[:cut]))
    newer.write_bytes(b"".join(lines[cut:]))
    case.add(older)
    evidence = case.add(newer).evidence
    assert evidence.ingest is not None
    assert evidence.ingest.preceding == ("E001",)
    whole = Case.new(tmp_path / "whole", "t", case.ledger.signer or signer_of())
    whole.add(RECORDED)
    assert case.status().events == whole.status().events
    first, second = (segment.manifest for segment in case.store.segments())
    assert first.last_num is not None
    assert second.first_num is not None
    assert first.last_num < second.first_num
    assert set(whole.tree().column("cmdline").to_pylist()) <= set(case.tree().column("cmdline").to_pylist())
    assert case.verify().ok
    assert case.reproduce().ok


def test_many_gaps_are_told_as_one() -> None:
    gaps = [Gap("dropped", f"number {number}", number, number + 1, number) for number in range(1_000)]
    few = reading.fewer(gaps)
    assert len(few) == reading.MOST_GAPS
    assert few[:-1] == gaps[-(reading.MOST_GAPS - 1) :]
    assert few[-1].what == "801 smaller gaps"
    assert (few[-1].from_ts, few[-1].to_ts, few[-1].count) == (0, 801, sum(range(801)) + 1)


def test_names_that_are_no_text_are_told_and_harmless(case: Case, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\xff\x1b[31m\n.log")
    path.write_bytes(b"x")
    evidence = case.add(path).evidence
    assert evidence.name == "a\\xff\x1b[31m\n.log"
    assert evidence.path == "evidence/E001-a_31m_.log"
    assert case.verify().ok


def test_the_original_is_not_touched(case: Case, written: Write) -> None:
    path = written("log", b"line\n")
    os.utime(path, ns=(1_000_000_000, 2_000_000_000))
    before = path.stat()
    case.add(path)
    after = path.stat()
    assert (after.st_atime_ns, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_atime_ns,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.symlink_to("/etc/hosts"), "is a symbolic link"),
        (os.mkfifo, "is a pipe"),
        (lambda path: path.symlink_to("/dev/null"), "is a symbolic link"),
        (lambda path: None, "No such file"),
    ],
)
def test_what_is_no_file_is_refused(case: Case, tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "odd"
    make(path)
    with pytest.raises(InputError, match=message):
        case.add(path)
    assert case.evidence == []
    assert case.verify().faults == []


def test_devices_are_refused(case: Case) -> None:
    with pytest.raises(InputError, match="/dev/null: is a device"):
        case.add("/dev/null")


def test_a_file_that_changes_while_it_is_read_is_refused(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "growing.log"
    path.write_bytes(b"x" * (64 << 20))
    stop = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"more\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(InputError, match="changed while it was read"):
            case.add(path)
    finally:
        stop.set()
        writer.join()
    assert case.evidence == []
    assert case.verify().faults == []


def test_a_damaged_capture_is_kept_and_read_as_far_as_it_goes(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "cut.scap"
    break_in().write(path)
    path.write_bytes(path.read_bytes()[:-10])
    evidence = case.add(path).evidence
    assert evidence.ingest is not None
    assert evidence.ingest.damage is not None
    assert "the file ends inside a block" in evidence.ingest.damage
    assert evidence.ingest.events == 37
    ingested = list(case.ledger.entries())[-1]
    assert ingested.outcome.startswith("damaged: byte ")
    (gap,) = case.status().gaps
    assert gap[1].kind == "truncated"
    assert case.verify().ok


def test_evidence_that_cannot_be_read_is_kept(case: Case, capture: Path, tmp_path: Path) -> None:
    path = tmp_path / "newer.scap"
    data = bytearray(capture.read_bytes())
    data[12:14] = (99).to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(InputError, match="file format version 99 is newer"):
        case.add(path)
    (evidence,) = case.evidence
    assert evidence.failure is not None
    assert evidence.waits
    assert case.verify().ok


def test_notes(case: Case) -> None:
    case.note("Seized from the desk: 42°")
    assert list(case.ledger.entries())[-1].detail == {"text": "Seized from the desk: 42°"}
    with pytest.raises(InputError, match="empty"):
        case.note(" ")


def test_one_writer_at_a_time(full: Case, capture: Path, signer: Signer) -> None:
    other = Case.open(full.path, signer)
    with full.working(), pytest.raises(InputError, match="another process is working on this case"):
        other.add(capture)
    assert other.add(capture).again


def test_a_case_opened_to_read_takes_nothing(full: Case, capture: Path) -> None:
    case = Case.open(full.path)
    assert [evidence.name for evidence in case.evidence] == ["break-in.scap"]
    with pytest.raises(InputError, match="read only"):
        case.add(capture)


def test_many_files_at_once(case: Case, tmp_path: Path) -> None:
    """Adding the last takes no longer than adding the first: the ledger is not read anew each time."""
    took = []
    for number in range(120):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"{number}")
        os.utime(path, (1, 1))
        begun = time.process_time()
        case.add(path)
        took.append(time.process_time() - begun)
    assert sorted(took[-40:])[20] < 2 * sorted(took[:40])[20] + 0.01
    assert len(case.evidence) == 120
    assert case.verify().ok


def test_two_who_take_turns(case: Case, written: Write, signer: Signer) -> None:
    other = Case.open(case.path, signer)
    case.add(written("a", b"a"))
    assert other.add(written("b", b"b")).evidence.id == "E002"
    other.note("between")
    assert case.add(written("c", b"c")).evidence.id == "E003"
    assert other.add(written("d", b"c")).again
    assert case.verify().ok


def test_what_is_left_of_a_case_that_never_came_about_is_removed(tmp_path: Path, signer: Signer) -> None:
    left = tmp_path / ".c.making-1"
    (left / "evidence").mkdir(parents=True)
    Case.new(tmp_path / "c", "t", signer)
    assert os.listdir(tmp_path) == ["c"]


def test_evidence_that_changes_between_hashing_and_reading(
    case: Case, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "other.scap"
    path.write_bytes(capture.read_bytes())
    reading_of = Reading.of()

    def match(batch: Batch) -> object:
        path.write_bytes(capture.read_bytes()[:-1])
        return matched(batch)

    matched = reading_of.detection.match
    monkeypatch.setattr(reading_of.detection, "match", match)
    with pytest.raises(InputError, match="changed since it was added"):
        case.add(path, copy=False, rules=reading_of)
    assert case.evidence[0].failure is not None
    assert case.store.segments() == []


def test_someone_else_goes_on(full: Case, written: Write) -> None:
    other = Case.open(full.path, signer_of("B. Other"))
    assert other.add(written("log", b"x")).evidence.examiner == "B. Other"
    assert other.verify().ok
    assert other.status().examiners == ["A. Name", "B. Other"]


def test_status(full: Case, written: Write) -> None:
    full.add(written("photo.jpg", b"jpeg"))
    full.verify()
    status = full.status()
    assert (status.events, status.alerts, status.segments, status.hosts) == (38, 4, 1, ["web-1"])
    assert status.first_ts == 1_767_225_600_000_001_000
    assert status.outcome == "ok"
    text = "\n".join(status.lines())
    assert "E001  break-in.scap  scap, " in text
    assert "38 events, 4 alerts" in text
    assert "E002  photo.jpg  other, 4 bytes, kept" in text
    assert [evidence["id"] for evidence in status.as_json()["evidence"]] == ["E001", "E002"]


def test_status_says_which_evidence_repeats_another(full: Case, capture: Path, written: Write) -> None:
    assert full.status().as_json()["evidence"][0]["repeats"] == []
    full.add(written("again.scap", gzip.compress(capture.read_bytes())))
    status = full.status()
    assert [evidence["repeats"] for evidence in status.as_json()["evidence"]] == [[], ["E001"]]
    assert any("repeats events of E001; hunts, SQL and totals count them again" in line for line in status.lines())


def test_no_case(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no case"):
        Case.open(tmp_path)
