"""The values that fields can have in a segment, taken from what is to be stored of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.container import labels
from tiercel.fields.container_info import HOST, Info, encode
from tiercel.model.columns import P
from tiercel.model.world import World
from tiercel.store.people import NAMESPACE_LABEL, POD_LABEL, told_from
from tiercel.store.values import CONTAINER, EXEPATH, NAME

MOST = 4_096
"""Most values of a field that are listed."""

MOST_BYTES = 64 << 10
"""Most bytes that the listed values of a field have together."""

_PROCESS = {NAME: P.COMM, EXEPATH: P.EXEPATH}


def _text(key: str) -> Callable[[Info], bytes | None]:
    return lambda info: encode(info.get(key, ""))


def _label(key: str) -> Callable[[Info], bytes | None]:
    return lambda info: None if (text := labels(info).get(key)) is None else encode(text)


_CONTAINER: dict[str, Callable[[Info], bytes | None]] = {
    "container.full_id": _text("full_id"),
    "container.name": _text("name"),
    "container.image": _text("image"),
    "container.image.repository": _text("imagerepo"),
    "k8s.pod.name": _label(POD_LABEL),
    "k8s.ns.name": _label(NAMESPACE_LABEL),
}


def values(
    cells: NDArray[np.int64], strings: list[bytes], world: World | None, since: int
) -> dict[str, frozenset[bytes]]:
    """Return the values of a segment's events.

    Args:
        cells: its rows of processes, shape (rows, columns).
        strings: the strings that they refer to by number.
        since: number of the first event.
    """
    found = {
        name: [strings[number] for number in np.unique(cells[:, column]).tolist() if number >= 0]
        for name, column in _PROCESS.items()
    }
    containers = np.unique(cells[:, P.CONTAINER]).tolist()
    ids = {strings[number] for number in containers if number > 0}
    infos: list[dict[str, Any]] = [HOST] if any(number <= 0 for number in containers) else []
    found[CONTAINER] = [*ids, *(b"host" for _ in infos)]
    if world is not None:
        infos += [version.info for version in told_from(world, since) if version.id in ids]
    for name, read in _CONTAINER.items():
        found[name] = [value for value in map(read, infos) if value is not None]
    return {name: listed for name, texts in found.items() if (listed := _capped(texts)) is not None}


def _capped(texts: Iterable[bytes]) -> frozenset[bytes] | None:
    distinct = frozenset(texts)
    return distinct if len(distinct) <= MOST and sum(map(len, distinct)) <= MOST_BYTES else None
