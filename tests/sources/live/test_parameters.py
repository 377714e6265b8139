"""What the probe says of an executed program, field by field next to what ``/proc`` says of it while it is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.sources.live.host import Seen, of, seen_of, types, watch_script, watchable
from tiercel.capture.parameters import flags as bits
from tiercel.model.event import Event
from tiercel.sources.live.procfs import read_thread
from tiercel.sources.records import ThreadRecord
from tiercel.watching.ebpf import LiveSource
from tiercel.wire.event_table import BY_CONSTANT

_WRITABLE, _UPPER, _MEMFD, _LOWER = (
    bits("execve_flags", name) for name in ("EXE_WRITABLE", "EXE_UPPER_LAYER", "EXE_FROM_MEMFD", "EXE_LOWER_LAYER")
)


@dataclass
class Executed:
    """A program that stops itself: its last execve event, and what ``/proc`` shows of it then."""

    event: Seen
    shown: ThreadRecord
    stat: os.stat_result
    status: dict[str, list[str]]


def _execute(script: str, folder: Path) -> Executed:
    """Run Python source that ends in executing a program which stops itself."""
    with LiveSource(types("SYSCALL_EXECVE_19_X"), seconds=60, ring_bytes=32 << 20) as source:
        child = subprocess.Popen([sys.executable, "-I", "-c", script], stderr=subprocess.PIPE, cwd=folder)
        try:
            _, status = os.waitpid(child.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), child.stderr and child.stderr.read()
            shown = read_thread(child.pid, child.pid)
            info = os.stat(f"/proc/{child.pid}/exe")
            lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        finally:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
            child.communicate()
        source.stop()
        executed: list[Seen] = []
        for batch in source:
            mine = (batch.types == BY_CONSTANT["SYSCALL_EXECVE_19_X"]) & (batch.tid == child.pid)
            executed.extend(seen_of(Event(batch, index)) for index in np.flatnonzero(mine).tolist())
    assert shown is not None
    fields = {key: text.split() for key, _, text in (line.partition(":") for line in lines)}
    return Executed(executed[-1], shown, info, fields)


def _agree(done: Executed) -> None:
    """Compare every field of the two."""
    event, shown = done.event, done.shown
    numbers = {
        "tid": shown.tid, "pid": shown.pid, "ptid": shown.ptid, "fdlimit": shown.fdlimit, "tty": shown.tty,
        "vpgid": shown.vpgid, "pgid": shown.pgid, "cap_inheritable": shown.cap_inheritable,
        "cap_permitted": shown.cap_permitted, "cap_effective": shown.cap_effective, "exe_ino": done.stat.st_ino,
        "exe_ino_ctime": done.stat.st_ctime_ns, "exe_ino_mtime": done.stat.st_mtime_ns, "uid": shown.uid,
        "gid": shown.gid, "loginuid": shown.loginuid,
    }  # fmt: skip
    raw = {name: event.params[name] or b"" for name in numbers}
    told = {name: int.from_bytes(value, "little") for name, value in raw.items()}
    assert told == {name: value % (1 << 8 * len(raw[name])) for name, value in numbers.items()}
    assert event.params["cgroups"] == shown.cgroups
    assert event.params["env"] == shown.env
    assert event.params["args"] == shown.args
    assert event.text("exe").encode() == shown.exe
    assert event.text("comm").encode() == shown.comm
    assert event.text("trusted_exepath").encode() == shown.exepath
    flags = event.number("flags")
    assert bool(flags & _MEMFD) == shown.exe_from_memfd
    assert bool(flags & _WRITABLE) == shown.exe_writable
    assert 0 < event.number("vm_size") <= shown.vmsize
    assert event.number("pgft_min") <= shown.pfminor


_STOP = 'os.execve({program!r}, ["name", "-c", "kill -STOP $$", "x y", ""], {{"KEY": "value", "EMPTY": ""}})\n'


@pytest.fixture
def shell() -> Iterator[str]:
    """A copy of the shell where every user can reach it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield str(shutil.copy("/bin/sh", f"{folder}/shell"))


