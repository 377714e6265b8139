"""Path fields against the values that libsinsp gave."""

from __future__ import annotations

import pytest

from tests.fields.test_params import batch_of, i64, u32
from tests.reference import needs_reference
from tiercel.fields.catalogue import FIELDS
from tiercel.model.event import Event

NAMES = ["fs.path.name", "fs.path.nameraw", "fs.path.source", "fs.path.target"]


@needs_reference
@pytest.mark.parametrize("capture", ["sfc_rename", "sfc_filesat"])
def test_path_fields_agree(capture: str) -> None:
    from tests.fields.oracle import compare

    wrong = [a for a in compare(capture, NAMES) if a.agreed != a.compared or a.split]
    assert not wrong, [(a.name, a.examples[:1]) for a in wrong]


def test_only_calls_that_succeeded_have_paths() -> None:
    rename = [b"a\0", b"../b\0"]
    batch = batch_of(("SYSCALL_RENAME_X", [i64(0), *rename]), ("SYSCALL_RENAME_X", [i64(-2), *rename]))
    done, failed = Event(batch, 0), Event(batch, 1)
    assert FIELDS["fs.path.source"].row(done, None) == b"/home/eve/a"
    assert FIELDS["fs.path.target"].row(done, None) == b"/home/b"
    assert FIELDS["fs.path.targetraw"].row(done, None) == b"../b"
    assert FIELDS["fs.path.name"].row(done, None) is None
    assert FIELDS["fs.path.source"].row(failed, None) is None


def test_an_open_that_failed_with_another_error_than_eperm_still_has_a_path() -> None:
    batch = batch_of(("SYSCALL_OPEN_X", [i64(-2), b"/x\0", u32(1), u32(0), u32(0), i64(0)]))
    assert FIELDS["fs.path.name"].row(Event(batch, 0), None) == b"/x"
