"""Adding entries to a ledger that this process has locked.

An entry is acknowledged once its line and then the head are on disk. A crash in between leaves either part of a line,
which is set aside, or a whole line that the head does not name yet, which is sound and stays.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tiercel.custody import clock, head, ledger_file
from tiercel.custody.check import stored_keys
from tiercel.custody.durable import read_small, replace_file
from tiercel.custody.entry import FORMAT, INTRODUCED, MAX_LINE, NO_HASH, TORN, Entry, line_hash, tool
from tiercel.custody.hashes import digest_bytes
from tiercel.custody.head import Head
from tiercel.custody.keys import Signer
from tiercel.errors import InputError
from tiercel.store.durable import sync

VERIFY = "see what happened with: tiercel case verify"


@dataclass(frozen=True, slots=True)
class _End:
    """Where the ledger ends: number and hash of the last entry, bytes of whole lines."""

    seq: int
    hash: str
    size: int


class Appender:
    """Appends for one signer through ``handle``, the locked ledger of the case directory ``folder``."""

    def __init__(self, folder: Path, handle: int, signer: Signer) -> None:
        self.folder = folder
        self.handle = handle
        self.signer = signer

    @property
    def file(self) -> Path:
        return self.folder / "ledger.jsonl"

    @property
    def head_file(self) -> Path:
        return self.folder / "ledger.head"

    def append(self, told: Mapping[str, Any], introduced: bool) -> Entry:
        """Add an entry with the fields in ``told``; before it those about a crash or a new key.

        Args:
            told: ``action`` and whichever of the fields are not to be empty.
            introduced: the signer's key is known to have its entry.

        Raises:
            InputError: the ledger does not end where its head says.
            OSError: the entry cannot be written; then it is not there.
        """
        tail, end = self._end()
        if tail.torn:
            aside = ledger_file.set_aside(self.handle, tail, self.file, end.seq + 1)
        if not introduced and not self._is_introduced(end.size):
            publish_key(self.folder, self.signer)
            detail = {"public_key": self.signer.public.raw.hex(), "algorithm": "Ed25519"}
            end, _ = self._add(end, {"action": INTRODUCED, "detail": detail})
        if tail.torn:
            files = {aside.name: digest_bytes(tail.torn).as_dict()}
            end, _ = self._add(end, {"action": TORN, "detail": {"files": files}})
        return self._add(end, told)[1]

    def _end(self) -> tuple[ledger_file.Tail, _End]:
        """Return where to append; refuse a ledger that was tampered with, for a new head would hide that."""
        try:
            tail = ledger_file.read_tail(self.handle)
            last = Entry.parse(tail.last) if tail.last is not None else None
        except ValueError as error:
            raise InputError(f"{self.file}: the last entry is damaged ({error}); {VERIFY}") from None
        stated = read_head(self.head_file)
        keys = stored_keys(self.folder)[0]
        if stated.key not in keys:
            raise InputError(f"{self.head_file}: keys/{stated.key}.pub is missing or damaged; {VERIFY}")
        if not stated.signed_by(keys[stated.key]):
            raise InputError(f"{self.head_file}: its signature is wrong; {VERIFY}")
        seq, last_hash = (last.seq, line_hash(tail.last or b"")) if last else (0, NO_HASH)
        if (stated.seq, stated.hash) != (seq, last_hash):
            key = keys.get(last.key) if last else None
            crashed = last and stated.seq == seq - 1 and stated.hash == last.prev
            if not (last and crashed and key and key.signed(last.message(), last.sig)):
                raise InputError(
                    f"{self.file}: ends with entry {seq} ({last_hash[:12]}), but its head says entry {stated.seq} "
                    f"({stated.hash[:12]}); nothing was added; {VERIFY}"
                )
            # Named first, or another crash would leave two entries that no head names.
            replace_file(self.head_file, head.signed(seq, last_hash, last.time, self.signer).content())
            sync(self.folder)
        return tail, _End(seq, last_hash, tail.size)

    def _is_introduced(self, size: int) -> bool:
        own = (self.signer.public.fingerprint, self.signer.examiner)
        return any((entry.key, entry.examiner) == own and entry.introduces() for entry in self._introductions(size))

    def _introductions(self, size: int) -> Iterator[Entry]:
        for line in ledger_file.lines(self.handle, size):
            if INTRODUCED.encode() in line:
                try:
                    yield Entry.parse(line.removesuffix(b"\n"))
                except ValueError:
                    continue  # a check tells

    def _add(self, end: _End, told: Mapping[str, Any]) -> tuple[_End, Entry]:
        blank = {"evidence": None, "before": None, "after": None, "outcome": "ok", "argv": list(sys.argv)}
        bare = Entry(
            format=FORMAT,
            seq=end.seq + 1,
            time=clock.now(),
            clock=clock.state(),
            examiner=self.signer.examiner,
            host=socket.gethostname(),
            tool=tool(),
            prev=end.hash,
            key=self.signer.public.fingerprint,
            **(blank | dict(told)),
        )
        entry = replace(bare, sig=self.signer.sign(bare.message()))
        line = entry.line()
        if len(line) >= MAX_LINE:
            raise InputError(f"{self.file}: an entry of {len(line):,} bytes is too long, {MAX_LINE:,} are allowed")
        new = head.signed(entry.seq, line_hash(line), entry.time, self.signer)
        ledger_file.append(self.handle, line, end.size)
        try:
            replace_file(self.head_file, new.content())
        except OSError:
            ledger_file.take_back(self.handle, end.size)
            raise
        sync(self.folder)
        return _End(entry.seq, new.hash, end.size + len(line) + 1), entry


def read_head(path: Path) -> Head:
    """Return the head as it is on disk. Raises InputError when it is missing or damaged."""
    try:
        return Head.parse(read_small(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; {VERIFY}") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}; {VERIFY}") from None


def publish_key(folder: Path, signer: Signer) -> None:
    """Put the public key into ``keys/`` of a case directory, before anything there is signed with it.

    Raises:
        OSError: it cannot be written.
    """
    keys = folder / "keys"
    place = keys / f"{signer.public.fingerprint}.pub"
    if not place.exists():
        keys.mkdir(exist_ok=True)
        replace_file(place, signer.public.pem)
        sync(keys)
        sync(folder)
