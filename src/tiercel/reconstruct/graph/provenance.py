"""The provenance graph: who acted on what, and what an alert came from and led to."""

from __future__ import annotations

from tiercel.errors import InputError
from tiercel.reconstruct.graph.build import build
from tiercel.reconstruct.graph.model import EDGES, NODES, Edge, Graph, Node, NodeKind
from tiercel.reconstruct.graph.walk import walk
from tiercel.reconstruct.scene import Scene

__all__ = ["EDGES", "NODES", "Edge", "Graph", "Node", "NodeKind", "graph"]


def graph(scene: Scene, from_alert: int | None = None, *, depth: int = 16, most: int = 1000) -> Graph:
    """Return the provenance graph of a scene, or the part of it around one alert.

    Without an alert it holds everything but reads of files nobody changed, and no limit applies.

    Args:
        from_alert: number of an alert (column ``alert`` of the scene) to follow back to its origin and on to its
            impact, in the order of time.
        depth: most steps away from the alert.
        most: most nodes around an alert; ``truncated`` of the result says that there were more.

    Raises:
        InputError: the scene has no such alert.
    """
    provenance = build(scene)
    if from_alert is None:
        return provenance.graph
    if f"a{from_alert}" not in provenance.graph.node_by_id:
        count = scene.alerts.num_rows
        known = f"they are numbered 0 to {count - 1}" if count else "there are none"
        raise InputError(f"no alert {from_alert}: {known}")
    return walk(provenance, from_alert, depth, most)
