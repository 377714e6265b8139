"""One entry of the ledger: what was done, when, by whom, with what, signed and chained to the entry before."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import tiercel
from tiercel.custody import canonical
from tiercel.custody.keys import PublicKey

FORMAT = "tiercel ledger entry 1"
NO_HASH = "0" * 64  # the hash before the first entry
INTRODUCED = "key introduced"
TORN = "torn line set aside"
MAX_LINE = 16 << 20  # bytes

# Versions of these can change what an analysis says, or what a hash or signature is worth.
_LIBRARIES = (
    "blake3",
    "cryptography",
    "duckdb",
    "google-re2",
    "isal",
    "numpy",
    "pyarrow",
    "pyyaml",
    "rfc3161-client",
    "zstandard",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger.

    Attributes:
        format: ``FORMAT``.
        seq: 1 for the first entry, then one more each.
        time: RFC 3339, UTC, nine digits.
        clock: source, synchronized, offset_ns (see ``clock.state``).
        examiner, host: who did it and where.
        action: what was done, in words such as "evidence added".
        evidence: id of the evidence it is about, or None.
        before, after: {sha256, blake3, size} of the evidence before and after, or None.
        tool: {tiercel, python, platform, libraries {name: version}}.
        argv: the command line.
        outcome: "ok", or what went wrong.
        detail: anything else of the action; integers and text only.
        prev: SHA-256 (hexadecimal) of the line before, signature included, without its line end.
        key: fingerprint of the signing key.
        sig: Ed25519 signature, base64, over the canonical JSON of the entry without ``sig``.
    """

    format: str
    seq: int
    time: str
    clock: Mapping[str, Any]
    examiner: str
    host: str
    action: str
    evidence: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    tool: Mapping[str, Any]
    argv: list[str]
    outcome: str
    detail: Mapping[str, Any]
    prev: str
    key: str
    sig: str = ""

    @classmethod
    def parse(cls, line: bytes) -> Entry:
        """Return the entry of a line without its line end. Raises ValueError, which says what is wrong with it."""
        value = canonical.decode(line)
        for name, kinds in _KINDS.items():
            if name not in value:
                raise ValueError(f"field {name} is missing")
            if not isinstance(value[name], kinds) or isinstance(value[name], bool):
                raise ValueError(f"field {name} is of the wrong kind")
        if unknown := sorted(value.keys() - _KINDS.keys()):
            raise ValueError(f"field {unknown[0]!r} does not belong there")
        if not 0 < value["seq"] < 1 << 63:
            raise ValueError("field seq is out of range")
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']!r} is not known, {FORMAT!r} is")
        return cls(**value)

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _KINDS}

    def message(self) -> bytes:
        """Return what is signed: the canonical JSON without ``sig``."""
        value = self.as_dict()
        del value["sig"]
        return canonical.encode(value)

    def line(self) -> bytes:
        """Return the entry as its line in the ledger, without the line end."""
        return canonical.encode(self.as_dict())

    def introduces(self) -> PublicKey | None:
        """Return the key that this entry introduces, if it does and the key is the one that its fingerprint names."""
        raw = self.detail.get("public_key")
        if self.action != INTRODUCED or not isinstance(raw, str):
            return None
        try:
            key = PublicKey.from_raw(bytes.fromhex(raw))
        except ValueError:
            return None
        return key if key.fingerprint == self.key else None


_NULL = type(None)
_KINDS: dict[str, Any] = {field.name: str for field in fields(Entry)} | {
    "seq": int,
    "clock": dict,
    "evidence": (str, _NULL),
    "before": (dict, _NULL),
    "after": (dict, _NULL),
    "tool": dict,
    "argv": list,
    "detail": dict,
}


def line_hash(line: bytes) -> str:
    """Return the hash by which the next entry and the head refer to a line (given without its line end)."""
    return hashlib.sha256(line).hexdigest()


@functools.cache
def tool() -> Mapping[str, Any]:
    """Return versions of tiercel, Python, the platform, and those libraries that an analysis depends on."""
    libraries = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "tiercel": tiercel.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": libraries,
    }
