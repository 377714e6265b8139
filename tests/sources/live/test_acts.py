"""What a child process does is seen as it did it, parameter by parameter."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from tests.sources.live.host import expected, of, one, subset, watch_command, watch_script, watchable
from tiercel.capture.parameters import AT_FDCWD, encode, flags
from tiercel.model.columns import ExeFlag
from tiercel.wire.event_table import BY_CONSTANT


@watchable
def test_opening_files(tmp_path: Path) -> None:
    script = f"""
import os
os.chdir({str(tmp_path)!r})
fd = os.open("made", os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o640)
os.close(fd)
folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
os.open("made", os.O_WRONLY | os.O_APPEND, dir_fd=folder)
try: os.open("/no/such/file", os.O_RDONLY)
except OSError: pass
"""
    _, events = watch_script(script)
    made, again = [event for event in of(events, "SYSCALL_OPENAT_2_X") if event.text("name") == "made"]
    info = (tmp_path / "made").stat()
    way = flags("file_flags", "O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC|O_F_CREATED")
    wanted = expected(
        "SYSCALL_OPENAT_2_X", dirfd=AT_FDCWD, name="made", flags=way, mode=0o640, dev=info.st_dev, ino=info.st_ino
    )
    assert subset(made.params, wanted) == wanted
    assert made.file == os.fsencode(tmp_path / "made")
    assert made.number("fd") >= 3
    assert again.number("dirfd") >= 3
    assert again.file == os.fsencode(tmp_path / "made")
    assert again.number("flags") == flags("file_flags", "O_WRONLY|O_APPEND|O_CLOEXEC")
    missing = next(event for event in of(events, "SYSCALL_OPENAT_2_X") if event.text("name") == "/no/such/file")
    assert missing.number("fd") == -2
    closed = [event for event in of(events, "SYSCALL_CLOSE_X") if event.file == os.fsencode(tmp_path / "made")]
    assert [event.number("fd") for event in closed] == [made.number("fd")]
    assert closed[0].number("res") == 0


@watchable
def test_executing_a_program(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    script = f"""
import os
os.chdir("/usr")
pid = os.fork()
if not pid:
    os.setpgid(0, 0)
    os.execve({str(program)!r}, ["called", "one", "two words", ""], {{"KEY": "value", "OTHER": "2"}})
os.waitpid(pid, 0)
try: os.execv("/no/such/program", ["nothing", "x"])
except OSError: pass
"""
    pid, events = watch_script(script)
    first, done, failed = of(events, "SYSCALL_EXECVE_19_X")
    assert first.process["EXEPATH"] == os.fsencode(os.path.realpath(sys.executable))
    info = program.stat()
    wanted = expected(
        "SYSCALL_EXECVE_19_X", res=0, exe="called", args=["one", "two words", ""], ptid=pid, comm="program",
        env=["KEY=value", "OTHER=2"], exe_ino=info.st_ino, exe_ino_ctime=info.st_ctime_ns,
        exe_ino_mtime=info.st_mtime_ns, uid=os.geteuid(), gid=os.getegid(), trusted_exepath=str(program),
        filename=str(program), pgid=done.tid, vpgid=done.tid, tid=done.tid, pid=done.tid,
    )  # fmt: skip
    assert subset(done.params, wanted) == wanted
    assert done.process["CWD"] == b"/usr/"
    assert done.process["EXEPATH"] == os.fsencode(program)
    assert isinstance(done.process["EXE_FLAGS"], int)
    assert done.process["EXE_FLAGS"] & ExeFlag.WRITABLE
    assert (done.params["cgroups"] or b"").count(b"=/") >= 5
    effective = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    assert done.number("cap_effective") == int(effective.split()[1], 16)
    assert done.number("vm_size") > 0
    wanted = expected("SYSCALL_EXECVE_19_X", res="ENOENT", exe="nothing", args=["x"], filename="/no/such/program")
    assert subset(failed.params, wanted) == wanted
    assert failed.process["EXEPATH"] == os.fsencode(os.path.realpath(sys.executable))


@watchable
def test_a_program_that_lies_in_memory() -> None:
    script = """
