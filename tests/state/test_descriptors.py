"""Descriptors followed through events made by hand."""

from __future__ import annotations

from random import Random

import pytest

from tests.state.synthetic import Call, make_batch, u16, u32
from tiercel.model.batch import Tables
from tiercel.model.columns import F, FdFlag, FdKind
from tiercel.sources.records import FdRecord
from tiercel.state.descriptors import Descriptors
from tiercel.state.fd_log import KEPT
from tiercel.state.fd_tables import CAPACITY, HELD
from tiercel.state.reader import Reader
from tiercel.state.threads import Thread, ThreadTable
from tiercel.wire.event_table import BY_CONSTANT

TID = 100
CLOEXEC = 1 << 12
AT_FDCWD = -100


class Scene:
    """A process in /home/ada/ and what it does."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.threads = ThreadTable(self.tables.processes, self.tables.strings)
        thread = self.threads.get(TID, 0)
        assert thread is not None
        thread.pid = TID
        thread.bind()
        thread.cwd = self.tables.strings.intern(b"/home/ada/")
        self.thread: Thread = thread
        self.descriptors = Descriptors(self.tables, self.threads)
        self.seen: list[tuple[bool, int, int, bool]] = []  # has_fd, fd, row, name_changed of each event

    def play(self, *calls: Call) -> Scene:
        batch = make_batch(self.tables, calls, TID)
        reader = Reader()
        reader.load(batch)
        self.descriptors.begin(batch, reader)
        self.seen = []
        for i, (name, _) in enumerate(calls):
            d = self.descriptors
            d.event(self.thread, i, BY_CONSTANT[name])
            self.seen.append((d.has_fd, d.fd, d.file_row, d.name_changed))
        return self

    def cell(self, row: int, column: F) -> int:
        return int(self.tables.files.array[row, column])

    def text(self, row: int, column: F = F.NAME) -> bytes | None:
        return self.tables.strings.get(self.cell(row, column))

    def names(self) -> list[bytes | None]:
        """Names of the descriptors the events were about."""
        return [None if row < 0 else self.text(row) for _, _, row, _ in self.seen]

    def open(self) -> dict[int, bytes | None]:
        return {fd: self.text(row) for fd, row in self.descriptors.table_at(TID, 1 << 40).items()}


def opened(fd: int, path: bytes, flags: int = 1) -> Call:
    return ("SYSCALL_OPEN_X", (fd, path + b"\0", u32(flags), u32(0), u32(7), 42))


def openat(fd: int, dirfd: int, path: bytes, flags: int = 1) -> Call:
    return ("SYSCALL_OPENAT_2_X", (fd, dirfd, path + b"\0", u32(flags), u32(0), u32(7), 42))


def read(fd: int, result: int = 1) -> Call:
    return ("SYSCALL_READ_X", (result, b"x", fd, u32(1)))


def close(fd: int, result: int = 0) -> Call:
    return ("SYSCALL_CLOSE_X", (result, fd))


def test_open_read_close() -> None:
    scene = Scene().play(opened(3, b"notes"), read(3), close(3), read(3))
    assert scene.names() == [b"/home/ada/notes", b"/home/ada/notes", b"/home/ada/notes", None]
    assert [fd for _, fd, _, _ in scene.seen] == [3, 3, 3, 3]
    assert [changed for *_, changed in scene.seen] == [True, False, False, False]
    row = scene.seen[0][2]
    assert scene.cell(row, F.KIND) == FdKind.FILE_V2
    assert (scene.cell(row, F.DEV), scene.cell(row, F.INO)) == (7, 42)
    assert scene.text(row, F.NAMERAW) == b"notes"


def test_failed_open_has_fields_but_no_descriptor() -> None:
    assert Scene().play(opened(-2, b"nope")).seen == [(True, -1, -1, False)]


def test_events_without_descriptor_fields() -> None:
    assert Scene().play(("SYSCALL_UNLINK_2_X", (0, b"a\0"))).seen == [(False, -1, -1, False)]


def test_relative_to_a_directory() -> None:
    scene = Scene().play(
        openat(3, AT_FDCWD, b"..", 1 << 10),
        openat(4, 3, b"../etc/./passwd"),
        openat(5, 9, b"a"),
        openat(6, 9, b"/abs"),
    )
    assert scene.names() == [b"/home", b"/etc/passwd", b"<UNKNOWN>a", b"/abs"]
    assert scene.cell(scene.seen[0][2], F.KIND) == FdKind.DIRECTORY


def test_what_the_call_was_entered_with_is_believed() -> None:
    entered: Call = ("SYSCALL_OPENAT_2_E", (AT_FDCWD, b"/etc/shadow\0", u32(3), u32(0)))
    scene = Scene().play(entered, openat(3, AT_FDCWD, b"/tmp/harmless", 1))
    assert scene.text(scene.seen[1][2]) == b"/etc/shadow"
    assert scene.cell(scene.seen[1][2], F.OPENFLAGS) == 3
    scene = Scene().play(entered, read(9), openat(3, AT_FDCWD, b"/tmp/later", 1))
    assert scene.text(scene.seen[2][2]) == b"/tmp/later"


def test_layers_of_an_overlay() -> None:
    scene = Scene().play(opened(3, b"/a", 1 << 15), opened(4, b"/b", 1 << 16))
    assert scene.cell(scene.seen[0][2], F.FLAGS) == FdFlag.OVERLAY_UPPER
    assert scene.cell(scene.seen[1][2], F.FLAGS) == FdFlag.OVERLAY_LOWER


def test_the_same_file_is_one_row() -> None:
    scene = Scene().play(opened(3, b"/a"), close(3), opened(4, b"/a"), opened(5, b"/b"))
    rows = [row for _, _, row, _ in scene.seen]
    assert rows[0] == rows[2] != rows[3]
    assert scene.tables.files.count == 2


def test_duplicates_keep_the_name_and_lose_cloexec() -> None:
    scene = Scene().play(
        opened(3, b"/a", 1 | CLOEXEC),
        ("SYSCALL_DUP2_X", (1, 3, 1)),
        ("SYSCALL_DUP3_X", (5, 3, 5, u32(CLOEXEC))),
        ("SYSCALL_FCNTL_X", (6, 3, b"\x01", 0)),
        ("SYSCALL_FCNTL_X", (0, 6, b"\x03", 1)),
    )
    assert [fd for _, fd, _, _ in scene.seen] == [3, 1, 5, 6, 6]
    assert [changed for *_, changed in scene.seen] == [True, False, False, False, False]
    scene.descriptors.exec(TID)
    assert scene.open() == {1: b"/a"}


def test_pipe_is_about_its_write_end() -> None:
    scene = Scene().play(("SYSCALL_PIPE2_X", (0, 3, 4, 99, u32(0))))
    assert scene.seen[0][:2] == (True, 4)
    assert sorted(scene.open()) == [3, 4]
    assert scene.cell(scene.seen[0][2], F.INO) == 99


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (("SYSCALL_EVENTFD2_X", (3, u16(0), 0)), FdKind.EVENT),
        (("SYSCALL_EPOLL_CREATE1_X", (3, u32(1))), FdKind.EVENTPOLL),
        (("SYSCALL_TIMERFD_CREATE_X", (3, b"\0", b"\0")), FdKind.TIMERFD),
        (("SYSCALL_INOTIFY_INIT1_X", (3, u16(0))), FdKind.INOTIFY),
        (("SYSCALL_SIGNALFD4_X", (3, u16(0), -1, u32(0))), FdKind.SIGNALFD),
        (("SYSCALL_USERFAULTFD_X", (3, u32(0))), FdKind.USERFAULTFD),
        (("SYSCALL_BPF_2_X", (3, u32(5))), FdKind.BPF),
        (("SYSCALL_IO_URING_SETUP_X", (3,)), FdKind.IOURING),
        (("SYSCALL_MEMFD_CREATE_X", (3, b"secret\0", u32(1))), FdKind.MEMFD),
        (("SYSCALL_PIDFD_OPEN_X", (3, 77, u32(0))), FdKind.PIDFD),
    ],
)
def test_one_new_descriptor(call: Call, kind: FdKind) -> None:
    scene = Scene().play(call, read(3))
    assert scene.seen[0][1] == 3
    assert scene.cell(scene.seen[1][2], F.KIND) == kind
    assert scene.play((call[0], (-24, *call[1][1:]))).seen[0][2] < 0 or call[0] == "SYSCALL_MEMFD_CREATE_X"


def test_names_of_memfd_and_pidfd() -> None:
    scene = Scene().play(
        ("SYSCALL_MEMFD_CREATE_X", (3, b"secret\0", u32(1))), ("SYSCALL_PIDFD_OPEN_X", (4, 77, u32(0)))
    )
    assert scene.names() == [b"secret", b"/proc/77"]


def test_pidfd_getfd_takes_over_a_descriptor() -> None:
    scene = Scene()
    scene.threads.get(77, 0)
    scene.descriptors.load(77, [FdRecord(5, type=FdKind.FILE_V2, fname=b"/theirs")])
    scene.play(("SYSCALL_PIDFD_OPEN_X", (4, 77, u32(0))), ("SYSCALL_PIDFD_GETFD_X", (6, 4, 5, u32(0))))
    assert scene.names()[1] == b"/theirs"
    assert scene.open() == {4: b"/proc/77", 6: b"/theirs"}


def test_close_range() -> None:
    scene = Scene().play(*(opened(fd, b"/%d" % fd) for fd in range(3, 8)))
    scene.play(("SYSCALL_CLOSE_RANGE_X", (0, u32(6), u32(0xFFFFFFFF), u32(0))))
    assert sorted(scene.open()) == [3, 4, 5]
    scene.play(("SYSCALL_CLOSE_RANGE_X", (0, u32(4), u32(5), u32(4))))
    scene.descriptors.exec(TID)
    assert sorted(scene.open()) == [3]


def test_fork_copies_and_drop_forgets() -> None:
    scene = Scene().play(opened(3, b"/a"), close(3))
    d = scene.descriptors
    d.index = 2
    d.fork(TID, 200)
    assert d.count(200) == 0  # the close took effect first
    scene.play(opened(3, b"/b"))
    d.index = 1
    d.fork(TID, 200)
    assert d.row(200, 3) == d.row(TID, 3) >= 0
    d.drop(TID)
    assert (d.count(TID), d.count(200)) == (0, 1)


def test_state_as_of_an_event() -> None:
    scene = Scene().play(opened(3, b"/a"), close(3), opened(3, b"/b"), opened(4, b"/c"))
    d = scene.descriptors
    at = [scene.text(row) if (row := d.row_at(TID, 3, index)) >= 0 else None for index in range(4)]
    assert at == [b"/a", b"/a", b"/b", b"/b"]
    d.index = 4
    d.fork(TID, 200)
    d.index = 5
    d.drop(TID)
    assert d.row_at(200, 3, 3) == -1
    assert d.row_at(200, 4, 4) >= 0
    assert d.row_at(TID, 4, 4) >= 0
    assert d.row_at(TID, 4, 5) == -1
    assert [len(d.table_at(TID, index)) for index in range(6)] == [1, 1, 1, 2, 2, 0]


def test_closed_descriptor_is_gone_in_the_next_batch() -> None:
    scene = Scene().play(opened(3, b"/a"), close(3))
    assert scene.descriptors.count(TID) == 1
    scene.play(read(3))
    assert scene.seen[0][2] == -1


def test_table_is_bounded() -> None:
    scene = Scene()
    for base in range(0, CAPACITY + 300, 100):
        scene.play(*(opened(fd, b"/a") for fd in range(base, base + 100)))
    assert scene.descriptors.count(TID) == CAPACITY
    assert scene.seen[-1][0]
    assert scene.seen[-1][2] == -1


def test_rows_are_found_again_after_the_hash_table_grew() -> None:
    scene = Scene()
    for base in range(0, 5000, 500):
        scene.play(*(opened(3, b"/f%d" % k) for k in range(base, base + 500)))
    rows = scene.tables.files.count
    scene.play(*(opened(3, b"/f%d" % k) for k in range(0, 5000, 7)))
    assert scene.tables.files.count == rows == 5000
    scene.descriptors.forget()
    scene.play(*(opened(3, b"/f%d" % k) for k in range(0, 5000, 7)))
    assert scene.tables.files.count == rows


@pytest.mark.parametrize("seed", range(8))
def test_garbage_does_no_harm(seed: int) -> None:
    chance = Random(seed)
    names = [name for name in BY_CONSTANT if name.startswith(("SYSCALL", "SOCKET"))]

    def parameter() -> bytes:
        if chance.random() < 0.5:
            return chance.choice((0, 1, 2, 3, 4, -1, -100, 1 << 62)).to_bytes(8, "little", signed=True)
        return bytes(chance.choices((0, 1, 2, 10, 16, 46, 47, 255), k=chance.randrange(45)))

    scene = Scene()
    for _ in range(3):
        scene.play(*((chance.choice(names), [parameter() for _ in range(chance.randrange(1, 9))]) for _ in range(300)))
    assert scene.descriptors.held == sum(map(len, scene.descriptors.tables.values()))


def test_count_of_all_descriptors() -> None:
    scene = Scene().play(opened(3, b"/a", 1 | CLOEXEC), opened(4, b"/b"), opened(4, b"/c"), close(9))
    d = scene.descriptors
    assert d.held == 2
    d.fork(TID, 200)
    d.fork(TID, 200)
    assert d.held == 4
    d.exec(200)
    assert d.held == 3
    d.drop(TID)
    assert d.held == 1 == sum(map(len, d.tables.values()))
    d.index = 10
    assert d.row_at(200, 3, 2) == -1
    assert d.row_at(TID, 4, 2) >= 0


def test_copies_without_end_are_bounded() -> None:
    scene = Scene().play(*(opened(fd, b"/a") for fd in range(CAPACITY)))
    d = scene.descriptors
    for child in range(200, 200 + 2 * HELD // CAPACITY):
        d.fork(TID, child)
    assert HELD - CAPACITY < d.held <= HELD
    assert d.held == sum(map(len, d.tables.values()))
    before = d.held
    for child in range(200, 200 + HELD // CAPACITY):
        d.drop(child)
    assert d.held < before
    assert d.log.kept <= KEPT + CAPACITY
