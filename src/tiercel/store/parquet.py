"""Parquet files of a segment: how they are written, and columns read with nothing taken on trust."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tiercel.errors import InputError
from tiercel.store.arrow import Chunked, numbers
from tiercel.store.schema import TABLES, TableSchema

LEVEL = 9
"""zstd level; higher ones take far longer for little."""

MAX_ROWS = 1 << 24
"""Most rows of a table that are believed."""

_PAGE = 1 << 20

_NUMBERS = (pa.int32(), pa.int64())
_RISING = {"num", "ts", "since", "until"}
"""Columns of numbers that mostly rise from row to row: their differences take far less room."""


_VARIED = {"tid", "process", "file", "fd", "res", "fdcount", "vmsize", "vmrss", "vmswap", "majflt", "minflt"}
"""Columns that zstd makes smaller as plain numbers than with a dictionary."""


def _writing(schema: TableSchema) -> dict[str, Any]:
    """Return how the columns of a table are encoded."""
    key = schema.names[0]  # the row's own number in tables that others refer to
    rising = [name for name in schema.names if name in _RISING or (name == key and schema.types[name] in _NUMBERS)]
    return {
        "compression": "zstd",
        "compression_level": LEVEL,
        "use_dictionary": [name for name in _leaves(schema) if name not in rising and name not in _VARIED],
        "column_encoding": dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
        "write_page_checksum": True,
        "data_page_size": _PAGE,
    }


def _leaves(schema: TableSchema) -> list[str]:
    """Return the columns as Parquet names them."""
    return [
        f"{column.name}.list.element" if pa.types.is_list(column.type) else column.name for column in schema.columns
    ]


def write(path: Path, schema: TableSchema, table: pa.Table, groups: Sequence[int] = ()) -> None:
    """Write a table; ``groups`` are the rows of its row groups.

    Raises:
        OSError: the disk refuses.
    """
    with pq.ParquetWriter(path, schema.arrow, **_writing(schema)) as writer:
        at = 0
        for rows in groups or [table.num_rows]:
            writer.write_table(table.slice(at, rows), row_group_size=max(1, rows))
            at += rows


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of byte strings that repeat.

    List ``i`` holds the byte strings numbered ``codes[first[i] : first[i + 1]]``; number ``k`` is
    ``data[offsets[k] : offsets[k + 1]]``. The codes are as they were read, not checked.
    """

    first: NDArray[np.int32]
    codes: NDArray[np.int32]
    offsets: NDArray[np.int32]
    data: bytes | memoryview


