"""The queue before the outputs: on the disk, in memory, over restarts, when full, when damaged."""

from __future__ import annotations

import errno
import os
import threading
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.outputs.channels.peers import line, until
from tiercel.errors import InputError
from tiercel.outputs.queue import Queue
from tiercel.outputs.queue_log import Log
from tiercel.outputs.queue_record import HEADER_SIZE, Record
from tiercel.outputs.queue_settings import QueueSettings

LONG = b"x" * 2000


def numbers(records: list[Record]) -> list[int]:
    return [record.number for record in records]


def take_all(queue: Queue, name: str, settle: bool = True) -> list[Record]:
    found: list[Record] = []
    while records := queue.take(name, timeout=0):
        found += records
        if settle:
            queue.settle(name, records[-1].number)
    return found


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


def test_each_output_reads_at_its_own_pace(tmp_path: Path) -> None:
    queue = Queue(["a", "b"], tmp_path)
    for i in range(10):
        queue.put(line(i), priority=4, extra=b"e")
    assert [record.line for record in take_all(queue, "a")] == [line(i) for i in range(10)]
    assert queue.waiting("a") == 0
    assert queue.waiting("b") == 10
    assert queue.oldest("b") > 0
    records = take_all(queue, "b")
    assert (records[3].priority, records[3].extra) == (4, b"e")
    queue.close()


