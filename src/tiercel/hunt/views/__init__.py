"""The views that ``tiercel sql`` offers over a store."""

from __future__ import annotations

from tiercel.hunt.views.acts import FILES_CHANGED, NETWORK, TIMELINE
from tiercel.hunt.views.dimensions import ALERTS, CONTAINERS, DESCRIPTORS, FILES, PROCESSES, USERS
from tiercel.hunt.views.events import EVENTS
from tiercel.hunt.views.model import Column, View

VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        EVENTS,
        PROCESSES,
        FILES,
        DESCRIPTORS,
        CONTAINERS,
        USERS,
        ALERTS,
        TIMELINE,
        NETWORK,
        FILES_CHANGED,
    )
}
"""Every view, by name."""

__all__ = ["VIEWS", "Column", "View", "document"]


def document() -> str:
    """Return the views and their columns as Markdown."""
    parts = []
    for view in VIEWS.values():
        rows = "\n".join(f"| `{column.name}` | {column.type} | {column.doc} |" for column in view.columns)
        parts.append(f"## {view.name}\n\n{view.doc}\n\n| column | type | meaning |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)
