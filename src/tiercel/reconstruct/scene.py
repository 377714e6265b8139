"""A scene: what happened, as three Arrow tables."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

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