@watchable
def test_a_plain_program(shell: str, tmp_path: Path) -> None:
    done = _execute("import os\n" + _STOP.format(program=shell), tmp_path)
    _agree(done)
    assert done.event.text("filename") == shell
    assert done.event.params["tty"] == bytes(4)


@watchable
def test_a_program_on_a_terminal_of_a_session_of_another_user(shell: str, tmp_path: Path) -> None:
    script = """
import fcntl, os, pty, resource, termios
own, other = pty.openpty(); os.set_inheritable(own, True)
os.setsid(); fcntl.ioctl(other, termios.TIOCSCTTY, 0)
os.setpgid(0, 0) if os.getpgid(0) != os.getpid() else None
resource.setrlimit(resource.RLIMIT_NOFILE, (123, 456))
try: open("/proc/self/loginuid", "w").write("1234")
except OSError: pass
os.setgroups([7, 8]); os.setresgid(34, 34, 34); os.setresuid(12, 12, 12)
""" + _STOP.format(program=shell)
    done = _execute(script, tmp_path)
    _agree(done)
    assert (done.event.number("uid"), done.event.number("gid")) == (12, 34)
    assert done.event.number("fdlimit") == 123
    assert done.event.number("cap_effective") == 0
    assert done.event.number("tty") >> 8 & 0xFFF == 136  # the major number of pseudo-terminals
    assert not done.event.number("flags") & _WRITABLE


@watchable
@pytest.mark.parametrize(
    ("owner", "mode", "groups", "writable"),
    [((12, 0), 0o755, [], True), ((0, 0), 0o757, [], True), ((0, 7), 0o775, [5, 7, 9], True),
     ((0, 7), 0o775, [5, 9], False), ((0, 0), 0o755, [], False)],
    ids=["owned", "for all", "of its group", "of another group", "not"],
)  # fmt: skip
def test_whether_a_program_may_be_changed_by_who_runs_it(
    shell: str, tmp_path: Path, owner: tuple[int, int], mode: int, groups: list[int], writable: bool
) -> None:
    os.chown(shell, *owner)
    os.chmod(shell, mode)
    script = f"import os\nos.setgroups({groups}); os.setresgid(34, 34, 34); os.setresuid(12, 12, 12)\n"
    done = _execute(script + _STOP.format(program=shell), tmp_path)
    _agree(done)
    assert bool(done.event.number("flags") & _WRITABLE) == writable


@watchable
def test_a_program_that_keeps_some_capabilities(shell: str, tmp_path: Path) -> None:
    script = """
import ctypes, os, struct
libc = ctypes.CDLL(None)
libc.prctl(8, 1, 0, 0, 0)  # keep them when the user changes
os.setresuid(12, 12, 12)
header = struct.pack("Ii", 0x20080522, 0)
some = 1 << 10 | 1 << 13
libc.capset(header, struct.pack("6I", some, some, some, 0, 0, 0))
for k in (10, 13): libc.prctl(47, 2, k, 0, 0)  # also for programs it executes
""" + _STOP.format(program=shell)
    done = _execute(script, tmp_path)
    _agree(done)
    assert done.event.number("cap_effective") == 1 << 10 | 1 << 13


@watchable
def test_a_program_in_memory(tmp_path: Path) -> None:
    script = """
import os
fd = os.memfd_create("hidden", 0)
os.write(fd, open("/bin/sh", "rb").read())
""" + _STOP.format(program="@").replace("'@'", "fd")
    done = _execute(script, tmp_path)
    flags = done.event.number("flags")
    assert flags & _MEMFD
    assert done.shown.exe_from_memfd
    assert done.event.text("trusted_exepath") == "memfd:hidden"