class TableFile:
    """A Parquet file of a segment, opened when first asked.

    Everything that is found wrong ends in InputError with the path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.schema = TABLES[path.stem]
        self._file: pq.ParquetFile | None = None

    @property
    def file(self) -> pq.ParquetFile:
        if self._file is None:
            try:
                file = pq.ParquetFile(pa.memory_map(str(self.path)), pre_buffer=False, page_checksum_verification=True)
            except (OSError, pa.ArrowException, ValueError) as error:
                raise self.fault(error) from None
            metadata = file.metadata
            if not 0 <= metadata.num_rows <= MAX_ROWS:
                raise self.fault(f"{metadata.num_rows} rows")
            self._file = file
        return self._file

    def lists(self, name: str, groups: Sequence[int] | None = None) -> Iterator[Lists]:
        """Yield a column of lists of byte strings, row group by row group.

        Distinct byte strings are decoded once each, which takes a fraction of the time; most repeat often.
        """
        self._check([name], groups)
        try:
            file = pq.ParquetFile(
                pa.memory_map(str(self.path)),
                metadata=self.file.metadata,
                read_dictionary=[f"{name}.list.element"],
                pre_buffer=False,
                page_checksum_verification=True,
            )
            for group in range(file.num_row_groups) if groups is None else groups:
                column = file.read_row_groups([group], columns=[name], use_threads=False).column(0)
                yield from (self._lists(chunk, name) for chunk in column.chunks)
        except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
            raise self.fault(error) from None

    def _lists(self, chunk: Any, name: str) -> Lists:
        values = chunk.values
        if not isinstance(values, pa.DictionaryArray) or values.type.value_type != pa.binary():
            raise self.fault(f"column {name} is of another type than {self.schema.types[name]}")
        texts, codes = values.dictionary, values.indices
        if chunk.null_count or values.null_count or texts.null_count or chunk.offset or values.offset or texts.offset:
            raise self.fault(f"column {name} has empty cells")
        buffers: list[Any] = texts.buffers()
        return Lists(
            np.frombuffer(chunk.buffers()[1], np.int32, len(chunk) + 1),
            numbers(codes),
            np.frombuffer(buffers[1], np.int32, len(texts) + 1) if len(texts) else np.zeros(1, np.int32),
            b"" if buffers[2] is None else memoryview(buffers[2]).cast("B"),
        )

    def fault(self, what: object) -> InputError:
        """Return the error that says what is wrong with the file."""
        return InputError(f"{self.path}: {' '.join(str(what).split())}")

    @property
    def rows(self) -> int:
        return int(self.file.metadata.num_rows)

    def read(self, columns: Sequence[str], groups: Sequence[int] | None = None) -> pa.Table:
        """Return columns, of the row groups asked for or of all, with the types of the schema."""
        self._check(columns, groups)
        file = self.file
        if groups is None:
            groups = range(file.num_row_groups)
        try:
            table = file.read_row_groups(list(groups), columns=list(columns), use_threads=False)
        except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
            raise self.fault(error) from None
        if table.num_columns != len(columns):
            raise self.fault("columns are missing")
        for name, column in zip(columns, table.columns, strict=True):
            if column.null_count and name not in self.schema.nullable:
                raise self.fault(f"column {name} has empty cells")
        return table

    def _check(self, columns: Sequence[str], groups: Sequence[int] | None) -> None:
        """Raise InputError unless the file has these columns, with the types of the schema, and these row groups."""
        present = self.file.schema_arrow
        for name in columns:
            if name not in present.names or present.field(name).type != self.schema.types[name]:
                raise self.fault(f"column {name} is missing or of another type than {self.schema.types[name]}")
        if groups is not None and any(not 0 <= group < self.file.num_row_groups for group in groups):
            raise self.fault("it has fewer row groups than the manifest says")

    def numbers(self, column: Chunked, none: int = -1) -> NDArray[Any]:
        """Return a column of integers as an array; ``none`` stands for null."""
        chunks = [numbers(chunk, none) for chunk in column.chunks]
        if len(chunks) == 1:
            return chunks[0]
        return np.concatenate(chunks) if chunks else np.zeros(0, f"i{column.type.bit_width // 8}")

    def texts(self, column: Chunked) -> list[bytes | None]:
        """Return a column of texts as bytes, whether or not they are UTF-8."""
        found: list[bytes | None] = []
        for chunk in column.chunks:
            found += chunk.view(pa.binary()).to_pylist() if chunk.type == pa.string() else chunk.to_pylist()
        return found


def joined(parts: Sequence[Lists]) -> Lists:
    """Return the lists of several parts one after the other.

    Raises:
        ValueError: the byte strings take 2 GiB or more.
    """
    if len(parts) == 1:
        return parts[0]
    first, codes, offsets = [np.zeros(1, np.int32)], [np.zeros(0, np.int32)], [np.zeros(1, np.int32)]
    data, held = [], 0
    lists = strings = 0
    for part in parts:
        if held + int(part.offsets[-1]) >= 1 << 31 or lists + len(part.codes) >= 1 << 31:
            raise ValueError("the parameters of one segment take more than 2 GiB")
        first.append(part.first[1:] + np.int32(lists))
        codes.append(np.where(part.codes < 0, part.codes, part.codes + np.int32(strings)))
        offsets.append(part.offsets[1:] + np.int32(held))
        data.append(bytes(part.data[: int(part.offsets[-1])]))
        lists += len(part.codes)
        strings += len(part.offsets) - 1
        held += int(part.offsets[-1])
    return Lists(np.concatenate(first), np.concatenate(codes), np.concatenate(offsets), b"".join(data))
