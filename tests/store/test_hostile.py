"""Segments that lie end in a message, never in a traceback or worse: compiled code reads their columns."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.store.stored import fields, lines, store_of, story
from tiercel.errors import InputError
from tiercel.model.batch import Tables
from tiercel.replay import Replay
from tiercel.store.manifest import Manifest
from tiercel.store.segment import Segment

TEMPLATE = "%evt.num %evt.info " + " ".join(f"%{name}" for name in fields())


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    (segment,) = store_of(root / "store", Replay(story(root / "story.scap", 3))).segments()
    return segment.path


@pytest.fixture
def segment(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "segment")
    return tmp_path / "segment"


def read(path: Path) -> list[bytes]:
    """Read all there is of a segment."""
    segment = Segment(path)
    for name in ("alerts", "users", "containers"):
        segment.table(name)
    return lines([segment.batch(Tables())], TEMPLATE)


def change(path: Path, column: str, values: Callable[[list[Any]], list[Any]], nullable: bool = True) -> None:
    """Write a Parquet file anew with other values in a column."""
    table = pq.read_table(path)
    at = table.column_names.index(column)
    field = table.schema.field(at).with_nullable(nullable or table.schema.field(at).nullable)
    pq.write_table(table.set_column(at, field, pa.array(values(table.column(at).to_pylist()), field.type)), path)


def every(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [value] * len(values)


def last(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [*values[:-1], value]


LIES = [
    ("events", "process", last(1_000_000)),
    ("events", "process", last(-5)),
    ("events", "file", last(1 << 30)),
    ("events", "type_id", last(-1)),
    ("events", "type_id", last(30_000)),
    ("events", "num", last(-1)),
    ("events", "num", every(5)),
    ("events", "num", last(None)),
    ("events", "ts", last(None)),
    ("events", "vmsize", last(-1)),
    ("events", "vmrss", last(1 << 40)),
    ("events", "params", last(None)),
    ("processes", "process", last(7_000)),
    ("processes", "comm", last(1_000_000)),
    ("processes", "comm", last(-2)),
    ("processes", "uid", last(None)),
    ("files", "file", every(0)),
    ("files", "name", last(1 << 30)),
    ("files", "kind", last(None)),
    ("files", "kind", last(22)),
    ("files", "kind", last(-2)),
    ("descriptors", "file", last(1 << 30)),
    ("descriptors", "file", last(-1)),
    ("strings", "string", every(0)),
    ("strings", "text", last(None)),
    ("strings", "text", lambda values: ["x", *values[1:]]),
    ("containers", "info", every("[")),
    ("containers", "info", every("[]")),
    ("containers", "info", every("[" * 100_000)),
    ("containers", "info", every(None)),
    ("users", "id", every(None)),
    ("users", "bytes", every([])),
]


@pytest.mark.parametrize(("table", "column", "values"), LIES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_lie_in_a_table(segment: Path, table: str, column: str, values: Callable[[list[Any]], list[Any]]) -> None:
    change(segment / f"{table}.parquet", column, values)
    with pytest.raises(InputError, match=f"{table}"):
        read(segment)


@pytest.mark.parametrize(
    "table", ["events", "processes", "files", "descriptors", "strings", "users", "containers", "alerts"]
)
def test_tables_that_are_something_else(segment: Path, table: str) -> None:
    path = segment / f"{table}.parquet"
    whole = pq.read_table(path)
    for other in (whole.rename_columns([f"x{name}" for name in whole.column_names]), pa.table({"a": [1]})):
        pq.write_table(other, path)
        with pytest.raises(InputError, match=table):
            read(segment)
    for content in (b"", b"PAR1", b"x" * 1000):
        path.write_bytes(content)
        with pytest.raises(InputError, match=table):
            read(segment)
    path.unlink()
    with pytest.raises(InputError, match=table):
        read(segment)


def test_types_that_are_others(segment: Path) -> None:
    path = segment / "events.parquet"
    table = pq.read_table(path)
    for type in (pa.int64(), pa.string(), pa.uint16()):
        pq.write_table(table.set_column(4, "type_id", table.column(4).cast(type)), path)
        with pytest.raises(InputError, match="type_id"):
            read(segment)


@pytest.mark.parametrize(
    "lie",
    [
        {"schema": 99},
        {"schema": 0},
        {"schema": "1"},
        {"types": {"x": 1}},
        {"types": {"3": -1}},
        {"types": [3]},
        {"groups": [[-1]]},
        {"groups": [["3"]]},
        {"groups": 7},
        {"rows": {"events": 1 << 64}},
        {"first_ts": "today"},
        {"first_ts": 1 << 63},
        {"previous_ts": -1},
        {"source": {}},
        {"source": {"id": None, "name": "x", "kind": "scap", "sha256": None}},
        {"machine": {"hostname": 7}},
        {"machine": {"unknown": 7}},
        {"interfaces": [{"name": "zz"}]},
        {"containers": [{}]},
        {"files": {"events.parquet": {}}},
        {"gaps": [{"kind": "dropped"}]},
    ],
    ids=str,
)
def test_a_manifest_that_lies(segment: Path, lie: dict[str, Any]) -> None:
    path = segment / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | lie))
    with pytest.raises(InputError, match=r"manifest\.json"):
        Segment(segment)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '{"schema": 1}', "[" * 100_000, "\0"])
def test_a_manifest_that_is_none(segment: Path, text: str) -> None:
    (segment / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json"):
        Segment(segment)


def test_row_groups_that_are_not_there(segment: Path) -> None:
    path = segment / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"groups": [[3]] * 50}))
    with pytest.raises(InputError, match="row groups"):
        Segment(segment).batch(Tables(), [3])


def test_what_was_altered_is_named(segment: Path) -> None:
    Segment(segment).verify()
    path = segment / "events.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"events\.parquet: altered"):
        Segment(segment).verify()
    (segment / "more").write_text("")
    with pytest.raises(InputError, match="more: is no part"):
        Segment(segment).verify()
    (segment / "more").unlink()
    path.unlink()
    with pytest.raises(InputError, match=r"events\.parquet: is missing"):
        Segment(segment).verify()


def test_flipped_bits(segment: Path) -> None:
    """A flipped bit is an error or changes nothing that is read; it is always found."""
    chance = random.Random(7)
    expected = read(segment)
    names = [path.name for path in sorted(segment.glob("*.parquet"))]
    wrong = 0
    for _ in range(150):
        path = segment / chance.choice(names)
        content = path.read_bytes()
        place = chance.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :])
        with pytest.raises(InputError):
            Segment(segment).verify()
        with suppress(InputError):
            wrong += read(segment) != expected
        path.write_bytes(content)
    assert not wrong


def test_values_of_any_size(segment: Path) -> None:
    """Numbers that no kernel ever said are read, shown, and harm nobody."""
    chance = random.Random(3)
    for table in ("processes", "files", "events"):
        path = segment / f"{table}.parquet"
        content = path.read_bytes()
        columns = [name for name in pq.read_schema(path).names if pq.read_schema(path).field(name).type == pa.int64()]
        for column in columns:
            value = chance.choice([-1, 22, 255, 1 << 31, (1 << 63) - 1, -(1 << 63)])
            change(path, column, every(value), nullable=False)
            with suppress(InputError):
                read(segment)
            path.write_bytes(content)


def test_the_manifest_reads_as_it_was_written(original: Path) -> None:
    manifest = Manifest.read(original / "manifest.json")
    assert Manifest.of(json.loads(manifest.to_json())) == manifest
    assert np.sum(list(manifest.types.values())) == manifest.rows["events"]
