"""A segment of a store: what it says of itself, its tables, and its events as a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from weakref import WeakValueDictionary

import pyarrow as pa

from tiercel.errors import InputError
from tiercel.model.batch import Batch, Tables
from tiercel.model.world import World
from tiercel.store import manifest as manifests
from tiercel.store.manifest import Manifest
from tiercel.store.parquet import TableFile
from tiercel.store.people import world_of
from tiercel.store.schema import TABLES


class Segment:
    """One immutable segment.

    Raises:
        InputError: its manifest cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest: Manifest = Manifest.read(path / manifests.NAME)
        self._files: WeakValueDictionary[str, TableFile] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"Segment({str(self.path)!r})"

    def file(self, name: str) -> TableFile:
        """Return the file of a table, open while anyone has it. Raises KeyError for a name that is no table."""
        file = self._files.get(name)
        if file is None:
            TABLES[name]
            file = self._files[name] = TableFile(self.path / f"{name}.parquet")
        return file

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Return a table, or some of its columns, as they are stored.

        Raises:
            InputError: the file cannot be read or is not what its schema says.
            KeyError: there is no such table or column.
        """
        schema = TABLES[name]
        wanted = schema.names if columns is None else columns
        for column in wanted:
            schema.types[column]
        return self.file(name).read(wanted)

    @property
    def world(self) -> World:
        """What is known of the host as of the end of the segment."""
        manifest = self.manifest
        return world_of(manifest.machine, manifest.interfaces, self.table("users"), self.table("containers"))

    def batch(self, tables: Tables, types: Collection[int] | None = None) -> Batch:
        """Return the events, or those of some types, in order of their numbers.

        Columns are read when first asked for. Strings are interned in ``tables``, which segments can share, and rows
        of processes and files appended to it.

        Raises:
            InputError: a file cannot be read or holds what cannot be; also later, when a column is first asked for.
        """
        from tiercel.store.stored_batch import StoredBatch

        return StoredBatch(self, tables, types)

    def verify(self) -> None:
        """Compare every file with the manifest.

        Raises:
            InputError: a file is missing, altered, or none of the segment's.
        """
        there = {path.name for path in self.path.iterdir()} - {manifests.NAME}
        expected = set(self.manifest.files)
        for name in sorted(there ^ expected):
            raise InputError(f"{self.path / name}: {'is missing' if name in expected else 'is no part of the segment'}")
        for name, entry in self.manifest.files.items():
            path = self.path / name
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    size = file.tell()
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}") from None
            if size != entry.size or digest != entry.sha256:
                raise InputError(f"{path}: altered since it was written (its SHA-256 is {digest}, not {entry.sha256})")
