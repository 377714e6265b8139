"""Records put together to events, and system calls read from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.audit_logs import START, call, path, stamp
from tiercel.sources import audit_address
from tiercel.sources.audit_call import AuditCallError, call_of
from tiercel.sources.audit_event import LEAST_AFTER, MAX_PENDING, MAX_RECORDS, AuditEvent, Grouper
from tiercel.sources.audit_log import AuditLog, oldest_first
from tiercel.sources.audit_mark import mark_of
from tiercel.sources.audit_record import parse


def grouped(*lines: str) -> list[AuditEvent]:
    grouper = Grouper()
    found = [event for i, line in enumerate(lines) for event in grouper.add(parse(line.encode()), f"log:{i + 1}")]
    return found + list(grouper.flush())


def test_mixed_records_find_together_in_the_order_in_which_their_events_began() -> None:
    one, two = (call(serial, 90, path(f"f{serial}")).splitlines() for serial in (1, 2))
    two = [line.replace(str(START + 2), str(START + 1)) for line in two]
    events = grouped(one[0], two[0], two[1], one[1], two[2], one[2])
    assert [(event.serial, len(event.records), event.place) for event in events] == [(1, 3, "log:1"), (2, 3, "log:2")]


def test_the_same_serial_on_two_hosts_is_two_events() -> None:
    lines = call(1, 90).splitlines()
    events = grouped(*(f"node={node} {line}" for line in lines for node in ("a", "b")))
    assert [(event.node, len(event.records)) for event in events] == [(b"a", 2), (b"b", 2)]


def test_an_event_without_an_end_goes_out_when_the_log_has_gone_on() -> None:
    grouper = Grouper()
    assert not list(grouper.add(parse(f"type=AVC {stamp(1)} avc: denied".encode()), "log:1"))
    assert not list(grouper.add(parse(f"type=AVC {stamp(2)} avc: denied".encode()), "log:2"))
    out = [
        event.serial
        for i in range(LEAST_AFTER)
        for event in grouper.add(parse(f"type=AVC {stamp(9, START + 9)} avc: denied".encode()), f"log:{i + 3}")
    ]
    assert out == [1, 2]


def test_what_waits_is_bounded() -> None:
    grouper = Grouper()
    out = 0
    for serial in range(5000):
        out += len(list(grouper.add(parse(f"type=AVC {stamp(serial, START)} avc: denied".encode()), "log:1")))
    assert out == 5000 - MAX_PENDING
    many = [event for _ in range(MAX_RECORDS + 5) for event in grouper.add(parse(path_line()), "log:1")]
    assert not [event for event in many if event.serial == 77_777]
    last = list(grouper.flush())[-1]
    assert (len(last.records), last.lost) == (MAX_RECORDS, 5)


def path_line() -> bytes:
    return f'type=PATH {stamp(77_777, START)} item=0 name="/x" nametype=NORMAL'.encode()


def test_a_call() -> None:
    (event,) = grouped(*call(1, 257, 'CWD cwd="/tmp"', path("a"), result=-2, args=(-100, 1, 2, 3)).splitlines())
    found = call_of(event)
    assert found is not None
    assert (found.name, found.exit, found.succeeded) == ("openat", -2, False)
    assert found.args == (2**64 - 100, 1, 2, 3)
    assert (found.pid, found.ppid, found.uid, found.auid, found.tty) == (100, 1, 0, 1000, 34816)
    assert (found.comm, found.exe, found.cwd) == (b"sh", b"/usr/bin/dash", b"/tmp")
    assert [(item.name, item.kind, item.inode, item.device) for item in found.paths] == [(b"a", b"NORMAL", 42, 0xFE00)]


@pytest.mark.parametrize(
    ("number", "arch", "name"),
    [(59, "c000003e", "execve"), (11, "40000003", "execve"), (221, "c00000b7", "execve"), (213, "40000003", "setuid")],
)
def test_numbers_of_calls(number: int, arch: str, name: str) -> None:
    (event,) = grouped(*call(1, number, arch=arch).splitlines())
    found = call_of(event)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("missing", ["pid=100", "syscall=90"])
def test_a_call_that_lacks_what_makes_it_one(missing: str) -> None:
    (event,) = grouped(*call(1, 90).replace(" " + missing + " ", " ").splitlines())
    with pytest.raises(AuditCallError, match="SYSCALL record has no"):
        call_of(event)


@pytest.mark.parametrize(
    ("data", "family", "ip", "name"),
    [
        ("020001BBCB0071090000000000000000", 2, ("203.0.113.9", 443), None),
        ("000201BBCB0071090000000000000000", 2, ("203.0.113.9", 443), None),
        ("0A0001BB0000000020010DB800000000000000000000000100000000", 10, ("2001:db8::1", 443), None),
        ("01002F746D702F7800", 1, None, b"/tmp/x"),
        ("0100006162", 1, None, b"@ab"),
        ("10000000000000000000", 16, None, None),
        ("0200", 2, None, None),
    ],
)
def test_socket_addresses(data: str, family: int, ip: object, name: object) -> None:
    found = audit_address.from_bytes(bytes.fromhex(data))
    assert found is not None
    assert (found.family, found.ip, found.path) == (family, ip, name)


def test_translated_socket_addresses() -> None:
    found = audit_address.from_translation(b"{ saddr_fam=inet laddr=10.0.0.1 lport=80 }")
    assert found is not None
    assert found.ip == ("10.0.0.1", 80)
    assert audit_address.from_translation(b"{ saddr_fam=inet laddr=x lport=80 }") is None
    assert audit_address.from_translation(b"{ }") is None


def test_a_mark_is_one_readable_line() -> None:
    line = (
        f'type=USER_CMD {stamp(1)} pid=7 uid=1000 auid=1000 ses=2 msg=\'cwd="/root" cmd=636174202F0A'
        ' exe="/usr/bin/sudo" terminal=pts/0 res=success\'\x1dUID="alice" AUID="alice"'
    )
    mark = mark_of(parse(line.encode()), "web01", "audit.log:3")
    assert mark.text == (
        r"USER_CMD pid=7 uid=alice auid=alice ses=2 cwd=/root cmd=cat /\n exe=/usr/bin/sudo terminal=pts/0 res=success"
    )
    assert (mark.host, mark.pid, mark.uid, mark.ses, mark.place) == ("web01", 7, 1000, 2, "audit.log:3")


def test_files_are_read_by_the_time_they_begin(tmp_path: Path) -> None:
    for name, serial in (("old", 1), ("new", 3), ("between", 2)):
        (tmp_path / name).write_text("\n# a comment\n" + call(serial, 90) + "\n")
    (tmp_path / "audit.log.1").write_text("nothing\n")
    files = [tmp_path / name for name in ("audit.log.1", "new", "old", "between")]
    assert [file.name for file in oldest_first(files)] == ["old", "between", "new", "audit.log.1"]
    log = AuditLog(files)
    assert [event.serial for event in log] == [1, 2, 3]
    assert [problem.place for problem in log.problems] == ["old:2", "between:2", "new:2", "audit.log.1:1"]
