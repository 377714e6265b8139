"""Checking a ledger: what was altered, removed, inserted, reordered or cut off, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tiercel.custody import ledger_file
from tiercel.custody import order as custody_order
from tiercel.custody.durable import read_small
from tiercel.custody.entry import INTRODUCED, Entry, line_hash
from tiercel.custody.head import Head
from tiercel.custody.keys import PublicKey
from tiercel.custody.order import Finding, Line
from tiercel.errors import InputError

__all__ = ["Finding", "check", "stored_keys"]

_HEAD = "ledger.head"


def check(folder: Path, trusted: Sequence[PublicKey] | None = None) -> list[Finding]:
    """Return what is wrong with the ledger of a case directory, by line; see ``Ledger.check``.

    Raises:
        InputError: a file of it cannot be read.
    """
    path = folder / "ledger.jsonl"
    stored, findings = stored_keys(folder)
    try:
        with ledger_file.locked(path, write=False) as handle:  # the head must be that of these lines
            keys = stored | _introduced(handle) | {key.fingerprint: key for key in trusted or ()}
            signers = _Signers(trusted)
            torn, lines = None, []
            for number, text in enumerate(ledger_file.lines(handle), 1):
                if text.endswith(b"\n"):
                    lines.append(_line(number, text[:-1], keys, signers))
                else:
                    torn = text
            head, trouble = _head(folder / _HEAD, keys)
    except FileNotFoundError:
        return [*findings, Finding("removed", None, None, "ledger.jsonl is missing")]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    findings += trouble
    if torn is not None:
        number = len(lines) + 1
        if head and head.seq > custody_order.last_seq(lines):
            lines.append(Line(number, line_hash(torn), "it is cut off or its line end was altered"))
        else:
            what = f"{len(torn):,} bytes of an entry never acknowledged, left by a crash; the next append moves them"
            findings.append(Finding("torn", number, None, what, serious=False))
    order = custody_order.findings(lines, head)
    findings += order
    findings += signers.findings(folder, explained=any(found.serious for found in order))
    return sorted(findings, key=lambda found: (found.line is None, found.line or 0))


def stored_keys(folder: Path) -> tuple[dict[str, PublicKey], list[Finding]]:
    """Return the keys in ``keys/`` of a case directory by fingerprint, and what is wrong with the others there."""
    keys: dict[str, PublicKey] = {}
    findings = []
    for path in sorted((folder / "keys").glob("*.pub")):
        try:
            key = PublicKey.load(path)
            if (key.fingerprint, key.pem) == (path.stem, read_small(path)):
                keys[key.fingerprint] = key
                continue
        except (InputError, OSError):
            pass
        findings.append(Finding("key", None, None, f"keys/{path.name} was altered: not the key of that fingerprint"))
    return keys, findings


def _introduced(handle: int) -> dict[str, PublicKey]:
    keys = {}
    for line in ledger_file.lines(handle):
        if INTRODUCED.encode() in line:
            try:
                key = Entry.parse(line.removesuffix(b"\n")).introduces()
            except ValueError:
                continue
            if key is not None:
                keys[key.fingerprint] = key
    return keys


def _line(number: int, text: bytes, keys: Mapping[str, PublicKey], signers: _Signers) -> Line:
    digest = line_hash(text)
    try:
        entry = Entry.parse(text)
    except ValueError as error:
        return Line(number, digest, str(error))
    key = keys.get(entry.key)
    problem = None
    if key is None:
        problem = f"its key {entry.key[:12]} is none of this ledger"
    elif not key.signed(entry.message(), entry.sig):
        problem = "its signature is not that of its content"
    else:
        signers.saw(number, entry)
    return Line(number, digest, problem, entry.seq, entry.prev, entry.time)


def _head(path: Path, keys: Mapping[str, PublicKey]) -> tuple[Head | None, list[Finding]]:
    try:
        head = Head.parse(read_small(path))
    except FileNotFoundError:
        what = "is missing: the last entries may have been removed"
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    except ValueError as error:
        what = f"was altered: {error}"
    else:
        key = keys.get(head.key)
        if key is not None and head.signed_by(key):
            return head, []
        what = "was altered: its signature is not that of its content"
    return None, [Finding("head", None, None, f"{_HEAD} {what}")]


class _Signers:
    """Who signed with which key, gathered line by line."""

    def __init__(self, trusted: Sequence[PublicKey] | None) -> None:
        self.trusted = None if trusted is None else {key.fingerprint for key in trusted}
        self.first: dict[tuple[str, str], tuple[int, int]] = {}  # line and number of the first entry
        self.introduced: set[tuple[str, str]] = set()
        self.early: set[tuple[str, str]] = set()  # signed before the key was introduced

    def saw(self, number: int, entry: Entry) -> None:
        """Take note of a validly signed entry."""
        who = (entry.key, entry.examiner)
        self.first.setdefault(who, (number, entry.seq))
        if entry.introduces():
            self.introduced.add(who)
        elif who not in self.introduced:
            self.early.add(who)

    def findings(self, folder: Path, explained: bool) -> Iterator[Finding]:
        """Yield what is wrong with keys; ``explained``: lines are missing or moved, introductions may be among them."""
        for who, (line, seq) in self.first.items():
            key, examiner = who
            if self.trusted is not None and key not in self.trusted:
                what = f"signed as {examiner!r} with key {key[:12]}, which is not trusted; the first such entry"
                yield Finding("foreign", line, seq, what)
            elif who in self.early and not explained:
                yield Finding("key", line, seq, f"key {key[:12]} of {examiner!r} was not introduced before")
        for key in sorted({key for key, _ in self.introduced}):
            if not (folder / "keys" / f"{key}.pub").exists():
                yield Finding("key", None, None, f"keys/{key}.pub is missing")
