"""Choosing a part of a scene: a stretch of time, a container, a pod."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tiercel.fields.evt_columns import I64, Mask
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.reconstruct.acts.found import texts
from tiercel.reconstruct.schema import ALERTS, PROCESSES

if TYPE_CHECKING:
    from tiercel.reconstruct.scene import Scene


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for; None is everything. Times in ns since epoch, ``until`` is not within."""

    since: int | None = None
    until: int | None = None
    container: str | None = None  # an id, how it begins, or a name
    pod: str | None = None  # a name, or namespace/name

    @property
    def any(self) -> bool:
        """Whether anything is left out."""
        return any(asked is not None for asked in (self.since, self.until, self.container, self.pod))

    def events(self, batch: Batch, at: I64) -> Mask:
        """Return which of these events are within."""
        times = batch.ts[at].view(np.int64)
        chosen = np.ones(len(at), np.bool_)
        if self.since is not None:
            chosen &= times >= self.since
        if self.until is not None:
            chosen &= times < self.until
        if self.container is not None:
            chosen &= self._in_container(batch, at)
        if self.pod is not None:
            chosen &= self._in_pod(batch, at)
        return chosen

    def _in_pod(self, batch: Batch, at: I64) -> Mask:
        namespace, _, name = (self.pod or "").rpartition("/")
        intern = batch.tables.strings.intern
        chosen: Mask = texts(batch, at, "k8s.pod.name") == intern(name.encode())
        if namespace:
            chosen &= texts(batch, at, "k8s.ns.name") == intern(namespace.encode())
        return chosen

    def _in_container(self, batch: Batch, at: I64) -> Mask:
        asked = (self.container or "").encode()
        processes = batch.process[at]
        containers = np.where(processes >= 0, batch.tables.processes.array[processes, P.CONTAINER], -1)
        distinct, inverse = np.unique(containers, return_inverse=True)
        ids = [batch.tables.strings.get(number) or b"" for number in distinct.tolist()]
        chosen: Mask = np.array([bool(id) and id.startswith(asked) for id in ids], np.bool_)[inverse.reshape(-1)]
        chosen |= texts(batch, at, "container.name") == batch.tables.strings.intern(asked)
        return chosen

    def of(self, scene: Scene) -> Scene:
        """Return a scene with the alerts that are within, and just the processes its acts and alerts are about."""
        processes, acts = scene.processes.to_pylist(), scene.acts
        kept = [alert for alert in scene.alerts.to_pylist() if self._has(alert, processes)]
        wanted = {number for number in acts["process"].to_pylist() if number is not None}
        wanted |= {alert["process"] for alert in kept if alert["process"] is not None}
        for number in list(wanted):
            parent = processes[number]["parent"]
            while parent is not None and parent not in wanted:
                wanted.add(parent)
                parent = processes[parent]["parent"]
        order = sorted(wanted)
        numbers = {old: new for new, old in enumerate(order)}
        for old in order:
            row = processes[old]
            row["process"], row["parent"] = numbers[old], numbers.get(row["parent"])
        for new, alert in enumerate(kept):
            alert["alert"], alert["process"] = new, numbers.get(alert["process"])
        column: Any = pa.array([numbers.get(old) for old in acts["process"].to_pylist()], pa.int64())
        return type(scene)(
            pa.Table.from_pylist([processes[old] for old in order], schema=PROCESSES),
            acts.set_column(acts.schema.get_field_index("process"), acts.schema.field("process"), column),
            pa.Table.from_pylist(kept, schema=ALERTS),
        )

    def _has(self, alert: dict[str, Any], processes: list[dict[str, Any]]) -> bool:
        ts = alert["ts"]
        if ts is None or (self.since is not None and ts < self.since) or (self.until is not None and ts >= self.until):
            return False
        if self.container is None and self.pod is None:
            return True
        try:
            fields = json.loads(alert["output_fields"] or "{}")
        except (ValueError, RecursionError):
            fields = {}
        process = processes[alert["process"]] if alert["process"] is not None else {}
        fields = fields if isinstance(fields, dict) else {}
        id, name = (
            (process.get(own) or fields.get(told) or "")
            for own, told in (("container", "container.id"), ("container_name", "container.name"))
        )
        if self.container is not None and not (id and str(id).startswith(self.container)) and name != self.container:
            return False
        namespace, _, name = (self.pod or "").rpartition("/")
        own = process.get("namespace") or fields.get("k8s.ns.name")
        return self.pod is None or (name in (process.get("pod"), fields.get("k8s.pod.name")) and namespace in ("", own))
