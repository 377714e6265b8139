"""Operands and checks over whole columns.

A predicate on text runs once per distinct string: its verdicts are kept in a table indexed by string number and
gathered. Numbers are compared as arrays. Where an operand has no column form the row getter fills in, event by event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.engine.compare import Matcher, effective, matcher, needs_all_elements, operand_is_list, operand_type
from tiercel.engine.row import compare_values, getter, several
from tiercel.fields.fd_rows import TextMap
from tiercel.fields.model import BulkGetter, Column, Field, ValueType
from tiercel.model.batch import Batch, Tables
from tiercel.model.event import Event
from tiercel.rules.syntax import Check, FieldRef, Operand, Operator, Transform
from tiercel.rules.transformers import apply
from tiercel.state.distinct import distinct

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
ColumnGetter = Callable[[Batch, Indices], Column]
MaskGetter = Callable[[Batch, Indices], Mask]

_PER_TEXT = frozenset({"tolower", "toupper", "b64", "basename"})  # text to text, one argument

_ARRAY_COMPARE: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQ: np.equal,
    Operator.EQ2: np.equal,
    Operator.NE: np.not_equal,
    Operator.LT: np.less,
    Operator.LE: np.less_equal,
    Operator.GT: np.greater,
    Operator.GE: np.greater_equal,
}


class Verdicts:
    """Verdicts of one predicate over interned strings, kept as long as the strings keep their numbers.

    ``match`` takes a string, or None for no value. The last place of the table is that of number -1, no value.
    """

    UNKNOWN, NO, YES = 0, 1, 2

    def __init__(self, match: Callable[[bytes | None], bool]) -> None:
        self.match = match
        self.epoch = -1
        self.table = np.zeros(1, np.int8)

    def __call__(self, tables: Tables, ids: NDArray[np.int64]) -> Mask:
        """Return, for each string number, whether the predicate holds."""
        size = len(tables.strings) + 1
        if tables.epoch != self.epoch or len(self.table) < size:
            self._resize(tables, size)
        found = self.table[ids]
        if len(found) and found.min() == self.UNKNOWN:
            values, match = tables.strings.values, self.match
            fresh = distinct_below(ids[found == self.UNKNOWN], size)
            self.table[fresh] = [self.YES if match(values[i]) else self.NO for i in fresh.tolist()]
            found = self.table[ids]
        return np.asarray(found == self.YES)

    def _resize(self, tables: Tables, size: int) -> None:
        table = np.zeros(size, np.int8)
        if tables.epoch == self.epoch:
            table = np.zeros(max(size, 2 * len(self.table)), np.int8)
            table[: len(self.table) - 1] = self.table[:-1]
        self.epoch = tables.epoch
        table[-1] = self.YES if self.match(None) else self.NO
        self.table = table


def distinct_below(numbers: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the distinct numbers, all from 0 up to ``size``."""
    if size > 8 * len(numbers):
        return distinct(numbers)
    there = np.zeros(size, bool)
    there[numbers] = True
    return np.flatnonzero(there)


class Whole:
    """A column over a whole batch, once enough of it has been asked for piecemeal."""

    def __init__(self) -> None:
        self.asked = 0
        self.column: Column | None = None


class FieldColumn:
    """Takes a field's column from a batch.

    Rules ask for the same field over many overlapping selections. When what was asked for adds up to the size of the
    batch, the whole column is made and kept with the batch; from then on a selection is one gather.
    """

    def __init__(self, field: Field, bulk: BulkGetter, argument: str | int | None) -> None:
        self.key = "column", field.name, argument
        self.bulk, self.argument = bulk, argument

    def __call__(self, batch: Batch, indices: Indices) -> Column:
        whole = batch.derived.get(self.key)
        if whole is None:
            whole = batch.derived[self.key] = Whole()
        if whole.column is None:
            whole.asked += len(indices)
            column = None
            if whole.asked > batch.count:
                column = self.bulk(batch, np.arange(batch.count), self.argument)
            if column is None or column.offsets is not None:
                return self.bulk(batch, indices, self.argument)
            whole.column = column
        kept: Column = whole.column
        valid = None if kept.valid is None else kept.valid[indices]
        return Column(kept.values[indices], text=kept.text, valid=valid)


def column_getter(operand: Operand) -> ColumnGetter | None:
    """Return the function that takes the operand's column, None when it only has a row form."""
    if isinstance(operand, FieldRef):
        bulk = operand.field.bulk
        return None if bulk is None else FieldColumn(operand.field, bulk, operand.argument)
    return _transform_column(operand)


