"""A scene: what happened, as three Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from tiercel.model.batch import Batch
from tiercel.outputs.alert import Alert
from tiercel.reconstruct.alerts import Links, rows_of
from tiercel.reconstruct.columns import acts_table, processes_table
from tiercel.reconstruct.gather import Gatherer
from tiercel.reconstruct.schema import ACTS, ALERTS, PROCESSES, empty


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


def _add(gatherer: Gatherer, links: Links, batch: Batch, evidence: str) -> None:
    found = links.watch(batch, evidence)
    gatherer.add(batch, evidence, np.array(list(found), np.int64))
    links.note(batch, gatherer, found)


def _made(cls: type[Scene], gatherer: Gatherer, links: Links) -> Scene:
    gathered = gatherer.finish()
    alerts = links.table(gatherer, gathered)
    return cls(processes_table(gatherer.lives), acts_table(gathered.acts, gatherer.texts), alerts)
