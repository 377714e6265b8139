from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.custody.ledgers import ledger_of, lines_of, serious, signer_of
from tiercel.custody import ledger_file
from tiercel.custody.entry import MAX_LINE, NO_HASH
from tiercel.custody.hashes import digest_bytes
from tiercel.custody.ledger import TORN, Ledger
from tiercel.errors import InputError


def test_an_entry_says_who_did_what_when_and_with_what(tmp_path: Path) -> None:
    who = signer_of("A. Name")
    ledger = Ledger.create(tmp_path, who)
    before, after = digest_bytes(b"before"), digest_bytes(b"after")
    detail = {"text": "naïve \ufb33", "inode": 2**60, "none": None, "list": [1, True]}
    entry = ledger.append(
        "evidence added", evidence="E1", before=before, after=after, outcome="ok", detail=detail, argv=["tiercel", "x"]
    )
    [introduced, read] = ledger.entries()
    assert read == entry
    assert (read.seq, read.examiner, read.action, read.evidence) == (2, "A. Name", "evidence added", "E1")
    assert (read.before, read.after) == (before.as_dict(), after.as_dict())
    assert read.detail == detail
    assert read.argv == ["tiercel", "x"]
    assert read.key == who.public.fingerprint
    assert {"tiercel", "python", "platform", "libraries"} == set(read.tool)
    assert "cryptography" in read.tool["libraries"]
    assert set(read.clock) == {"source", "synchronized", "offset_ns"}
    assert introduced.action == "key introduced"
    assert introduced.argv == sys.argv
    assert ledger.check() == []
    assert ledger.check(who.public) == []


