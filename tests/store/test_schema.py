"""The tables as they are written are those that are documented."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

from tests.store.stored import store_of, story
from tiercel.model.batch import Tables
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.replay import Replay
from tiercel.store.schema import MANIFEST, TABLES, document


def test_files_have_the_documented_columns(tmp_path: Path) -> None:
    (segment,) = store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap", 2))).segments()
    assert {path.stem for path in segment.path.glob("*.parquet")} == set(TABLES)
    for name, schema in TABLES.items():
        written = pq.read_schema(segment.path / f"{name}.parquet")
        assert written.equals(schema.arrow)


def test_every_column_is_documented() -> None:
    text = document()
    for table in TABLES.values():
        assert f"## {table.name}\n" in text
        for column in table.columns:
            assert column.text
            assert f"| `{column.name}` |" in text


def test_all_cells_are_kept_and_no_integer_is_unsigned() -> None:
    assert {member.name.lower() for member in P} - {"count"} <= set(TABLES["processes"].names)
    assert {member.name.lower() for member in F} - {"count"} <= set(TABLES["files"].names)
    for table in TABLES.values():
        for type in table.types.values():
            assert not pa.types.is_unsigned_integer(type)


def test_every_key_of_the_manifest_is_documented(tmp_path: Path) -> None:
    (segment,) = store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap", 2))).segments()
    assert list(json.loads((segment.path / "manifest.json").read_text())) == list(MANIFEST)


def test_other_readers_need_no_tiercel(tmp_path: Path) -> None:
    """The query of the page, in DuckDB; the same table in Polars."""
    store = store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap", 2)))
    (segment,) = store.segments()
    (query,) = re.findall("```sql\n(.*?)```", document(), re.DOTALL)
    query = query.replace("store/*/*/S", str(segment.path))
    found = duckdb.sql(query).fetchall()
    assert [row[1:] for row in found] == [("sh", "/bin/sh")] * 2

    frame = polars.read_parquet(segment.path / "events.parquet")
    batch = segment.batch(Tables())
    assert frame.sort("num")["ts"].to_list() == batch.ts.tolist()
    one = next(n for n in range(batch.count) if Event(batch, n).params > 2)
    params = frame.sort("num")["params"].to_list()[one]
    assert params == [Event(batch, one).param(k) for k in range(Event(batch, one).params)]
