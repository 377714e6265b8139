"""Handing a case over, and taking none over that is not as it was handed over."""

from __future__ import annotations

import os
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.case.hostile import Member, members, packed, plus, zip_with
from tests.custody.ledgers import signer_of
from tiercel.case import Case
from tiercel.case.archive import MANIFEST
from tiercel.case.importing import import_case
from tiercel.custody import canonical
from tiercel.custody.keys import Signer
from tiercel.errors import InputError

RECEIVER = signer_of("R. Ceiver")


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def archive(full: Case, tmp_path: Path) -> Path:
    return full.export(tmp_path / "case.tar.zst").path


@pytest.mark.parametrize("kind", ["tar.zst", "tar.gz", "zip"])
def test_there_and_back(full: Case, tmp_path: Path, kind: str) -> None:
    exported = full.export(tmp_path / f"case.{kind}")
    assert exported.digests.size == exported.path.stat().st_size
    case = import_case(exported.path, tmp_path / "theirs", RECEIVER)
    ledger = {"ledger.jsonl", "ledger.head"}
    ours, theirs = tree(full.path), tree(case.path)
    assert {name: data for name, data in ours.items() if name not in ledger} == {
        name: data for name, data in theirs.items() if name not in ledger and RECEIVER.public.fingerprint not in name
    }
    assert [entry.action for entry in case.ledger.entries()][-3:] == ["exported", "key introduced", "imported"]
    assert list(case.ledger.entries())[-1].examiner == "R. Ceiver"
    assert [entry.action for entry in full.ledger.entries()][-2:] == ["exported", "archive written"]
    assert case.verify().faults == []
    assert full.verify().faults == []
    assert stat.S_IMODE((case.path / case.evidence[0].path).stat().st_mode) == 0o400
    assert case.store.segments()[0].table("events").num_rows == 38
    again = case.export(tmp_path / f"again.{kind}")
    assert import_case(again.path, tmp_path / "back", full.ledger.signer or RECEIVER).verify().ok


def test_evidence_kept_elsewhere_goes_along(case: Case, capture: Path, tmp_path: Path) -> None:
    case.add(capture, copy=False)
    theirs = import_case(case.export(tmp_path / "a.tar.zst").path, tmp_path / "theirs", RECEIVER)
    (evidence,) = theirs.evidence
    assert theirs.evidence_path(evidence) == theirs.path / "evidence" / "E001-break-in.scap"
    assert theirs.evidence_path(evidence).read_bytes() == capture.read_bytes()
    assert theirs.verify().ok
    assert theirs.reproduce().ok


