"""Checking single files of a case against what they must hold."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blake3 import blake3

from tiercel.case.pieces import Pieces, altered
from tiercel.case.staging import INCOMING

_READ = 1 << 20
_MOST_RANGES = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as the ledger says.

    ``kind``: altered, removed, inserted, moved, unreadable, and those of :class:`custody_check.Finding`. ``path`` is in
    the case, for evidence kept elsewhere absolute. ``ranges`` are the bytes (first, last) that differ, where known.
    ``serious`` is False for traces of a crash and the like: they take nothing away from the evidence.
    """

    kind: str
    path: str
    what: str
    evidence: str | None = None
    ranges: tuple[tuple[int, int], ...] = ()
    serious: bool = True

    def __str__(self) -> str:
        about = f" (evidence {self.evidence})" if self.evidence else ""
        return f"{self.path}: {self.kind}: {self.what}{about}"

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "path": self.path, "what": self.what, "evidence": self.evidence,
            "ranges": [list(ends) for ends in self.ranges], "serious": self.serious,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file must hold: size in bytes and hashes (hex), None where only the hashes of its pieces are known.

    ``stored`` is the path under which its pieces are known, when that is not ``path``.
    """

    path: str
    size: int
    sha256: str | None = None
    blake3: str | None = None
    evidence: str | None = None
    stored: str | None = None


@dataclass(slots=True)
class Checking:
    """Checks files below ``root``, several at a time.

    ``sound`` are the paths that hold what they must, ``files`` and ``size`` how many files and bytes were asked for.
    """

    root: Path
    progress: Callable[[int], None] | None = None
    faults: list[Fault] = field(default_factory=list)
    sound: set[str] = field(default_factory=set)
    files: int = 0
    size: int = 0
    _pieces: dict[str, Pieces] | None = None

    def run(self, expected: Iterable[Expected]) -> None:
        """Check files; the order of faults is that of the files."""
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            for file, fault in zip(expected := list(expected), workers.map(self._hashed, expected), strict=True):
                self.files += 1
                self.size += file.size
                if fault is None:
                    self.sound.add(file.path)
                else:
                    self.faults.append(self._located(file, fault))
                if self.progress is not None:
                    self.progress(self.size)

    def pieces(self) -> dict[str, Pieces]:
        """Return the hashes of pieces by path, as far as the files that hold them are sound."""
        if self._pieces is None:
            self._pieces = {}
            for path in sorted(path for path in self.sound if path.startswith("pieces/")):
                try:
                    told = json.loads(self.place(path).read_bytes())
                    self._pieces |= {name: Pieces.of_json(value) for name, value in told.items()}
                except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    continue  # made by someone with a key, but not by us
        return self._pieces

    def place(self, path: str) -> Path:
        """Return where a file of the case is: what a crash left in the waiting room still is a part of it."""
        waiting = self.root / INCOMING / path
        return waiting if waiting.exists() and not (self.root / path).exists() else self.root / path

    def _hashed(self, file: Expected) -> Fault | None:
        """Return what is wrong with a file, without where."""
        fault = self._held(file, self.root / file.path)
        waiting = self.root / INCOMING / file.path
        return None if fault and waiting.exists() and not self._held(file, waiting) else fault

    def _held(self, file: Expected, path: Path) -> Fault | None:
        try:
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode):
                return Fault("altered", file.path, "no regular file stands in its place", file.evidence)
            if status.st_size != file.size:
                what = f"has {status.st_size:,} bytes, had {file.size:,}"
                return Fault("altered", file.path, what, file.evidence)
            if file.sha256 is None:
                return self._by_pieces(file, path)
            whole, other = hashlib.sha256(), blake3()
            with path.open("rb") as content:
                while data := content.read(_READ):
                    whole.update(data)
                    if file.blake3 is not None:
                        other.update(data)
        except FileNotFoundError:
            return Fault("removed", file.path, "is missing", file.evidence)
        except OSError as error:
            return Fault("unreadable", file.path, error.strerror or str(error), file.evidence)
        if whole.hexdigest() == file.sha256 and file.blake3 in (None, other.hexdigest()):
            return None
        return Fault("altered", file.path, "its hash is not that of the ledger", file.evidence)

    def _by_pieces(self, file: Expected, path: Path) -> Fault | None:
        known = self.pieces().get(file.stored or file.path)
        if known is None:
            return Fault("unreadable", file.path, "cannot be checked: what holds its hashes was altered", file.evidence)
        if not altered(path, known):
            return None
        return Fault("altered", file.path, "its pieces have other hashes", file.evidence)

    def _located(self, file: Expected, fault: Fault) -> Fault:
        """Return the fault with the bytes that differ, when that is known."""
        known = self.pieces().get(file.stored or file.path) if fault.kind == "altered" else None
        if known is None or known.size != file.size:
            return fault
        try:
            ranges = altered(self.root / file.path, known)
        except OSError:
            return fault
        if not ranges:  # then the recorded hashes contradict each other
            return fault
        shown = ", ".join(f"{first:,} to {last:,}" for first, last in ranges[:_MOST_RANGES])
        shown = f"byte {ranges[0][0]:,}" if ranges == [(ranges[0][0], ranges[0][0])] else f"bytes {shown}"
        more = f" and {len(ranges) - _MOST_RANGES} more ranges" if len(ranges) > _MOST_RANGES else ""
        what = f"{fault.what}: the change is in {shown}{more}"
        return Fault(fault.kind, fault.path, what, fault.evidence, tuple(ranges))
