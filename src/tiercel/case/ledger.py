"""The ledger of a case: an append-only file of signed entries, each with the hash of the one before.

DIR/ledger.jsonl   one entry a line           DIR/keys/         public keys of those who signed
DIR/ledger.head    how many, and the last     DIR/timestamps/   time stamps over heads
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tiercel.case import clock, custody_check, head, ledger_file
from tiercel.case.custody_check import Finding
from tiercel.case.durable import replace_file, sync_folder
from tiercel.case.entry import FORMAT, INTRODUCED, MAX_LINE, NO_HASH, Entry, line_hash, tool
from tiercel.case.hashes import Digests
from tiercel.case.head import Head
from tiercel.case.keys import PublicKey, Signer
from tiercel.errors import InputError

TORN = "torn line set aside"


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
        self._introduced = False

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
            ledger._publish_key(signer)
            os.close(os.open(ledger.file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
            sync_folder(ledger.path)
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
        try:
            return Head.parse(self.head_file.read_bytes())
        except OSError as error:
            raise InputError(f"{self.head_file}: {error.strerror}; {_VERIFY}") from None
        except ValueError as error:
            raise InputError(f"{self.head_file}: {error}; {_VERIFY}") from None

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
                end = self._end(handle, signer)
                if not self._introduced:
                    end = self._introduce(handle, end, signer)
                return self._add(handle, end, signer, told).entry
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
                raise InputError(f"{self.file}: line {number}: {error}; {_VERIFY}") from None

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
            with self.file.open("rb") as file:
                while file.tell() < size:
                    yield file.readline().rstrip(b"\n")
        except OSError as error:
            raise _failed(self.file, error) from None
        except ValueError as error:
            raise InputError(f"{self.file}: {error}; {_VERIFY}") from None

    def _end(self, handle: int, signer: Signer) -> _End:
        """Return where to append, after repairing what a crash left; refuse a ledger that was tampered with."""
        try:
            tail = ledger_file.read_tail(handle)
            last = Entry.parse(tail.last) if tail.last is not None else None
        except ValueError as error:
            raise InputError(f"{self.file}: the last entry is damaged ({error}); {_VERIFY}") from None
        stated = self.head()
        keys = self.public_keys()
        if stated.key not in keys:
            raise InputError(f"{self.head_file}: keys/{stated.key}.pub is missing or damaged; {_VERIFY}")
        if not stated.signed_by(keys[stated.key]):
            raise InputError(f"{self.head_file}: its signature is wrong; {_VERIFY}")
        seq, last_hash = (last.seq, line_hash(tail.last or b"")) if last else (0, NO_HASH)
        if (stated.seq, stated.hash) != (seq, last_hash):
            key = keys.get(last.key) if last else None
            crashed = last and stated.seq == seq - 1 and stated.hash == last.prev
            if not (last and crashed and key and key.signed(last.message(), last.sig)):
                raise InputError(
                    f"{self.file}: ends with entry {seq} ({last_hash[:12]}), but its head says entry {stated.seq} "
                    f"({stated.hash[:12]}); nothing was added; {_VERIFY}"
                )
            replace_file(self.head_file, head.signed(seq, last_hash, clock.now(), signer).content())
        end = _End(seq, last_hash, tail.size, last)
        if tail.torn:
            aside = ledger_file.set_aside(handle, tail, self.file, seq + 1)
            detail = {"file": aside.name, "sha256": line_hash(tail.torn), "size": len(tail.torn)}
            if not self._introduced:
                end = self._introduce(handle, end, signer)
            end = self._add(handle, end, signer, {"action": TORN, "detail": detail})
        return end

    def _introduce(self, handle: int, end: _End, signer: Signer) -> _End:
        own = (signer.public.fingerprint, signer.examiner)
        for entry in self._introductions(handle, end.size):
            if (entry.key, entry.examiner) == own and entry.introduces():
                break
        else:
            self._publish_key(signer)
            detail = {"public_key": signer.public.raw.hex(), "algorithm": "Ed25519"}
            end = self._add(handle, end, signer, {"action": INTRODUCED, "detail": detail})
        self._introduced = True
        return end

    def _introductions(self, handle: int, size: int) -> Iterator[Entry]:
        with open(handle, "rb", closefd=False) as file:
            file.seek(0)
            while file.tell() < size:
                line = file.readline().rstrip(b"\n")
                if INTRODUCED.encode() in line:
                    try:
                        yield Entry.parse(line)
                    except ValueError:
                        continue  # a check tells

    def _publish_key(self, signer: Signer) -> None:
        """Put the public key beside the ledger, before anything is signed with it."""
        folder = self.path / "keys"
        place = folder / f"{signer.public.fingerprint}.pub"
        if not place.exists():
            folder.mkdir(exist_ok=True)
            replace_file(place, signer.public.pem)
            sync_folder(folder)
            sync_folder(self.path)

    def _add(self, handle: int, end: _End, signer: Signer, told: Mapping[str, Any]) -> _Added:
        blank = {"evidence": None, "before": None, "after": None, "outcome": "ok", "argv": list(sys.argv)}
        entry = Entry(
            format=FORMAT,
            seq=end.seq + 1,
            time=clock.now(),
            clock=clock.state(),
            examiner=signer.examiner,
            host=socket.gethostname(),
            tool=tool(),
            prev=end.hash,
            key=signer.public.fingerprint,
            **(blank | dict(told)),
        )
        entry = replace(entry, sig=signer.sign(entry.message()))
        line = entry.line()
        if len(line) >= MAX_LINE:
            raise InputError(f"{self.file}: an entry of {len(line):,} bytes is too long, {MAX_LINE:,} are allowed")
        ledger_file.append(handle, line, end.size)
        new = head.signed(entry.seq, line_hash(line), entry.time, signer)
        try:
            replace_file(self.head_file, new.content())
        except OSError:
            ledger_file.take_back(handle, end.size)
            raise
        sync_folder(self.path)
        return _Added(entry.seq, new.hash, end.size + len(line) + 1, entry)


@dataclass(frozen=True, slots=True)
class _End:
    """Where the ledger ends: number and hash of the last entry, bytes of whole lines."""

    seq: int
    hash: str
    size: int
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class _Added(_End):
    entry: Entry


_VERIFY = "see what happened with: tiercel case verify"


def _failed(path: Path, error: OSError) -> InputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"{path}: no space left on the device; nothing was recorded; make room and repeat")
    return InputError(f"{path}: {error.strerror}")