def test_ids_are_uuids_that_sort_and_differ_between_runs(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        queue = Queue(["a"], tmp_path)
        ids += [queue.put(line(i)).id for i in range(3)]
        queue.close()
    assert len(set(ids)) == 6
    assert {uuid.UUID(id).version for id in ids} == {8}
    assert ids[:3] == sorted(ids[:3])


def test_what_was_not_delivered_is_there_after_a_restart(tmp_path: Path) -> None:
    queue = Queue(["a", "b"], tmp_path)
    put = [queue.put(line(i)) for i in range(5)]
    queue.settle("a", queue.take("a")[1].number)
    assert queue.sync(5)
    queue.close()
    queue = Queue(["a", "b"], tmp_path)
    assert take_all(queue, "a") == put[2:]
    assert [record.id for record in take_all(queue, "b")] == [record.id for record in put]
    assert queue.put(b"next").number == 6
    queue.close()


def test_a_new_output_gets_what_comes_from_then_on(tmp_path: Path) -> None:
    queue = Queue(["a"], tmp_path)
    queue.put(line(0))
    queue.close()
    queue = Queue(["a", "new"], tmp_path)
    queue.put(line(1))
    assert [record.line for record in take_all(queue, "new")] == [line(1)]
    assert queue.waiting("a") == 2
    queue.close()


def test_an_output_no_longer_asked_for_holds_nothing_up(tmp_path: Path) -> None:
    queue = Queue(["a", "old"], tmp_path)
    queue.put(line(0))
    queue.close()
    queue = Queue(["a"], tmp_path)
    assert not (tmp_path / "old.cursor").exists()
    assert queue.put(b"").number == 2
    queue.close()


def test_a_queue_far_behind_reads_from_the_disk(tmp_path: Path) -> None:
    queue = Queue(["a"], tmp_path, QueueSettings(max_bytes=256 << 20))
    count = 6000
    for i in range(count):
        queue.put(b"%d " % i + LONG)
    assert queue.sync(10)
    assert queue.put(b"last").number == count + 1
    assert queue._tail_first > 1  # the oldest are no longer in memory
    assert numbers(take_all(queue, "a")) == list(range(1, count + 2))
    until(lambda: len(segments(tmp_path)) == 1)  # what all are done with is removed
    assert queue.lost("a") == 0
    queue.close()


def test_rewinding_gives_again_what_was_not_settled(tmp_path: Path) -> None:
    for folder in (tmp_path, None):
        queue = Queue(["a"], folder)
        for i in range(4):
            queue.put(line(i))
        queue.settle("a", queue.take("a")[0].number)
        queue.rewind("a")
        assert numbers(queue.take("a")) == [2, 3, 4]
        queue.close()


def test_what_is_full_loses_the_oldest_and_counts(tmp_path: Path) -> None:
    queue = Queue(["slow", "fast"], tmp_path, QueueSettings(max_bytes=1 << 20))
    for i in range(4000):  # 8 MB
        queue.put(b"%d " % i + LONG)
        if i % 500 == 0:
            queue.settle("fast", i + 1)
            assert queue.sync(10)
    queue.settle("fast", 4000)
    assert queue.sync(10)
    until(lambda: queue.bytes <= 1 << 20)
    kept = take_all(queue, "slow")
    lost = queue.lost("slow")
    assert lost > 0
    assert numbers(kept) == list(range(lost + 1, 4001))
    assert queue.losses() == {"slow": lost}
    assert queue.losses() == {}
    assert queue.lost("fast") == 0
    queue.close()


def test_what_is_too_old_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue(["a"], tmp_path, QueueSettings(max_bytes=1 << 20, max_age=3600))
    monkeypatch.setattr("tiercel.outputs.queue.time.time_ns", lambda: 10**18)
    for _ in range(100):
        queue.put(LONG)
    queue.sync(5)
    monkeypatch.setattr("tiercel.outputs.queue.time.time_ns", lambda: 10**18 + 3601 * 10**9)
    queue.put(LONG)
    queue.sync(5)
    queue.put(LONG)
    queue.sync(5)
    until(lambda: queue.lost("a") > 0)
    assert numbers(take_all(queue, "a"))[-1] == 102
    queue.close()


def test_in_memory_the_oldest_are_lost_too() -> None:
    queue = Queue(["a"], None, QueueSettings(capacity=10))
    for i in range(25):
        queue.put(line(i))
    assert queue.lost("a") == 15
    assert [record.line for record in take_all(queue, "a")] == [line(i) for i in range(15, 25)]
    assert queue.bytes == 0
    queue.close()


def test_lost_while_in_hand_and_delivered_all_the_same_is_not_lost() -> None:
    queue = Queue(["a"], None, QueueSettings(capacity=10))
    for i in range(10):
        queue.put(line(i))
    held = queue.take("a")
    for i in range(10):
        queue.put(line(i))
    assert queue.lost("a") == 10
    queue.settle("a", held[-1].number)
    assert queue.lost("a") == 0
    assert queue.waiting("a") == 10
    queue.close()


def test_in_memory_putting_can_wait_for_room() -> None:
    queue = Queue(["a"], None, QueueSettings(capacity=5), wait=True)
    taken: list[Record] = []

    def read() -> None:
        while len(taken) < 100:
            for record in queue.take("a", timeout=1):
                taken.append(record)
                queue.settle("a", record.number)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(100):
        queue.put(line(i))
    reader.join()
    assert numbers(taken) == list(range(1, 101))
    assert queue.lost("a") == 0
    queue.close()


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_torn_end_is_set_aside(tmp_path: Path, cut: int) -> None:
    queue = Queue(["a"], tmp_path)
    for i in range(3):
        queue.put(line(i) + b" " * 20)
    queue.close()
    (segment,) = segments(tmp_path)
    os.truncate(segment, segment.stat().st_size - cut)
    queue = Queue(["a"], tmp_path)
    assert [torn.suffix for torn in tmp_path.glob("*.torn")] == [".torn"]
    assert numbers(take_all(queue, "a")) == [1, 2]
    queue.put(b"on")
    assert [record.line for record in take_all(queue, "a")] == [b"on"]
    queue.close()


def test_damage_in_the_middle_costs_the_rest_of_that_segment(tmp_path: Path) -> None:
    for i in range(2):
        queue = Queue(["a"], tmp_path)
        for j in range(10):
            queue.put(b"%d" % (i * 10 + j) + LONG)
        queue.close()
    first, _ = segments(tmp_path)
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    queue = Queue(["a"], tmp_path)
    found = numbers(take_all(queue, "a"))
    assert found[-10:] == list(range(11, 21))
    assert queue.lost("a") == 20 - len(found) > 0
    queue.close()


def test_a_segment_without_a_record_is_removed(tmp_path: Path) -> None:
    queue = Queue(["a"], tmp_path)
    queue.put(line(0))
    take_all(queue, "a")
    queue.close()
    (segment,) = segments(tmp_path)
    os.truncate(segment, HEADER_SIZE)
    for i in range(3):
        queue = Queue(["a"], tmp_path)
        queue.put(line(i))
        assert queue.sync(5)
        queue.settle("a", 0)
        assert len(segments(tmp_path)) == i + 1
        queue.close()
    queue = Queue(["a"], tmp_path)
    assert [record.line for record in take_all(queue, "a")] == [line(i) for i in range(3)]
    queue.close()


def test_bytes_that_were_never_a_segment_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / f"{7:020d}.seg").write_bytes(b"?" * 500)
    (tmp_path / f"{8:020d}.seg").write_bytes(b"")
    (tmp_path / "a.cursor").write_bytes(b"nonsense")
    queue = Queue(["a"], tmp_path)
    queue.put(b"x")
    assert [record.line for record in take_all(queue, "a")] == [b"x"]
    queue.close()


