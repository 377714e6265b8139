"""Values of the fields that every event has: its number, its time, its source."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.evt_columns import I64, Argument, TypeTexts, both, by_type, constant, joined, per_event
from tiercel.fields.model import BulkGetter, Column, RowGetter, Value
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

SECOND = 1_000_000_000

METAEVENT = np.array([event.source == "METAEVENT" for event in EVENTS])
"""Whether events of each type are raised on the side, by no system call."""

ASYNC = BY_CONSTANT["ASYNCEVENT_E"]


def _local(second: int, date: bool) -> bytes:
    try:
        local = time.localtime(second)
    except (OverflowError, OSError, ValueError):
        return b"<date error> "
    text = b"%02d:%02d:%02d" % (local.tm_hour, local.tm_min, local.tm_sec)
    return b"%04d-%02d-%02d " % (local.tm_year, local.tm_mon, local.tm_mday) + text if date else text


def _utc(second: int) -> bytes:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
    except (OverflowError, OSError, ValueError):
        return b"1970-01-01T00:00:00"


def iso8601(ts: int) -> bytes:
    """Return a time in ns since the epoch as ISO 8601 in UTC, with nine decimals."""
    return b"%s.%09d+0000" % (_utc(ts // SECOND), ts % SECOND)


def _timed(head: Callable[[int], bytes], tail: bytes) -> tuple[RowGetter, BulkGetter]:
    """Return the getters of a time: ``head`` renders the second, ``tail`` the nanoseconds, empty to leave them out."""

    def row(event: Event, argument: Argument) -> Value | None:
        second, rest = divmod(event.ts, SECOND)
        return head(second) + tail % rest if tail else head(second)

    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        seconds, rests = np.divmod(batch.ts[indices], np.uint64(SECOND))
        distinct, inverse = np.unique(seconds, return_inverse=True)
        heads = [head(second) for second in distinct.tolist()]
        intern = batch.tables.strings.intern
        if not tail:
            return Column(np.array([intern(text) for text in heads], np.int64)[inverse], text=True)
        pairs = zip(inverse.tolist(), rests.tolist(), strict=True)
        return Column(np.array([intern(heads[n] + tail % rest) for n, rest in pairs], np.int64), text=True)

    return row, bulk


def _numbers(
    get: Callable[[Batch, I64], NDArray[Any]], change: Callable[[Any], Any] | None = None
) -> tuple[RowGetter, BulkGetter]:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        values = get(batch, indices)
        return Column(values if change is None else change(values))

    return both(bulk)


def _num(batch: Batch, indices: I64) -> NDArray[np.uint64]:
    return batch.num[indices]


def _ts(batch: Batch, indices: I64) -> NDArray[np.uint64]:
    return batch.ts[indices]


def _reltime(batch: Batch, indices: I64) -> NDArray[np.uint64]:
    """Time since the first event that is no metaevent; metaevents before that one have the time since the epoch."""
    ts, first = batch.ts[indices], np.uint64(batch.first_ts)
    early = METAEVENT[batch.types[indices]] & (ts < first)
    return np.where(early, ts, ts - first)


def _async_name(event: Event) -> bytes | None:
    name = event.param(1)
    return b"<NA>" if not name else name.partition(b"\0")[0]


def _asynctype(event: Event, argument: Argument) -> bytes | None:
    kind = int(event.batch.types[event.index])
    if not METAEVENT[kind]:
        return None
    return _async_name(event) if kind == ASYNC else EVENTS[kind].name.encode()


def _hostname(event: Event, argument: Argument) -> bytes | None:
    world = event.batch.world
    return None if world is None else world.machine.hostname.encode()


def _hostname_bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
    number = -1 if batch.world is None else batch.tables.strings.intern(batch.world.machine.hostname.encode())
    return Column(np.full(len(indices), number, np.int64), text=True)


def live_hostname() -> str:
    """Return the name that a live host goes by: the variable FALCO_HOSTNAME, or else the host's own."""
    return os.environ.get("FALCO_HOSTNAME") or os.uname().nodename


_SOURCE = TypeTexts([None if event.source == "PLUGIN" else b"syscall" for event in EVENTS])
_SECOND = np.uint64(SECOND)

ROW, BULK = joined(
    {
        "evt.num": (lambda event, argument: event.num, _numbers(_num)[1]),
        "evt.time": _timed(lambda second: _local(second, False), b".%09d"),
        "evt.time.s": _timed(lambda second: _local(second, False), b""),
        "evt.time.iso8601": _timed(_utc, b".%09d+0000"),
        "evt.datetime": _timed(lambda second: _local(second, True), b".%09d"),
        "evt.datetime.s": _timed(lambda second: _local(second, True), b""),
        "evt.rawtime": (lambda event, argument: event.ts, _numbers(_ts)[1]),
        "evt.rawtime.s": _numbers(_ts, lambda ts: ts // _SECOND),
        "evt.rawtime.ns": _numbers(_ts, lambda ts: ts % _SECOND),
        "evt.reltime": _numbers(_reltime),
        "evt.reltime.s": _numbers(_reltime, lambda ts: ts // _SECOND),
        "evt.reltime.ns": _numbers(_reltime, lambda ts: ts % _SECOND),
        "evt.pluginname": constant(None),
        "evt.plugininfo": constant(None),
        "evt.source": (_SOURCE.row, _SOURCE.bulk),
        "evt.is_async": both(by_type(METAEVENT, np.bool_)),
        "evt.asynctype": per_event(_asynctype, METAEVENT),
        "evt.hostname": (_hostname, _hostname_bulk),
    }
)
"""Row and bulk getters by field name."""
