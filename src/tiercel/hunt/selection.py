"""Which part of a store is hunted through."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.catalogue import FIELDS
from tiercel.model.batch import Batch
from tiercel.rules.syntax import And, Check, FieldRef, Node, Operator, Or
from tiercel.store.manifest import Manifest
from tiercel.store.segment import Segment
from tiercel.store.store import Store


@dataclass(frozen=True, slots=True)
class Selection:
    """What to look at; None leaves a side open.

    ``since`` and ``until`` are ns since the epoch: events from ``since`` on and before ``until``. ``container`` is a
    container's name or the beginning of its id, ``pod`` a pod's name or ``namespace/name``, ``evidence`` an id.
    """

    since: int | None = None
    until: int | None = None
    host: str | None = None
    container: str | None = None
    pod: str | None = None
    evidence: str | None = None

    def segments(
        self, store: Store, types: Collection[int] | None, where: Callable[[Manifest], bool] | None = None
    ) -> list[Segment]:
        """Return the segments that may hold such events, in order of host and time.

        ``where`` leaves out more of them by their manifests.

        Raises:
            InputError: a manifest cannot be read.
        """
        return store.segments(
            since=self.since,
            until=self.until,
            host=self.host,
            container=self.container,
            pod=None if self.pod is None else self.pod.rpartition("/")[2],
            types=types,
            evidence=self.evidence,
            where=where,
        )

    def node(self) -> Node | None:
        """Return the condition that events are of this container and pod, None when they may be of any."""
        nodes: list[Node] = []
        if self.container is not None:
            text = self.container.encode()
            nodes.append(
                Or(
                    (
                        _check("container.name", Operator.EQ, text),
                        _check("container.id", Operator.STARTSWITH, text),
                        _check("container.full_id", Operator.STARTSWITH, text),
                    )
                )
            )
        if self.pod is not None:
            namespace, _, name = self.pod.rpartition("/")
            nodes.append(_check("k8s.pod.name", Operator.EQ, name.encode()))
            if namespace:
                nodes.append(_check("k8s.ns.name", Operator.EQ, namespace.encode()))
        return And(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None

    def inside(self, batch: Batch) -> NDArray[np.bool_] | None:
        """Return which events lie in the time asked for; None when it has no bounds."""
        if self.since is None and self.until is None:
            return None
        chosen = np.ones(batch.count, bool)
        if self.since is not None:
            chosen &= batch.ts >= np.uint64(max(self.since, 0))
        if self.until is not None:
            chosen &= batch.ts < np.uint64(max(self.until, 0))
        return chosen


def _check(field: str, operator: Operator, value: bytes) -> Check:
    return Check(FieldRef(FIELDS[field], None), operator, (value,))