def test_a_damaged_cursor_repeats_rather_than_loses(tmp_path: Path) -> None:
    queue = Queue(["a"], tmp_path)
    queue.put(line(0))
    take_all(queue, "a")
    queue.close()
    (tmp_path / "a.cursor").write_bytes(b"1 00000000\n")
    queue = Queue(["a"], tmp_path)
    assert numbers(take_all(queue, "a")) == [1]
    queue.close()


def test_a_full_disk_delays_the_disk_and_not_the_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue(["a"], tmp_path)
    queue.put(line(0))
    assert queue.sync(5)
    full = True
    write = os.write

    def fails(descriptor: int, data: bytes) -> int:
        if full and threading.current_thread().name == "queue-write":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("tiercel.outputs.queue_log.os.write", fails)
    queue.put(line(1))
    assert numbers(queue.take("a")) == [1, 2]
    assert not queue.sync(0.2)
    assert queue.disk_errors > 0
    full = False
    assert queue.sync(5)
    queue.close()
    queue = Queue(["a"], tmp_path)
    assert [record.line for record in take_all(queue, "a")] == [line(0), line(1)]
    queue.close()


def test_on_a_full_disk_what_is_delivered_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue(["a"], tmp_path)
    write = os.write
    allowed = 50_000  # bytes the disk has for segments

    def fails(descriptor: int, data: bytes) -> int:
        used = sum(path.stat().st_size for path in segments(tmp_path))
        if threading.current_thread().name == "queue-write" and used + len(data) > allowed:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("tiercel.outputs.queue_log.os.write", fails)
    for i in range(20):
        queue.put(b"%d " % i + LONG)
        assert queue.sync(5)
    for i in range(20, 40):
        queue.put(b"%d " % i + LONG)
    assert not queue.sync(0.1)
    assert numbers(take_all(queue, "a")) == list(range(1, 41))
    assert queue.put(b"last").number == 41
    assert queue.sync(5)
    assert queue.lost("a") == 0
    queue.close()


def test_one_process_has_the_folder(tmp_path: Path) -> None:
    queue = Queue(["a"], tmp_path)
    with pytest.raises(InputError, match="another process"):
        Queue(["a"], tmp_path)
    queue.close()
    Queue(["a"], tmp_path).close()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot keep alerts there"):
        Log(tmp_path / "file" / "x", 1)


def test_lines_can_be_finished_with_their_id() -> None:
    queue = Queue(["a"], finish=lambda line, id: line + id.encode())
    record = queue.put(b"id=")
    assert record.line == b"id=" + record.id.encode()
    queue.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), cut=st.booleans())
def test_whatever_happens_to_a_file_what_is_read_was_put_in_and_in_order(
    tmp_path: Path, at: float, value: int, cut: bool
) -> None:
    folder = tmp_path / str(uuid.uuid4())
    put: list[bytes] = []
    for _ in range(2):
        queue = Queue(["a"], folder)
        for _ in range(5):
            put.append(b"alert %d " % len(put) * (1 + len(put) % 3))
            queue.put(put[-1])
        queue.close()
    data = b"".join(path.read_bytes() for path in segments(folder))
    place = int(at * len(data))
    for path in segments(folder):
        size = path.stat().st_size
        if 0 <= place < size:
            damaged = bytearray(path.read_bytes())
            damaged[place] = value
            path.write_bytes(bytes(damaged[:place] if cut else damaged))
        place -= size
    queue = Queue(["a"], folder)
    new = queue.put(b"new")
    found = take_all(queue, "a")
    places = [put.index(record.line) for record in found if record.line != b"new"]
    assert places == sorted(set(places))
    assert found[-1] == new
    assert queue.lost("a") + len(found) <= len(put) + 1
    queue.close()
