"""Following the provenance graph from an alert: back to where it came from, on to what came of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

from tiercel.reconstruct.entry import Door, entry
from tiercel.reconstruct.graph.build import Provenance
from tiercel.reconstruct.graph.model import Edge, Graph, NodeKind

_NEAREST = 3  # connections a server had before it spawned a child, of which one let the intruder in
_Key = tuple[str, str, str]


class Reach(IntEnum):
    """How far a process is followed. More includes less."""

    LISTED = 0  # shown, not followed
    LINEAGE = 1  # its parents
    SERVED = 2  # its parents, and what it read while it served a connection
    FULL = 3


@dataclass(slots=True)
class _Walk:
    provenance: Provenance
    depth: int
    most: int
    into: dict[str, list[Edge]] = field(default_factory=dict)
    out: dict[str, list[Edge]] = field(default_factory=dict)
    nodes: dict[str, None] = field(default_factory=dict)
    edges: dict[_Key, None] = field(default_factory=dict)
    truncated: bool = False

    def __post_init__(self) -> None:
        for edge in self.provenance.graph.edge_by_key.values():
            self.into.setdefault(edge.target, []).append(edge)
            self.out.setdefault(edge.source, []).append(edge)

    def take(self, edge: Edge, node: str) -> bool:
        """Include an edge and the node at its other end; False when the limit forbids it."""
        if node not in self.nodes and len(self.nodes) >= self.most:
            self.truncated = True
            return False
        self.nodes[node] = None
        self.edges[edge.source, edge.target, edge.kind] = None
        return True


def walk(provenance: Provenance, alert: int, depth: int, most: int) -> Graph:
    """Return the part of the graph that led to an alert or came of it, in the order of time.

    Backwards go parents, writers of what was executed or read before, and the other ends of connections. Forwards go
    children, files and those who then read or executed them, and connections. What a server did for others is not
    followed, nor are files every program uses, logs and histories.

    Args:
        alert: number of the alert; its node must be in the graph.
        depth: most steps from the alert in either direction.
        most: most nodes.
    """
    walk = _Walk(provenance, depth, most)
    start = f"a{alert}"
    walk.nodes[start] = None
    at = provenance.graph.node_by_id[start].first_ts or 0
    for edge in walk.out.get(start, []):
        walk.take(edge, edge.target)
        for about in [edge.target, *_files_of(walk, edge.target, provenance.act_of_alert.get(alert))]:
            _backward(walk, about, at)
        _forward(walk, edge.target, at)
    _attach(walk)
    return provenance.graph.part(walk.nodes, walk.edges, walk.truncated)


def _files_of(walk: _Walk, process: str, act: int | None) -> list[str]:
    """Return the files that an act of a process was about."""
    nodes = walk.provenance.graph.node_by_id
    found = []
    for edge in walk.out.get(process, []):
        if act is not None and act in edge.acts and nodes[edge.target].kind is NodeKind.FILE:
            walk.take(edge, edge.target)
            found.append(edge.target)
    return found


def _backward(walk: _Walk, start: str, at: int) -> None:
    graph, lineage = walk.provenance.graph, walk.provenance.lineage
    root = entry(lineage, int(start[1:])) if graph.node_by_id[start].kind is NodeKind.PROCESS else None
    seen: dict[str, tuple[int, Reach]] = {}
    queue: deque[tuple[str, int, Reach, int, int]] = deque([(start, at, Reach.FULL, 0, 0)])
    while queue:
        node, bound, reach, since, depth = queue.popleft()
        before = seen.get(node)
        if before is not None and before[0] >= bound and before[1] >= reach:
            continue
        seen[node] = bound, reach
        if depth >= walk.depth:
            walk.truncated = walk.truncated or bool(walk.into.get(node))
            continue
        for edge in _led_here(walk, node, bound, reach, since):
            source = graph.node_by_id[edge.source]
            if not walk.take(edge, edge.source):
                continue
            until = min(bound, edge.last_ts)
            if edge.kind == "fork":
                child = int(node[1:])
                begins = entry(lineage, child).root == child  # a session
                above = Reach.LINEAGE if begins or reach is Reach.SERVED else reach
                if root is not None and child == root.root and root.door is Door.SERVER:
                    _incoming(walk, edge.source, edge.first_ts)
                queue.append((edge.source, edge.first_ts, above, 0, depth + 1))
            elif source.kind is NodeKind.FILE or source.kind is NodeKind.SOCKET:
                queue.append((edge.source, until, Reach.FULL, edge.first_ts, depth + 1))
            elif source.kind is NodeKind.PROCESS:
                by_socket = graph.node_by_id[node].kind is NodeKind.SOCKET
                queue.append((edge.source, until, Reach.SERVED if by_socket else Reach.FULL, since, depth + 1))


def _led_here(walk: _Walk, node: str, bound: int, reach: Reach, since: int) -> list[Edge]:
    """Return the edges into a node that can have led to what happened there until ``bound``."""
    kind = walk.provenance.graph.node_by_id[node].kind
    edges = [edge for edge in walk.into.get(node, []) if edge.first_ts <= bound and edge.ok]
    if kind is NodeKind.FILE:
        changes = [edge for edge in edges if edge.kind not in ("delete", "rmdir", "mkdir")]
        return changes if node in walk.provenance.joining else []
    if kind is NodeKind.SOCKET:
        return [edge for edge in edges if edge.kind == "send"] if node in walk.provenance.joining else []
    if kind is not NodeKind.PROCESS or reach is Reach.LISTED:
        return []
    found = [edge for edge in edges if edge.kind == "fork"]
    if reach is Reach.SERVED:
        found += [edge for edge in edges if edge.kind == "read" and edge.last_ts >= since]
    elif reach is Reach.FULL:
        found += [edge for edge in edges if edge.kind in ("exec", "read", "receive", "accept", "redirect", "ptrace")]
    return found


def _incoming(walk: _Walk, server: str, at: int) -> None:
    """Include the connections a server had just before it spawned a child: one of them may have asked for it."""
    coming = [edge for edge in walk.into.get(server, []) if edge.kind in ("accept", "receive") and edge.first_ts <= at]
    for edge in sorted(coming, key=lambda edge: -edge.last_ts)[:_NEAREST]:
        if walk.take(edge, edge.source):
            for beyond in walk.out.get(edge.source, []):
                if beyond.kind == "at":
                    walk.take(beyond, beyond.target)


def _forward(walk: _Walk, start: str, at: int) -> None:
    graph = walk.provenance.graph
    seen: dict[str, int] = {}
    queue: deque[tuple[str, int, int]] = deque([(start, at, 0)])
    while queue:
        node, since, depth = queue.popleft()
        if seen.get(node, since + 1) <= since:
            continue
        seen[node] = since
        for edge in walk.out.get(node, []):
            if edge.last_ts < since or not _leads_on(walk, node, edge):
                continue
            if depth >= walk.depth:
                walk.truncated = True
                break
            if not walk.take(edge, edge.target):
                continue
            began = max(since, edge.first_ts)
            target = graph.node_by_id[edge.target]
            if target.kind is NodeKind.SOCKET:
                for beyond in walk.out.get(edge.target, []):  # the other end is shown, not followed
                    if beyond.target != node and beyond.last_ts >= began:
                        walk.take(beyond, beyond.target)
            elif target.kind is NodeKind.FILE:
                if edge.ok and edge.kind not in ("delete", "rmdir", "mkdir"):
                    queue.append((edge.target, began, depth + 1))
            elif target.kind is NodeKind.PROCESS and edge.kind in ("fork", "exec", "ptrace"):
                queue.append((edge.target, began, depth + 1))


def _leads_on(walk: _Walk, node: str, edge: Edge) -> bool:
    if edge.kind in ("about", "at", "kill"):
        return edge.kind != "about"
    if walk.provenance.graph.node_by_id[node].kind is NodeKind.FILE:
        return node in walk.provenance.joining
    return True


def _attach(walk: _Walk) -> None:
    """Add what belongs to what was found: the containers of processes and other alerts about them."""
    for key, edge in walk.provenance.graph.edge_by_key.items():
        if edge.kind in ("about", "entered", "start") and edge.target in walk.nodes:
            walk.nodes[edge.source] = None
            walk.edges[key] = None
        elif edge.kind == "at" and edge.source in walk.nodes:
            walk.nodes[edge.target] = None
            walk.edges[key] = None
