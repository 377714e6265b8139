"""Serial numbers that a log lacks."""

from __future__ import annotations

import pytest

from tests.capture.audit_logs import START, stamp
from tiercel.sources import audit_gaps
from tiercel.sources.audit_event import AuditEvent
from tiercel.sources.audit_gaps import Serials
from tiercel.sources.audit_record import parse


def gaps(*serials: int, type: str = "AVC") -> list[tuple[int, int, int]]:
    found = Serials("web01")
    for serial in serials:
        record = parse(f"type={type} {stamp(serial)} avc: denied".encode())
        found.add(AuditEvent(b"", record.ts, serial, records=[record]))
    return [(gap.first, gap.last, gap.count) for gap in found.gaps]


def test_what_is_missing() -> None:
    assert gaps(5, 6, 7) == []
    assert gaps(5, 9, 10, 12) == [(6, 8, 3), (11, 11, 1)]


def test_between_which_times() -> None:
    found = Serials("web01")
    for serial in (5, 9):
        record = parse(f"type=AVC {stamp(serial)} avc: denied".encode())
        found.add(AuditEvent(b"", record.ts, serial, records=[record]))
    (gap,) = found.gaps
    assert (gap.host, gap.from_ts, gap.to_ts) == ("web01", (START + 5) * 10**9, (START + 9) * 10**9)


def test_events_that_come_late_are_not_missing() -> None:
    assert gaps(5, 7, 6) == []
    assert gaps(5, 10, 7) == [(6, 6, 1), (8, 9, 2)]
    assert gaps(5, 10, 6, 9) == [(7, 8, 2)]


def test_a_host_that_started_anew_counts_from_where_it_is() -> None:
    assert gaps(100_000, 7, 8) == []


def test_the_daemons_own_messages_do_not_count() -> None:
    assert gaps(5, 9_000, 6, type="DAEMON_START") == []


def test_there_are_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_gaps, "MAX_GAPS", 2)
    assert gaps(1, 3, 5, 7, 9) == [(2, 2, 1), (4, 8, 3)]
