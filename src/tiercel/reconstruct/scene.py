"""A scene: what happened, as three Arrow tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from tiercel.model.batch import Batch, Tables
from tiercel.outputs.alert import Alert
from tiercel.reconstruct import linking
from tiercel.reconstruct.alerts import Links, Row, rows_of
from tiercel.reconstruct.choice import Choice
from tiercel.reconstruct.columns import acts_table, processes_table
from tiercel.reconstruct.gather import ACT_TYPES, Gatherer
from tiercel.reconstruct.overlap import Overlap, alerts_once
from tiercel.reconstruct.schema import ACTS, ALERTS, PROCESSES, empty
from tiercel.store.store import Store


@dataclass(frozen=True, slots=True)
class Scene:
    """Processes, what they did, and the alerts about it. The schemas are in :mod:`tiercel.reconstruct.schema`.

    Rows of ``acts`` and ``alerts`` are in order of time. Made by :meth:`of` from batches, by :meth:`load` from a store,
    or from three tables.

    Raises:
        ValueError: a table does not have its schema.
    """

    processes: pa.Table = field(default_factory=lambda: empty(PROCESSES))
    acts: pa.Table = field(default_factory=lambda: empty(ACTS))
    alerts: pa.Table = field(default_factory=lambda: empty(ALERTS))

    def __post_init__(self) -> None:
        for name, schema in (("processes", PROCESSES), ("acts", ACTS), ("alerts", ALERTS)):
            if not getattr(self, name).schema.equals(schema):
                raise ValueError(f"the table {name} of a scene must have the schema {name.upper()}")

    @classmethod
    def of(cls, batches: Iterable[Batch], alerts: pa.Table | Iterable[Alert] | None = None) -> Scene:
        """Gather a scene from tracked batches, those of one recording in order.

        Args:
            batches: for example a :class:`tiercel.replay.Replay`.
            alerts: raised from these batches, or read from a log: a table with the columns of a store's alerts, or
                alerts of a detection.
        """
        gatherer = Gatherer()
        links = Links([] if alerts is None else rows_of(alerts))
        for batch in batches:
            _add(gatherer, links, batch, "")
        return _made(cls, gatherer, links)

    @classmethod
    def load(
        cls,
        store: Store,
        *,
        since: int | None = None,
        until: int | None = None,
        host: str | None = None,
        container: str | None = None,
        pod: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Scene:
        """Gather a scene from a store; of its events only those are read that can be acts.

        Args:
            since, until: ns since the epoch; acts from ``since`` on and before ``until``.
            host: name of a host.
            container: id of a container, or how it begins, or its name.
            pod: name of a pod, or namespace/name.
            progress: told how many events were read so far.

        Returns:
            the acts and alerts that fit, and with any of these given just the processes they are about, with all
            processes above those.

        Raises:
            InputError: a segment cannot be read.
        """
        choice = Choice(since, until, container, pod)
        name = None if pod is None else pod.rpartition("/")[2]
        told: list[Row] = []
        for segment in store.segments(since=since, until=until, host=host):
            if segment.manifest.rows.get("alerts"):
                told += rows_of(segment.table("alerts"), segment.manifest.source.id)
        gatherer, links = Gatherer(choice.events if choice.any else None), Links(alerts_once(told))
        tables, read = Tables(), 0
        segments = store.segments(since=since, until=until, host=host, container=container, pod=name)
        overlap = Overlap(segments)
        for segment in segments:
            if not segment.manifest.rows.get("events"):
                continue
            if tables.processes.count > _MANY_ROWS or len(tables.strings) > _MANY_ROWS:
                tables = Tables()
            batch = segment.batch(tables, types=ACT_TYPES)
            if batch.count:
                overlap.hide(segment, batch)
                _add(gatherer, links, batch, segment.manifest.source.id)
                read += batch.count
            if progress is not None:
                progress(read)
        scene = _made(cls, gatherer, links)
        return choice.of(scene) if choice.any or host is not None else scene


_MANY_ROWS = 1_000_000  # from which on segments get new tables, so that memory does not grow with the store


def _add(gatherer: Gatherer, links: Links, batch: Batch, evidence: str) -> None:
    found = links.watch(batch, evidence)
    gatherer.add(batch, evidence, np.array(list(found), np.int64))
    links.note(batch, gatherer, found)


def _made(cls: type[Scene], gatherer: Gatherer, links: Links) -> Scene:
    gathered = gatherer.finish()
    processes, acts = processes_table(gatherer.lives), acts_table(gathered.acts, gatherer.texts)
    return cls(processes, acts, linking.gathered(links.table(gatherer, gathered), acts, processes))
