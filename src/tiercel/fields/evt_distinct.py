"""Arguments of many events, each distinct one rendered once.

What an argument shows follows from its bytes; for a path also from the directory it starts from. Descriptors, threads
and users are told by state, so those are left to be rendered event by event.
"""

from __future__ import annotations

import numpy as np

from tiercel.fields.evt_arguments import SIZES
from tiercel.fields.evt_columns import I64, numbers_at, text_ids
from tiercel.fields.evt_flags import renderer
from tiercel.fields.params_render import AT_FDCWD
from tiercel.fields.span_texts import intern_spans
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.state.distinct import grouped
from tiercel.wire.event_table import EVENTS, Param, ParamType

_BY_STATE = frozenset({ParamType.FD, ParamType.PID, ParamType.FD32, ParamType.PID32, ParamType.UID, ParamType.GID})
_PATHS = frozenset({ParamType.FSPATH, ParamType.FSRELPATH})
_UNSETTLED = -4
_NOWHERE = (1 << 31) - 1  # in place of a directory: the path is absolute
_NOBODY = _NOWHERE - 1  # the caller is unknown


def argument_ids(batch: Batch, indices: I64, ks: I64) -> I64:
    """Return the string numbers of parameter ``ks[n]`` of event ``indices[n]``; every event must have it."""
    values = np.full(len(indices), _UNSETTLED, np.int64)
    types = batch.types[indices]
    for number in np.flatnonzero(np.bincount(types, minlength=1)).tolist():
        at = np.flatnonzero(types == number)
        k = int(ks[at[0]])
        settled, keys = _keys(batch, indices[at], k, EVENTS[number].params[k])
        if len(settled):
            values[at[settled]] = _rendered(batch, indices[at[settled]], k, keys)
    rest = np.flatnonzero(values == _UNSETTLED)
    if len(rest):
        values[rest] = text_ids(batch, renderer(batch).arguments(indices[rest], ks[rest]))
    return values


def _rendered(batch: Batch, indices: I64, k: int, keys: I64) -> I64:
    first, inverse = grouped(keys)
    texts = renderer(batch).arguments(indices[first], np.full(len(first), k, np.int64))
    return text_ids(batch, texts)[inverse]


def _keys(batch: Batch, indices: I64, k: int, param: Param) -> tuple[I64, I64]:
    """Return which of these events of one type have an argument told by a key, and their keys."""
    j = batch.first[indices].astype(np.int64) + k
    start, length = batch.start[j].astype(np.int64), batch.length[j].astype(np.int64)
    if param.type in _PATHS:
        there = np.flatnonzero(length > 0)
        return _path_keys(batch, indices[there], start[there], length[there], param, there)
    if param.type is ParamType.CHARBUF:
        return np.arange(len(indices)), intern_spans(batch, start, length)
    size = SIZES.get(param.type)
    if size is None or param.type in _BY_STATE:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    whole = np.flatnonzero(length == size)
    return whole, numbers_at(batch, start[whole], size, signed=False)


def _path_keys(batch: Batch, indices: I64, start: I64, length: I64, param: Param, there: I64) -> tuple[I64, I64]:
    names = intern_spans(batch, start, length)
    absolute = numbers_at(batch, start, 1, signed=False) == ord("/")
    settled = np.ones(len(indices), bool)
    if param.dirfd >= 0:
        j = batch.first[indices].astype(np.int64) + param.dirfd
        sized = batch.length[j] == 8  # a parameter before this one: it is there
        here = np.ones(len(indices), bool)
        here[sized] = numbers_at(batch, batch.start[j[sized]].astype(np.int64), 8, signed=True) == AT_FDCWD
        settled = absolute | here
    processes = batch.process[indices].astype(np.int64)
    cwd = batch.tables.processes.array[processes, P.CWD]
    directories = np.where(absolute, _NOWHERE, np.where(processes >= 0, cwd, _NOBODY))
    chosen = np.flatnonzero(settled)
    return there[chosen], names[chosen] * (1 << 32) + directories[chosen]
