"""Records put together as they come."""

from __future__ import annotations

from tiercel.sources.audit_live.assembly import PATIENCE, SHORT_PATIENCE, Assembly
from tiercel.sources.audit_live.records import record_of
from tiercel.sources.audit_record import AuditRecord

SYSCALL, PATH, CWD, PROCTITLE, EOE, LOGIN, CONFIG_CHANGE = 1300, 1302, 1307, 1327, 1320, 1006, 1305


def record(kind: int, serial: int, text: str = "a=1") -> AuditRecord:
    found = record_of(kind, f"audit(1700000000.250:{serial}): {text}".encode())
    assert found is not None
    return found


def test_a_message_of_the_kernel_is_a_record() -> None:
    found = record(SYSCALL, 7, 'arch=c000003e syscall=59 comm="sh"')
    assert (found.type, found.ts, found.serial) == ("SYSCALL", 1_700_000_000_250_000_000, 7)
    assert found.fields[b"comm"] == b'"sh"'
    assert record_of(SYSCALL, b"no stamp") is None
    assert record(4321, 1).type == "UNKNOWN[4321]"


def test_an_event_is_complete_with_its_title() -> None:
    assembly = Assembly()
    assert assembly.add([record(SYSCALL, 1), record(CWD, 1)], 0) == []
    assert assembly.waiting
    (event,) = assembly.add([record(PROCTITLE, 1), record(EOE, 1)], 0)
    assert [part.type for part in event.records] == ["SYSCALL", "CWD", "PROCTITLE"]
    assert not assembly.waiting


def test_events_whose_records_come_mixed_go_out_in_the_order_in_which_they_began() -> None:
    assembly = Assembly()
    ready = assembly.add([record(SYSCALL, 1), record(SYSCALL, 2), record(PROCTITLE, 2)], 0)
    assert ready == []  # the first one may still be told of
    ready = assembly.add([record(PATH, 1), record(PROCTITLE, 1)], 10)
    assert [event.serial for event in ready] == [1, 2]


def test_an_event_without_an_end_is_given_up_in_time() -> None:
    assembly = Assembly()
    assembly.add([record(SYSCALL, 1), record(SYSCALL, 2), record(EOE, 2)], 0)
    assert assembly.add([], PATIENCE) == []
    assert [event.serial for event in assembly.add([], PATIENCE + 1)] == [1, 2]
    assert assembly.incomplete == 1
    assert assembly.add([record(PATH, 1), record(EOE, 1)], PATIENCE + 2) == []
    assert assembly.late == 1


def test_a_record_of_its_own_does_not_wait_long() -> None:
    assembly = Assembly()
    assert assembly.add([record(CONFIG_CHANGE, 3)], 0) == []
    assert [event.serial for event in assembly.add([], SHORT_PATIENCE + 1)] == [3]
    assert assembly.incomplete == 0
