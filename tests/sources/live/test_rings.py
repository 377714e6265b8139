"""Taking events out of the rings: in order of time, none twice, none that is not finished."""

from __future__ import annotations

import mmap
import struct
from typing import Any

import pytest

from tiercel.sources.live import rings

SIZE = 4096
PAGE = mmap.PAGESIZE
BUSY, DISCARDED = 1 << 31, 1 << 30

FORMS = [rings.PlainRings] + ([rings._kernel.Rings] if rings._kernel is not None else [])


class Writer:
    """Writes a ring as the kernel does."""

    def __init__(self, at: int = 0) -> None:
        self.reader = bytearray(PAGE)
        self.pages = bytearray(PAGE + 2 * SIZE)
        self.at = at
        struct.pack_into("<Q", self.reader, 0, at)
        struct.pack_into("<Q", self.pages, 0, at)

    def add(self, ts: int, flags: int = 0, length: int = 60) -> None:
        body = struct.pack("<IIHQ", 0x216, length, 0, ts).ljust(length, b"x")
        for k, byte in enumerate(struct.pack("<II", length | flags, 0) + body):
            place = (self.at + k) % SIZE
            self.pages[PAGE + place] = self.pages[PAGE + SIZE + place] = byte
        self.at += (length + 8 + 7) & ~7
        struct.pack_into("<Q", self.pages, 0, self.at)


def taken(found: Any, until: int = 1 << 60, room: int = SIZE) -> list[int]:
    """Return the times of the events taken."""
    data = bytearray(room)
    end = found.fill(data, 0, until)
    times, at = [], 0
    while at < end:
        length, _, ts = struct.unpack_from("<IHQ", data, at + 4)
        times.append(ts)
        at += length
    return times


@pytest.mark.parametrize("form", FORMS)
def test_events_of_several_rings_come_in_order(form: Any) -> None:
    first, second = Writer(), Writer()
    for ts in (1, 4, 5, 9):
        first.add(ts)
    for ts in (2, 3, 8):
        second.add(ts)
    found = form([(first.reader, first.pages), (second.reader, second.pages)], SIZE, PAGE)
    assert taken(found, until=5) == [1, 2, 3, 4, 5]
    assert taken(found) == [8, 9]
    assert taken(found) == []


@pytest.mark.parametrize("form", FORMS)
def test_an_event_being_written_holds_up_its_ring(form: Any) -> None:
    writer = Writer()
    writer.add(1)
    writer.add(2, DISCARDED)
    writer.add(3, BUSY)
    writer.add(4)
    found = form([(writer.reader, writer.pages)], SIZE, PAGE)
    assert taken(found) == [1]
    assert taken(found) == []


@pytest.mark.parametrize("form", FORMS)
def test_an_event_that_is_never_finished_does_not_hold_up_the_others_for_ever(form: Any) -> None:
    stuck, other = Writer(), Writer()
    stuck.add(1, BUSY)
    other.add(2)
    found = form([(stuck.reader, stuck.pages), (other.reader, other.pages)], SIZE, PAGE)
    readings = [taken(found) for _ in range(60)]
    assert readings[0] == []
    assert [2] in readings


@pytest.mark.parametrize("form", FORMS)
def test_records_go_on_at_the_start_of_the_ring(form: Any) -> None:
    writer = Writer(at=SIZE - 24)
    writer.add(1)
    writer.add(2)
    assert taken(form([(writer.reader, writer.pages)], SIZE, PAGE)) == [1, 2]


@pytest.mark.parametrize("form", FORMS)
def test_what_there_is_no_room_for_stays(form: Any) -> None:
    writer = Writer()
    for ts in (1, 2, 3):
        writer.add(ts)
    found = form([(writer.reader, writer.pages)], SIZE, PAGE)
    assert taken(found, room=130) == [1, 2]
    assert found.more
    assert taken(found) == [3]
    assert not found.more


@pytest.mark.parametrize("form", FORMS)
def test_a_length_that_cannot_be_ends_the_ring(form: Any) -> None:
    writer = Writer()
    writer.add(1)
    writer.add(2)
    struct.pack_into("<I", writer.pages, PAGE + 72, 100_000)
    found = form([(writer.reader, writer.pages)], SIZE, PAGE)
    assert taken(found) == [1]
    assert found.malformed
