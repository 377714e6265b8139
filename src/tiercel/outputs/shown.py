"""Fields as columns of rendered values: each distinct value is turned into text and JSON once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.engine.columns import column_getter
from tiercel.engine.row import getter
from tiercel.fields.evt_flags import renderer
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.fields.present import shape, to_json, to_text
from tiercel.model.batch import Batch, Tables
from tiercel.model.event import Event
from tiercel.outputs.forms import Digits, Form, Shown, Texts
from tiercel.rules.syntax import FieldRef, Operand
from tiercel.state.distinct import distinct

Indices = NDArray[np.int64]

Renderer = Callable[[Any], bytes]
Shower = Callable[[Batch, Indices], Form]

_FEW = 6  # below this many events, looking at them one by one is quicker than building columns


def json_bytes(value: object) -> bytes:
    """Return a value as compact JSON in UTF-8, keys sorted."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "replace")


def text_bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def escaped_bytes(text: str) -> bytes:
    """Return a text as it stands inside a JSON string, without the quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace")


class TextCache:
    """Renderings of interned strings, indexed by string number + 1; 0 is no value."""

    def __init__(self, render: Renderer) -> None:
        self.render = render
        self.epoch = -1
        self.table: list[bytes] = []
        self.known = np.zeros(0, bool)

    def __call__(self, tables: Tables, ids: NDArray[np.int64]) -> Shown:
        if tables.epoch != self.epoch:
            self.epoch, self.table, self.known = tables.epoch, [self.render(None)], np.ones(1, bool)
        missing = len(tables.strings) + 1 - len(self.table)
        if missing > 0:
            self.table.extend([b""] * missing)
        if len(self.table) > len(self.known):
            known = np.zeros(2 * len(self.table), bool)
            known[: len(self.known)] = self.known
            self.known = known
        codes = ids + 1
        fresh = codes[~self.known[codes]]
        if len(fresh):
            values = tables.strings.values
            for code in distinct(fresh).tolist():
                self.table[code] = self.render(values[code - 1])
            self.known[fresh] = True
        return Shown(codes, self.table)


def _one_by_one(values: list[Any], render: Renderer) -> Shown:
    return Shown(np.arange(len(values), dtype=np.int64), [render(value) for value in values])


class ShownField:
    """One operand in one form (text, text inside JSON, or JSON value) over events.

    ``render`` turns a value (None: no value) into bytes; whole numbers come out as decimals of at least ``width`` bytes
    when that is not None.
    """

    def __init__(self, operand: Operand, render: Renderer, width: int | None = None) -> None:
        self.render, self.width = render, width
        self.cache = TextCache(render)
        if isinstance(operand, FieldRef):
            field, argument = operand.field, operand.argument
            self.get: Callable[[Event], Value | None] = lambda event: field.output(event, argument)
            self.column = None if field.printed is not None else column_getter(operand)
        else:
            self.get, self.column = getter(operand), column_getter(operand)

    def __call__(self, batch: Batch, indices: Indices) -> Form:
        if self.column is None or len(indices) < _FEW:
            return _one_by_one([self.get(Event(batch, i)) for i in indices.tolist()], self.render)
        return self._columns(batch, self.column(batch, indices))

    def _columns(self, batch: Batch, column: Column) -> Form:
        values = column.values
        if column.offsets is not None:
            flat = [batch.tables.strings.get(i) for i in values.tolist()] if column.text else values.tolist()
            spans = zip(column.offsets[:-1].tolist(), column.offsets[1:].tolist(), strict=True)
            lists = [flat[start:end] for start, end in spans]
            if column.valid is not None:
                lists = [item if ok else None for item, ok in zip(lists, column.valid.tolist(), strict=True)]
            return _one_by_one(lists, self.render)
        if column.text:
            return self.cache(batch.tables, np.asarray(values, np.int64))
        if self.width is not None and values.dtype.kind in "iu":
            missing = b"" if column.valid is None else self.render(None)
            return Digits(values, self.width, column.valid, missing)
        distinct, codes = np.unique(values, return_inverse=True)
        table = [self.render(value) for value in distinct.tolist()]
        codes = np.asarray(codes, np.int64)
        if column.valid is not None and not column.valid.all():
            codes = np.where(column.valid, codes, len(table))
            table.append(self.render(None))
        return Shown(codes, table)


class ShownTime:
    """A time of the event as text, to the nanosecond.

    ``format`` is for strftime (local time, as Falco prints it) and stands before the nine digits; ``tail`` after them.
    A line takes it as two columns and the tail, see :meth:`heads` and :meth:`digits`.
    """

    def __init__(self, format: str, tail: str = "") -> None:
        self.format, self.tail = format, tail
        self.utc = bool(tail)  # what ends in a zone is in UTC

    def heads(self, batch: Batch, indices: Indices) -> Shown:
        """Return what stands before the nanoseconds, the dot included."""
        seconds = batch.ts[indices] // 1_000_000_000
        changes = np.zeros(len(seconds), np.int64)
        changes[1:] = seconds[1:] != seconds[:-1]
        known: dict[int, bytes] = {}
        table = []
        for second in [*seconds[:1].tolist(), *seconds[changes > 0].tolist()]:
            head = known.get(second)
            if head is None:
                head = known[second] = f"{self._date(second)}.".encode()
            table.append(head)
        return Shown(np.cumsum(changes), table)

    def digits(self, batch: Batch, indices: Indices) -> Digits:
        """Return the nanoseconds."""
        return Digits(batch.ts[indices] % 1_000_000_000, 9)

    def of(self, ts: int) -> str:
        """Return one time, ns since the epoch, as text."""
        second, rest = divmod(ts, 1_000_000_000)
        return f"{self._date(second)}.{rest:09d}{self.tail}"

    def _date(self, second: int) -> str:
        """Return what stands before the nanoseconds."""
        convert = time.gmtime if self.utc else time.localtime
        try:
            return time.strftime(self.format, convert(second))
        except (OverflowError, OSError, ValueError):  # a damaged time, far beyond any calendar
            return time.strftime(self.format, convert(0))


CLOCK = ShownTime("%H:%M:%S")
"""``evt.time``"""
ISO_OFFSET = ShownTime("%Y-%m-%dT%H:%M:%S", "+0000")
"""``evt.time.iso8601``"""
ISO_UTC = ShownTime("%Y-%m-%dT%H:%M:%S", "Z")
"""``time`` of an alert in JSON"""


def as_nanoseconds(batch: Batch, indices: Indices) -> Digits:
    """The event's time as an integer of ns, as JSON carries ``evt.time``."""
    return Digits(batch.ts[indices])


