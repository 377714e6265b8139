"""Checking a ledger: what was altered, removed, inserted, reordered or cut off, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tiercel.case import custody_order
from tiercel.case.custody_order import Finding, Line
from tiercel.case.entry import INTRODUCED, MAX_LINE, Entry, line_hash
from tiercel.case.head import Head
from tiercel.case.keys import PublicKey
from tiercel.errors import InputError

__all__ = ["Finding", "check", "stored_keys"]


def check(folder: Path, trusted: Sequence[PublicKey] | None = None) -> list[Finding]:
    """Return what is wrong with the ledger of a case directory, by line; see ``Ledger.check``.

    Raises:
        InputError: a file of it cannot be read.
    """
    try:
        with (folder / "ledger.jsonl").open("rb") as file:
            raw = list(_lines(file))
    except FileNotFoundError:
        return [Finding("removed", None, None, "ledger.jsonl is missing")]
    except OSError as error:
        raise InputError(f"{folder / 'ledger.jsonl'}: {error.strerror}") from None

    stored, findings = stored_keys(folder)
    keys = stored | _introduced(raw) | {key.fingerprint: key for key in trusted or ()}
    torn = raw.pop() if raw and not raw[-1].endswith(b"\n") else None
    lines = [_line(number, text.removesuffix(b"\n"), keys) for number, text in enumerate(raw, 1)]

    head, trouble = _head(folder / "ledger.head", keys)
    findings += trouble
    if torn is not None:
        if head and head.seq > custody_order.last_seq(lines):
            lines.append(Line(len(lines) + 1, line_hash(torn), None, "it is cut off or its line end was altered"))
        else:
            what = f"{len(torn):,} bytes of an entry never acknowledged, left by a crash; the next append moves them"
            findings.append(Finding("torn", len(lines) + 1, None, what, serious=False))
    order = custody_order.findings(lines, head)
    findings += order
    findings += _key_findings(folder, lines, keys, stored, trusted, explained=any(found.serious for found in order))
    return sorted(findings, key=lambda found: (found.line is None, found.line or 0))


def stored_keys(folder: Path) -> tuple[dict[str, PublicKey], list[Finding]]:
    """Return the keys in ``keys/`` of a case directory by fingerprint, and what is wrong with the others there."""
    keys: dict[str, PublicKey] = {}
    findings = []
    for path in sorted((folder / "keys").glob("*.pub")):
        try:
            key = PublicKey.load(path)
            if (key.fingerprint, key.pem) == (path.stem, path.read_bytes()):
                keys[key.fingerprint] = key
                continue
        except (InputError, OSError):
            pass
        findings.append(Finding("key", None, None, f"keys/{path.name} was altered: not the key of that fingerprint"))
    return keys, findings


def _lines(file: Iterable[bytes]) -> Iterator[bytes]:
    for line in file:
        yield line if len(line) <= MAX_LINE else line[:MAX_LINE] + line[-1:]


def _introduced(raw: list[bytes]) -> dict[str, PublicKey]:
    keys = {}
    for line in raw:
        if INTRODUCED.encode() not in line:
            continue
        try:
            key = Entry.parse(line.removesuffix(b"\n")).introduces()
        except ValueError:
            continue
        if key is not None:
            keys[key.fingerprint] = key
    return keys


def _line(number: int, text: bytes, keys: dict[str, PublicKey]) -> Line:
    digest = line_hash(text)
    try:
        entry = Entry.parse(text)
    except ValueError as error:
        return Line(number, digest, None, str(error))
    key = keys.get(entry.key)
    if key is None:
        return Line(number, digest, entry, f"its key {entry.key[:12]} is none of this ledger")
    if not key.signed(entry.message(), entry.sig):
        return Line(number, digest, entry, "its signature is not that of its content")
    return Line(number, digest, entry, None)


def _head(path: Path, keys: dict[str, PublicKey]) -> tuple[Head | None, list[Finding]]:
    try:
        head = Head.parse(path.read_bytes())
    except FileNotFoundError:
        return None, [Finding("head", None, None, "ledger.head is missing: the last entries may have been removed")]
    except OSError as error:
        return None, [Finding("head", None, None, f"ledger.head cannot be read: {error.strerror}")]
    except ValueError as error:
        return None, [Finding("head", None, None, f"ledger.head was altered: {error}")]
    key = keys.get(head.key)
    if key is None or not head.signed_by(key):
        return None, [Finding("head", None, None, "ledger.head was altered: its signature is not that of its content")]
    return head, []


def _key_findings(
    folder: Path,
    lines: list[Line],
    keys: dict[str, PublicKey],
    stored: dict[str, PublicKey],
    trusted: Sequence[PublicKey] | None,
    explained: bool,
) -> Iterator[Finding]:
    """Yield what is wrong with keys; ``explained``: introductions may be missing because lines are."""
    introduced: set[tuple[str, str]] = set()
    told: set[tuple[str, str]] = set()
    welcome = None if trusted is None else {key.fingerprint for key in trusted}
    for line in lines:
        entry = line.entry
        if entry is None or line.problem:
            continue
        who = (entry.key, entry.examiner)
        if entry.introduces():
            introduced.add(who)
        if who in told:
            continue
        if welcome is not None and entry.key not in welcome:
            what = f"signed as {entry.examiner!r} with key {entry.key[:12]}, which is not trusted (first such entry)"
            yield Finding("foreign", line.number, entry.seq, what)
            told.add(who)
        elif who not in introduced and not explained:
            what = f"key {entry.key[:12]} of {entry.examiner!r} was never introduced"
            yield Finding("key", line.number, entry.seq, what)
            told.add(who)
    for fingerprint in {key for key, _ in introduced} - stored.keys():
        if not (folder / "keys" / f"{fingerprint}.pub").exists():
            yield Finding("key", None, None, f"keys/{fingerprint}.pub is missing")
