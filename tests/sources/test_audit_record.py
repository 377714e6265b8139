"""Lines of audit logs and the values in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.sources import audit_values as values
from tiercel.sources.audit_record import MAX_LINE, AuditLineError, fields, parse


def test_a_raw_record() -> None:
    record = parse(b'type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2 success=no comm="cat"')
    assert (record.type, record.ts, record.serial, record.node) == ("SYSCALL", 1364481363_243000000, 24287, b"")
    assert record.fields == {b"arch": b"c000003e", b"syscall": b"2", b"success": b"no", b"comm": b'"cat"'}


def test_an_enriched_record_of_a_named_host() -> None:
    record = parse(
        b"node=web01 type=SOCKADDR msg=audit(1.005:7): saddr=10000000"
        b'\x1dSADDR={ saddr_fam=netlink nlnk-fam=16 nlnk-pid=0 } AUID="alice"'
    )
    assert record.node == b"web01"
    assert record.ts == 1_005_000_000
    assert record.fields[b"SADDR"] == b"{ saddr_fam=netlink nlnk-fam=16 nlnk-pid=0 }"
    assert record.fields[b"AUID"] == b'"alice"'


def test_fields_of_a_message_from_a_program() -> None:
    record = parse(
        b"type=USER_CMD msg=audit(1.0:7): pid=5 uid=0 msg='cwd=\"/root\" cmd=6C73 terminal=pts/0 res=success'"
        b'\x1dUID="root"'
    )
    assert record.fields[b"cmd"] == b"6C73"
    assert record.fields[b"res"] == b"success"
    assert record.fields[b"UID"] == b'"root"'


def test_what_a_program_says_does_not_replace_what_the_kernel_said() -> None:
    record = parse(b"type=USER msg=audit(1.0:7): pid=5 uid=1000 msg='uid=0 exe=\"/x\" res=success'")
    assert record.fields[b"uid"] == b"1000"


def test_lines_of_the_kernels_own_log() -> None:
    record = parse(b"Mar  1 web01 kernel: audit: type=1300 audit(1364481363.243:24287): arch=c000003e syscall=2")
    assert (record.type, record.serial, record.fields[b"syscall"]) == ("SYSCALL", 24287, b"2")


def test_messages_of_old_daemons() -> None:
    record = parse(b"type=DAEMON_CONFIG msg=audit(1490239800.477:34) config changed, auid=0 pid=1512 res=success")
    assert (record.serial, record.fields[b"pid"]) == (34, b"1512")


@pytest.mark.parametrize(("line", "type"), [(b"1334", "BPF"), (b"9999", "UNKNOWN[9999]")])
def test_types_given_by_number(line: bytes, type: str) -> None:
    assert parse(b"type=UNKNOWN[%b] msg=audit(1.0:7): op=LOAD" % line).type == type


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\0\0\0", "no text"),
        (b"hello world", "no record type"),
        (b"type=SYSCALL arch=c000003e", "no time and serial"),
        (b"type=SYSCALL msg=audit(now:1): a=b", "cannot be read"),
        (b"type=SYSCALL msg=audit(99999999999.0:1): a=b", "out of range"),
        (b"type=SYSCALL msg=audit(1.0:99999999999999999999): a=b", "serial number .* out of range"),
        (b"type=SYSCALL msg=audit(1.0:1): " + b"a" * MAX_LINE, "more than 65,536 bytes"),
    ],
)
def test_lines_that_are_no_records(line: bytes, reason: str) -> None:
    with pytest.raises(AuditLineError, match=reason):
        parse(line)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_record_or_an_error(data: bytes) -> None:
    for line in (data, b"type=SYSCALL msg=audit(1.0:1): " + data):
        try:
            record = parse(line)
        except AuditLineError:
            continue
        assert record.fields == fields(record.body)


@pytest.mark.parametrize("body", [b"a=" * 30_000, b'a="' * 20_000, b"a={" * 20_000, b"msg='" * 10_000])
def test_no_line_takes_long(body: bytes) -> None:
    assert len(fields(body)) <= 2


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b'"cat"', b"cat"),
        (b"6120622F", b"a b/"),
        (b"(null)", None),
        (b"/usr/bin/x", b"/usr/bin/x"),
        (b'""', b""),
        (b'"cut', b"cut"),
        (b"61006200", b"a"),
        (None, None),
    ],
)
def test_texts(written: bytes | None, text: bytes | None) -> None:
    assert values.text(written) == text


def test_numbers_out_of_range_are_none() -> None:
    assert values.number(b"-13") == -13
    assert values.number(b"9223372036854775808") is None
    assert values.number(b"1e3") is None
    assert values.register(b"ffffffffffffff9c") == 2**64 - 100
    assert values.register(b"1" * 17) is None
    assert values.identity(b"4294967295") == values.identity(b"-1") == values.NO_ID
    assert values.identity(b"4294967296") is None
    assert values.octal(b"0100644") == 0o100644
    assert values.octal(b"9") is None


def test_terminals_and_devices_as_events_number_them() -> None:
    assert values.terminal(b"pts0") == values.terminal(b"pts/0") == 34816
    assert values.terminal(b"pts300") == (136 << 8) | 44 | (256 << 12)
    assert values.terminal(b"tty1") == 1025
    assert values.terminal(b"ttyS0") == 1088
    assert values.terminal(b"(none)") == 0
    assert values.device(b"fe:00") == 0xFE00
    assert values.device(b"none") is None
