"""How files get into a case: made aside in ``incoming/``, written down in the ledger, then moved to their place.

Whatever happens in between, the case holds a file and its ledger entry or neither. Files that the ledger knows and that
still wait in ``incoming/`` are moved later; others there are left-overs of work that was never finished.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tiercel.custody.hashes import Digests, digest
from tiercel.store.durable import make_directories, sync

INCOMING = "incoming"
MANIFEST = "manifest.json"
STORE = "store"


class Staging:
    """The waiting room of the case in ``root``. Its files have the paths they will have in the case."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / INCOMING
        self._made: dict[str, Digests] = {}

    def at(self, relative: str) -> Path:
        """Return where to make the file that is to be ``relative`` in the case; its folder is there then."""
        path = self.path / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, relative: str, content: bytes) -> Digests:
        """Make a small file and return its hashes.

        Raises:
            OSError: it cannot be written.
        """
        path = self.at(relative)
        path.write_bytes(content)
        return self.made(relative)

    def made(self, relative: str, known: Digests | None = None) -> Digests:
        """Take note of a file made at :meth:`at`, with its hashes when they are known already."""
        found = self._made[relative] = known or digest(self.path / relative)
        return found

    def seal(self) -> dict[str, Digests]:
        """Bring everything to the disk; returns what the ledger has to know: each file, of a segment its manifest.

        Raises:
            OSError: a file cannot be read or brought to the disk.
        """
        files: dict[str, Digests] = {}
        for relative in self._units():
            path = self.path / relative
            if path.is_dir():
                relative = f"{relative}/{MANIFEST}"
            else:
                sync(path)
            files[relative] = self._made.get(relative) or self.made(relative)
        for folder, _, _ in os.walk(self.path):
            sync(Path(folder))
        sync(self.root)
        return files

    def settle(self, known: Mapping[str, Digests]) -> list[str]:
        """Move what the ledger knows to its place and delete the rest; returns what was moved.

        Raises:
            OSError: a file cannot be moved.
        """
        moved = []
        for relative in self._units():
            path = self.path / relative
            target = self.root / relative
            as_known = f"{relative}/{MANIFEST}" if path.is_dir() else relative
            expected = known.get(as_known)
            if expected is None or not self._holds(as_known, expected):
                continue
            make_directories(target.parent)
            if not (path.is_dir() and target.exists()):
                os.replace(path, target)
                sync(target.parent)
                moved.append(relative)
        self.discard()
        return moved

    def discard(self) -> None:
        """Delete what waits."""
        self._made.clear()
        if self.path.exists():
            shutil.rmtree(self.path)

    def _holds(self, relative: str, expected: Digests) -> bool:
        known = self._made.get(relative)
        path = self.path / relative
        return known == expected or (path.stat().st_size == expected.size and digest(path) == expected)

    def _units(self) -> Iterator[str]:
        """Yield what is moved as one: segments, which are folders, and all other files."""
        found = []
        for folder, folders, files in os.walk(self.path):
            inside = Path(folder).relative_to(self.path)
            if MANIFEST in files and inside.parts[:1] == (STORE,):
                found.append(inside.as_posix())
                folders.clear()
            else:
                found.extend((inside / name).as_posix() for name in files)
        yield from sorted(found)
