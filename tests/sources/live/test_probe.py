"""Loading the probe: what it says where it cannot be, and what it counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.live.host import watchable
from tiercel.cli.sourcing import take_precedence
from tiercel.sources.live import privileges
from tiercel.sources.live import probe as live
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.probe import Probe
from tiercel.sources.live.procfs import read_threads
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.wanted import all_events
from tiercel.wire.event_table import BY_CONSTANT, EVENTS


def test_without_privileges_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "effective", lambda: frozenset({"CAP_BPF"}))
    with pytest.raises(LiveError, match=r"takes root.*: CAP_PERFMON is missing"):
        Probe(frozenset())


def test_an_old_kernel_is_named_with_the_one_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "effective", lambda: frozenset(privileges.PROBE))
    monkeypatch.setattr(live, "_release", lambda: (4, 18))
    with pytest.raises(LiveError, match=r"too old.* 5\.17"):
        Probe(frozenset())


def test_a_kernel_without_type_information(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "effective", lambda: frozenset(privileges.PROBE))
    monkeypatch.setattr(live, "_release", lambda: (6, 1))
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    with pytest.raises(LiveError, match="CONFIG_DEBUG_INFO_BTF"):
        Probe(frozenset())


def test_a_missing_library_is_named_with_its_package() -> None:
    script = (
        "from tiercel.sources.live import libbpf\n"
        "libbpf._LIBRARY = 'libbpf.so.99'\n"
        "try: libbpf.libbpf()\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "libbpf.so.99 is not installed" in done.stdout
    assert "libbpf1" in done.stdout


@watchable
def test_losses_are_events_in_the_stream() -> None:
    loop = "import os\nfor _ in range(60000): os.close(os.open('/etc/hostname', 0))"
    with LiveSource(all_events(), ring_bytes=4096) as source:  # a page: too little for what comes at once
        subprocess.run([sys.executable, "-c", loop], check=True)
        source.stop()
        drops = []
        for batch in source:
            for index in (batch.types == BY_CONSTANT["DROP_E"]).nonzero()[0]:
                start = int(batch.start[batch.first[index]])
                drops.append(int.from_bytes(batch.data[start : start + 4], "little"))
        assert source.lost.full > 50_000
        assert sum(drops) == source.lost.total
        counters = source.stream.probe.counters()
        assert int(counters[:, 1].sum()) == source.lost.full


@watchable
def test_the_watcher_does_not_see_itself() -> None:
    with LiveSource(all_events(), seconds=1) as source:
        for batch in source:
            Path("/etc/hostname").read_bytes()
            own = batch.tid == os.getpid()
            assert not own.any(), [EVENTS[int(number)].name for number in batch.types[own]]


@watchable
def test_events_come_in_order_and_from_known_threads() -> None:
    storm = "for i in $(seq 150); do (cat /etc/hostname | cat >/dev/null) & done; wait"
    with LiveSource(all_events(), seconds=20) as source:
        child = subprocess.Popen(["bash", "-c", storm])
        last = 0
        born: set[int] = set()
        unknown: set[int] = set()
        for batch in source:
            assert (batch.ts[1:] >= batch.ts[:-1]).all()
            assert int(batch.ts[0]) >= last
            last = int(batch.ts[-1])
            born.update(batch.tid[(batch.types == BY_CONSTANT["SYSCALL_CLONE_20_X"])].tolist())
            unknown.update(batch.tid[batch.process < 0].tolist())
            if child.poll() is not None:
                source.stop()
        assert len(born) > 300
        assert not unknown & born
        assert source.lost.total == 0


@watchable
def test_what_happens_while_the_host_is_looked_at_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiercel.sources.live.stream._LOOK_EVERY", 1)
    loop = "import os, time\nend = time.time() + 5\nwhile time.time() < end: os.close(os.open('/etc/hostname', 0))"
    child = subprocess.Popen([sys.executable, "-c", loop])
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    take_precedence()  # as a watch does
    try:
        with LiveSource(all_events(), seconds=0.2) as source:
            assert source.stream._aside
            last = 0
            for batch in source:
                assert int(batch.ts[0]) >= last
                last = int(batch.ts[-1])
            assert source.lost.total == 0
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        child.kill()
        child.wait()


@watchable
def test_the_time_of_day_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiercel.sources.live.stream._CLOCK_EVERY", 0.0)
    with LiveSource(all_events(), seconds=0.5) as source:
        probe = source.stream.probe
        right = probe.offset
        probe.control[:8] = (right - 3_600_000_000_000).to_bytes(8, "little")  # as if the clock was set an hour ahead
        for _ in source:
            pass
        assert abs(probe.offset - right) < 10_000_000


@watchable
def test_the_kernel_lists_the_threads_that_proc_shows() -> None:
    probe = Probe(frozenset())
    try:
        listed = {thread.tid: thread for thread in probe.tasks()}
        shown = {thread.tid: thread for thread in read_threads()}
    finally:
        probe.close()
    own = listed[os.getpid()]
    assert own.pid == os.getpid()
    assert own.ptid == os.getppid()
    same = set(listed) & set(shown)
    assert len(same) > 5
    names = ("pid", "pgid", "sid", "vtid", "vpid", "vpgid", "uid", "gid", "loginuid", "tty", "flags")
    caps = ("cap_inheritable", "cap_permitted", "cap_effective")
    differing = [tid for tid in same if any(getattr(listed[tid], n) != getattr(shown[tid], n) for n in names + caps)]
    assert len(differing) <= len(same) // 10  # some change between the two looks
    assert abs(own.clone_ts - shown[own.tid].clone_ts) < 50_000_000


@watchable
def test_a_thread_that_proc_does_not_show_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen(["sleep", "30"])
    try:
        hidden = "tiercel.sources.live.stream.read_threads"
        monkeypatch.setattr(hidden, lambda: (thread for thread in read_threads() if thread.tid != child.pid))
        with LiveSource(all_events(), seconds=0) as source:
            (found,) = [thread for thread in source.stream.threads if thread.tid == child.pid]
        assert found.comm == b"sleep"
        assert found.ptid == os.getpid()
    finally:
        child.kill()
        child.wait()
