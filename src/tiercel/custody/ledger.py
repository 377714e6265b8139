"""The ledger of a case: an append-only file of signed entries, each with the hash of the one before.

DIR/ledger.jsonl   one entry a line           DIR/keys/         public keys of those who signed
DIR/ledger.head    how many, and the last     DIR/timestamps/   time stamps over heads
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tiercel.custody import check as custody_check
from tiercel.custody import clock, head, ledger_file
from tiercel.custody.appender import VERIFY, Appender, publish_key, read_head
from tiercel.custody.check import Finding
from tiercel.custody.durable import replace_file
from tiercel.custody.entry import NO_HASH, TORN, Entry, line_hash
from tiercel.custody.hashes import Digests
from tiercel.custody.head import Head
from tiercel.custody.keys import PublicKey, Signer
from tiercel.errors import InputError
from tiercel.store.durable import sync

__all__ = ["TORN", "KeyUse", "Ledger"]


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key of the ledger: who signs with it, the first entry and how many are theirs."""

    fingerprint: str
    examiner: str
    first_seq: int
    first_time: str
    entries: int


class Ledger:
    """The ledger of a case directory. Several processes may append to it at a time."""

    def __init__(self, path: Path, signer: Signer | None) -> None:
        self.path = path
        self.signer = signer
        self._introduced: Signer | None = None

    @classmethod
    def create(cls, path: str | Path, signer: Signer) -> Ledger:
        """Start a ledger in an existing directory, without entries.

        Raises:
            InputError: the directory holds one already or cannot be written.
        """
        ledger = cls(Path(path), signer)
        if ledger.file.exists() or (ledger.head_file.exists() and ledger.head().seq > 0):
            raise InputError(f"{path}: holds a ledger already; give an empty directory")
        try:
            # The head first: from then on a ledger without one is known to have been tampered with.
            replace_file(ledger.head_file, head.signed(0, NO_HASH, clock.now(), signer).content())
            publish_key(ledger.path, signer)
            os.close(os.open(ledger.file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
            sync(ledger.path)
        except OSError as error:
            raise _failed(ledger.path, error) from None
        return ledger

    @classmethod
    def open(cls, path: str | Path, signer: Signer | None = None) -> Ledger:
        """Open the ledger of a case directory; without a signer to read only.

        Raises:
            InputError: there is none.
        """
        ledger = cls(Path(path), signer)
        if not ledger.file.is_file():
            raise InputError(f"{path}: no case (there is no ledger.jsonl); make one with: tiercel case new {path}")
        return ledger

    @property
    def file(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def head_file(self) -> Path:
        return self.path / "ledger.head"

    def head(self) -> Head:
        """Return the head as it is on disk. Raises InputError when it is missing or damaged."""
        return read_head(self.head_file)

    def append(
        self,
        action: str,
        *,
        evidence: str | None = None,
        before: Digests | None = None,
        after: Digests | None = None,
        outcome: str = "ok",
        detail: Mapping[str, Any] | None = None,
        argv: Sequence[str] | None = None,
    ) -> Entry:
        """Add an entry; when this returns it is on disk.

        Args:
            action: what was done.
            evidence: id of the evidence that it is about.
            before, after: its hashes before and after.
            outcome: "ok", or what went wrong.
            detail: anything else: text, integers, bool, None, lists and dicts of them.
            argv: the command line; None for that of this process.

        Raises:
            InputError: nothing was added: no signer, no space, or the ledger does not end where its head says.
            TypeError: ``detail`` holds something that is neither text nor integer, such as a float.
        """
        signer = self.signer
        if signer is None:
            raise InputError(f"{self.path}: opened to read only; name the examiner who signs")
        told = {
            "action": action,
            "evidence": evidence,
            "before": before.as_dict() if before else None,
            "after": after.as_dict() if after else None,
            "outcome": outcome,
            "detail": dict(detail or {}),
            "argv": list(sys.argv if argv is None else argv),
        }
        try:
            with ledger_file.locked(self.file, write=True) as handle:
                entry = Appender(self.path, handle, signer).append(told, introduced=self._introduced == signer)
                self._introduced = signer
                return entry
        except OSError as error:
            raise _failed(self.file, error) from None

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in order; what a crash left after the last whole line is passed over.

        Raises:
            InputError: a line is no entry; says which.
        """
        for number, line in enumerate(self._lines(), 1):
            try:
                yield Entry.parse(line)
            except ValueError as error:
                raise InputError(f"{self.file}: line {number}: {error}; {VERIFY}") from None

    def numbered(self) -> Iterator[tuple[int, str, Entry | None]]:
        """Yield for each line its number, its hash and its entry, None for a damaged one."""
        for number, line in enumerate(self._lines(), 1):
            try:
                yield number, line_hash(line), Entry.parse(line)
            except ValueError:
                yield number, line_hash(line), None

    def last_line(self) -> bytes | None:
        """Return the line of the last entry, whose hash the head names; None when there is none.

        Raises:
            InputError: the last line is not the one that the head names.
        """
        try:
            with ledger_file.locked(self.file, write=False) as handle:
                last, stated = ledger_file.read_tail(handle).last, self.head()
        except (OSError, ValueError) as error:
            raise InputError(f"{self.file}: {error}; {VERIFY}") from None
        if stated.hash != (NO_HASH if last is None else line_hash(last)):
            raise InputError(f"{self.file}: does not end with the entry that its head names; {VERIFY}")
        return last

    def keys(self) -> list[KeyUse]:
        """Return who signed with which key, in the order of first use. Raises InputError for a damaged line."""
        uses: dict[tuple[str, str], KeyUse] = {}
        for entry in self.entries():
            use = uses.get((entry.key, entry.examiner)) or KeyUse(entry.key, entry.examiner, entry.seq, entry.time, 0)
            uses[entry.key, entry.examiner] = replace(use, entries=use.entries + 1)
        return list(uses.values())

    def check(self, trusted: PublicKey | Sequence[PublicKey] | None = None) -> list[Finding]:
        """Look for everything that was altered, removed, inserted or reordered; nothing found is an empty list.

        Args:
            trusted: the keys that may have signed; None to accept those that the ledger itself introduces.

        Returns:
            Findings in the order of lines. Those that are not ``serious`` are traces of a crash or a clock set back.
        """
        keys = [trusted] if isinstance(trusted, PublicKey) else trusted
        return custody_check.check(self.path, keys)

    def public_keys(self) -> dict[str, PublicKey]:
        """Return the public keys that lie beside the ledger, by fingerprint; damaged ones are passed over."""
        return custody_check.stored_keys(self.path)[0]

    def _lines(self) -> Iterator[bytes]:
        try:
            with ledger_file.locked(self.file, write=False) as handle:
                size = ledger_file.read_tail(handle).size
            handle = os.open(self.file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                for line in ledger_file.lines(handle, size):
                    yield line.removesuffix(b"\n")
            finally:
                os.close(handle)
        except OSError as error:
            raise _failed(self.file, error) from None
        except ValueError as error:
            raise InputError(f"{self.file}: {error}; {VERIFY}") from None


def _failed(path: Path, error: OSError) -> InputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"{path}: no space left on the device; nothing was recorded; make room and repeat")
    return InputError(f"{path}: {error.strerror}")
