"""What the probe leaves out: as the settings say, counted, and nothing else."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.sources.live.host import watchable
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.filters import Filters, LeftOut, Names, group_keys
from tiercel.sources.live.probe import Probe
from tiercel.sources.live.rings import map_rings
from tiercel.wire.event_table import BY_CONSTANT

OPENAT, CLOSE, EXECVE = (BY_CONSTANT[name] for name in ("SYSCALL_OPENAT_2_X", "SYSCALL_CLOSE_X", "SYSCALL_EXECVE_19_X"))
EVENTS = frozenset({OPENAT, CLOSE})
RING = 8 << 20


def acts(
    script: str, filters: Filters, before: str = "", **environment: str
) -> tuple[list[tuple[int, int, bytes]], LeftOut]:
    """Run Python source under the probe; return (event, result, third parameter) of its main thread, what was left out.

    ``before`` runs first, unseen.
    """
    wrapped = f"{before}\nimport sys\nprint(flush=True); sys.stdin.readline()\n{script}\n"
    command = [sys.executable, "-I", "-c", wrapped]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment}, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        child.stdout.readline()
        probe = Probe(EVENTS, RING, filters)
        try:
            probe.attach()
            child.stdin.write("\n")
            child.stdin.close()
            assert child.wait() == 0
            rings = map_rings(probe.rings, RING)
            room = bytearray(probe.cpus * RING)
            found = list(_events(room, rings.fill(room, 0, 1 << 63), child.pid))
            assert probe.counters()[:, 1:3].sum() == 0
            rings.close()
            return found, probe.left_out()
        finally:
            probe.close()


def _events(data: bytearray, end: int, tid: int) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < end:
        (length,) = struct.unpack_from("<I", data, at + 4)
        caller, _, event, params = struct.unpack_from("<QIHI", data, at + 18)
        if caller == tid:
            lengths = struct.unpack_from(f"<{params}H", data, at + 36)
            (result,) = struct.unpack_from("<q", data, at + 36 + 2 * params)
            begin = at + 36 + 2 * params + sum(lengths[:2])
            yield event, result, bytes(data[begin : begin + lengths[2]]) if params > 2 else b""
        at += length


def random_names(number: int) -> list[bytes]:
    """Return names of every kind, none of which exists."""
    chosen = random.Random(number)
    parts = (
        b"etc",
        b"var",
        b"log",
        b"shadow",
        b"lib",
        b"x",
        b"\xff",
        b"q" * 40,
        b"syslog",
        b"usr",
        b"..",
        b".",
        b"",
        b".x",
    )
    names = []
    for _ in range(2_000):
        name = chosen.choice((b"/", b"/", b"/", b"")) + b"/".join(
            chosen.choices(parts, [3] * 10 + [1] * 4, k=chosen.randrange(1, 9))
        )
        names.append(name + b"-%08x" % chosen.randrange(1 << 32))
    return [*dict.fromkeys(names)]


@watchable
@pytest.mark.parametrize("seed", [1, 2])
def test_names_pass_in_the_kernel_as_in_python(seed: int) -> None:
    chosen = random.Random(seed)
    tried = random_names(seed)
    wanted = Names(
        frozenset(name[: chosen.randrange(4, 12)] for name in chosen.sample(tried, 8) if len(name) >= 12),
        frozenset(name[-chosen.randrange(4, 12) :] for name in chosen.sample(tried, 8) if len(name) >= 12),
    )
    assert len({wanted.passes(name) for name in tried}) == 2
    script = "\n".join((
        "import os",
        f"for name in {tried!r}:",
        "    try: os.open(name, os.O_RDONLY)",
        "    except OSError: pass",
    ))  # fmt: skip
    seen, left_out = acts(script, Filters(opens=(wanted, None, None, None)))
    names = [name[:-1] for event, result, name in seen if event == OPENAT and result < 0]
    assert [name for name in names if name in set(tried)] == [name for name in tried if wanted.passes(name)]
    assert left_out.names >= sum(not wanted.passes(name) for name in tried)


@watchable
def test_each_way_to_open_has_its_names_and_directories_always_pass(tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "a-file-to-be-opened"
    folder.mkdir()
    script = f"""
import os
for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
    os.open({str(file)!r}, flags | os.O_CREAT)
os.open({str(folder)!r}, os.O_RDONLY)
"""
    nothing = Names()
    seen, _ = acts(script, Filters(opens=(nothing, None, Names(ends=frozenset({b"-opened"})), nothing)))
    opened = [name[:-1].decode() for event, _, name in seen if event == OPENAT]
    assert opened == [str(file), str(file), str(folder)]


@watchable
def test_calls_that_failed_are_left_out_where_nobody_asks_for_them() -> None:
    script = """
import os
for _ in range(500):
    try: os.open("/proc/nonesuch", os.O_RDONLY)
    except OSError: pass
    try: os.close(999)
    except OSError: pass
