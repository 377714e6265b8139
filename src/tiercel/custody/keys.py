"""Ed25519 keys of examiners: made on first use, kept outside the case, their public halves in it."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from tiercel.custody.durable import read_small
from tiercel.errors import InputError
from tiercel.store.durable import sync

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of an examiner's key.

    ``fingerprint`` is the SHA-256 (hexadecimal) of its DER form (SubjectPublicKeyInfo).
    """

    key: Ed25519PublicKey
    fingerprint: str

    @classmethod
    def of(cls, key: Ed25519PublicKey) -> PublicKey:
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(key, hashlib.sha256(der).hexdigest())

    @classmethod
    def from_raw(cls, raw: bytes) -> PublicKey:
        """Return the key of 32 raw bytes. Raises ValueError for any other number of them."""
        return cls.of(Ed25519PublicKey.from_public_bytes(raw))

    @classmethod
    def load(cls, path: str | Path) -> PublicKey:
        """Return the key of a PEM file. Raises InputError when it holds no public Ed25519 key."""
        try:
            key = load_pem_public_key(read_small(Path(path)))
            if isinstance(key, Ed25519PublicKey):
                return cls.of(key)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        except (ValueError, UnsupportedAlgorithm):
            pass
        raise InputError(f"{path}: no public Ed25519 key in PEM form")

    @property
    def raw(self) -> bytes:
        return self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def pem(self) -> bytes:
        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(self, message: bytes, signature: str) -> bool:
        """Return whether ``signature`` (base64) is this key's over ``message``, in its one spelling."""
        try:
            raw = base64.b64decode(signature, validate=True)
            if base64.b64encode(raw).decode() != signature:  # unused bits of the last character
                return False
            self.key.verify(raw, message)
        except (ValueError, InvalidSignature):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """An examiner and the private key that signs for them."""

    examiner: str
    private: Ed25519PrivateKey
    public: PublicKey

    @classmethod
    def of(cls, examiner: str, private: Ed25519PrivateKey) -> Signer:
        if not examiner.strip():
            raise InputError("the examiner has no name; give one with --examiner")
        return cls(examiner, private, PublicKey.of(private.public_key()))

    def sign(self, message: bytes) -> str:
        """Return the signature of ``message`` as base64."""
        return base64.b64encode(self.private.sign(message)).decode()


def key_path(examiner: str) -> Path:
    """Return where the key of an examiner is: ``TIERCEL_KEY``, else ``~/.config/tiercel/keys/<examiner>.pem``."""
    if given := os.environ.get("TIERCEL_KEY"):
        return Path(given).expanduser()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    name = re.sub(r"[^\w.-]+", "-", examiner).strip(".-").encode()[:200].decode(errors="ignore")
    return config / "tiercel" / "keys" / f"{name or 'examiner'}.pem"


def signer(
    examiner: str,
    path: str | Path | None = None,
    passphrase: str | None = None,
    prompt: Callable[[str], str] | None = None,
) -> Signer:
    """Return who signs for ``examiner``; the key is made if there is none yet.

    Args:
        examiner: name as it shall stand in the ledger.
        path: the private key (PEM, PKCS #8); None for the place ``key_path`` says.
        passphrase: of the key; None for ``TIERCEL_KEY_PASSPHRASE``. A new key is encrypted with it if there is one.
        prompt: asks for the passphrase of an encrypted key when none is known; called with the question.

    Raises:
        InputError: the key cannot be read, made or decrypted, or is no Ed25519 key.
    """
    place = Path(path) if path is not None else key_path(examiner)
    if passphrase is None:
        passphrase = os.environ.get("TIERCEL_KEY_PASSPHRASE") or None
    if not os.path.exists(place):  # Path.exists raises where a folder above may not be entered
        _make(place, passphrase)
    return Signer.of(examiner, _load(place, passphrase, prompt))


def _make(path: Path, passphrase: str | None) -> None:
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase:
        encryption = BestAvailableEncryption(passphrase.encode())
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(handle)
            os.link(part, path)  # unlike a rename never replaces a key that another process just made
            sync(path.parent)
            _log.warning("made a signing key: %s; keep a copy of it in a safe place", path)
        except FileExistsError:
            pass
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: no signing key can be made there: {error.strerror}; set TIERCEL_KEY") from None


def _load(path: Path, passphrase: str | None, prompt: Callable[[str], str] | None) -> Ed25519PrivateKey:
    try:
        pem = read_small(path)
        if path.stat().st_mode & 0o077:
            _log.warning("%s: others can read this signing key; chmod 600 it", path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    try:
        if b"ENCRYPTED" not in pem:
            key = load_pem_private_key(pem, None)
        else:
            if passphrase is None and prompt is not None:
                passphrase = prompt(f"Passphrase of {path}: ")
            if not passphrase:
                raise InputError(f"{path}: the key is encrypted; set TIERCEL_KEY_PASSPHRASE")
            key = load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if b"ENCRYPTED" in pem:
            raise InputError(f"{path}: wrong passphrase, or the key is damaged") from None
        raise InputError(f"{path}: no private key in PEM form (PKCS #8)") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: not an Ed25519 key; make one with: openssl genpkey -algorithm ed25519 -out {path}")
    return key
