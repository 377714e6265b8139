"""``tiercel case`` and ``tiercel investigate``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tests.cli.command import Ran, tiercel

Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``tiercel`` in a directory of its own, as A. Name with a key of their own."""

    def run(*arguments: str | Path, **environment: str) -> Ran:
        defaults = {"TIERCEL_KEY": str(tmp_path / "key.pem"), "TIERCEL_EXAMINER": "A. Name"}
        return tiercel(*arguments, cwd=tmp_path, **{**defaults, **environment})

    return run


@pytest.fixture
def case(run: Run, capture: Path) -> Run:
    """Run ``tiercel case COMMAND c …`` on a case with a capture."""
    assert run("case", "new", "c", "--title", "The web shop").code == 0
    assert run("case", "add", "c", capture).code == 0
    return lambda command, *arguments, **environment: run("case", command, "c", *arguments, **environment)


def actions(tmp_path: Path) -> list[str]:
    return [json.loads(line)["action"] for line in (tmp_path / "c" / "ledger.jsonl").read_text().splitlines()]


def test_a_case_from_first_to_last(run: Run, capture: Path, tmp_path: Path) -> None:
    made = run("case", "new", "c")
    assert made.code == 0
    assert made.stdout.strip() == json.loads((tmp_path / "c" / "case.json").read_text())["id"]
    assert made.stderr == (f"tiercel: made a signing key: {tmp_path}/key.pem; keep a copy of it in a safe place\n")
    added = run("case", "add", "c", capture)
    assert (added.code, added.stderr) == (0, "")
    assert added.lines == ["E001  break-in.scap  scap  38 events, 4 alerts"]
    assert run("case", "note", "c", "seized at noon").code == 0
    verified = run("case", "verify", "c")
    assert (verified.code, verified.stderr) == (0, "")
    assert verified.lines[-1].endswith("ledger entries: all as recorded")
    status = run("case", "status", "c")
    assert status.lines[0] == "c"
    assert any(line.startswith("E001  break-in.scap  scap, ") for line in status.lines)
    assert actions(tmp_path) == [
        "key introduced",
        "case created",
        "evidence added",
        "ingested",
        "note",
        "verified",
    ]
    entry = json.loads((tmp_path / "c" / "ledger.jsonl").read_text().splitlines()[4])
    assert entry["examiner"] == "A. Name"
    assert entry["argv"][1:] == ["case", "note", "c", "seized at noon"]


def test_status_as_json(case: Run) -> None:
    status = json.loads(case("status", "--json").stdout)
    assert status["events"] == 38
    assert [evidence["state"] for evidence in status["evidence"]] == ["38 events, 4 alerts"]
    assert status["ledger"]["verified"] is None


def test_folders_and_what_cannot_be_added(case: Run, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "old").mkdir(parents=True)
    (folder / "a.txt").write_text("one")
    (folder / "old" / "b\n.txt").write_text("two")
    (folder / "c.txt").write_text("one")
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("a.txt")
    ran = case("add", folder, "missing", "/dev/null")
    assert ran.code == 1
    assert ran.lines == [
        "E002  a.txt  other  kept",
        "E002  a.txt  other  kept (c.txt is the same, byte for byte)",
        "E003  b\\n.txt  other  kept",
    ]
    assert ran.stderr.splitlines() == [
        f"tiercel: {folder}/link: is a symbolic link: name the file it leads to",
        f"tiercel: {folder}/pipe: is a pipe: keep what comes out of it in a file first",
        "tiercel: missing: No such file or directory",
        "tiercel: /dev/null: is a device: make an image of it first",
    ]
    assert case("verify").code == 0


def test_a_damaged_capture(case: Run, tmp_path: Path) -> None:
    path = tmp_path / "cut.scap"
    break_in().write(path)
    path.write_bytes(path.read_bytes()[:-10])
    ran = case("add", path)
    assert ran.code == 1
    assert ran.lines == ["E002  cut.scap  scap  37 events, 4 alerts"]
    assert ran.stderr.startswith("tiercel: cut.scap: damaged at byte ")
    assert ran.stderr.endswith(": the file ends inside a block; the 37 events before it were read\n")
    status = case("status").stdout
    assert "gap in E002: truncated" in status