os.close(os.open("/etc/passwd", os.O_RDONLY))
"""
    seen, left_out = acts(script, Filters(failures=frozenset({CLOSE})))
    assert sum(event == CLOSE and result < 0 for event, result, _ in seen) == 500
    assert not any(event == OPENAT and result < 0 for event, result, _ in seen)
    assert any(name == b"/etc/passwd\0" for _, _, name in seen)
    assert left_out.failures >= 500


@watchable
def test_what_is_above_a_cap_is_counted_as_lost() -> None:
    script = """
import os
for _ in range(3000):
    try: os.close(999)
    except OSError: pass
"""
    seen, left_out = acts(script, Filters(caps={CLOSE: 1000}))
    told = sum(event == CLOSE and result == -9 for event, result, _ in seen)
    assert 1000 <= told <= 2000  # a second may end meanwhile
    assert told + left_out.capped >= 3000
    seen, left_out = acts(script, Filters(caps={CLOSE: 1000}, processes=frozenset({CLOSE})))
    assert sum(event == CLOSE and result == -9 for event, result, _ in seen) == 3000


@contextmanager
def group() -> Iterator[tuple[str, Path]]:
    """Make a control group; yield its path and where it is."""
    for root, sign in ((Path("/sys/fs/cgroup"), "cgroup.controllers"), (Path("/sys/fs/cgroup/memory"), "tasks")):
        if (root / sign).is_file():
            break
    else:
        pytest.skip("this host has neither a unified hierarchy of control groups nor one of memory")
    name = f"/tiercel-test-{uuid.uuid4().hex[:8]}"
    where = root / name[1:] / "below"
    where.mkdir(parents=True)
    try:
        yield name, where
    finally:
        for path in (where, where.parent):
            with suppress(OSError):
                path.rmdir()


@watchable
def test_groups_are_left_out_with_all_below(tmp_path: Path) -> None:
    marked = tmp_path / "opened-in-a-group"
    marked.touch()
    script = f"import os\nos.open({str(marked)!r}, os.O_RDONLY)"
    with group() as (name, where):
        enter = f"open({str(where / 'cgroup.procs')!r}, 'w').write('0')"
        for groups, expected in (((), True), ((name,), False)):
            seen, left_out = acts(script, Filters(groups=groups), enter)
            assert any(opened == bytes(marked) + b"\0" for _, _, opened in seen) is expected
            assert (left_out.groups > 0) is not expected
        seen, _ = acts(script, Filters(groups=(name,), processes=EVENTS), enter)
        assert any(opened == bytes(marked) + b"\0" for _, _, opened in seen)


def test_a_group_that_is_not_there_is_told() -> None:
    with pytest.raises(LiveError, match="no control group /nonesuch"):
        group_keys(["/nonesuch"])


@watchable
def test_filters_change_while_tracing() -> None:
    probe = Probe(EVENTS, 1 << 20, Filters(failures=frozenset()))
    try:
        before = bytes(probe.control[64:576])
        with pytest.raises(LiveError):
            probe.want(frozenset(), Filters(groups=("/nonesuch",)))
        assert bytes(probe.control[64:576]) == before
        probe.want(EVENTS)
        assert bytes(probe.control[64:576]) != before
        probe.want(EVENTS, Filters(failures=frozenset()))
        assert bytes(probe.control[64:576]) == before
    finally:
        probe.close()


def test_filters_together_leave_out_only_what_both_do() -> None:
    a = Filters(
        frozenset({1}), (Names(ends=frozenset({b"shadow"})), None, Names(), Names()), ("/a", "/b"), {1: 5, 2: 7}
    )
    b = Filters(frozenset({2}), (Names(frozenset({b"/etc"})), Names(), None, Names()), ("/b",), {2: 9})
    both = a | b
    assert both.failures == {1, 2}
    assert both.opens == (Names(frozenset({b"/etc"}), frozenset({b"shadow"})), None, None, Names())
    assert both.groups == ("/b",)
    assert both.caps == {2: 9}
    assert (a | Filters()) == Filters(processes=frozenset())


def test_a_name_passes_by_how_it_begins_or_ends() -> None:
    names = Names(frozenset({b"/etc/sudoers.d/", b"/dev"}), frozenset({b"/authorized_keys", b".log"}))
    for name in (b"/etc/sudoers.d/x", b"/dev/null", b"/root/authorized_keys", b"/srv/a.log"):
        assert names.passes(name)
    for name in (b"/usr/lib/x.so", b"/etc/hostname", b"/home/keys/none"):
        assert not names.passes(name)
    for name in (
        b"etc/hostname",
        b"/usr/../lib/x",
        b"/usr//lib/xx",
        b"/usr/lib/xx/",
        b"/usr/lib/.x",
        b"/short",
        b"/" + b"x" * 256,
    ):
        assert names.passes(name)


def test_a_beginning_or_end_takes_four_bytes() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        Names(frozenset({b"/et"}))


def test_what_was_left_out_is_told_in_words() -> None:
    assert str(LeftOut(1200, 3)) == "1,200 failed calls, 3 opens by name"
    assert str(LeftOut()) == ""