def is_arguments(operand: Operand) -> bool:
    """Say whether the operand is all arguments of an event as one text."""
    return isinstance(operand, FieldRef) and operand.field.name in ("evt.args", "evt.info")


def arguments(escape: bool) -> Shower:
    """Return the column of ``evt.args``: hardly two events have the same, so nothing is interned or remembered.

    ``escape`` is for use inside a JSON string.
    """

    def show(batch: Batch, indices: Indices) -> Texts:
        data, offsets = renderer(batch).texts(indices, True)
        return Texts(data, offsets, escape)

    return show


_INTEGERS = frozenset(
    {
        ValueType.INT16,
        ValueType.INT32,
        ValueType.INT64,
        ValueType.UINT32,
        ValueType.UINT64,
        ValueType.ABSTIME,
        ValueType.RELTIME,
        ValueType.PORT,
    }
)
_TIMES = {"evt.time": CLOCK, "evt.time.iso8601": ISO_OFFSET}


def _field_of(operand: Operand) -> tuple[Field, str | int | None]:
    """Return the field that says how an operand's values are shown."""
    if isinstance(operand, FieldRef):
        return operand.field, operand.argument
    return Field(operand.name, operand.type, "", "", lambda event, argument: None, is_list=operand.is_list), None


def _decimals(field: Field, argument: str | int | None) -> int | None:
    """Return the least number of digits of a field shown in decimal, None for any other."""
    type, number_format = shape(field, argument)
    if type not in _INTEGERS:
        return None
    if number_format == "padded" and type is ValueType.UINT64:
        return 9
    return 0 if number_format in ("dec", "id") else None


def _fit(text: bytes, width: int) -> bytes:
    return text[:width].ljust(width)


def show_text(operand: Operand, width: int = 0, escape: bool = False, shown: bool = True) -> Shower | ShownTime:
    """Return the column of an operand as rule outputs show it.

    Args:
        width: pad or cut to this many bytes, 0 for as it is.
        escape: for use inside a JSON string.
        shown: False to print ``<NA>`` whatever the value.
    """
    field, argument = _field_of(operand)
    clock = _TIMES.get(field.name)
    if clock is not None and not width:
        return clock
    if is_arguments(operand) and shown and not width:
        return arguments(escape)
    encode = escaped_bytes if escape else text_bytes

    def render(value: Any) -> bytes:
        text = to_text(field, value if shown else None, argument)
        if width:
            text = _fit(text_bytes(text), width).decode("utf-8", "replace")
        return encode(text)

    return ShownField(operand, render, None if width or not shown else _decimals(field, argument))


def show_json(operand: FieldRef) -> Shower:
    """Return the column of a field as JSON values."""
    field, argument = operand.field, operand.argument
    if field.type is ValueType.CHARBUF and field.name.startswith(("evt.time", "evt.datetime", "evt.outputtime")):
        return as_nanoseconds
    digits = _decimals(field, argument)
    return ShownField(operand, lambda value: json_bytes(to_json(field, value, argument)), None if digits else digits)
