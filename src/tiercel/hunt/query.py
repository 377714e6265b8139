"""SQL over a store, with DuckDB: readable views, nothing but the store within reach, nothing written.

A query is first bound to empty tables with the columns of the views. That settles mistakes cheaply, and tells which
columns the query reads: the views it then runs on join only the tables those need. Views and tables that it does not
read are there, but empty: to look at the files of thousands of segments takes seconds.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tiercel.errors import InputError
from tiercel.hunt.views import VIEWS
from tiercel.hunt.views.model import View
from tiercel.store.schema import TABLES
from tiercel.store.store import Store

_MEMORY = "768MB"
_FETCH = 1 << 15  # rows of a record batch
_STORED = re.compile(r"\bstored\.(\w+)")
_EXPLAIN = "EXPLAIN (FORMAT json) "

_IP_TEXT = r"""
CREATE MACRO ip_group(h, n) AS ltrim(substr(h, 4 * n + 1, 3), '0') || substr(h, 4 * n + 4, 1);
CREATE MACRO ip_long(h) AS lower(concat_ws(':', ip_group(h, 0), ip_group(h, 1), ip_group(h, 2), ip_group(h, 3),
    ip_group(h, 4), ip_group(h, 5), ip_group(h, 6), ip_group(h, 7)));
CREATE MACRO ip_zeros(t, n) AS regexp_matches(t, '(^|:)0(:0){' || n || '}(:|$)');
CREATE MACRO ip_cut(t, n) AS regexp_replace(t, '(^|:)0(:0){' || n || '}(:|$)', '::');
CREATE MACRO ip_short(t) AS CASE
    WHEN ip_zeros(t, 7) THEN '::' WHEN ip_zeros(t, 6) THEN ip_cut(t, 6) WHEN ip_zeros(t, 5) THEN ip_cut(t, 5)
    WHEN ip_zeros(t, 4) THEN ip_cut(t, 4) WHEN ip_zeros(t, 3) THEN ip_cut(t, 3) WHEN ip_zeros(t, 2) THEN ip_cut(t, 2)
    WHEN ip_zeros(t, 1) THEN ip_cut(t, 1) ELSE t END;
CREATE MACRO ip_byte(h, n) AS CAST('0x' || substr(h, 2 * n + 1, 2) AS INTEGER);
CREATE MACRO ip_text(b) AS CASE octet_length(b)
    WHEN 4 THEN concat_ws('.', ip_byte(hex(b), 0), ip_byte(hex(b), 1), ip_byte(hex(b), 2), ip_byte(hex(b), 3))
    WHEN 16 THEN ip_short(ip_long(hex(b))) END;
"""
"""``ip_text``: an address of 4 or 16 bytes as it is written, IPv6 shortened after RFC 5952."""


class Queries:
    """SQL over one store; use it in a ``with`` statement.

    Raises:
        InputError: the store cannot be read.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.segments = [segment.path for segment in store.segments()]
        self._spill = tempfile.TemporaryDirectory(prefix="tiercel-sql-")
        self._filled: set[str] = set()
        self._connection = self._connect()

    def __enter__(self) -> Queries:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and remove what it spilled to disk."""
        self._connection.close()
        self._spill.cleanup()

    def run(self, sql: str) -> pa.RecordBatchReader:
        """Run one query and return its rows, batch by batch.

        Raises:
            InputError: it is not one query, or it cannot be bound or run; errors while rows are read are
                ``duckdb.Error``, see :func:`explained`.
        """
        try:
            statements = self._connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise InputError("a query has to be one SELECT: the store is only read")
            used = _columns_read(statements[0].query)
            selects = {name: VIEWS[name].select(columns) for name, columns in used.items() if name in VIEWS}
            named = {name for select in selects.values() for name in _STORED.findall(select)}
            self._fill({name for name in TABLES if name in named or f"stored.{name}" in used})
            for view in VIEWS.values():
                select = selects.get(view.name) or _nothing(view)
                self._connection.execute(f"CREATE OR REPLACE VIEW {view.name} AS {select}")
            rows: pa.RecordBatchReader = self._connection.sql(statements[0].query).to_arrow_reader(_FETCH)
        except duckdb.Error as error:
            raise InputError(explained(error)) from None
        return rows

    def _connect(self) -> duckdb.DuckDBPyConnection:
        root = str(self.store.path.resolve())
        connection = _database(memory_limit=_MEMORY, temp_directory=self._spill.name)
        try:
            connection.execute("CREATE SCHEMA stored")
            for name in TABLES:
                _empty(connection, name)
            connection.execute("SET allowed_directories = $1", [[root]])
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
        except duckdb.Error as error:
            raise InputError(f"{root}: {explained(error)}") from None
        return connection

    def _fill(self, names: Iterable[str]) -> None:
        """Put the tables of the segments in place of the empty ones."""
        for name in sorted(set(names) - self._filled):
            files = [path / f"{name}.parquet" for path in self.segments]
            files = [file for file in files if file.is_file()]
            if files:
                self._connection.execute(f"DROP TABLE stored.{name}")
                _stored(self._connection, name, str(self.store.path.resolve()), files)
            self._filled.add(name)


def explained(error: Exception) -> str:
    """Return DuckDB's message as we print errors: without its kind and without what lies behind it."""
    kind, colon, text = str(error).strip().partition(": ")
    if not colon or not kind.endswith("Error"):
        text = str(error).strip()
    before, found, after = text.partition(_EXPLAIN)
    if found:  # the line with the caret moves along
        line, _, caret = after.partition("\n")
        after = f"{line}\n{caret.removeprefix(' ' * len(_EXPLAIN))}"
    return f"{before}{after}".strip()