import os
fd = os.memfd_create("hidden", 0)
os.write(fd, open("/bin/true", "rb").read())
pid = os.fork()
if not pid: os.execve(fd, ["kworker"], {})
os.waitpid(pid, 0)
"""
    _, events = watch_script(script)
    (made,) = of(events, "SYSCALL_MEMFD_CREATE_X")
    assert made.text("name") == "hidden"
    executed = of(events, "SYSCALL_EXECVE_19_X")[-1]
    assert executed.text("exe") == "kworker"
    assert isinstance(executed.process["EXE_FLAGS"], int)
    assert executed.process["EXE_FLAGS"] & ExeFlag.FROM_MEMFD
    assert b"memfd:hidden" in (executed.params["trusted_exepath"] or b"")


@watchable
def test_starting_and_ending_processes() -> None:
    script = """
import os, threading, signal
pid = os.fork()
if not pid: os._exit(7)
os.waitpid(pid, 0)
pid = os.fork()
if not pid: os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(pid, 0)
thread = threading.Thread(target=lambda: open("/etc/hostname").close())
thread.start(); thread.join()
"""
    pid, events = watch_script(script)
    clones = [event for event in events if event.type in ("SYSCALL_CLONE_20_X", "SYSCALL_FORK_20_X")]
    children = [event for event in clones if event.number("res") == 0 and event.number("ptid") == pid]
    first, second = children[:2]
    parents = [event for event in clones if event.tid == pid and event.number("res") > 0]
    assert [event.number("res") for event in parents][:2] == [first.tid, second.tid]
    exits = {event.tid: event for event in of(events, "PROCEXIT_1_E")}
    assert (exits[first.tid].number("status"), exits[first.tid].number("ret")) == (7 << 8, 7)
    assert (exits[second.tid].number("sig"), exits[second.tid].number("core")) == (9, 0)
    assert exits[pid].number("status") == 0
    opened = next(event for event in of(events, "SYSCALL_OPENAT_2_X") if event.text("name") == "/etc/hostname")
    assert opened.tid != pid
    assert opened.process["PID"] == pid


@watchable
def test_changing_the_file_system(tmp_path: Path) -> None:
    script = f"""
