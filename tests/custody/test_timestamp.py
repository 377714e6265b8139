from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.custody.authority import Authority, needs_openssl
from tests.custody.ledgers import ledger_of, serious
from tiercel.custody import clock, timestamp
from tiercel.custody.entry import line_hash
from tiercel.custody.ledger import Ledger
from tiercel.custody.timestamp_token import Token, load_roots
from tiercel.errors import InputError

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with Authority(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture(autouse=True)
def honest(authority: Authority) -> None:
    authority.mode = "honest"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "Other TSA")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return ledger_of(tmp_path / "case", 4)


def test_the_head_is_stamped_and_the_token_kept(ledger: Ledger, authority: Authority) -> None:
    head = ledger.head()
    made = timestamp.anchor(ledger, authority.url, roots=authority.root)
    assert (made.covers, made.hash, made.token) == (4, head.hash, "timestamps/000004.tsr")
    assert made.authority == "CN=Test TSA"
    assert made.time <= clock.now()
    entry = list(ledger.entries())[-1]
    assert (entry.action, entry.detail["url"], entry.detail["policy"]) == ("head anchored", authority.url, "1.2.3.4.1")
    assert set(entry.detail["files"]) == {"timestamps/000004.tsr", "timestamps/000004.roots.pem"}
    assert timestamp.anchors(ledger) == [made]
    ledger.append("note")
    assert ledger.check() == []
    assert serious(timestamp.verify(ledger)) == []
    assert serious(timestamp.verify(ledger, authority.root)) == []


def test_openssl_agrees(ledger: Ledger, authority: Authority) -> None:
    made = timestamp.anchor(ledger, authority.url, roots=authority.root)
    token = ["-in", str(ledger.path / made.token), "-CAfile", str(authority.root)]
    said = subprocess.run(
        ["openssl", "ts", "-verify", "-digest", made.hash, *token], capture_output=True, text=True, check=False
    )
    assert "Verification: OK" in said.stdout, said.stderr


def test_by_hand_without_a_network(ledger: Ledger, authority: Authority, tmp_path: Path) -> None:
    reply = tmp_path / "reply.tsr"
    reply.write_bytes(authority.answer(timestamp.request(ledger)))
    ledger.append("note")  # meanwhile work went on
    made = timestamp.anchor(ledger, response=reply, roots=authority.root)
    assert made.covers == 4
    assert serious(timestamp.verify(ledger)) == []


def test_several_tokens_over_one_entry(ledger: Ledger, authority: Authority, tmp_path: Path) -> None:
    query = timestamp.request(ledger)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(authority.answer(query))
        timestamp.anchor(ledger, response=tmp_path / name, roots=authority.root)
    assert [made.token for made in timestamp.anchors(ledger)] == ["timestamps/000004.tsr", "timestamps/000004-2.tsr"]
    assert serious(timestamp.verify(ledger)) == []


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("replay", "Nonce mismatch"),
        ("error", "answered 503"),
        ("junk", "no time stamp response"),
        ("refuse", "refused"),
    ],
)
def test_an_authority_that_misbehaves(ledger: Ledger, authority: Authority, mode: str, reason: str) -> None:
    authority.answer(timestamp.request(ledger))
    authority.mode = mode
    with pytest.raises(InputError, match=reason):
        timestamp.anchor(ledger, authority.url, roots=authority.root)
    assert len(list(ledger.entries())) == 4
    assert not (ledger.path / "timestamps").exists()


def test_addresses_that_are_none(ledger: Ledger) -> None:
    for url, reason in [("file:///etc/passwd", "not an http"), ("http://127.0.0.1:1/", "cannot be reached")]:
        with pytest.raises(InputError, match=reason):
            timestamp.anchor(ledger, url)
    with pytest.raises(InputError, match="give either"):
        timestamp.anchor(ledger)


