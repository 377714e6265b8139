"""Nodes and edges of the provenance graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from tiercel.reconstruct.views.columns import FLAG, INTEGER, INTEGERS, TEXT, TEXTS, column


class NodeKind(StrEnum):
    """What a node stands for."""

    PROCESS = "process"
    FILE = "file"
    SOCKET = "socket"
    HOST = "host"
    CONTAINER = "container"
    ALERT = "alert"


NODES = pa.schema(
    [
        column("id", TEXT, "name of the node within the graph"),
        column("kind", TEXT, "process, file, socket, host, container or alert"),
        column("label", TEXT, "what to show"),
        column("detail", TEXT, "command line, message of the alert; null for the rest"),
        column("host", TEXT),
        column("container", TEXT, "container id, empty on the host"),
        column("row", INTEGER, "row of the process or alert, null for the rest"),
        column("first_ts", INTEGER, "ns since epoch, null when not known"),
        column("last_ts", INTEGER, "ns since epoch, null when not known"),
        column("notes", TEXTS, "what stands out, in plain words"),
    ]
)

EDGES = pa.schema(
    [
        column("source", TEXT, "id of a node"),
        column("target", TEXT, "id of a node"),
        column("kind", TEXT, "fork, exec, read, write, create, delete, connect …"),
        column("first_ts", INTEGER, "ns since epoch"),
        column("last_ts", INTEGER, "ns since epoch"),
        column("count", INTEGER, "events it stands for"),
        column("bytes", INTEGER, "bytes moved, null where none are known"),
        column("ok", FLAG, "at least one of them succeeded"),
        column("acts", INTEGERS, "rows of the acts, at most 100"),
    ]
)

MOST_ACTS, MOST_NOTES = 100, 10


@dataclass(slots=True)
class Node:
    """One node; the fields are the columns of :data:`NODES`."""

    id: str
    kind: NodeKind
    label: str
    detail: str | None = None
    host: str = ""
    container: str = ""
    row: int | None = None
    first_ts: int | None = None
    last_ts: int | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, words: str) -> None:
        if words not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(words)


@dataclass(slots=True)
class Edge:
    """One edge; the fields are the columns of :data:`EDGES`."""

    source: str
    target: str
    kind: str
    first_ts: int
    last_ts: int
    count: int = 0
    bytes: int | None = None
    ok: bool = False
    acts: list[int] = field(default_factory=list)


@dataclass(slots=True, repr=False)
class Graph:
    """Nodes by id, edges by (source, target, kind). An edge runs the way control or data went.

    ``truncated`` says that a limit left something out.
    """

    node_by_id: dict[str, Node] = field(default_factory=dict)
    edge_by_key: dict[tuple[str, str, str], Edge] = field(default_factory=dict)
    truncated: bool = False

    @property
    def nodes(self) -> pa.Table:
        """The nodes as a table with the schema :data:`NODES`."""
        return _table(self.node_by_id.values(), NODES)

    @property
    def edges(self) -> pa.Table:
        """The edges as a table with the schema :data:`EDGES`, by time."""
        return _table(self.ordered_edges(), EDGES)

    def ordered_edges(self) -> list[Edge]:
        """Return the edges by time."""
        return sorted(self.edge_by_key.values(), key=lambda edge: (edge.first_ts, edge.source, edge.target, edge.kind))

    def __repr__(self) -> str:
        more = ", cut at a limit" if self.truncated else ""
        return f"<Graph of {len(self.node_by_id):,} nodes and {len(self.edge_by_key):,} edges{more}>"

    def part(self, nodes: Iterable[str], edges: Iterable[tuple[str, str, str]], truncated: bool) -> Graph:
        """Return the graph of some nodes and edges, in the order they have here."""
        chosen, kept = set(nodes), set(edges)
        return Graph(
            {id: node for id, node in self.node_by_id.items() if id in chosen},
            {key: edge for key, edge in self.edge_by_key.items() if key in kept},
            truncated,
        )


def _table(rows: Iterable[Node] | Iterable[Edge], schema: pa.Schema) -> pa.Table:
    found = list(rows)
    columns = [[getattr(row, name) for row in found] for name in schema.names]
    return pa.Table.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema
    )
