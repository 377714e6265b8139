"""Audit logs that somebody tampered with, or that are none."""

from __future__ import annotations

import gc
import logging
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capture.audit_logs import RECORDED, call, path, shown, stamp, write
from tiercel.capture import audit_processes, from_audit
from tiercel.capture.from_audit import audit_batches
from tiercel.errors import InputError

LINES = RECORDED.read_bytes().splitlines()


def read(*lines: bytes) -> tuple[int, int, int]:
    """Return how many events, marks and problems these lines make."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit.log"
        log.write_bytes(b"\n".join(lines))
        replay = audit_batches([log])
        for _ in replay:
            pass
        return replay.events, len(list(replay.marks())), len(replay.problems)


def test_a_line_of_a_megabyte_costs_that_line_alone() -> None:
    long = b"type=SYSCALL msg=audit(1.0:1): comm=" + b"4" * (1 << 20)
    assert read(long, *call(2, 90, path("f")).encode().splitlines()) == (1, 0, 1)


def test_bytes_that_are_no_text() -> None:
    assert read(b"\0" * 100, bytes(range(256)).replace(b"\n", b""), *call(2, 90).encode().splitlines()) == (1, 0, 2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" pid=100", " pid=0"),
        (" pid=100", " pid=99999999999999999999999"),
        (" pid=100", ""),
        ("syscall=90", "syscall=-1"),
        ("syscall=90", "syscall=four"),
    ],
)
def test_a_call_of_nobody_is_kept_as_a_line_and_counted(old: str, new: str) -> None:
    assert read(*call(1, 90).replace(old, new).encode().splitlines()) == (0, 1, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("exit=0", "exit=99999999999999999999"),
        ("a0=0", "a0=" + "f" * 40),
        ("a0=0 a1=0 a2=0 a3=0", ""),
        ("auid=1000", "auid=-7"),
        ("ppid=1", "ppid=-1"),
        ("euid=0", "euid=4294967296"),
        ("inode=42", "inode=18446744073709551616"),
        ("mode=0100644", "mode=-1"),
        ("dev=fe:00", "dev=ffffff:ffffff"),
        ('name="f"', "name=" + "41" * 9000),
        ('comm="sh"', "comm=" + "00" * 50),
        ('exe="/usr/bin/dash"', 'exe="'),
    ],
)
def test_absurd_values_are_left_out(old: str, new: str) -> None:
    record = call(1, 257, path("f"), args=(0,)).replace(old, new)
    assert record != call(1, 257, path("f"), args=(0,))
    assert sum(read(*record.encode().splitlines())) == 1


def test_an_event_whose_end_is_missing_is_told(tmp_path: Path) -> None:
    whole = call(1, 257, 'CWD cwd="/"', path("f"), result=3, args=(-100,))
    cut = whole.rpartition("\n")[0]
    assert shown(write(tmp_path, cut), "fd.name") == [("/f",)]


def test_an_exit_that_is_in_no_range_stays_a_line() -> None:
    assert read(*call(1, 90).replace("exit=0", "exit=zero").encode().splitlines()) == (0, 1, 0)


def test_an_event_of_too_many_records_is_told_and_counted() -> None:
    first, *rest = call(1, 59, path("/bin/sh")).encode().splitlines()
    many = [f'type=EXECVE {stamp(1)} a{i}="x"'.encode() for i in range(5000)]
    events, marks, problems = read(first, *many, *rest)
    assert (events, marks, problems) == (1, 0, 1)


def test_arguments_without_end_are_cut(tmp_path: Path) -> None:
    pieces = [f"EXECVE a{i}={'41' * 8000}" for i in range(40)]
    ((length,),) = shown(write(tmp_path, call(1, 59, *pieces)), "proc.args")
    assert 24_000 < len(str(length)) <= 32 << 10


def test_what_is_known_of_processes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_processes, "MAX_PROCESSES", 50)
    monkeypatch.setattr(audit_processes, "MAX_LISTED", 20)
    monkeypatch.setattr(audit_processes, "MAX_GONE", 30)
    log = write(tmp_path, *(call(i, 90, path("f"), pid=1000 + i, ppid=500_000 + i) for i in range(1, 500)))
    replay = audit_batches([log])
    assert len(shown(replay, "proc.name")) == 499
    (host,) = replay._hosts.values()
    assert len(host._events.processes._known) <= 52
    assert len(host._events.processes._gone) <= 30
    assert len(host._events.processes.threads) == 20


def test_hosts_without_number_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_audit, "MAX_HOSTS", 3)
    lines = [f"node=h{i} type=USER_LOGIN {stamp(i)} pid=1 msg='op=login'" for i in range(10)]
    replay = audit_batches([write(tmp_path, *lines)])
    assert (replay.hosts, len(replay.problems), len(list(replay.marks()))) == (["h0", "h1", "h2"], 7, 3)


def test_problems_name_their_place_and_few_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = write(tmp_path, *(f"garbage {i}" for i in range(300)))
    replay = audit_batches([log])
    with caplog.at_level(logging.WARNING):
        assert list(replay) == []
    assert len(replay.problems) == 300
    assert len(list(replay.problems)) == 100
    assert str(next(iter(replay.problems))) == "audit.log:1: no record type (type=…): 'garbage 0'"
    assert len(caplog.records) == 5


def test_without_room_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write(tmp_path, call(1, 90))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    replay = audit_batches([log])
    with pytest.raises(InputError, match="TMPDIR"):
        list(replay)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write(tmp_path, call(1, 90))
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    replay = audit_batches([log])
    assert len(list(replay)) == 1
    assert list(folder.iterdir())
    del replay
    gc.collect()
    assert not list(folder.iterdir())


def test_deleted_lines_leave_a_gap(tmp_path: Path) -> None:
    log = write(tmp_path, *(call(i, 90, path("f")) for i in range(1, 20) if i not in (7, 8)))
    (gap,) = audit_batches([log]).gaps()
    assert (gap.first, gap.last, gap.count) == (7, 8, 2)


words = st.sampled_from(sorted({word for line in LINES[:200] for word in line.split(b" ")}))
line = st.one_of(
    st.binary(max_size=200).map(lambda data: data.replace(b"\n", b"")),
    st.sampled_from(LINES),
    st.builds(
        lambda kind, fields: b"type=%b msg=audit(1795324821.753:9): %b" % (kind, b" ".join(fields)),
        st.sampled_from([b"SYSCALL", b"PATH", b"EXECVE", b"SOCKADDR", b"CWD", b"EOE", b"USER_CMD", b"ANOM_ABEND"]),
        st.lists(words, max_size=20),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(line, max_size=25))
def test_any_lines_are_read_to_the_end(lines: list[bytes]) -> None:
    logging.getLogger("tiercel.sources.audit_log").setLevel(logging.ERROR)
    try:
        events, marks, problems = read(*lines)
    finally:
        logging.getLogger("tiercel.sources.audit_log").setLevel(logging.NOTSET)
    text = b"\n".join(lines)
    if text.strip(b"\r\n") and not text.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff")):
        assert events + marks + problems > 0
