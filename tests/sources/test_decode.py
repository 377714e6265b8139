"""Single events through the decoder: block versions, conversion, hidden events, impossible lengths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.sources import scap
from tests.sources.scap import event, i64, u32
from tiercel.model.batch import Batch
from tiercel.sources.capture import Capture
from tiercel.wire.event_table import BY_CONSTANT

READ_E, READ_X = BY_CONSTANT["SYSCALL_READ_E"], BY_CONSTANT["SYSCALL_READ_X"]
WRITE_X = BY_CONSTANT["SYSCALL_WRITE_X"]
OPEN_E = BY_CONSTANT["SYSCALL_OPEN_E"]
SWITCH = BY_CONSTANT["SCHEDSWITCH_6_E"]
CONTAINER, JSON_2 = BY_CONSTANT["CONTAINER_E"], BY_CONSTANT["CONTAINER_JSON_2_E"]
USER_ADDED = BY_CONSTANT["USER_ADDED_E"]


def decoded(folder: Path, *events: bytes, size: int = 100) -> list[Batch]:
    """Decode a capture of these blocks, which must be sound."""
    path = folder / "made.scap"
    path.write_bytes(scap.section() + scap.machine() + b"".join(events))
    with Capture(path) as capture:
        batches = list(capture.batches(size))
        assert capture.damage is None
    return batches


def params(batch: Batch, index: int) -> list[bytes]:
    spans = range(batch.first[index], batch.first[index + 1])
    return [bytes(batch.data[batch.start[j] : batch.start[j] + batch.length[j]]) for j in spans]


def test_an_event_of_today_stays_as_it_is(tmp_path: Path) -> None:
    stored = (i64(3), b"abc", i64(5), u32(16))
    (batch,) = decoded(tmp_path, event(READ_X, *stored, ts=99, tid=-5, cpu=3))
    assert (batch.num[0], batch.ts[0], batch.tid[0], batch.cpu[0], batch.types[0]) == (1, 99, -5, 3, READ_X)
    assert params(batch, 0) == list(stored)
    assert batch.visible.tolist() == [True]


@pytest.mark.parametrize("kind", [0x204, 0x8010ABCD, 0x208, 0x216, 0x217, 0x221, 0x222])
def test_every_kind_of_event_block(tmp_path: Path, kind: int) -> None:
    """Old kinds do not say how many parameters there are: the length of the event tells."""
    stored = (i64(3), b"abc", i64(5), u32(16))
    (batch,) = decoded(tmp_path, event(READ_X, *stored, kind=kind), event(SWITCH, *[i64(1)] * 3, kind=kind))
    assert batch.types.tolist() == [READ_X, SWITCH]
    assert params(batch, 0) == list(stored)
    assert params(batch, 1) == [i64(1)] * 3


def test_wide_lengths(tmp_path: Path) -> None:
    text = b"x" * 100_000
    batches = decoded(tmp_path, event(SWITCH), event(JSON_2, text, kind=0x221, wide=True))
    assert params(batches[-1], batches[-1].count - 1) == [text]


def test_an_exit_event_takes_parameters_of_its_enter_event(tmp_path: Path) -> None:
    (batch,) = decoded(tmp_path, event(READ_E, i64(5), u32(16)), event(READ_X, i64(3), b"abc"))
    assert batch.types.tolist() == [READ_X]
    assert batch.num.tolist() == [1]  # the enter event was swallowed without a number
    assert params(batch, 0) == [i64(3), b"abc", i64(5), u32(16)]


def test_without_an_enter_event_defaults_stand_in(tmp_path: Path) -> None:
    (batch,) = decoded(tmp_path, event(READ_X, i64(3), b"abc"))
    assert params(batch, 0) == [i64(3), b"abc", i64(0), u32(0)]


def test_enter_events_are_kept_by_thread(tmp_path: Path) -> None:
    (batch,) = decoded(
        tmp_path,
        event(READ_E, i64(5), u32(16), tid=1),
        event(READ_E, i64(6), u32(17), tid=2),
        event(READ_X, i64(1), b"a", tid=1),
        event(READ_X, i64(2), b"b", tid=2),
        event(READ_X, i64(3), b"c", tid=1),
    )
    assert [params(batch, i)[2] for i in range(3)] == [i64(5), i64(6), i64(0)]


def test_an_enter_event_of_another_call_counts_as_missing_and_is_forgotten(tmp_path: Path) -> None:
    (batch,) = decoded(
        tmp_path, event(READ_E, i64(5), u32(16)), event(WRITE_X, i64(3), b"abc"), event(READ_X, i64(3), b"abc")
    )
    assert params(batch, 0)[2:] == [i64(0), u32(0)]
    assert params(batch, 1)[2:] == [i64(0), u32(0)]


def test_an_enter_event_waits_over_the_end_of_a_batch(tmp_path: Path) -> None:
    first, second = decoded(
        tmp_path, event(SWITCH), event(READ_E, i64(5), u32(16)), event(SWITCH), event(READ_X, i64(3), b"abc"), size=2
    )
    assert second.types.tolist() == [READ_X]
    assert params(second, 0) == [i64(3), b"abc", i64(5), u32(16)]
    assert first.count == 2


def test_many_threads_wait_at_once(tmp_path: Path) -> None:
    tids = range(0, 50_000 << 12, 1 << 12)
    enters = [event(READ_E, i64(tid), u32(1), tid=tid) for tid in tids]
    exits = [event(READ_X, i64(0), b"", tid=tid) for tid in tids]
    batches = decoded(tmp_path, *enters, *exits, size=20_000)
    got = [params(batch, i)[2] for batch in batches for i in range(batch.count)]
    assert got == [i64(tid) for tid in tids]


def test_open_enter_events_are_hidden_and_numbered(tmp_path: Path) -> None:
    (batch,) = decoded(tmp_path, event(OPEN_E, b"/etc\0", u32(1), u32(0)), event(SWITCH))
    assert batch.types.tolist() == [OPEN_E, SWITCH]
    assert batch.visible.tolist() == [False, True]
    assert batch.num.tolist() == [1, 2]


def test_initial_state_is_hidden_until_something_else_happens(tmp_path: Path) -> None:
    user = event(USER_ADDED, u32(1), u32(1), b"a\0", b"b\0", b"c\0", b"\0")
    (batch,) = decoded(tmp_path, user, user, event(SWITCH, ts=50), user)
    assert batch.visible.tolist() == [False, False, True, True]
    assert batch.first_ts == 50


def test_state_only_events_are_hidden(tmp_path: Path) -> None:
    (batch,) = decoded(tmp_path, event(SWITCH, kind=0x217, flags=1), event(SWITCH, kind=0x217))
    assert batch.visible.tolist() == [False, True]


@pytest.mark.parametrize("kind", [0x204, 0x216])
@pytest.mark.parametrize("digits", [1, 2**32 - 1])
def test_an_old_container_event_becomes_json(tmp_path: Path, kind: int, digits: int) -> None:
    old = event(CONTAINER, b"abc\0", u32(digits), b"web\0", b"nginx\0", kind=kind)
    empty = event(CONTAINER, b"\0", u32(digits), b"\0", b"\0", kind=kind)
    (batch,) = decoded(tmp_path, event(SWITCH), old, empty, event(SWITCH, i64(7)))
    assert batch.types.tolist() == [SWITCH, JSON_2, JSON_2, SWITCH]
    assert params(batch, 1) == [b'{"id":"abc","type":%d,"name":"web","image":"nginx"}\0' % digits]
    assert params(batch, 2) == [b'{"id":"","type":%d,"name":"","image":""}\0' % digits]
    assert params(batch, 3) == [i64(7)]


def test_a_container_event_that_makes_no_json(tmp_path: Path) -> None:
    (batch,) = decoded(tmp_path, event(SWITCH), event(CONTAINER, b"", u32(1), b"web\0", b"nginx\0"))
    assert params(batch, 1) == [b""]


def test_events_of_newer_drivers_are_left_out(tmp_path: Path) -> None:
    (batch,) = decoded(tmp_path, event(9999, b"new"), event(SWITCH))
    assert batch.types.tolist() == [SWITCH]
    assert batch.num.tolist() == [1]


def test_more_parameters_than_known_are_kept(tmp_path: Path) -> None:
    (batch,) = decoded(tmp_path, event(READ_X, i64(3), b"abc", i64(5), u32(16), b"new"))
    assert params(batch, 0)[4] == b"new"


@pytest.mark.parametrize("count", [3, 63, 64, 2**31, 2**32 - 1])
def test_an_impossible_number_of_parameters_is_cut(tmp_path: Path, count: int) -> None:
    (batch,) = decoded(tmp_path, event(READ_X, i64(3), count=count), event(SWITCH))
    assert batch.types.tolist() == [READ_X, SWITCH]
    assert all(np.asarray(batch.start) + batch.length <= len(batch.data))


def test_an_impossible_length_is_cut(tmp_path: Path) -> None:
    block = bytearray(event(READ_X, i64(3), b"abc", i64(5), u32(16)))
    block[36:38] = b"\xff\xff"
    (batch,) = decoded(tmp_path, bytes(block), event(SWITCH))
    assert batch.count == 2
    assert all(np.asarray(batch.start) + batch.length <= len(batch.data))
