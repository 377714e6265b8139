"""What happened, as a case shows it: short ways from a case to the views of its scene."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from tiercel.case.status import Status
    from tiercel.custody.ledger import Ledger
    from tiercel.reconstruct.graph.model import Graph
    from tiercel.reconstruct.incidents.model import Incident
    from tiercel.reconstruct.scene import Scene
    from tiercel.store.store import Store

_MOST_EVIDENCE = 50


class Views:
    """The part of :class:`~tiercel.case.case.Case` that says what happened.

    Every view but ``graph`` and ``incidents`` is an Arrow table (``pyarrow.Table``), which pandas, polars and DuckDB
    take. Options are those of the functions of the same name in :mod:`tiercel.reconstruct`.
    """

    ledger: Ledger
    _scene: tuple[str, Scene] | None = None

    @property
    def store(self) -> Store:
        raise NotImplementedError

    def status(self) -> Status:
        raise NotImplementedError

    def scene(self, *, progress: Callable[[int], None] | None = None, **only: Any) -> Scene:
        """Return what happened as three tables, see :meth:`tiercel.reconstruct.scene.Scene.load`.

        The scene of the whole case is kept as long as nothing is added to it.

        Raises:
            InputError: a segment cannot be read.
        """
        from tiercel.reconstruct.scene import Scene

        if only:
            return Scene.load(self.store, progress=progress, **only)
        segments = ",".join(str(segment.path) for segment in self.store.segments())
        if self._scene is None or self._scene[0] != segments:
            self._scene = segments, Scene.load(self.store, progress=progress)
        return self._scene[1]

    def timeline(self, **options: Any) -> pa.Table:
        """Return what happened, in order."""
        from tiercel.reconstruct.views.timeline import timeline

        return timeline(self.scene(), **options)

    def tree(self, **options: Any) -> pa.Table:
        """Return the processes, each below its parent."""
        from tiercel.reconstruct.views.tree import tree

        return tree(self.scene(), **options)

    def files(self, **options: Any) -> pa.Table:
        """Return which files were made, changed, moved and deleted, by whom."""
        from tiercel.reconstruct.views.files import files

        return files(self.scene(), **options)

    def network(self, **options: Any) -> pa.Table:
        """Return who talked to whom."""
        from tiercel.reconstruct.views.network import network

        return network(self.scene(), **options)

    def users(self) -> pa.Table:
        """Return who did something, and who became whom."""
        from tiercel.reconstruct.views.users import users

        return users(self.scene())

    def pods(self) -> pa.Table:
        """Return the containers and pods."""
        from tiercel.reconstruct.views.pods import pods

        return pods(self.scene())

    def graph(self, from_alert: int | None = None, **options: Any) -> Graph:
        """Return processes, files, sockets and hosts as nodes, acts as edges."""
        from tiercel.reconstruct.graph.provenance import graph

        return graph(self.scene(), from_alert, **options)

    def incidents(self) -> list[Incident]:
        """Return alerts and acts that belong together, with their stories, gravest first."""
        from tiercel.reconstruct.incidents.find import incidents

        return incidents(self.scene())

    def _repr_html_(self) -> str:
        return "".join(_html(self.status()))


def _html(status: Status) -> Iterator[str]:
    """Yield a summary as HTML; whatever comes from evidence is escaped."""
    from tiercel.case.status import state
    from tiercel.custody.clock import rfc3339

    def row(*cells: object, tag: str = "td") -> str:
        inner = "".join(f"<{tag} style='text-align:left'>{html.escape(str(cell))}</{tag}>" for cell in cells)
        return f"<tr>{inner}</tr>"

    yield f"<div><b>{html.escape(status.title)}</b><table>"
    yield row("events", f"{status.events:,}")
    yield row("alerts", f"{status.alerts:,}")
    yield row("hosts", ", ".join(status.hosts))
    if status.first_ts is not None and status.last_ts is not None:
        yield row("from", rfc3339(status.first_ts))
        yield row("to", rfc3339(status.last_ts))
    yield row("ledger", f"{status.entries:,} entries, {status.outcome or 'not verified yet'}")
    yield "</table><table>"
    yield row("evidence", "name", "kind", "SHA-256", "state", tag="th")
    for evidence in status.evidence[:_MOST_EVIDENCE]:
        yield row(evidence.id, evidence.name, evidence.kind, evidence.digests.sha256, state(evidence))
    if len(status.evidence) > _MOST_EVIDENCE:
        yield row(f"and {len(status.evidence) - _MOST_EVIDENCE:,} more")
    yield "</table></div>"
