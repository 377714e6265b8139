"""The provenance graph as Graphviz dot, JSON, GraphML and SVG. Everything from evidence is escaped."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tiercel.errors import InputError
from tiercel.reconstruct.graph.model import EDGES, NODES, Edge, Graph, Node, NodeKind
from tiercel.reconstruct.wording.shown import utc

FORMATS = ("dot", "json", "graphml", "svg")

_SHAPES = {
    NodeKind.PROCESS: "box",
    NodeKind.FILE: "note",
    NodeKind.SOCKET: "ellipse",
    NodeKind.HOST: "house",
    NodeKind.CONTAINER: "box3d",
    NodeKind.ALERT: "octagon",
}
_COLOURS = {
    NodeKind.PROCESS: "#dbe9f6",
    NodeKind.FILE: "#f2ecd8",
    NodeKind.SOCKET: "#dff0e0",
    NodeKind.HOST: "#dff0e0",
    NodeKind.CONTAINER: "#ececec",
    NodeKind.ALERT: "#f6d9d5",
}
_LONGEST = 90  # characters of a label
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(graph: Graph, format: str) -> str:
    """Return a graph in one of :data:`FORMATS`.

    Raises:
        InputError: there is no such format, or SVG was asked for and Graphviz is missing or fails.
    """
    writers = {"dot": to_dot, "json": to_json, "graphml": to_graphml, "svg": to_svg}
    if format not in writers:
        raise InputError(f"no graph format {format!r}: use one of {', '.join(FORMATS)}")
    return writers[format](graph)


def to_json(graph: Graph) -> str:
    """Return the graph as a node-link JSON document (``nodes``, ``links``), as networkx and D3 read it."""
    document = {
        "directed": True,
        "multigraph": True,
        "graph": {"truncated": graph.truncated},
        "nodes": [{name: getattr(node, name) for name in NODES.names} for node in graph.node_by_id.values()],
        "links": [
            {name: getattr(edge, name) for name in EDGES.names} | {"key": edge.kind} for edge in graph.ordered_edges()
        ],
    }
    return json.dumps(document, indent=1)


def to_dot(graph: Graph) -> str:
    """Return the graph as Graphviz dot, acts that failed dashed."""
    lines = [
        "digraph provenance {",
        '  graph [rankdir=LR, fontname="Helvetica"];',
        '  node [fontname="Helvetica", fontsize=10, style=filled];',
        '  edge [fontname="Helvetica", fontsize=8, color="#555555"];',
    ]
    lines += [f"  {_quoted(node.id)} [{_dot_node(node)}];" for node in graph.node_by_id.values()]
    lines += [
        f"  {_quoted(edge.source)} -> {_quoted(edge.target)} [{_dot_edge(edge)}];" for edge in graph.ordered_edges()
    ]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    """Return a text as a dot string: quotes and backslashes are kept as what they are, control characters are not."""
    clean = _CONTROL.sub("�", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{clean}"'


def _label(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _dot_node(node: Node) -> str:
    lines = [_label(node.label)]
    if node.detail and node.kind is NodeKind.PROCESS:
        lines.append(_label(node.detail))
    lines += [_label(note) for note in node.notes[:2]]
    label = "\\n".join(_quoted(line)[1:-1] for line in lines)
    border = ', color="#b03020", penwidth=2' if node.kind is NodeKind.FILE and node.notes else ""
    return f'label="{label}", shape={_SHAPES[node.kind]}, fillcolor="{_COLOURS[node.kind]}"{border}'


def _dot_edge(edge: Edge) -> str:
    times = f" ×{edge.count}" if edge.count > 1 else ""
    label = _quoted(f"{edge.kind}{times} {utc(edge.first_ts, date=False)}")
    return f"label={label}" + ("" if edge.ok else ", style=dashed")


def to_graphml(graph: Graph) -> str:
    """Return the graph as GraphML. Characters XML cannot hold are replaced, lists are joined with ``; ``."""
    keys: list[tuple[str, str, str]] = []
    for target, schema, skipped in (("node", NODES, {"id"}), ("edge", EDGES, {"source", "target"})):
        for field in schema:
            if field.name not in skipped:
                kind = {"int64": "long", "bool": "boolean"}.get(str(field.type), "string")
                keys.append((target, field.name, kind))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
        *(f'  <key id="{on[0]}_{name}" for="{on}" attr.name="{name}" attr.type="{kind}"/>' for on, name, kind in keys),
        '  <graph id="provenance" edgedefault="directed">',
    ]
    for node in graph.node_by_id.values():
        lines.append(f"    <node id={_attribute(node.id)}>")
        lines += _data(node, [key for key in keys if key[0] == "node"])
        lines.append("    </node>")
    for number, edge in enumerate(graph.ordered_edges()):
        lines.append(f'    <edge id="e{number}" source={_attribute(edge.source)} target={_attribute(edge.target)}>')
        lines += _data(edge, [key for key in keys if key[0] == "edge"])
        lines.append("    </edge>")
    return "\n".join([*lines, "  </graph>", "</graphml>", ""])


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("�", text))


def _data(of: Node | Edge, keys: list[tuple[str, str, str]]) -> list[str]:
    found = []
    for on, name, _ in keys:
        value: Any = getattr(of, name)
        if value is None or value == []:
            continue
        if isinstance(value, list):
            value = "; ".join(map(str, value))
        text = str(value).lower() if isinstance(value, bool) else _NOT_XML.sub("�", str(value))
        found.append(f'      <data key="{on[0]}_{name}">{escape(text)}</data>')
    return found


def to_svg(graph: Graph) -> str:
    """Return the graph drawn by Graphviz.

    Raises:
        InputError: Graphviz is not installed, or gives up.
    """
    program = shutil.which("dot")
    if program is None:
        raise InputError("drawing SVG needs Graphviz (the command dot): install it, or use --format dot")
    try:
        drawn = subprocess.run(
            [program, "-Tsvg"], input=to_dot(graph).encode(), capture_output=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError("Graphviz took longer than two minutes: narrow the graph with --from-alert") from None
    if drawn.returncode:
        message = drawn.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise InputError(f"Graphviz failed: {message[0] if message else 'no message'}")
    return drawn.stdout.decode("utf-8", "replace")
