"""Ledgers to try things on."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tiercel.custody.keys import Signer
from tiercel.custody.ledger import Ledger
from tiercel.custody.order import Finding


def signer_of(examiner: str = "A. Name") -> Signer:
    """Return a signer whose key is nowhere on disk."""
    return Signer.of(examiner, Ed25519PrivateKey.generate())


def ledger_of(folder: Path, entries: int = 6) -> Ledger:
    """Return a ledger with so many entries; the first introduces the key, the others are notes."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger.create(folder, signer_of())
    for number in range(2, entries + 1):
        ledger.append("note", detail={"text": f"entry {number}"}, argv=["tiercel", "case", "note"])
    return ledger


def lines_of(ledger: Ledger) -> list[bytes]:
    return ledger.file.read_bytes().splitlines(keepends=True)


def serious(findings: list[Finding]) -> list[tuple[str, int | None, int | None]]:
    """Return kind, line and entry of the serious findings."""
    return [(found.kind, found.line, found.seq) for found in findings if found.serious]
