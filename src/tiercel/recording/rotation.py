"""Names of the files of a recording, and the list of their hashes.

As with tcpdump and sysdig a file that is rotated has a number behind its name, one rotated by time the time if its name
is a format (``%Y-%m-%d``), and in a ring the oldest is replaced. ``NAME.sha256`` holds the hashes of the files that are
complete, as ``sha256sum -c`` takes them.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tiercel.errors import InputError
from tiercel.recording.file import PART, compression_of
from tiercel.store.durable import sync


@dataclass(frozen=True, slots=True)
class Rotation:
    """When another file begins: after ``size`` bytes, or ``seconds``. There are never more than ``files`` (0: any)."""

    size: int = 0
    seconds: float = 0.0
    files: int = 0

    @property
    def rotates(self) -> bool:
        return bool(self.size or self.seconds)


class Names:
    """Gives the files of a recording their names.

    Raises:
        InputError: the first file is there already, or what a recording that was killed left of it.
    """

    def __init__(self, path: Path, rotation: Rotation, replace: bool = False) -> None:
        self.path, self.rotation, self.replace = path, rotation, replace
        self._count = 0
        self._own: set[Path] = set()
        first = self._name(0, time.time_ns())
        if not replace and (there := _taken(first)):
            raise InputError(f"{there}: is there already: choose another name, or replace it with --overwrite")

    def next(self, now: int) -> Path:
        """Return the name of the file that begins ``now`` (ns since the epoch)."""
        while True:
            number = self._count
            if self.rotation.files:
                number %= self.rotation.files
            path = self._name(number, now)
            self._count += 1
            if self.replace or path in self._own or not _taken(path):
                self._own.add(path)
                return path
            if not self._counted:
                return path.with_name(f"{path.name}.{self._count}")

    @property
    def _timed(self) -> bool:
        return bool(self.rotation.seconds) and "%" in self.path.name

    @property
    def _counted(self) -> bool:
        return bool(self.rotation.size or (self.rotation.seconds and not self._timed))

    def _name(self, number: int, now: int) -> Path:
        name = self.path.name
        if self._timed:
            name = time.strftime(name, time.localtime(now // 1_000_000_000))
        if not self._counted:
            return self.path.with_name(name)
        files = self.rotation.files
        text = f"{number:0{len(str(files - 1)) if files else 1}d}"
        suffix = self.path.suffix if compression_of(self.path) != "none" else ""
        return self.path.with_name(f"{name.removesuffix(suffix)}{text}{suffix}")


def _taken(path: Path) -> Path | None:
    """Return what has the name, or had it until its recording was killed."""
    return next((there for there in (path, path.with_name(path.name + PART)) if os.path.lexists(there)), None)


class Sums:
    """The list of hashes beside a recording. May be told of files by several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name.replace("%", "") + ".sha256")
        self._lines: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, name: str, digest: str) -> None:
        """Enter a complete file.

        Raises:
            OSError: the disk refuses.
        """
        with self._lock:
            self._lines.pop(name, None)
            self._lines[name] = digest
            self._write()

    def _write(self) -> None:
        part = self.path.with_name(self.path.name + ".new")
        part.unlink(missing_ok=True)
        with part.open("x", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(f"{digest}  {name}\n" for name, digest in self._lines.items())
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)
        sync(self.path.parent)
