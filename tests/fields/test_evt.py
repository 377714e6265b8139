"""Event fields against the values that libsinsp gave."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fields.test_params import batch_of, i64, u32
from tests.reference import needs_reference
from tiercel.fields.catalogue import FIELDS
from tiercel.fields.evt_arguments import longest_name, raw_type
from tiercel.fields.evt_generic import iso8601
from tiercel.fields.model import ValueType
from tiercel.model.event import Event

# where nothing was read, libsinsp shows what an earlier event left in its buffer
UNSTABLE = {"evt.buffer"}


@needs_reference
@pytest.mark.parametrize("capture", ["golden_cat_write", "libs_test_ipv6_client"])
def test_event_fields_agree(capture: str) -> None:
    from tests.fields.oracle import compare, table

    columns = [
        name for name in table(capture, True)[0] if name.startswith(("evt.", "syscall.")) and name not in UNSTABLE
    ]
    wrong = [a for a in compare(capture, columns, True) if a.agreed != a.compared or a.split]
    assert not wrong, [(a.name, a.examples[:1]) for a in wrong]


OPENED = ("SYSCALL_OPENAT_2_X", [i64(3), i64(-100), b"a\0", u32(1 | 4 | 1 << 14), u32(0o755), u32(0), i64(1)])
FAILED = ("SYSCALL_OPENAT_2_X", [i64(-13), i64(-100), b"a\0", u32(2), b"", b"", b""])


@pytest.mark.parametrize(
    ("name", "argument", "values"),
    [
        ("evt.type", None, [b"openat", b"openat"]),
        ("evt.res", None, [b"SUCCESS", b"EACCES"]),
        ("evt.rawres", None, [3, -13]),
        ("evt.failed", None, [False, True]),
        ("evt.is_open_read", None, [True, False]),
        ("evt.is_open_write", None, [False, True]),
        ("evt.is_open_create", None, [True, False]),
        ("evt.is_open_exec", None, [True, False]),
        ("evt.arg", "flags", [b"O_CREAT|O_RDONLY|O_F_CREATED", b"O_WRONLY"]),
        ("evt.arg", 2, [b"/home/eve/a", b"/home/eve/a"]),
        ("evt.arg", "nosuch", [None, None]),
        ("evt.arg", 9, [None, None]),
        ("evt.rawarg", "mode", [0o755, None]),
        ("evt.rawarg", "name", [b"a", b"a"]),
        ("evt.abspath", None, [b"/home/eve/a", b"/home/eve/a"]),
        ("evt.count.error", None, [0, 1]),
        ("evt.type.is", "307", [1, 1]),
        ("evt.type.is", "openat", [0, 0]),  # means the first layout of that name, as in Falco
    ],
)
def test_row_and_bulk(name: str, argument: str | int | None, values: list[object]) -> None:
    batch = batch_of(OPENED, FAILED)
    field = FIELDS[name]
    assert [field.row(Event(batch, i), argument) for i in range(2)] == values
    assert field.bulk is not None
    column = field.bulk(batch, np.arange(2), argument)
    seen = [batch.tables.strings.get(v) if column.text else v for v in column.values.tolist()]
    if column.valid is not None:
        seen = [v if there else None for v, there in zip(seen, column.valid.tolist(), strict=True)]
    assert seen == values


def test_argument_names() -> None:
    assert longest_name("fds[0]") == "fds"
    assert longest_name("zzz") is None
    assert raw_type("size")[0] is ValueType.UINT32
    assert raw_type("path")[0] is ValueType.CHARBUF


def test_iso8601() -> None:
    assert iso8601(1470327475999999999) == b"2016-08-04T16:17:55.999999999+0000"