@watchable
@pytest.mark.parametrize("layer", ["lower", "upper"])
def test_a_program_of_an_overlay(tmp_path: Path, layer: str) -> None:
    folders = {name: tmp_path / name for name in ("lower", "upper", "work", "merged")}
    for folder in folders.values():
        folder.mkdir()
    shutil.copy("/bin/sh", folders[layer] / "shell")
    merged = folders["merged"]
    script = f"""
import ctypes, os
libc = ctypes.CDLL(None)
libc.unshare(0x00020000)
libc.mount(None, b"/", None, 0x44000, None)
made = libc.mount(b"none", {str(merged)!r}.encode(), b"overlay", 0,
    b"lowerdir={folders["lower"]},upperdir={folders["upper"]},workdir={folders["work"]}")
assert made == 0, "no overlay here"
""" + _STOP.format(program=str(merged / "shell"))
    done = _execute(script, tmp_path)
    flags = done.event.number("flags")
    assert bool(flags & _UPPER) == (layer == "upper")
    assert bool(flags & _LOWER) == (layer == "lower")
    assert done.event.number("exe_ino") == done.stat.st_ino
    assert done.event.number("exe_ino_mtime") == done.stat.st_mtime_ns


@pytest.fixture
def groups() -> Iterator[list[Path]]:
    """Groups nested like those of a container, in each hierarchy that can have them."""
    top = Path("/sys/fs/cgroup")
    tops = [top] if (top / "cgroup.procs").exists() else [top / name for name in ("cpu", "memory", "blkio", "unified")]
    name = f"tiercel-{os.getpid()}"
    made = [one / name / "kubepods.slice" / "pod" / "container" for one in tops if one.is_dir()]
    for folder in made:
        folder.mkdir(parents=True)
    yield made
    for folder in made:
        for _ in range(4):
            with suppress(OSError):
                folder.rmdir()
            folder = folder.parent


@watchable
@pytest.mark.parametrize("space", [False, True], ids=["seen from outside", "in a namespace of its own"])
def test_control_groups_are_those_of_the_host(shell: str, tmp_path: Path, groups: list[Path], space: bool) -> None:
    files = [str(group / "cgroup.procs") for group in groups]
    script = f"""
import ctypes, os
for path in {files!r}: open(path, "w").write(str(os.getpid()))
if {space}: ctypes.CDLL(None).unshare(0x02000000)
""" + _STOP.format(program=shell)
    done = _execute(script, tmp_path)
    _agree(done)
    nested = f"/tiercel-{os.getpid()}/kubepods.slice/pod/container".encode()
    assert (done.event.params["cgroups"] or b"").count(nested) >= 2
    assert b"memory=" + nested + b"\0" in (done.event.params["cgroups"] or b"")


@watchable
def test_ids_in_a_namespace_of_processes() -> None:
    script = """
import ctypes, os
ctypes.CDLL(None).unshare(0x20000000)
pid = os.fork()
if not pid:
    os.setpgid(0, 0)
    if not os.fork(): os._exit(0)
    os.wait()
    os.execv("/bin/true", ["true"])
os.waitpid(pid, 0)
"""
    parent, events = watch_script(script, types("SYSCALL_EXECVE_19_X", "SYSCALL_FORK_20_X"))
    born = [event for event in of(events, "SYSCALL_CLONE_20_X") if event.number("res") == 0][1:]
    assert [(event.number("vtid"), event.number("vpid")) for event in born] == [(1, 1), (2, 2)]
    assert [event.number("ptid") for event in born] == [parent, born[0].tid]
    inside = bits("clone_flags", "CLONE_CHILD_IN_PIDNS")
    assert all(event.number("flags") & inside for event in born)
    starts = {event.number("pidns_init_start_ts") for event in born}
    assert len(starts) == 1
    assert starts.pop() > 0
    executed = of(events, "SYSCALL_EXECVE_19_X")[-1]
    assert (executed.number("vpgid"), executed.number("pgid")) == (1, born[0].tid)