def test_each_line_is_canonical_json_with_the_hash_of_the_line_before(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    previous = NO_HASH
    for number, line in enumerate(lines_of(ledger), 1):
        told = json.loads(line)
        assert line == json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        assert (told["seq"], told["prev"]) == (number, previous)
        previous = hashlib.sha256(line.rstrip(b"\n")).hexdigest()
    head = ledger.head()
    assert (head.seq, head.hash) == (6, previous)


def test_the_first_use_of_each_key_is_an_entry(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, entries=2)
    second = Ledger.open(tmp_path, signer_of("B. Other"))
    second.append("note")
    ledger.append("note")
    second.append("note")
    assert [(entry.action, entry.examiner) for entry in ledger.entries()] == [
        ("key introduced", "A. Name"),
        ("note", "A. Name"),
        ("key introduced", "B. Other"),
        ("note", "B. Other"),
        ("note", "A. Name"),
        ("note", "B. Other"),
    ]
    uses = ledger.keys()
    assert [(use.examiner, use.first_seq, use.entries) for use in uses] == [
        ("A. Name", 1, 3),
        ("B. Other", 3, 3),
    ]
    assert set(ledger.public_keys()) == {use.fingerprint for use in uses}
    assert ledger.check() == []


def test_a_key_under_another_name_is_introduced_again(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, entries=2)
    assert ledger.signer is not None
    renamed = type(ledger.signer).of("B. Other", ledger.signer.private)
    Ledger.open(tmp_path, renamed).append("note")
    assert [entry.action for entry in ledger.entries()][2:] == ["key introduced", "note"]
    assert ledger.check() == []


def test_an_entry_is_on_disk_when_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = ledger_of(tmp_path)
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    ledger.append("note")
    assert synced == ["ledger.jsonl", "ledger.head.new", tmp_path.name]


def test_what_a_crash_tore_is_set_aside(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    torn = lines_of(ledger)[-1][:77]
    with ledger.file.open("ab") as file:
        file.write(torn)
    [note] = ledger.check()
    assert (note.kind, note.line, note.serious) == ("torn", 7, False)
    assert len(list(ledger.entries())) == 6

    Ledger.open(tmp_path, ledger.signer).append("note")
    assert (tmp_path / "ledger.torn-7").read_bytes() == torn
    told = list(ledger.entries())[6]
    assert (told.action, told.detail) == (TORN, {"files": {"ledger.torn-7": digest_bytes(torn).as_dict()}})
    assert ledger.check() == []


def test_an_older_torn_line_is_not_overwritten(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    (tmp_path / "ledger.torn-7").write_bytes(b"older")
    with ledger.file.open("ab") as file:
        file.write(b"{")
    ledger.append("note")
    assert (tmp_path / "ledger.torn-7").read_bytes() == b"older"
    assert (tmp_path / "ledger.torn-7-2").read_bytes() == b"{"


def test_a_head_one_behind_is_a_crash_and_is_repaired(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    old = ledger.head_file.read_bytes()
    ledger.append("note")
    ledger.head_file.write_bytes(old)
    [note] = ledger.check()
    assert (note.kind, note.line, note.serious) == ("unheaded", 7, False)
    ledger.append("note")
    assert ledger.check() == []
    assert len(list(ledger.entries())) == 8


@pytest.mark.parametrize("damage", ["truncated", "old head", "no head", "head altered", "last altered", "no key"])
def test_nothing_is_added_to_a_ledger_that_does_not_end_as_its_head_says(tmp_path: Path, damage: str) -> None:
    ledger = ledger_of(tmp_path)
    lines = lines_of(ledger)
    if damage == "truncated":
        ledger.file.write_bytes(b"".join(lines[:-1]))
    elif damage == "old head":
        head = ledger.head_file.read_bytes()
        ledger.append("note")
        ledger.append("note")
        ledger.head_file.write_bytes(head)
    elif damage == "no head":
        ledger.head_file.unlink()
    elif damage == "head altered":
        ledger.head_file.write_bytes(ledger.head_file.read_bytes().replace(b'"seq":6', b'"seq":7'))
    elif damage == "last altered":
        ledger.file.write_bytes(b"".join(lines).replace(b"entry 6", b"entry 7"))
    else:
        next((tmp_path / "keys").iterdir()).unlink()
    content = ledger.file.read_bytes()
    with pytest.raises(InputError, match="tiercel case verify"):
        ledger.append("note")
    assert ledger.file.read_bytes() == content
    assert serious(ledger.check())


def test_a_link_in_the_way_leads_nowhere(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "case")
    (tmp_path / "precious").write_bytes(b"precious")
    (ledger.path / "ledger.head.new").symlink_to(tmp_path / "precious")
    ledger.append("note")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert ledger.check() == []


def test_a_ledger_is_started_once(tmp_path: Path) -> None:
    ledger_of(tmp_path)
    with pytest.raises(InputError, match="holds a ledger already"):
        Ledger.create(tmp_path, signer_of())
    with pytest.raises(InputError, match="no case"):
        Ledger.open(tmp_path / "keys")


def test_a_ledger_whose_making_was_interrupted_is_made_again(tmp_path: Path) -> None:
    Ledger.create(tmp_path, signer_of()).file.unlink()
    ledger = Ledger.create(tmp_path, signer_of())
    ledger.append("note")
    assert serious(ledger.check()) == []


def test_without_a_signer_it_can_only_be_read(tmp_path: Path) -> None:
    ledger_of(tmp_path)
    with pytest.raises(InputError, match="read only"):
        Ledger.open(tmp_path).append("note")


def test_an_entry_that_cannot_be_written_exactly_is_refused(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    with pytest.raises(TypeError):
        ledger.append("note", detail={"share": 0.5})
    with pytest.raises(InputError, match="too long"):
        ledger.append("note", detail={"text": "x" * MAX_LINE})
    assert len(list(ledger.entries())) == 6
    assert ledger.check() == []


def test_arguments_that_are_not_utf8_are_kept_readable(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    ledger.append("note", argv=["tiercel", os.fsdecode(b"caf\xe9")])
    assert list(ledger.entries())[-1].argv == ["tiercel", "caf\\xe9"]
    assert ledger.check() == []


@pytest.mark.parametrize("where", ["line", "line sync", "head", "rename"])
def test_without_space_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    ledger = ledger_of(tmp_path)
    content, head = ledger.file.read_bytes(), ledger.head_file.read_bytes()
    full = OSError(errno.ENOSPC, "No space left on device")
    calls = {"write": 0, "fsync": 0}
    write, fsync = os.write, os.fsync

    def short_write(handle: int, data: bytes) -> int:
        calls["write"] += 1
        if calls["write"] > 1:
            raise full
        return write(handle, data[:100])  # what still fitted

    def failing_sync(handle: int) -> None:
        calls["fsync"] += 1
        if calls["fsync"] == (1 if where == "line sync" else 2):
            raise full
        fsync(handle)

    def no_rename(source: Path, target: Path) -> Path:
        raise full

    with monkeypatch.context() as broken:
        if where == "line":
            broken.setattr(os, "write", short_write)
        elif where == "rename":
            broken.setattr(Path, "replace", no_rename)
        else:
            broken.setattr(os, "fsync", failing_sync)
        with pytest.raises(InputError, match="no space left on the device; nothing was recorded"):
            ledger.append("note")
    assert (ledger.file.read_bytes(), ledger.head_file.read_bytes()) == (content, head)
    assert sorted(os.listdir(tmp_path)) == ["keys", "ledger.head", "ledger.jsonl"]
    assert ledger.append("note").seq == 7
    assert ledger.check() == []


def test_threads_take_turns(tmp_path: Path) -> None:
    ledger_of(tmp_path, entries=2)
    signers = [signer_of(f"Examiner {number}") for number in range(4)]

    def work(number: int) -> None:
        ledger = Ledger.open(tmp_path, signers[number])
        for _ in range(10):
            ledger.append("note")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger = Ledger.open(tmp_path)
    assert [entry.seq for entry in ledger.entries()] == list(range(1, 2 + 4 * 11 + 1))
    assert ledger.check() == []


def test_processes_take_turns(tmp_path: Path) -> None:
    ledger_of(tmp_path, entries=2)
    script = (
        "import sys; from tests.custody.ledgers import signer_of; from tiercel.custody.ledger import Ledger\n"
        "ledger = Ledger.open(sys.argv[1], signer_of(sys.argv[2]))\n"
        "for _ in range(20): ledger.append('note'); ledger.check() and sys.exit('damaged')\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    children = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name], env=environment) for name in ("B", "C")
    ]
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    ledger = Ledger.open(tmp_path)
    assert len(list(ledger.entries())) == 2 + 2 * 21
    assert ledger.check() == []


def test_lines_are_read_in_blocks_whatever_their_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = ledger_of(tmp_path)
    lines = lines_of(ledger)
    for block in (1, 7, 100, 1 << 20):
        monkeypatch.setattr(ledger_file, "_BLOCK", block)
        with ledger_file.locked(ledger.file, write=False) as handle:
            assert list(ledger_file.lines(handle)) == lines
            assert ledger_file.read_tail(handle) == ledger_file.Tail(lines[-1][:-1], b"", sum(map(len, lines)))


def test_overlong_lines_are_cut_and_never_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = ledger_of(tmp_path)
    with ledger.file.open("ab") as file:
        file.truncate(200 << 20)  # a hole: nothing but zeros
    monkeypatch.setattr("tiercel.custody.check.ledger_file.MAX_LINE", 1 << 16)
    assert [found.kind for found in ledger.check()] == ["torn"]
    with pytest.raises(InputError, match="longer than any entry"):
        list(ledger.entries())


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    lines = lines_of(ledger)
    ledger.file.write_bytes(b"".join(lines[:3]) + b'{"seq":4}\n' + b"".join(lines[4:]))
    with pytest.raises(InputError, match="line 4: field format is missing"):
        list(ledger.entries())
    assert [number for number, _, entry in ledger.numbered() if entry is None] == [4]