import os
os.chdir({str(tmp_path)!r})
os.mkdir("d", 0o700); open("f", "w").close()
os.chmod("f", 0o4755); os.chown("f", 1, 2)
os.rename("f", "g"); os.link("g", "h"); os.symlink("g", "s")
os.unlink("h"); os.rmdir("d")
folder = os.open(".", os.O_RDONLY)
os.unlink("s", dir_fd=folder); os.mkdir("e", dir_fd=folder); os.rename("g", "i", src_dir_fd=folder, dst_dir_fd=folder)
try: os.unlink("absent")
except OSError: pass
"""
    _, events = watch_script(script)

    one(events, "SYSCALL_MKDIR_2_X", res=0, path="d", mode=0o700)
    one(events, "SYSCALL_CHMOD_X", res=0, filename="f", mode=0o4755)
    one(events, "SYSCALL_CHOWN_X", res=0, path="f", uid=1, gid=2)
    one(events, "SYSCALL_RENAME_X", res=0, oldpath="f", newpath="g")
    one(events, "SYSCALL_LINK_2_X", res=0, oldpath="g", newpath="h")
    one(events, "SYSCALL_SYMLINK_X", res=0, target="g", linkpath="s")
    one(events, "SYSCALL_UNLINK_2_X", res=0, path="h")
    one(events, "SYSCALL_RMDIR_2_X", res=0, path="d")
    one(events, "SYSCALL_UNLINKAT_2_X", res=0, name="s")
    one(events, "SYSCALL_MKDIRAT_X", res=0, path="e")
    one(events, "SYSCALL_RENAMEAT_X", res=0, oldpath="g", newpath="i")
    one(events, "SYSCALL_UNLINK_2_X", res="ENOENT", path="absent")


@watchable
def test_connections(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    script = f"""
import socket
s = socket.socket()
try: s.connect(("127.0.0.1", {port}))
except OSError: pass
server = socket.create_server(("127.0.0.1", {port}))
client = socket.create_connection(("127.0.0.1", {port}), source_address=("127.0.0.1", 0))
peer, _ = server.accept()
client.sendall(b"GET / HTTP/1.1"); peer.recv(100)
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
try: six.sendto(b"ask", ("::1", 5353))
except OSError: pass
near, far = socket.socketpair()
unix = socket.socket(socket.AF_UNIX); unix.bind({path!r}); unix.listen(3)
other = socket.socket(socket.AF_UNIX); other.connect({path!r})
print(client.getsockname()[1])
"""
    _, events = watch_script(script)
    refused, connected, local = of(events, "SOCKET_CONNECT_X")
    wanted = expected("SOCKET_CONNECT_X", res="ECONNREFUSED", addr=("127.0.0.1", port))
    assert subset(refused.params, wanted) == wanted
    assert refused.params["tuple"] == b""
    ends = connected.params["tuple"] or b""
    source = int.from_bytes(ends[5:7], "little")
    assert ends == encode("SOCKET_CONNECT_X", tuple=(("127.0.0.1", source), ("127.0.0.1", port)))[1]
    assert connected.file == f"127.0.0.1:{source}->127.0.0.1:{port}".encode()
    named = [event for event in of(events, "SOCKET_BIND_X") if event.number("res") == 0][-1]
    assert named.params["addr"] == encode("SOCKET_BIND_X", addr=path)[1]
    (accepted,) = of(events, "SOCKET_ACCEPT4_6_X")
    assert accepted.params["tuple"] == ends
    sent = next(event for event in of(events, "SOCKET_SENDTO_X") if event.params["data"] == b"GET / HTTP/1.1")
    assert sent.number("res") == 14
    received = next(event for event in of(events, "SOCKET_RECVFROM_X") if event.number("res") == 14)
    assert received.params["data"] == b"GET / HTTP/1.1"
    asked = next(event for event in of(events, "SOCKET_SENDTO_X") if event.params["data"] == b"ask")
    assert (asked.params["tuple"] or b"")[0] == 10
    assert (asked.params["tuple"] or b"")[-18:] == bytes(15) + b"\x01" + (5353).to_bytes(2, "little")
    assert (local.params["tuple"] or b"").endswith(path.encode() + b"\0")
    assert len(of(events, "SOCKET_SOCKETPAIR_X")) == 1


@watchable
def test_privileges_and_the_kernel() -> None:
    script = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(15, b"renamed")
libc.unshare(0x04000000)
libc.ptrace(16, 999999, 0, 0)
libc.syscall(321, 99, 0, 0)
libc.syscall(175, b"image", 5, b"option=1")
libc.syscall(323, 0)
libc.mount(b"none", b"/nowhere", b"tmpfs", 2, None)
libc.umount2(b"/nowhere", 2)
os.dup2(0, 9); os.pipe()
import fcntl; fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 20)
os.setsid() if os.getpid() != os.getsid(0) else None
os.setresgid(1, 1, 1); os.setresuid(1, 1, 1)
open("/proc/self/status").read()
"""
    pid, events = watch_script(script)

    one(events, "SYSCALL_PRCTL_X", option="PR_SET_NAME", arg2_str="renamed")
    one(events, "SYSCALL_UNSHARE_X", res=0, flags="CLONE_NEWUTS")
    one(events, "SYSCALL_PTRACE_X", res="ESRCH", request="PTRACE_ATTACH", pid=999999)
    one(events, "SYSCALL_BPF_2_X", cmd=99)
    one(events, "SYSCALL_INIT_MODULE_X", img=b"image", length=5, uargs="option=1")
    one(events, "SYSCALL_MOUNT_X", res="ENOENT", dev="none", dir="/nowhere", type="tmpfs", flags="NOSUID")
    one(events, "SYSCALL_UMOUNT2_X", res="ENOENT", name="/nowhere", flags="DETACH")
    one(events, "SYSCALL_DUP3_X" if not of(events, "SYSCALL_DUP2_X") else "SYSCALL_DUP2_X", res=9, oldfd=0, newfd=9)
    one(events, "SYSCALL_FCNTL_X", res=20, fd=0, cmd="F_DUPFD_CLOEXEC")
    one(events, "SYSCALL_SETRESUID_X", res=0, ruid=1, euid=1, suid=1)
    assert any(event.number("res") == 0 for event in of(events, "SYSCALL_PIPE2_X"))
    last = next(event for event in of(events, "SYSCALL_OPENAT_2_X") if event.text("name") == "/proc/self/status")
    assert last.process["UID"] == 1
    assert last.process["SID"] == pid


@watchable
def test_only_what_is_wanted_is_traced() -> None:
    wanted = frozenset({BY_CONSTANT["SYSCALL_OPENAT_2_X"]})
    _, events = watch_command(["cat", "/etc/hostname"], wanted)
    types = {event.type for event in events}
    assert "SYSCALL_OPENAT_2_X" in types
    assert types <= {"SYSCALL_OPENAT_2_X", "SYSCALL_CLONE_20_X", "SYSCALL_EXECVE_19_X", "PROCEXIT_1_E"}
