"""Building columns of the event and descriptor fields: tables by event type, numbers out of parameters, rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.model import BulkGetter, Column, RowGetter, Value
from tiercel.fields.span_texts import compiled, intern_spans
from tiercel.model.batch import Batch
from tiercel.model.event import Event

I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]
Argument = str | int | None


def first_value(column: Column, batch: Batch) -> Value | None:
    """Return the value of a column over one event."""
    if column.valid is not None and not column.valid[0]:
        return None
    values: list[Any] = column.values.tolist()
    if column.text:
        texts = [batch.tables.strings.get(number) for number in values]
        return [text for text in texts if text is not None] if column.offsets is not None else texts[0]
    if column.offsets is not None:
        return values
    value: Value = values[0]
    return value


def row_of(bulk: BulkGetter) -> RowGetter:
    """Return the row getter that follows from a bulk getter."""

    def row(event: Event, argument: Argument) -> Value | None:
        return first_value(bulk(event.batch, np.array([event.index], np.int64), argument), event.batch)

    return row


def by_type(values: Sequence[Any] | Mask, dtype: Any) -> BulkGetter:
    """Return the getter of a number or truth that follows from the event type alone."""
    table = np.array(values, dtype)

    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        return Column(table[batch.types[indices]])

    return bulk


class TypeTexts:
    """A text that follows from the event type alone, None for no value."""

    def __init__(self, texts: Sequence[bytes | None]) -> None:
        self.texts = list(texts)

    def ids(self, batch: Batch) -> I64:
        """Return the string number for each event type."""
        tables = batch.tables
        known = tables.derived.get(self)
        if known is None or known[0] != tables.epoch:
            numbers = [-1 if text is None else tables.strings.intern(text) for text in self.texts]
            known = tables.derived[self] = (tables.epoch, np.array(numbers, np.int64))
        ids: I64 = known[1]
        return ids

    def bulk(self, batch: Batch, indices: I64, argument: Argument) -> Column:
        return Column(self.ids(batch)[batch.types[indices]], text=True)

    def row(self, event: Event, argument: Argument) -> Value | None:
        return self.texts[int(event.batch.types[event.index])]


def constant(text: bytes | None) -> tuple[RowGetter, BulkGetter]:
    """Return the getters of a text that is always the same."""

    def row(event: Event, argument: Argument) -> Value | None:
        return text

    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        number = -1 if text is None else batch.tables.strings.intern(text)
        return Column(np.full(len(indices), number, np.int64), text=True)

    return row, bulk


def numbers_at(batch: Batch, starts: I64, size: int, signed: bool) -> I64:
    """Return the little-endian numbers of ``size`` bytes that start at these offsets of the batch's data."""
    if not len(starts):
        return np.zeros(0, np.int64)
    window: NDArray[Any] = np.ndarray(
        (len(batch.data) - size + 1,), f"<{'i' if signed else 'u'}{size}", batch.data, strides=(1,)
    )
    found = window[starts]
    return found.view(np.int64) if size == 8 else found.astype(np.int64)


def spans(batch: Batch, indices: I64, positions: NDArray[np.int16]) -> tuple[I64, I64, Mask]:
    """Return start, length and presence of the parameter that ``positions`` names for each event type, -1 for none."""
    kernels = compiled()
    if kernels is not None:
        count = len(indices)
        start, length, found = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.uint8)
        columns = batch.first, batch.start, batch.length, batch.types
        kernels.spans(*columns, positions, indices, start, length, found)
        return start, length, found.view(np.bool_)
    k = positions[batch.types[indices]].astype(np.int64)
    j = batch.first[indices] + k
    there = (k >= 0) & (j < batch.first[indices + 1])
    j = np.where(there, j, 0)
    if not len(batch.start):
        nothing = np.zeros(len(indices), np.int64)
        return nothing, nothing, there
    return batch.start[j].astype(np.int64), batch.length[j].astype(np.int64), there


def integers(batch: Batch, indices: I64, positions: NDArray[np.int16], size: int, signed: bool) -> tuple[I64, Mask]:
    """Return such a parameter as numbers, and where it is there with that size."""
    kernels = compiled()
    if kernels is not None and len(batch.data):
        numbers, found = np.empty(len(indices), np.int64), np.empty(len(indices), np.uint8)
        columns = batch.first, batch.start, batch.length, batch.types
        kernels.integers(*columns, positions, indices, batch.data, size, signed, numbers, found)
        return numbers, found.view(np.bool_)
    start, length, there = spans(batch, indices, positions)
    there &= length == size
    values = np.zeros(len(indices), np.int64)
    values[there] = numbers_at(batch, start[there], size, signed)
    return values, there


def interned(batch: Batch, start: I64, length: I64) -> I64:
    """Return the string numbers of these stretches of the batch's data."""
    return intern_spans(batch, start, length)


def unsigned(values: I64) -> NDArray[np.uint64]:
    return values.view(np.uint64)


def text_ids(batch: Batch, texts: list[bytes | None]) -> I64:
    """Return the string numbers of texts."""
    intern = batch.tables.strings.intern
    return np.array([-1 if text is None else intern(text) for text in texts], np.int64)


def per_event(function: Callable[[Event, Argument], bytes | None], types: Mask) -> tuple[RowGetter, BulkGetter]:
    """Return the getters of a text that has to be made event by event; only events of these types have one."""

    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        values = np.full(len(indices), -1, np.int64)
        chosen = types[batch.types[indices]]
        values[chosen] = text_ids(batch, [function(Event(batch, i), argument) for i in indices[chosen].tolist()])
        return Column(values, text=True)

    return function, bulk


def joined(*groups: dict[str, tuple[RowGetter, BulkGetter]]) -> tuple[dict[str, RowGetter], dict[str, BulkGetter]]:
    """Return the row and the bulk getters of fields by name."""
    every = {name: getters for group in groups for name, getters in group.items()}
    return {name: pair[0] for name, pair in every.items()}, {name: pair[1] for name, pair in every.items()}


def both(bulk: BulkGetter) -> tuple[RowGetter, BulkGetter]:
    """Return the getters of a field whose row getter asks the bulk getter."""
    return row_of(bulk), bulk
