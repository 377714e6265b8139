"""SQL over a store, with DuckDB: readable views, nothing but the store within reach, nothing written.

A query is first bound to empty tables with the columns of the views. That settles mistakes cheaply, and tells which
columns the query reads: the views it then runs on join only the tables those need. Views and tables that it does not
read are there, but empty: to look at the files of thousands of segments takes seconds. Where each view that is read is
asked for one process name or executable, segments of which the manifests rule that out are left out.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tiercel.errors import InputError
from tiercel.hunt.views import VIEWS
from tiercel.hunt.views.model import View
from tiercel.store.schema import TABLES
from tiercel.store.store import Store
from tiercel.store.values import EXEPATH, NAME

_MEMORY = "768MB"
_FETCH = 1 << 15  # rows of a record batch
_STORED = re.compile(r"\bstored\.(\w+)")
_ASKED = {"proc_name": NAME, "proc_exepath": EXEPATH}
_EQUAL = re.compile(rf"\(({'|'.join(_ASKED)}) = '([ -&(-~]{{1,64}})'\)")
"""A filter of a scan as plans show it; other letters, and long texts, they might show otherwise."""

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
        self.segments = store.segments()
        self._spill = tempfile.TemporaryDirectory(prefix="tiercel-sql-")
        self._filled: dict[str, list[Path]] = {}
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
            used, asked = _columns_read(statements[0].query)
            selects = {name: VIEWS[name].select(columns) for name, columns in used.items() if name in VIEWS}
            named = {name for select in selects.values() for name in _STORED.findall(select)}
            self._fill({name for name in TABLES if name in named or f"stored.{name}" in used}, self._holding(asked))
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

    def _holding(self, asked: Sequence[tuple[str, bytes] | None]) -> list[Path]:
        """Return the segments that may hold rows of any scan; see :func:`_columns_read` for what they ask for."""
        held = []
        for segment in self.segments:
            values = segment.manifest.values
            if any(one is None or one[0] not in values or one[1] in values[one[0]] for one in asked):
                held.append(segment.path)
        return held

    def _fill(self, names: Iterable[str], segments: list[Path]) -> None:
        """Make the tables hold what these segments do."""
        for name in sorted(names):
            if self._filled.get(name, []) == segments:
                continue
            kind = "VIEW" if self._filled.get(name) else "TABLE"
            files = [path / f"{name}.parquet" for path in segments]
            files = [file for file in files if file.is_file()]
            self._connection.execute(f"DROP {kind} stored.{name}")
            if files:
                _stored(self._connection, name, str(self.store.path.resolve()), files)
            else:
                _empty(self._connection, name)
            self._filled[name] = segments if files else []


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


def _columns_read(sql: str) -> tuple[dict[str, set[str]], list[tuple[str, bytes] | None]]:
    """Return what a query reads.

    Returns:
        which columns of which views and stored tables; those it does not read are not among them. And for each time
        that it reads one, a field and the value that is asked for of it, None when rows of any segment may do.

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
        connection.execute("SET enable_external_access = false")
        used: dict[str, set[str]] = {}
        for table, extra in _scans(connection, sql, "unused_columns"):
            used.setdefault(table, set()).update(_listed(extra, "Projections"))
        asked = [_asked(table, extra) for table, extra in _scans(connection, sql, "filter_pushdown")]
    return used, asked


def _scans(connection: duckdb.DuckDBPyConnection, sql: str, optimizer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the scans of a query's plan, which only one optimizer was at: the table, and what the plan says."""
    others = connection.execute("SELECT name FROM duckdb_optimizers() WHERE name <> $1", [optimizer]).fetchall()
    connection.execute("SET disabled_optimizers = $1", [",".join(name for (name,) in others)])
    nodes = [node for _, text in connection.execute(_EXPLAIN + sql).fetchall() for node in json.loads(text)]
    while nodes:
        node = nodes.pop()
        extra = node.get("extra_info") or {}
        table = str(extra.get("Table", "")) if isinstance(extra, dict) else ""
        if table:
            yield table.replace('"', "").removeprefix("memory.").removeprefix("main."), extra
        nodes += node.get("children", [])


def _listed(extra: Mapping[str, Any], key: str) -> list[str]:
    """Return what a plan says under a key; one thing stands there alone."""
    said = extra.get(key, [])
    return [said] if isinstance(said, str) else said


def _asked(table: str, extra: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """Return the field and the value that a scan asks for, None when it asks for none that manifests list."""
    columns = {column.name for column in VIEWS[table].columns} if table in VIEWS else set()
    for condition in _listed(extra, "Filters"):
        found = _EQUAL.fullmatch(condition)
        if found and found[1] in columns:
            return _ASKED[found[1]], found[2].encode()
    return None