def _database(**config: Any) -> duckdb.DuckDBPyConnection:
    """Return a database in memory that loads nothing from elsewhere and sees no Python variables."""
    settings = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
        **config,
    }
    connection = duckdb.connect(":memory:", config=settings)
    connection.execute(_IP_TEXT)
    return connection


def _stored(connection: duckdb.DuckDBPyConnection, name: str, root: str, files: Iterable[Path]) -> None:
    """Make ``stored.<name>``: the table over all segments, with host, day and segment."""
    paths = [_literal(_unglobbed(str(file.resolve()))) for file in files]
    connection.execute(
        f"CREATE VIEW stored.{name} AS SELECT * EXCLUDE (filename),"
        f" substr(parse_dirpath(filename), {len(root) + 2}) AS segment"
        f" FROM read_parquet([{', '.join(paths)}], filename = true, hive_partitioning = true,"
        f" hive_types = {{'host': VARCHAR, 'day': DATE}})"
    )


def _empty(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make an empty table with the columns of ``stored.<name>``."""
    schema = TABLES[name].arrow
    for column, type in (("host", pa.string()), ("day", pa.date32()), ("segment", pa.string())):
        schema = schema.append(pa.field(column, type))
    connection.register("_empty", schema.empty_table())
    connection.execute(f"CREATE TABLE stored.{name} AS SELECT * FROM _empty")
    connection.unregister("_empty")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _unglobbed(path: str) -> str:
    """Return a path as a pattern that stands for nothing else."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


def _nothing(view: View) -> str:
    """Return the SQL of a view without rows."""
    return f"SELECT {', '.join(f'CAST(NULL AS {column.type}) AS {column.name}' for column in view.columns)} WHERE false"


def _columns_read(sql: str) -> dict[str, set[str]]:
    """Return which columns of which views and stored tables a query reads; those it does not read are not among them.

    Raises:
        duckdb.Error: the query is wrong.
    """
    with _database() as connection:
        connection.execute("CREATE SCHEMA stored")
        for name in TABLES:
            _empty(connection, name)
        for view in VIEWS.values():
            columns = ", ".join(f"{column.name} {column.type}" for column in view.columns)
            connection.execute(f"CREATE TABLE {view.name} ({columns})")
        others = connection.execute("SELECT name FROM duckdb_optimizers() WHERE name <> 'unused_columns'").fetchall()
        connection.execute("SET disabled_optimizers = $1", [",".join(name for (name,) in others)])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        plan = connection.execute(_EXPLAIN + sql).fetchall()
    used: dict[str, set[str]] = {}
    for _, text in plan:
        for node in json.loads(text):
            _gather(node, used)
    return used


def _gather(node: Mapping[str, Any], used: dict[str, set[str]]) -> None:
    """Note the columns that the scans of a plan read."""
    extra = node.get("extra_info") or {}
    table = str(extra.get("Table", "")) if isinstance(extra, dict) else ""
    table = table.replace('"', "").removeprefix("memory.").removeprefix("main.")
    if table:
        read = extra.get("Projections", [])
        used.setdefault(table, set()).update([read] if isinstance(read, str) else read)
    for child in node.get("children", []):
        _gather(child, used)
