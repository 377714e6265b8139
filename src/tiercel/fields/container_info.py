"""What is known of the container a process runs in, and fields made of it.

A process outside any container is in one called ``host``. A container whose metadata never arrived has an id and
nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.fields import steady
from tiercel.fields.bulk import I64, NOBODY
from tiercel.fields.model import Argument, Column, Field, Value, ValueType
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event
from tiercel.model.world import World
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

Info = dict[str, Any]
"""The ``container`` object of a container event."""

Reader = Callable[[Info, "str | int | None", World, int], "Value | None"]
"""Takes a container's metadata, the field's argument, the world and the event's number."""

HOST: Info = {"id": "host", "full_id": "host", "name": "host", "type": 0xFFFE}

_EMPTY = World()
_ASYNC_TEXT = 2
_TOLD_BY = {
    BY_CONSTANT["ASYNCEVENT_E"]: _ASYNC_TEXT,  # named in parameter 1
    BY_CONSTANT["CONTAINER_JSON_E"]: 0,
    BY_CONSTANT["CONTAINER_JSON_2_E"]: 0,
}
"""Events that tell of a container, and which parameter holds the JSON."""

TELLS = np.zeros(len(EVENTS), bool)
"""By event number, whether the event tells of a container."""
TELLS[list(_TOLD_BY)] = True

_ANNOUNCEMENTS = (b"container", b"container_removed")


def container_number(event: Event) -> int:
    """Return the string number of the caller's container id, -1 on the host."""
    return event.process_cell(P.CONTAINER)


def announced(event: Event) -> Info | None:
    """Return the metadata that a container event itself carries, None for other events."""
    text = _TOLD_BY.get(int(event.batch.types[event.index]))
    if text is None:
        return None
    if text == _ASYNC_TEXT and (event.param(1) or b"").rstrip(b"\0") not in _ANNOUNCEMENTS:
        return None
    try:
        info = json.loads((event.param(text) or b"").rstrip(b"\0"))["container"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return info if isinstance(info, dict) else None


def info_of(world: World, id: bytes, num: int) -> Info | None:
    """Return what was known of a container at event ``num``; an empty id is the host."""
    if not id:
        return HOST
    container = world.container(id, num)
    return None if container is None else dict(container.info)


def caller_info(event: Event) -> Info | None:
    """Return what was known of the caller's container at the event."""
    told = announced(event)
    if told is not None:
        return told
    if event.process < 0:
        return None
    return info_of(event.batch.world or _EMPTY, event.text(container_number(event)) or b"", event.num)


def encode(text: object) -> bytes:
    """Return a JSON text as the bytes it was made of, empty when it is no text."""
    if not isinstance(text, str):
        return b""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair, written as an escape
        return text.encode("utf-8", "replace")


def info_field(
    name: str,
    type: ValueType,
    read: Reader | None,
    summary: str,
    example: str,
    *,
    argument: Argument = Argument.NONE,
    index: bool = False,
    key: bool = False,
    deprecated: bool = False,
) -> Field:
    """Return a field read from the metadata of the caller's container, or never set with ``read`` None."""

    def row(event: Event, argument: str | int | None) -> Value | None:
        info = None if read is None else caller_info(event)
        return None if info is None or read is None else read(info, argument, event.batch.world or _EMPTY, event.num)

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        if read is None:
            return unset(indices, type)
        return _column(batch, indices, type, lambda event: row(event, argument))

    return Field(
        name,
        type,
        summary,
        example,
        row,
        bulk,
        argument,
        index=index,
        key=key,
        deprecated=deprecated,
        number_format="na",
        verbatim=True,
    )


def unset(indices: I64, type: ValueType) -> Column:
    """Return a column without any value."""
    if type is ValueType.CHARBUF:
        return Column(np.full(len(indices), -1, np.int64), text=True)
    return Column(np.zeros(len(indices), bool), valid=np.zeros(len(indices), bool))


def _column(batch: Batch, indices: I64, type: ValueType, read: Callable[[Event], Value | None]) -> Column:
    """Evaluate ``read`` once for each group of events that must have the same value, and spread it over them."""
    groups, firsts = _groups(batch, indices)
    values = [read(Event(batch, first)) for first in firsts]
    if type is ValueType.BOOL:
        flags = np.array([bool(value) for value in values], bool)
        return Column(flags[groups], valid=np.array([value is not None for value in values], bool)[groups])
    numbers = np.array(
        [batch.tables.strings.intern(value) if isinstance(value, bytes) else -1 for value in values], np.int64
    )
    return Column(numbers[groups], text=True)


_NO_CALLER = -2


def _moments(batch: Batch) -> NDArray[np.uint64]:
    """Return the numbers of the events of the batch at which anything new became known of a container, in order.

    A container that is told of again, with nothing changed, is no news. What was told before the batch is the same for
    all of its events, and a host that has been watched for long has been told much.
    """
    known: NDArray[np.uint64] | None = batch.derived.get("container moments")
    if known is None:
        world, first = batch.world or _EMPTY, int(batch.num[0]) if batch.count else 0
        since: set[int] = set()
        if not 0 <= world.told < first:
            fresh = [told for told in world.containers.values() if told and told[-1].since >= first]
            since.update(told[0].since for told in fresh)
            since.update(now.since for told in fresh for before, now in pairwise(told) if now.info != before.info)
        known = batch.derived["container moments"] = np.array(sorted(since), np.uint64)
    return known


def _groups(batch: Batch, indices: I64) -> tuple[I64, list[int]]:
    """Return, for each event, the number of its group, and for each group the index of one of its events.

    A group is the events of one container between two moments at which anything new became known of a container.
    """
    callers = steady.callers(batch)
    rows = batch.process[callers.first]
    containers = np.where(rows < 0, _NO_CALLER, batch.tables.processes.array[rows, P.CONTAINER])
    distinct, of_caller = np.unique(containers, return_inverse=True)
    keys = of_caller.reshape(-1)[callers.place[indices]]
    nums = batch.num[indices]
    moments = _moments(batch)
    if len(nums):
        first, last = np.searchsorted(moments, np.array([nums.min(), nums.max()]), side="right").tolist()
        moments = moments[first:last]
    if len(moments):
        periods = np.searchsorted(moments, nums, side="right")
        keys = keys * (len(moments) + 1) + periods
    count = len(distinct) * (len(moments) + 1)
    own = np.flatnonzero(TELLS[batch.types[indices]])
    keys[own] = count + np.arange(len(own))
    firsts = np.full(count + len(own), NOBODY, np.int64)
    firsts[keys[::-1]] = indices[::-1]
    used = firsts != NOBODY
    numbers = np.cumsum(used) - 1
    return numbers[keys], firsts[used].tolist()
