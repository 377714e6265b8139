"""Fields about the process itself."""

from __future__ import annotations

import pytest

from tests.fields.sample import Sample
from tiercel.fields.process_text import items
from tiercel.model.columns import ExeFlag, FdKind

IS_MAIN = 1 << 30


@pytest.fixture
def sample() -> Sample:
    sample = Sample()
    sample.process(
        10,
        COMM=b"bash",
        EXE=b"/bin/bash",
        EXEPATH=b"/usr/bin/bash",
        ARGS=b"-c\0echo  hi\0",
        ENV=b"HOME=/root\0EMPTY=\0P= a b \0",
        CWD=b"/root/",
        CLONE_TS=400,
        TTY=34816,
        FDLIMIT=1024,
        EXE_FLAGS=ExeFlag.WRITABLE | ExeFlag.FROM_MEMFD,
        CAP_EFFECTIVE=1 | 1 << 21,
        CGROUPS=b"cpu_cgroup=/a\0io=/b\0",
        SID=10,
        PGID=10,
    )
    sample.process(11, PID=10, VTID=7, COMM=b"worker", CWD=b"/root/", SID=-1)
    return sample


@pytest.mark.parametrize(
    ("name", "argument", "of_main", "of_thread"),
    [
        ("proc.name", None, b"bash", b"worker"),
        ("proc.exepath", None, b"/usr/bin/bash", b""),
        ("proc.args", None, b"-c echo  hi", b""),
        ("proc.args", 1, b"echo  hi", b""),
        ("proc.args", 9, b"", b""),
        ("proc.cmdline", None, b"bash -c echo  hi", b"worker"),
        ("proc.exeline", None, b"/bin/bash -c echo  hi", b" "),
        ("proc.cmdnargs", None, 2, 0),
        ("proc.cmdlenargs", None, 10, 0),
        ("proc.env", None, b"HOME=/root EMPTY= P= a b ", b""),
        ("proc.env", "HOME", b"/root", b""),
        ("proc.env", "EMPTY", b"", b""),
        ("proc.env", "P", b"a b", b""),
        ("proc.env", "HOM", b"", b""),
        ("proc.cwd", None, b"/root/", b"/root/"),
        ("proc.tty", None, 34816, 0),
        ("proc.duration", None, 600, None),
        ("proc.pid.ts", None, 400, None),
        ("proc.is_sid_leader", None, True, False),
        ("proc.is_exe_writable", None, True, False),
        ("proc.is_exe_from_memfd", None, True, False),
        ("proc.is_exe_upper_layer", None, False, False),
        ("thread.cap_effective", None, b"CAP_CHOWN CAP_SYS_ADMIN", b""),
        ("thread.cgroups", None, b"cpu=/a blkio=/b", None),
        ("thread.cgroup", "blkio", b"/b", None),
        ("thread.ismain", None, True, False),
        ("thread.vtid", None, 10, 7),
        ("proc.fdopencount", None, 3, 3),
        ("proc.fdlimit", None, 1024, 0),
        ("user.loginuid", None, -1, -1),
    ],
)
def test_value(sample: Sample, name: str, argument: str | int | None, of_main: object, of_thread: object) -> None:
    assert sample.ask(name, argument) == {10: of_main, 11: of_thread, -1: None}


def test_descriptor_use_is_a_share_of_the_limit(sample: Sample) -> None:
    assert sample.ask("proc.fdusage") == {10: pytest.approx(300 / 1024), 11: 0.0, -1: None}


def test_thread_id_needs_no_process(sample: Sample) -> None:
    assert sample.ask("thread.tid") == {10: 10, 11: 11, -1: -1}


def test_standard_streams(sample: Sample) -> None:
    sample.file(10, 0, FdKind.FIFO, b"pipe:[7]")
    assert sample.ask("proc.stdin.type") == {10: b"pipe", 11: None, -1: None}
    assert sample.ask("proc.stdin.name") == {10: b"pipe:[7]", 11: None, -1: None}
    assert sample.ask("proc.stdout.name") == {10: None, 11: None, -1: None}


def test_values_are_made_anew_when_numbers_change(sample: Sample) -> None:
    assert sample.ask("proc.cmdline")[11] == b"worker"
    sample.tables.begin_epoch()
    sample.tables.processes.array[sample.rows[11], 9] = sample.tables.strings.intern(b"other")
    assert sample.ask("proc.cmdline")[11] == b"other"


@pytest.mark.parametrize(
    ("text", "expected"), [(b"", []), (None, []), (b"a\0", [b"a"]), (b"a\0\0b\0", [b"a", b"", b"b"]), (b"\0", [b""])]
)
def test_items(text: bytes | None, expected: list[bytes]) -> None:
    assert items(text) == expected