def test_verify_says_what_was_done(case: Run, tmp_path: Path) -> None:
    evidence = tmp_path / "c" / "evidence" / "E001-break-in.scap"
    evidence.chmod(0o600)
    content = evidence.read_bytes()
    evidence.write_bytes(content[:500] + b"!" + content[501:])
    (tmp_path / "c" / "extra").write_text("x")
    ran = case("verify")
    assert ran.code == 1
    assert ran.lines[:2] == [
        "evidence/E001-break-in.scap: altered: its hash is not that of the ledger: "
        f"the change is in bytes 0 to {len(content) - 1:,} (evidence E001)",
        "extra: inserted: is not part of the case: no entry of the ledger knows it",
    ]
    assert ran.lines[-1].endswith(": 2 faults found")
    told = json.loads(case("verify", "--json", "--no-record").stdout)
    assert told["ok"] is False
    assert told["faults"][0]["ranges"] == [[0, len(content) - 1]]
    assert actions(tmp_path).count("verified") == 1


def test_verify_with_a_key_that_is_known(case: Run, tmp_path: Path) -> None:
    (public,) = (tmp_path / "c" / "keys").iterdir()
    assert case("verify", "--public-key", public).code == 0
    other = tmp_path / "other.pem"
    assert case("note", "hello", TIERCEL_KEY=str(other), TIERCEL_EXAMINER="B. Other").code == 0
    ran = case("verify", "--public-key", public)
    assert ran.code == 1
    assert "foreign" in ran.stdout


def test_verify_what_is_hardly_a_case(run: Run, case: Run, tmp_path: Path) -> None:
    assert run("case", "verify", "nowhere").stderr == "tiercel: nowhere: no such directory\n"
    (tmp_path / "c" / "case.json").write_text("{")
    assert "case.json: altered" in case("verify").stdout
    (tmp_path / "c" / "ledger.jsonl").unlink()
    ran = case("verify")
    assert ran.code == 1
    assert "ledger.jsonl is missing" in ran.stdout
    assert "the ledger has no entry about this verification" in ran.stderr


def test_hand_over(run: Run, case: Run, tmp_path: Path) -> None:
    exported = case("export", "c.tar.zst")
    assert exported.code == 0
    assert exported.stdout.startswith("c.tar.zst: ")
    imported = run("case", "import", "c.tar.zst", "theirs", "--examiner", "R. Ceiver", "--key", "theirs.pem")
    assert imported.code == 0
    assert imported.stdout == "theirs: The web shop, 1 pieces of evidence, all as recorded\n"
    assert run("case", "verify", "theirs").code == 0
    assert case("export", "c.tar.zst").stderr == "tiercel: c.tar.zst: exists already\n"
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4nonsense")
    assert run("case", "import", "bad.zip", "x").code == 1
    assert not (tmp_path / "x").exists()


def test_reproduce(case: Run) -> None:
    ran = case("reproduce")
    assert ran.code == 0
    assert ran.lines[-1] == ("38 events and 4 alerts of 1 pieces of evidence read again: of 1 segments 1 identical")
    assert json.loads(case("reproduce", "--json").stdout)["ok"] is True


def test_investigate(run: Run, capture: Path, tmp_path: Path) -> None:
    ran = run("investigate", capture, "--reference")
    assert ran.code == 0
    assert "cat /etc/shadow" in ran.stdout
    assert "incident" in ran.lines[-1]
    (directory,) = tmp_path.glob("case-break-in-*Z")
    assert f"case: {directory.name}" in ran.stderr
    (report,) = directory.glob("reports/*/report.html")
    assert f"report: {report.relative_to(tmp_path)}" in ran.stderr
    assert run("case", "verify", directory).code == 0
    told = [json.loads(line) for line in run("investigate", capture, "-o", "again", "--json").lines]
    assert told[0]["incident"] == 1
    assert run("investigate", capture, "-o", "again").stderr.startswith("tiercel: again: holds something already")


def test_investigate_says_what_is_missing(run: Run, capture: Path, tmp_path: Path) -> None:
    ran = run("investigate", "missing.scap", capture, "-o", "c")
    assert ran.code == 1
    assert ran.stderr.endswith("tiercel: missing.scap: No such file or directory\n")
    assert (tmp_path / "c" / "reports").is_dir()


@pytest.mark.parametrize("command", ["new", "add", "note", "status", "verify", "export", "import", "reproduce"])
def test_help(run: Run, command: str) -> None:
    assert run("case", command, "--help").stdout.startswith("Usage: ")


def test_wrong_usage(run: Run, case: Run) -> None:
    assert run("case", "note", "c").code == 2
    assert run("investigate").code == 2
    assert case("anchor").code == 2
