"""The tables as they are written are those that are documented."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.store.stored import store_of, story
from tiercel.model.columns import F, P
from tiercel.replay import Replay
from tiercel.store.schema import TABLES, document


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
