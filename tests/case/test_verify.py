"""Whatever is done to a case behind its back is found, and where."""

from __future__ import annotations

import os
import shutil
from itertools import islice
from pathlib import Path

import pytest

from tests.case.flips import changed, located, random_changes
from tests.custody.ledgers import signer_of
from tiercel.case import Case
from tiercel.case.verify import verify
from tiercel.custody.keys import Signer
from tiercel.errors import InputError

CHANGES = int(os.environ.get("TIERCEL_CHANGES", "150"))


def serious(root: Path) -> list[tuple[str, str]]:
    return [(fault.kind, fault.path) for fault in verify(root).faults if fault.serious]


@pytest.fixture
def large(case: Case, tmp_path: Path) -> Path:
    """A copy in a case of a file of 300,000 bytes."""
    path = tmp_path / "disk.img"
    path.write_bytes(os.urandom(300_000))
    return case.path / case.add(path).evidence.path


def test_a_sound_case(full: Case) -> None:
    done = full.verify()
    assert done.ok
    assert done.faults == []
    last = list(full.ledger.entries())[-1]
    assert (last.action, last.outcome) == ("verified", "ok")
    assert last.detail["checked"] == {"entries": 4, "files": done.files, "bytes": done.size}
    assert full.verify(record=False).entries == 5


def test_where_a_byte_was_changed(case: Case, large: Path) -> None:
    with changed(large, 100_000, 1):
        (fault,) = verify(case.path).faults
    assert fault.ranges == ((65_536, 131_071),)
    assert str(fault) == (
        "evidence/E001-disk.img: altered: its hash is not that of the ledger: "
        "the change is in bytes 65,536 to 131,071 (evidence E001)"
    )


def test_where_evidence_was_cut_or_grew(case: Case, large: Path) -> None:
    large.chmod(0o600)
    content = large.read_bytes()
    large.write_bytes(content[:-5])
    (fault,) = verify(case.path).faults
    assert fault.what == "has 299,995 bytes, had 300,000: the change is in bytes 262,144 to 299,999"
    large.write_bytes(content + b"more")
    (fault,) = verify(case.path).faults
    assert fault.ranges == ((300_000, 300_003),)
    large.write_bytes(content[:70_000] + b"+" + content[70_000:])
    (fault,) = verify(case.path).faults
    assert fault.ranges == ((65_536, 300_000),)


def test_segments(full: Case) -> None:
    (segment,) = full.store.segments()
    inside = segment.path.relative_to(full.path).as_posix()
    with changed(segment.path / "events.parquet", 60, 4):
        assert serious(full.path) == [("altered", f"{inside}/events.parquet")]
    with changed(segment.path / "manifest.json", 60, 4):
        assert serious(full.path) == [("altered", f"{inside}/manifest.json")]
        with changed(segment.path / "files.parquet", 60, 4):  # its hash is not only in the manifest
            assert serious(full.path) == [
                ("altered", f"{inside}/manifest.json"),
                ("altered", f"{inside}/files.parquet"),
            ]
    (segment.path / "users.parquet").rename(full.path / "users")
    assert serious(full.path) == [("moved", f"{inside}/users.parquet")]
    (full.path / "users").unlink()
    assert serious(full.path) == [("removed", f"{inside}/users.parquet")]
    shutil.rmtree(segment.path)
    removed = serious(full.path)
    assert ("removed", f"{inside}/manifest.json") in removed
    assert ("removed", f"{inside}/events.parquet") in removed


