from __future__ import annotations

import hashlib
import logging
import subprocess
from pathlib import Path

import pytest

from tests.custody.ledgers import signer_of
from tiercel.custody.keys import PublicKey, key_path, signer
from tiercel.errors import InputError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TIERCEL_KEY", "TIERCEL_KEY_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_a_key_is_made_on_first_use_and_used_again(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = signer("A. Name")
    path = home / "config/tiercel/keys/A.-Name.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert str(path) in caplog.text
    assert signer("A. Name").public.fingerprint == first.public.fingerprint
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".hidden", "Zoë Ångström", "x" * 400, "///"])
def test_any_name_gives_a_file_in_that_folder(home: Path, name: str) -> None:
    path = key_path(name)
    assert path.parent == home / "config/tiercel/keys"
    assert signer(name).examiner == name


def test_the_place_can_be_given(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = signer("A", home / "given.pem")
    monkeypatch.setenv("TIERCEL_KEY", str(home / "given.pem"))
    assert signer("B").public.fingerprint == given.public.fingerprint


def test_passphrase(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "k.pem"
    made = signer("A", path, passphrase="secret ü")
    assert b"ENCRYPTED" in path.read_bytes()
    with pytest.raises(InputError, match="TIERCEL_KEY_PASSPHRASE"):
        signer("A", path)
    with pytest.raises(InputError, match="wrong passphrase"):
        signer("A", path, passphrase="other")
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return "secret ü"

    assert signer("A", path, prompt=prompt).public.fingerprint == made.public.fingerprint
    assert asked == [f"Passphrase of {path}: "]
    monkeypatch.setenv("TIERCEL_KEY_PASSPHRASE", "secret ü")
    assert signer("A", path).public.fingerprint == made.public.fingerprint


def test_a_passphrase_that_is_not_needed_does_not_hurt(home: Path) -> None:
    made = signer("A", home / "k.pem")
    assert signer("A", home / "k.pem", passphrase="x").public.fingerprint == made.public.fingerprint


def test_a_key_of_openssl_is_taken(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = home / "k.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        used = signer("A", path)
    assert "chmod 600" in caplog.text
    der = subprocess.check_output(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"])
    assert used.public.fingerprint == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused(home: Path, content: bytes) -> None:
    (home / "k.pem").write_bytes(content)
    with pytest.raises(InputError, match="no private key"):
        signer("A", home / "k.pem")
    with pytest.raises(InputError, match="no public Ed25519 key"):
        PublicKey.load(home / "k.pem")


def test_another_kind_of_key_is_refused(home: Path) -> None:
    path = home / "k.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", path], check=True)
    with pytest.raises(InputError, match="not an Ed25519 key"):
        signer("A", path)


def test_a_nameless_examiner_is_refused(home: Path) -> None:
    with pytest.raises(InputError, match="no name"):
        signer("  ", home / "k.pem")


def test_where_no_key_can_be_made(home: Path) -> None:
    (home / "file").touch()
    with pytest.raises(InputError, match="TIERCEL_KEY"):
        signer("A", home / "file" / "k.pem")


def test_signatures_have_one_spelling() -> None:
    who = signer_of()
    signature = who.sign(b"message")
    assert who.public.signed(b"message", signature)
    assert not who.public.signed(b"messagE", signature)
    # the last character before "==" has four unused bits: another one may stand for the same signature
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    others = [signature[:85] + other + "==" for other in alphabet if other != signature[85]]
    assert not any(who.public.signed(b"message", other) for other in others)
    for spoilt in ("", "=", signature[:-1], signature + "\n", " " + signature, "é" * 88):
        assert not who.public.signed(b"message", spoilt)


def test_a_public_key_goes_through_a_file(home: Path) -> None:
    public = signer_of().public
    (home / "k.pub").write_bytes(public.pem)
    assert PublicKey.load(home / "k.pub").fingerprint == public.fingerprint
    assert PublicKey.from_raw(public.raw).fingerprint == public.fingerprint
    with pytest.raises(InputError, match="No such file"):
        PublicKey.load(home / "none")
