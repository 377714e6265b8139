"""Writing segments."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from tiercel.errors import InputError
from tiercel.store import durable, parquet
from tiercel.store import manifest as manifests
from tiercel.store.manifest import FileEntry, Gap, Manifest
from tiercel.store.schema import TABLES
from tiercel.store.store import Store

_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def segment_name(evidence: str, ordinal: int) -> str:
    """Return the name of the segment with that place among those of an evidence; the same every time."""
    return f"{_NAME.sub('_', evidence)[:100] or 'events'}-{ordinal:06d}"


class Draft:
    """A segment in the making.

    :meth:`write` can run in another thread; :meth:`finish` makes the segment appear. A segment that is there already
    stays as it is.

    Raises:
        InputError: the segment that is there cannot be read.
    """

    def __init__(self, store: Store, manifest: Manifest, tables: Mapping[str, pa.Table], groups: Sequence[int]) -> None:
        self.target = store.place(manifest)
        self.kept = (self.target / manifests.NAME).is_file()
        self.manifest = Manifest.read(self.target / manifests.NAME) if self.kept else manifest
        self.tables = tables
        self.groups = groups
        self._unfinished: durable.Unfinished | None = None

    def write(self) -> None:
        """Write the tables.

        Raises:
            InputError: the disk refuses.
        """
        if self.kept:
            return
        try:
            self._unfinished = unfinished = durable.Unfinished(self.target)
            entries = {}
            for name, table in self.tables.items():
                path = unfinished.path / f"{name}.parquet"
                parquet.write(path, TABLES[name], table, self.groups if name == "events" else ())
                entries[path.name] = _entry(path)
        except OSError as error:
            self.discard()
            raise InputError(f"{self.target}: cannot be written: {durable.reason(error)}") from None
        rows = {name: table.num_rows for name, table in self.tables.items()}
        self.manifest = replace(self.manifest, rows=rows, files=entries)
        self.tables = {}

    def finish(self, gaps: Sequence[Gap] = ()) -> Path:
        """Write the manifest, with more gaps, and make the segment appear; return where.

        Raises:
            InputError: the disk refuses.
        """
        unfinished = self._unfinished
        if unfinished is None:
            return self.target
        self.manifest = replace(self.manifest, gaps=(*self.manifest.gaps, *gaps))
        try:
            (unfinished.path / manifests.NAME).write_text(self.manifest.to_json(), encoding="ascii")
            unfinished.finish()
        except OSError as error:
            self.discard()
            raise InputError(f"{self.target}: cannot be written: {durable.reason(error)}") from None
        self._unfinished = None
        return self.target

    def discard(self) -> None:
        """Give up a segment that is not finished."""
        if self._unfinished is not None:
            self._unfinished.discard()
            self._unfinished = None


def _entry(path: Path) -> FileEntry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileEntry(file.tell(), digest)