def _transform_column(operand: Transform) -> ColumnGetter | None:
    first = operand.arguments[0]
    if operand.name not in _PER_TEXT or not isinstance(first, FieldRef | Transform):
        return None
    inner = column_getter(first)
    if inner is None or operand_is_list(first) or operand_type(first) is not ValueType.CHARBUF:
        return None
    name = operand.name

    def transformed(text: bytes) -> bytes | None:
        result = apply(name, [text], None)
        return result if isinstance(result, bytes) else None

    mapped = TextMap(transformed)

    def get(batch: Batch, indices: Indices) -> Column:
        column = inner(batch, indices)
        return Column(mapped.many(batch.tables, column.values), text=True, offsets=column.offsets)

    return get


def present(column: Column) -> Mask:
    """Return where a column has a value."""
    if column.offsets is not None:
        return np.ones(len(column.offsets) - 1, bool) if column.valid is None else column.valid
    if column.text:
        return np.asarray(column.values >= 0)
    return np.ones(len(column.values), bool) if column.valid is None else column.valid


def present_only(match: Matcher) -> Callable[[bytes | None], bool]:
    """Return the matcher as one that also takes None, for which it never holds."""
    return lambda value: value is not None and match(value)


def _row_mask(check: Check) -> MaskGetter:
    """A check that has to look at events one at a time."""
    left, right = getter(check.left), None if check.right is None else getter(check.right)
    match = None if check.right is not None else matcher(check)
    every = needs_all_elements(check)

    def holds(event: Event) -> bool:
        value = left(event)
        if value is None:
            return False
        if right is not None:
            other = right(event)
            return other is not None and compare_values(check, value, other)
        assert match is not None
        return several(match, value, every) if isinstance(value, list) else match(value)

    return lambda batch, indices: np.fromiter((holds(Event(batch, i)) for i in indices.tolist()), bool, len(indices))


def _elements(column: Column, flat: Mask, every: bool) -> Mask:
    """Fold the verdicts on the elements of list values into one per event."""
    offsets = column.offsets
    assert offsets is not None
    hits = np.concatenate(([0], np.cumsum(flat)))
    count = hits[offsets[1:]] - hits[offsets[:-1]]
    folded = count == np.diff(offsets) if every else count > 0
    return np.asarray(folded if column.valid is None else folded & column.valid)


def _array_values(check: Check) -> Callable[[NDArray[Any]], Mask] | None:
    """Return an array comparison for numbers and booleans, None when the check needs its matcher."""
    if check.modifier is not None or any(isinstance(value, bytes | tuple) for value in check.values):
        return None
    if check.operator in (Operator.IN, Operator.INTERSECTS):
        members = list(check.values)
        if len(members) <= 4:
            return lambda values: np.logical_or.reduce([values == m for m in members] or [np.zeros(len(values), bool)])
        array = np.array(members)
        return lambda values: np.isin(values, array)
    if check.operator in _ARRAY_COMPARE and check.values:
        compare, value = _ARRAY_COMPARE[check.operator], check.values[0]
        return lambda values: np.asarray(compare(values, value))
    return None


def _column_mask(check: Check, get: ColumnGetter) -> MaskGetter:
    match = matcher(check)
    verdicts, arrays, every = Verdicts(present_only(match)), _array_values(check), needs_all_elements(check)

    def mask(batch: Batch, indices: Indices) -> Mask:
        column = get(batch, indices)
        if column.text:
            flat = verdicts(batch.tables, column.values)
        elif arrays is not None:
            flat = arrays(column.values)
        else:
            flat = np.fromiter((match(value) for value in column.values.tolist()), bool, len(column.values))
        if column.offsets is not None:
            return _elements(column, flat, every)
        return flat if column.text or column.valid is None else flat & column.valid

    return mask


def _field_to_field(check: Check, left: ColumnGetter, right: ColumnGetter) -> MaskGetter | None:
    """``left = val(right)`` on columns: interned texts are equal when their numbers are."""
    compare = _ARRAY_COMPARE.get(check.operator)
    if compare is None or operand_is_list(check.left):
        return None
    text = operand_type(check.left) in (ValueType.CHARBUF, ValueType.IPADDR, ValueType.BYTEBUF)
    if text and check.operator not in (Operator.EQ, Operator.EQ2, Operator.NE):
        return None

    def mask(batch: Batch, indices: Indices) -> Mask:
        mine, other = left(batch, indices), right(batch, indices)
        return np.asarray(compare(mine.values, other.values) & present(mine) & present(other))

    return mask


def check_mask(check: Check) -> MaskGetter:
    """Return the function that evaluates a check over the events at the given indices of a batch.

    Raises:
        ValueError: a right-hand value cannot be used.
    """
    check = effective(check)
    get = column_getter(check.left)
    if get is None:
        return _row_mask(check)
    if check.operator is Operator.EXISTS:
        return lambda batch, indices: present(get(batch, indices))
    if check.right is not None:
        right = column_getter(check.right)
        both = None if right is None else _field_to_field(check, get, right)
        return both if both is not None else _row_mask(check)
    return _column_mask(check, get)