def test_roots_of_another_authority(ledger: Ledger, authority: Authority, other: Authority) -> None:
    with pytest.raises(InputError, match="are the root certificates those of the authority"):
        timestamp.anchor(ledger, authority.url, roots=other.root)
    with pytest.raises(InputError, match="not valid"):
        timestamp.anchor(ledger, authority.url)  # those that the system trusts
    timestamp.anchor(ledger, authority.url, roots=authority.root)
    assert serious(timestamp.verify(ledger, other.root)) == [("timestamp", 5, 5)]


def test_a_response_over_something_else(ledger: Ledger, authority: Authority, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.tsr"
    foreign.write_bytes(authority.answer(timestamp.request(ledger_of(tmp_path / "other", 3))))
    with pytest.raises(InputError, match="something else than the entries of this ledger"):
        timestamp.anchor(ledger, response=foreign, roots=authority.root)
    with pytest.raises(InputError, match="No such file"):
        timestamp.anchor(ledger, response=tmp_path / "none", roots=authority.root)


def test_a_ledger_rewritten_after_it_was_stamped(ledger: Ledger, authority: Authority, tmp_path: Path) -> None:
    """Who holds key and machine can write a sound ledger anew; the token tells."""
    made = timestamp.anchor(ledger, authority.url, roots=authority.root)
    anchored = list(ledger.entries())[-1]
    assert ledger.signer is not None
    forged = Ledger.create(_folder(tmp_path / "forged"), ledger.signer)
    for text in ("another", "story", "altogether"):
        forged.append("note", detail={"text": text})
    shutil.copytree(ledger.path / "timestamps", forged.path / "timestamps")
    forged.append("head anchored", detail=dict(anchored.detail))
    assert forged.check(ledger.signer.public) == []
    [found] = timestamp.verify(forged, authority.root)
    assert (found.kind, found.line, found.serious) == ("timestamp", 5, True)
    assert f"does not cover entry {made.covers}" in found.what


def test_tokens_that_are_altered_or_missing(ledger: Ledger, authority: Authority) -> None:
    made = timestamp.anchor(ledger, authority.url, roots=authority.root)
    place = ledger.path / made.token
    der = place.read_bytes()
    draw = random.Random(3)
    for at in draw.sample(range(len(der)), 40):
        changed = bytearray(der)
        changed[at] ^= draw.randrange(1, 256)
        place.write_bytes(changed)
        assert serious(timestamp.verify(ledger)) == [("timestamp", 5, 5)]
    place.unlink()
    assert "No such file" in str(timestamp.verify(ledger)[0])
    place.write_bytes(der)
    roots = place.with_suffix(".roots.pem")
    roots.write_bytes(roots.read_bytes() + b"\n")
    assert "roots.pem was altered" in str(timestamp.verify(ledger)[0])


def test_altered_tokens_never_say_something_else(ledger: Ledger, authority: Authority) -> None:
    der = authority.answer(timestamp.request(ledger))
    sound = Token.parse(der, "reply")
    roots = load_roots(authority.root)
    sound.verify(roots)
    draw = random.Random(5)
    refused = 0
    for at in draw.sample(range(len(der)), 300):
        changed = bytearray(der)
        changed[at] ^= draw.randrange(1, 256)
        try:
            token = Token.parse(bytes(changed), "reply")
            token.verify(roots)
        except InputError:
            refused += 1
        else:  # a byte that the signature does not cover and that says nothing
            assert replace(token, der=der) == sound, at
    assert refused > 290


@pytest.mark.parametrize("token", ["../ledger.jsonl", "timestamps/../keys/x.tsr", "/passwd", "timestamps/a\0.tsr", 5])
def test_names_in_a_ledger_lead_nowhere_else(ledger: Ledger, token: object) -> None:
    ledger.append("head anchored", detail={"token": token})
    [found] = timestamp.verify(ledger)
    assert "is not the name of a token" in found.what


def test_an_empty_ledger_has_nothing_to_stamp(tmp_path: Path, ledger: Ledger) -> None:
    assert ledger.signer is not None
    empty = Ledger.create(_folder(tmp_path / "empty"), ledger.signer)
    with pytest.raises(InputError, match="no entry yet"):
        timestamp.request(empty)
    assert line_hash(ledger.last_line() or b"") == ledger.head().hash


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