def test_evidence_kept_elsewhere(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "original.bin"
    path.write_bytes(b"a" * 70_000)
    case.add(path, copy=False)
    with changed(path, 69_999, 1):
        (fault,) = verify(case.path).faults
        assert (fault.path, fault.ranges) == (str(path), ((65_536, 69_999),))
    path.unlink()
    assert serious(case.path) == [("removed", str(path))]


@pytest.mark.parametrize(
    "path", ["evidence/E002-mine.log", "note.txt", "store/host=web-1/x", "keys/a.pem", "reports/report.html", "rules/r"]
)
def test_what_was_slipped_in(full: Case, path: str) -> None:
    place = full.path / path
    place.parent.mkdir(exist_ok=True)
    place.write_text("x")
    assert serious(full.path) == [("inserted", path)]


def test_links_and_folders_that_were_slipped_in(full: Case, tmp_path: Path) -> None:
    (full.path / "reports").symlink_to(tmp_path)
    (full.path / "more").mkdir()
    assert serious(full.path) == [("inserted", "more"), ("inserted", "reports")]


def test_evidence_replaced_by_a_link_to_the_same(full: Case, tmp_path: Path) -> None:
    copy = full.path / "evidence" / "E001-break-in.scap"
    copy.rename(tmp_path / "moved")
    copy.symlink_to(tmp_path / "moved")
    assert serious(full.path) == [("altered", "evidence/E001-break-in.scap")]


def test_the_ledger(full: Case) -> None:
    ledger = full.path / "ledger.jsonl"
    full.note("one")
    full.note("two")
    lines = ledger.read_bytes().splitlines(keepends=True)
    assert len(lines) == 6

    def after(*changed: bytes) -> list[str]:
        ledger.write_bytes(b"".join(changed))
        return [str(fault) for fault in verify(full.path).faults if fault.path == "ledger.jsonl" and fault.serious]

    assert after(*lines) == []
    (altered,) = after(*lines[:4], lines[4].replace(b"one", b"0ne"), lines[5])
    assert altered == "ledger.jsonl: altered: line 5: its signature is not that of its content"
    (removed,) = after(*lines[:4], lines[5])
    assert "removed: line 5: entry 5 is missing before this line" in removed
    (inserted,) = after(*lines[:5], lines[4], lines[5])
    assert "inserted: line 6: a copy of line 5" in inserted
    (swapped,) = after(*lines[:4], lines[5], lines[4])
    assert "reordered: line 6: entry 5" in swapped or "reordered: line 5: entry 6" in swapped
    (cut,) = after(*lines[:5])
    assert "truncated: line 6: entry 6 is missing at the end: the head says that there are 6" in cut
    assert after(*lines[:5], lines[5][:-20]) != []
    ledger.unlink()
    assert ("removed", "ledger.jsonl") in serious(full.path)


def test_a_damaged_ledger_takes_no_entry(full: Case, signer: Signer) -> None:
    ledger = full.path / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-30])
    done = full.verify()
    assert not done.ok
    assert done.unrecorded is not None
    assert "nothing was added" in done.unrecorded or "damaged" in done.unrecorded


def test_whose_signatures_are_accepted(full: Case, signer: Signer) -> None:
    assert full.verify([signer.public], record=False).ok
    (fault, *_) = full.verify([signer_of().public], record=False).faults
    assert fault.kind == "foreign"


def test_left_overs_of_a_crash_are_told_and_harmless(full: Case) -> None:
    (full.path / "incoming" / "evidence").mkdir(parents=True)
    (full.path / "incoming" / "evidence" / "E002-half").write_bytes(b"ha")
    (full.path / "ledger.head.new").write_bytes(b"{")
    done = verify(full.path)
    assert done.ok
    assert [fault.path for fault in done.faults] == ["incoming", "ledger.head.new"]
    assert [fault.path for fault in Case.open(full.path).verify(record=False).faults] == ["ledger.head.new"]


def test_any_changed_byte_is_found_and_located(full: Case, large: Path) -> None:
    """Set TIERCEL_CHANGES for more of them."""
    wrong = []
    for path, at, by in islice(random_changes(full.path, 5), CHANGES):
        with changed(path, at, by):
            problem = located(full.path, path, at)
        if problem:
            wrong.append(problem)
    assert wrong == []
    assert verify(full.path).ok


def test_a_ledger_that_leads_out_of_its_case(case: Case) -> None:
    """Whoever holds a key can write what they like; it is not followed."""
    case.append("note", detail={"files": {"../../etc/passwd": {"sha256": "", "blake3": "", "size": 1}}})
    (fault,) = case.verify().faults
    assert (fault.kind, fault.what) == ("unreadable", "entry 3 says nothing that makes sense")


def test_verifying_waits_for_nobody(full: Case) -> None:
    with full.working(), pytest.raises(InputError, match="another process is working on this case"):
        full.verify()


def test_nothing_is_tidied_up_for_a_ledger_that_was_tampered_with(full: Case, capture: Path, signer: Signer) -> None:
    waiting = full.path / "incoming" / "evidence" / "E001-break-in.scap"
    waiting.parent.mkdir(parents=True)
    (full.path / full.evidence[0].path).rename(waiting)
    ledger = full.path / "ledger.jsonl"
    whole = ledger.read_bytes()
    ledger.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    other = Case.open(full.path, signer)
    with pytest.raises(InputError, match="does not end where its head says"):
        other.add(capture)
    assert waiting.exists()
    ledger.write_bytes(whole)
    assert Case.open(full.path).evidence_path(full.evidence[0]).exists()
    assert not waiting.exists()
    assert full.verify().faults == []
