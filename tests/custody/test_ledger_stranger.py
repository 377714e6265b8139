"""The script for strangers in docs agrees with the check, and needs neither tiercel nor more than 100 lines."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.custody.ledgers import ledger_of, lines_of, serious, signer_of
from tiercel.custody.hashes import digest_bytes
from tiercel.custody.ledger import Ledger

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_ledger.py"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = ledger_of(tmp_path, 5)
    ledger.append("note", detail={"naïve \ufb33": 1, "\U0001f600": [None, True, {"b": -(2**60), "a": "\x7f\u2028"}]})
    return ledger


def run(ledger: Ledger, *keys: Path) -> tuple[int, str]:
    keys = keys or tuple((ledger.path / "keys").iterdir())
    command = [sys.executable, "-I", SCRIPT, ledger.path, *keys]  # -I: nothing but what is installed
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_it_is_short_and_needs_no_tiercel() -> None:
    source = SCRIPT.read_text()
    assert len(source.splitlines()) <= 100
    assert "import tiercel" not in source
    assert "from tiercel" not in source


def test_a_sound_ledger(ledger: Ledger) -> None:
    Ledger.open(ledger.path, signer_of("B. Other")).append("note")
    code, said = run(ledger)
    assert (code, said.count("\n")) == (0, 1)
    assert said.startswith("8 entries, each signed and in its place; by A. Name (")
    assert "B. Other (" in said


def test_a_key_that_was_not_given(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "other.pub").write_bytes(signer_of().public.pem)
    code, said = run(ledger, tmp_path / "other.pub")
    assert code == 1
    assert "line 1: altered: signed with key" in said


def test_what_a_crash_leaves_is_no_fault(ledger: Ledger) -> None:
    stated = ledger.head_file.read_bytes()
    ledger.append("note")
    ledger.head_file.write_bytes(stated)
    assert run(ledger)[0] == 0
    ledger.append("note")
    with ledger.file.open("ab") as file:
        file.write(b'{"action"')
    code, said = run(ledger)
    assert code == 0
    assert "note: 9 bytes" in said


@pytest.mark.parametrize(
    ("name", "line"),
    [("removed", 3), ("inserted", 4), ("swapped", 3), ("truncated", None), ("no head", None), ("old head", None)],
)
def test_changes(ledger: Ledger, name: str, line: int | None) -> None:
    lines = lines_of(ledger)
    if name == "removed":
        del lines[2]
    elif name == "inserted":
        lines.insert(3, lines[2])
    elif name == "swapped":
        lines[2], lines[3] = lines[3], lines[2]
    elif name == "truncated":
        del lines[-1]
    elif name == "no head":
        ledger.head_file.unlink()
    else:
        stated = ledger.head_file.read_bytes()
        ledger.append("note")
        ledger.append("note")
        ledger.head_file.write_bytes(stated)
        lines = lines_of(ledger)
    ledger.file.write_bytes(b"".join(lines))
    code, said = run(ledger)
    assert code == 1
    assert said.startswith("ledger.head: " if line is None else f"line {line}: ")


def test_an_altered_text(ledger: Ledger) -> None:
    ledger.file.write_bytes(ledger.file.read_bytes().replace(b"entry 3", b"entry 9"))
    assert run(ledger)[1].startswith("line 3: altered: wrong signature\n")


def test_every_byte(ledger: Ledger, tmp_path: Path) -> None:
    """In one process: the script's own functions."""
    names: dict[str, object] = {"__name__": "verify_ledger"}
    exec(compile(SCRIPT.read_text(), SCRIPT, "exec"), names)
    verify, keys = names["verify"], {name: key.key for name, key in ledger.public_keys().items()}
    assert callable(verify)
    assert verify(ledger.path, keys)[1] == []
    draw = random.Random(7)
    for path in (ledger.file, ledger.head_file):
        content = path.read_bytes()
        for at in draw.sample(range(len(content)), min(len(content), 400)):
            changed = bytearray(content)
            changed[at] ^= draw.randrange(1, 256)
            path.write_bytes(changed)
            wrong = verify(ledger.path, keys)[1]
            assert wrong, (path.name, at)
            assert serious(ledger.check())
            if path == ledger.file and b"\n" in content[at + 1 :]:
                line = content[:at].count(b"\n") + 1
                assert wrong[0].startswith(f"line {line}: "), (at, wrong)
        path.write_bytes(content)


def test_files_of_a_case(ledger: Ledger) -> None:
    (ledger.path / "evidence").mkdir()
    place = ledger.path / "evidence" / "a.log"
    place.write_bytes(b"as it was")
    ledger.append("evidence added", detail={"files": {"evidence/a.log": digest_bytes(b"as it was").as_dict()}})
    assert run(ledger)[0] == 0
    place.write_bytes(b"as it is now")
    assert "evidence/a.log: altered" in run(ledger)[1]
    place.unlink()
    assert run(ledger) == (1, "evidence/a.log: missing\n")