def test_where_archives_go(full: Case, tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_text("mine")
    for out, message in [
        (tmp_path / "there.zip", "exists already"),
        (tmp_path / "case.rar", "unknown kind of archive"),
        (full.path / "case.zip", "lies in the case"),
        (tmp_path / "no" / "where.zip", "No such file"),
    ]:
        with pytest.raises(InputError, match=message):
            full.export(out)
    assert (tmp_path / "there.zip").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_a_case_that_is_not_sound_is_not_handed_over(full: Case, tmp_path: Path) -> None:
    (full.path / "more").write_text("x")
    with pytest.raises(InputError, match="1 fault found, so it is not handed over: more: inserted"):
        full.export(tmp_path / "case.zip")


def refused(archive: Path, tmp_path: Path, message: str, **options: int) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(InputError, match=message):
        import_case(archive, tmp_path / "theirs", RECEIVER, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_is_no_archive(tmp_path: Path) -> None:
    for name, content in {
        "text.zip": b"hello",
        "empty.tar.zst": zstandard.ZstdCompressor().compress(b""),
        "zeros.tar.zst": zstandard.ZstdCompressor().compress(bytes(20_000)),
        "cut.zip": b"PK\3\4" + bytes(30),
    }.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, tmp_path, name)
    refused(tmp_path / "none.zip", tmp_path, "No such file")


def test_any_cut_archive(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    for size in range(0, len(content), len(content) // 20):
        (tmp_path / "cut.tar.zst").write_bytes(content[:size])
        refused(tmp_path / "cut.tar.zst", tmp_path, "cut.tar.zst")


@pytest.mark.parametrize("kind", ["tar.zst", "tar.gz", "zip"])
def test_any_changed_byte_of_an_archive(full: Case, tmp_path: Path, kind: str) -> None:
    """It is refused, or it did not matter: in the padding of a tar, in a time stamp."""
    archive = full.export(tmp_path / f"case.{kind}").path
    content = archive.read_bytes()
    chance = random.Random(3)
    altered = tmp_path / f"altered.{kind}"
    told = []
    for number in range(60):
        at = chance.randrange(len(content))
        altered.write_bytes(content[:at] + bytes([content[at] ^ chance.randrange(1, 256)]) + content[at + 1 :])
        try:
            case = import_case(altered, tmp_path / f"theirs-{number}", RECEIVER)
        except InputError as error:
            told.append(str(error))
        else:
            assert case.verify().ok
    assert all(f"altered.{kind}" in message for message in told)
    assert len(told) > 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (plus("../../etc/cron.d/x"), "refused: holds a file with the path"),
        (plus("/etc/cron.d/x"), "refused: holds a file with the path"),
        (plus("case-case/../../x"), "refused: holds a file with the path"),
        (plus("case-case/evidence/a\nb"), "refused: holds a file with the path"),
        (plus("case-case/evidence/" + "a" * 300), "refused: holds a file with the path"),
        (plus("elsewhere/x"), "stands outside the folder"),
        (plus("case-case/evidence/x"), "which is not in its manifest"),
        (plus("case-case/case.json"), "twice"),
        (plus("case-case/evidence/l", tarfile.SYMTYPE, "/etc/passwd"), "is no regular file"),
        (plus("case-case/evidence/l", tarfile.LNKTYPE, "/etc/passwd"), "is no regular file"),
        (plus("case-case/evidence/d", tarfile.CHRTYPE), "is no regular file"),
        (plus("case-case/evidence/p", tarfile.FIFOTYPE), "is no regular file"),
        (plus("case-case/evidence/d", tarfile.DIRTYPE), "is no regular file"),
        (lambda content: content.pop(), "1 files are missing"),
        (lambda content: content.pop(0), "does not begin with EXPORT.json"),
        (lambda content: content.clear(), "empty archive"),
    ],
)
def test_hostile_members(archive: Path, tmp_path: Path, change: Callable[[list[Member]], None], message: str) -> None:
    content = members(archive)
    change(content)
    refused(packed(tmp_path / "hostile.tar.zst", content), tmp_path, message)


def test_every_altered_file_is_noticed(archive: Path, tmp_path: Path) -> None:
    whole = members(archive)
    for number, (info, data) in enumerate(whole):
        if data:
            changed = whole.copy()
            changed[number] = info, data[:-1] + bytes([data[-1] ^ 1])
            refused(packed(tmp_path / "altered.tar.zst", changed), tmp_path, "altered")


def resigned(archive: Path, by: Signer, change: Callable[[dict[str, bytes]], None]) -> list[Member]:
    """Return the members of an archive with other files, and a manifest that fits, signed by ``by``."""
    from tiercel.custody.hashes import digest_bytes

    whole = members(archive)
    top = whole[0][0].name.partition("/")[0]
    files = {info.name.removeprefix(f"{top}/"): data for info, data in whole[1:]}
    change(files)
    told = canonical.decode(whole[0][1])
    told |= {"files": {name: digest_bytes(data).as_dict() for name, data in files.items()}, "key": by.public.raw.hex()}
    del told["signature"]
    told["signature"] = by.sign(canonical.encode(told))
    files = {MANIFEST: canonical.encode(told), **files}
    return [(tarfile.TarInfo(f"{top}/{name}"), data) for name, data in files.items()]


def test_a_forger_with_a_key_of_their_own(archive: Path, tmp_path: Path, signer: Signer) -> None:
    forger = signer_of("F. Orger")

    def alter(files: dict[str, bytes]) -> None:
        name = next(name for name in files if name.startswith("evidence/"))
        files[name] += b"!"

    refused(packed(tmp_path / "f.tar.zst", resigned(archive, forger, alter)), tmp_path, "is not sound")
    untouched = resigned(archive, forger, lambda files: None)
    refused(packed(tmp_path / "g.tar.zst", untouched), tmp_path, "not signed by who handed the case over")
    honest = resigned(archive, signer, lambda files: None)
    assert import_case(packed(tmp_path / "h.tar.zst", honest), tmp_path / "theirs", RECEIVER).verify().ok


@pytest.mark.parametrize("path", ["../x", "incoming/x", "a//b", "/etc/x", "."])
def test_hostile_paths_in_a_signed_manifest(archive: Path, tmp_path: Path, signer: Signer, path: str) -> None:
    content = resigned(archive, signer, lambda files: files.update({path: b"x"}))
    refused(packed(tmp_path / "hostile.tar.zst", content), tmp_path, "refused: holds a file with the path")


def test_bombs(archive: Path, tmp_path: Path, signer: Signer) -> None:
    whole = members(archive)
    told = canonical.decode(whole[0][1])
    told["files"]["evidence/E001-break-in.scap"]["size"] = 1 << 42
    del told["signature"]
    told["signature"] = signer.sign(canonical.encode(told))
    whole[0] = whole[0][0], canonical.encode(told)
    bomb = packed(tmp_path / "bomb.tar.zst", whole)
    refused(bomb, tmp_path, "refused: expands to 4,398,0.* give --max-size")
    refused(bomb, tmp_path, "bytes, and .* are free", largest=1 << 50)


def test_a_header_that_expands_for_ever(tmp_path: Path) -> None:
    header = tarfile.TarInfo("PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 4 << 30
    path = tmp_path / "pax.tar.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file, closefd=False) as stream:
        stream.write(header.tobuf(tarfile.PAX_FORMAT))
        for _ in range(64):
            stream.write(bytes(1 << 20))
    refused(path, tmp_path, "expands to more than its manifest says")


def test_zip_members_that_are_links(full: Case, tmp_path: Path) -> None:
    archive = full.export(tmp_path / "case.zip").path
    hostile = zip_with(tmp_path / "link.zip", archive, "case-case/evidence/l", stat.S_IFLNK | 0o777)
    refused(hostile, tmp_path, "is no regular file")
    refused(zip_with(tmp_path / "up.zip", archive, "case-case/../../l", stat.S_IFREG), tmp_path, "refused")
    with zipfile.ZipFile(archive) as packed_:
        assert packed_.namelist()[0] == "case-case/EXPORT.json"


def test_import_into_something(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("x")
    with pytest.raises(InputError, match="holds something already"):
        import_case(archive, tmp_path / "mine", RECEIVER)
    assert os.listdir(tmp_path / "mine") == ["file"]
