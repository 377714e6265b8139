"""What finding acts in a batch yields, and reading what it needs of the events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.catalogue import FIELDS
from tiercel.fields.evt_columns import I64, Mask, text_ids
from tiercel.fields.evt_flags import results
from tiercel.fields.params_names import ERRORS
from tiercel.model.batch import Batch
from tiercel.wire.event_table import BY_CONSTANT

NONE = np.iinfo(np.int64).min
"""Stands for no number in a column of numbers."""

DENIED = (-1, -13, -30)
"""Results that say a call was not allowed: EPERM, EACCES, EROFS."""


@dataclass(slots=True)
class Ends:
    """The two ends of sockets, a value per act: string numbers of raw addresses (-1: none), ports (NONE: none)."""

    laddr: I64
    lport: I64
    raddr: I64
    rport: I64
    proto: I64  # string number


@dataclass(slots=True)
class Found:
    """Acts of one kind found in a batch, in order. Texts are string numbers of the batch, -1 for none.

    Columns left out are: no text, result 0, succeeded, no inode, no bytes, one event per act.
    """

    kind: str
    at: I64  # index of the event, of the first one where an act stands for several
    object: I64 | None = None
    target: I64 | None = None
    detail: I64 | None = None
    res: I64 | None = None
    ok: Mask | None = None
    inode: I64 | None = None
    bytes: I64 | None = None
    count: I64 | None = None
    last: I64 | None = None  # index of the last event
    ends: Ends | None = None
    merge: bool = False  # acts that are alike become one
    process: I64 | None = None  # process rows, where it is not the caller who acts


Finder = Callable[[Batch, I64], Iterable[Found]]
"""Takes a batch and the indices of the events of its types, in order."""


def types(*constants: str) -> frozenset[int]:
    """Return the numbers of event types."""
    return frozenset(BY_CONSTANT[constant] for constant in constants)


def of_types(batch: Batch, at: I64, numbers: frozenset[int]) -> I64:
    """Return those of the events that are of these types."""
    return at[np.isin(batch.types[at], list(numbers))]


def texts(batch: Batch, at: I64, field: str, argument: str | None = None) -> I64:
    """Return the string numbers of a text field, -1 where it has no value."""
    getter = FIELDS[field].bulk
    assert getter is not None
    return getter(batch, at, argument).values.astype(np.int64)


def numbers(batch: Batch, at: I64, name: str, missing: int = 0) -> I64:
    """Return a parameter as numbers."""
    getter = FIELDS["evt.rawarg"].bulk
    assert getter is not None
    column = getter(batch, at, name)
    values = column.values.view(np.int64) if column.values.dtype == np.uint64 else column.values.astype(np.int64)
    return values if column.valid is None else np.where(column.valid, values, missing)


def result(batch: Batch, at: I64) -> I64:
    """Return what the calls returned, 0 for those that return nothing."""
    values, there = results(batch, at)
    return np.where(there, values, 0)


def each(batch: Batch, values: I64, text: Callable[[int], str | None]) -> I64:
    """Return the string numbers of a text made of each number, made once per distinct one."""
    distinct, inverse = np.unique(values, return_inverse=True)
    made = [text(value) for value in distinct.tolist()]
    return text_ids(batch, [None if t is None else t.encode() for t in made])[inverse.reshape(-1)]


def made(batch: Batch, values: Iterable[str | bytes | None]) -> I64:
    """Return the string numbers of texts."""
    return text_ids(batch, [value.encode() if isinstance(value, str) else value for value in values])


def error(res: int) -> str:
    """Return the name of a negative result."""
    return ERRORS.get(-res, b"error %d" % -res).decode()


def denied(res: I64) -> NDArray[np.bool_]:
    return np.isin(res, DENIED)


def constant(batch: Batch, count: int, text: str) -> I64:
    return np.full(count, batch.tables.strings.intern(text.encode()), np.int64)
