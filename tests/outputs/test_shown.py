"""Columns of rendered values, in text, inside JSON and as JSON."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.fields.sample import Sample
from tiercel.fields.catalogue import FIELDS
from tiercel.fields.model import Column, Field, ValueType
from tiercel.model.batch import Batch
from tiercel.outputs.forms import Digits, Shown
from tiercel.outputs.shown import CLOCK, ISO_OFFSET, ISO_UTC, ShownField, ShownTime, show_json, show_text
from tiercel.rules.condition import ConditionCompiler, parse
from tiercel.rules.output_template import compile_output
from tiercel.rules.syntax import Check, FieldRef, Operand

NAMES = [
    b"plain",
    b"",
    b'a "b" \\ c',
    b"tab\tnew\nline",
    b"\xff\xfe bad",
    "ünï 💥".encode(),
    b"cut\xc3",
    b"again",
    b"again",
]


@pytest.fixture
def batch() -> Batch:
    """Nine processes with odd names, and an event without a process; more events than are looked at one by one."""
    sample = Sample()
    for number, name in enumerate(NAMES):
        sample.process(100 + number, COMM=name, ARGS=b"-x\0" + name.replace(b"\0", b"") + b"\0", UID=number)
    return sample.batch()


def ref(name: str, argument: str | int | None = None) -> FieldRef:
    return FieldRef(FIELDS[name], argument)


def items(show: object, batch: Batch, few: bool = False) -> list[bytes]:
    """Return what each event shows; with ``few`` each is asked for alone."""
    assert callable(show)
    everything = np.arange(batch.count)
    if not few:
        shown: list[bytes] = show(batch, everything).items()
        return shown
    return [show(batch, everything[i : i + 1]).items()[0] for i in range(batch.count)]


@pytest.mark.parametrize("few", [False, True])
def test_text(batch: Batch, few: bool) -> None:
    shown = items(show_text(ref("proc.name")), batch, few)
    assert shown == [
        b"plain",
        b"",
        b'a "b" \\ c',
        "tab\ufffdnew\ufffdline".encode(),
        "\ufffd\ufffd bad".encode(),
        "ünï 💥".encode(),
        "cut\ufffd".encode(),
        b"again",
        b"again",
        b"<NA>",
    ]


@pytest.mark.parametrize("few", [False, True])
def test_inside_json_and_as_json(batch: Batch, few: bool) -> None:
    text = [item.decode() for item in items(show_text(ref("proc.name")), batch, few)]
    escaped = [json.loads(b'"' + item + b'"') for item in items(show_text(ref("proc.name"), escape=True), batch, few)]
    assert escaped == text
    values = [json.loads(item) for item in items(show_json(ref("proc.name")), batch, few)]
    assert values == [*text[:-1], None]


@pytest.mark.parametrize("few", [False, True])
def test_width_pads_and_cuts(batch: Batch, few: bool) -> None:
    shown = items(show_text(ref("proc.name"), width=6), batch, few)
    assert shown[:3] == [b"plain ", b"      ", b'a "b" ']
    assert shown[7] == b"again "
    assert shown[-1] == b"<NA>  "
    numbers = items(show_text(ref("proc.pid"), width=2), batch, few)
    assert numbers[0] == b"10"


@pytest.mark.parametrize("few", [False, True])
def test_numbers(batch: Batch, few: bool) -> None:
    assert items(show_text(ref("proc.pid")), batch, few) == [b"%d" % pid for pid in range(100, 109)] + [b"<NA>"]
    assert items(show_json(ref("proc.pid")), batch, few)[-2:] == [b"108", b"null"]
    assert items(show_text(ref("evt.num")), batch, few) == [b"%d" % number for number in batch.num.tolist()]


def test_numbers_of_every_format() -> None:
    """As digits where the format is decimal, else value by value; both as the row form has them."""
    expected: dict[tuple[ValueType, str], list[bytes]] = {
        (ValueType.INT64, "dec"): [b"7", b"-1", b"<NA>"],
        (ValueType.INT32, "hex"): [b"7", b"FFFFFFFF", b"<NA>"],
        (ValueType.INT64, "oct"): [b"7", b"1777777777777777777777", b"<NA>"],
    }
    for (type, number_format), texts in expected.items():
        field = Field("x.y", type, "", "", lambda event, argument: None, number_format=number_format)
        show = show_text(FieldRef(field, None))
        assert isinstance(show, ShownField)
        column = Column(np.array([7, -1, 5]), valid=np.array([True, True, False]))
        form = show._columns(Sample().batch(), column)
        assert form.items() == texts
        assert isinstance(form, Digits) == (number_format == "dec")


def test_padded_numbers() -> None:
    field = Field("x.y", ValueType.UINT64, "", "", lambda event, argument: None, number_format="padded")
    show = show_text(FieldRef(field, None))
    assert isinstance(show, ShownField)
    column = Column(np.array([5, 2**64 - 1], np.uint64))
    assert show._columns(Sample().batch(), column).items() == [b"000000005", b"18446744073709551615"]


@pytest.mark.parametrize("few", [False, True])
def test_lists(batch: Batch, few: bool) -> None:
    listed = next(field for field in FIELDS.values() if field.name == "proc.aname")
    shown = items(show_text(FieldRef(listed, None)), batch, few)
    assert len(shown) == batch.count
    empty = Column(np.zeros(0, np.int64), text=True, offsets=np.zeros(batch.count + 1, np.int64))
    field = Field("x.y", ValueType.CHARBUF, "", "", lambda event, argument: None, is_list=True)
    show = ShownField(FieldRef(field, None), lambda value: b"none" if value is None else repr(value).encode())
    assert show._columns(batch, empty).items() == [b"[]"] * batch.count
    strings = batch.tables.strings
    numbers = np.array([strings.intern(b"a"), strings.intern(b"b"), strings.intern(b"c")])
    column = Column(numbers, text=True, offsets=np.array([0, 2, 2, 3]), valid=np.array([True, False, True]))
    assert show._columns(batch, column).items() == [b"[b'a', b'b']", b"none", b"[b'c']"]


def test_transformers(batch: Batch) -> None:
    condition = ConditionCompiler().compile(parse("toupper(proc.name) = X")).node
    assert isinstance(condition, Check)
    operand: Operand = condition.left
    assert items(show_text(operand), batch)[0] == b"PLAIN"
    slot = compile_output("%len(proc.name)", ConditionCompiler()).template.parts[0]
    assert not isinstance(slot, bytes)
    assert set(items(show_text(slot.operand, shown=slot.shown), batch)) == {b"<NA>"}


def test_the_texts_known_are_those_of_the_epoch(batch: Batch) -> None:
    show = show_text(ref("proc.name"))
    before = items(show, batch)
    other = Sample()
    for number in range(9):
        other.process(100 + number, COMM=b"other")
    fresh = other.batch()
    assert items(show, fresh)[0] == b"other"
    assert items(show, batch) == before


@pytest.fixture
def in_india() -> Iterator[None]:
    """Half an hour off the whole hours."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Kolkata" if Path("/usr/share/zoneinfo/Asia/Kolkata").exists() else "IST-5:30"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def stamps(shown: ShownTime, batch: Batch) -> list[str]:
    indices = np.arange(batch.count)
    heads, digits = shown.heads(batch, indices), shown.digits(batch, indices)
    assert isinstance(heads, Shown)
    return [(head + rest).decode() + shown.tail for head, rest in zip(heads.items(), digits.items(), strict=True)]


def test_times(in_india: None, batch: Batch) -> None:
    second = 1_700_000_000
    ts = [second * 10**9 + 5, second * 10**9 + 999_999_999, (second + 1) * 10**9, second * 10**9, 0]
    batch.ts = np.array([*ts, *[2**64 - 1] * (batch.count - len(ts))], np.uint64)
    assert stamps(CLOCK, batch)[:5] == [
        "03:43:20.000000005",
        "03:43:20.999999999",
        "03:43:21.000000000",
        "03:43:20.000000000",
        "05:30:00.000000000",
    ]
    assert stamps(ISO_UTC, batch)[0] == "2023-11-14T22:13:20.000000005Z"
    assert stamps(ISO_OFFSET, batch)[2] == "2023-11-14T22:13:21.000000000+0000"
    for shown in CLOCK, ISO_UTC, ISO_OFFSET:
        assert stamps(shown, batch) == [shown.of(int(moment)) for moment in batch.ts]


def test_no_events_no_times(batch: Batch) -> None:
    none = np.zeros(0, np.int64)
    assert CLOCK.heads(batch, none).items() == [] == CLOCK.digits(batch, none).items()
