"""What a view is: columns with their meaning, made of cells of the stored tables and the joins those need.

A cell is SQL over the aliases of its part's joins. In it, ``text(p.comm)`` stands for the text whose number is in
``p.comm`` and ``bytes(f.sip)`` for its bytes: a join with ``strings`` each. A query gets views that hold only the
columns it names, so it pays for no join it has no use of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

_INTERNED = re.compile(r"\b(text|bytes)\((\w+)\.(\w+)\)")
_ALIAS = re.compile(r"\b(\w+)\.\w")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its DuckDB type and what it says."""

    name: str
    type: str
    doc: str


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one stored table: ``base`` with its alias, ``cells`` by column name (without one: NULL), and joins.

    ``joins`` are by alias, in an order in which each needs only those before it.
    """

    base: str
    cells: Mapping[str, str]
    joins: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A view over the store, a part after the other."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]

    def select(self, names: Collection[str] | None = None) -> str:
        """Return the view's SQL with these columns alone, all of them when None."""
        chosen = [column for column in self.columns if names is None or column.name in names] or [self.columns[0]]
        return "\nUNION ALL\n".join(_select(part, chosen) for part in self.parts)


class _Joins:
    """The joins that the cells of one part turn out to need, each after those it hangs on."""

    def __init__(self, part: Part) -> None:
        self.known = dict(part.joins)
        self.needed: dict[str, str] = {}

    def resolve(self, sql: str) -> str:
        """Return the SQL with texts as columns of joins, having noted all joins it needs."""
        sql = _INTERNED.sub(self._interned, sql)
        for alias in _ALIAS.findall(sql):
            if alias in self.known and alias not in self.needed:
                join = self.known.pop(alias)
                self.needed[alias] = self.resolve(join)
        return sql

    def _interned(self, match: re.Match[str]) -> str:
        what, table, cell = match.groups()
        alias = f"s_{table}_{cell}"
        if alias not in self.needed:
            self.known[alias] = (
                f"LEFT JOIN stored.strings {alias} ON {alias}.segment = {table}.segment"
                f" AND {alias}.string = {table}.{cell}"
            )
        return f"{alias}.text" if what == "text" else f"coalesce({alias}.bytes, encode({alias}.text))"


def _select(part: Part, columns: Iterable[Column]) -> str:
    joins = _Joins(part)
    cells = [
        f"CAST({joins.resolve(part.cells.get(column.name, 'NULL'))} AS {column.type}) AS {column.name}"
        for column in columns
    ]
    where = joins.resolve(part.where)
    lines = [f"SELECT {', '.join(cells)}", f"FROM stored.{part.base}", *joins.needed.values()]
    return "\n".join([*lines, f"WHERE {where}"] if where else lines)


def columns(*rows: str) -> tuple[Column, ...]:
    """Return columns written as ``name TYPE what it says``."""
    return tuple(Column(*row.split(None, 2)) for row in rows)
