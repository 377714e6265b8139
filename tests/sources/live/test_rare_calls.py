"""Calls that few rules ask for: their parameters as they were."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from tests.sources.live.host import of, one, types, watch_script, watchable
from tiercel.scanning import prepare
from tiercel.sources.live.calls import BY_CODE
from tiercel.watching.wanted import events_for
from tiercel.wire.syscall_table import CODES

_LIBC = "import ctypes, os, select, socket, struct, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"


@watchable
def test_options_of_sockets() -> None:
    script = (
        _LIBC
        + """
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("qq", 3, 250000))
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 7))
s.setsockopt(6, socket.TCP_NODELAY, 1)
s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
s.setblocking(False); s.connect_ex(("127.0.0.1", 1)); time.sleep(0.05)
s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
s.getsockname()
try: s.getpeername()
except OSError: pass
"""
    )
    wanted = ("SOCKET_SETSOCKOPT_X", "SOCKET_GETSOCKOPT_X", "SOCKET_GETSOCKNAME_X", "SOCKET_GETPEERNAME_X")
    _, events = watch_script(script, types(*wanted))
    reused = one(events, "SOCKET_SETSOCKOPT_X", res=0, level="SOL_SOCKET", optname="SO_REUSEADDR", val=("UINT32", 1))
    assert reused.number("optlen") == 4
    assert reused.number("fd") >= 3
    waits = ("RELTIME", 3_250_000_000)
    one(events, "SOCKET_SETSOCKOPT_X", level="SOL_SOCKET", optname="SO_RCVTIMEO", val=waits, optlen=16)
    lingers = b"\0" + struct.pack("ii", 1, 7)
    one(events, "SOCKET_SETSOCKOPT_X", level="SOL_SOCKET", optname="SO_LINGER", val=lingers, optlen=8)
    one(events, "SOCKET_SETSOCKOPT_X", level="SOL_TCP", optname=0, val=b"\0\1\0\0\0", optlen=4)
    one(events, "SOCKET_GETSOCKOPT_X", res=0, level="SOL_SOCKET", optname="SO_TYPE", val=("UINT32", 1), optlen=4)
    one(events, "SOCKET_GETSOCKOPT_X", res=0, optname="SO_ERROR", val=("ERRNO", "ECONNREFUSED"), optlen=4)
    assert of(events, "SOCKET_GETSOCKNAME_X")
    assert of(events, "SOCKET_GETPEERNAME_X")


@watchable
def test_waiting() -> None:
    script = (
        _LIBC
        + """
near, far = os.pipe()
p = select.poll(); p.register(near, select.POLLIN); p.register(far, select.POLLOUT); p.poll(1500)
select.select([near], [], [], 0)
libc.syscall(23, 0, 0, 0, 0, struct.pack("qq", 0, 1))
libc.ppoll(struct.pack("ihh", far, 4, 0), 1, struct.pack("qq", 1, 5), struct.pack("Q", 1 << 9))
e = select.epoll(); e.register(near, select.EPOLLIN); e.poll(0, 7)
libc.syscall(35, struct.pack("qq", 0, 1234), 0)
libc.syscall(202, struct.pack("i", 5), 128 | 1, 3, 0, 0, 0)
print(near)
"""
    )
    calls = ("POLL", "SELECT", "PPOLL", "EPOLLWAIT", "NANOSLEEP", "FUTEX")
    _, events = watch_script(script, types(*(f"SYSCALL_{name}_X" for name in calls), "SYSCALL_PIPE2_X"))
    pipe = of(events, "SYSCALL_PIPE2_X")[-1]
    near, far = pipe.number("fd1"), pipe.number("fd2")
    one(events, "SYSCALL_POLL_X", res=1, fds=[(near, 0), (far, "POLLOUT")], timeout=1500)
    left = one(events, "SYSCALL_PPOLL_X", res=1, fds=[(far, "POLLOUT")], sigmask=1 << 9).number("timeout")
    assert 500_000_000 < left <= 1_000_000_005  # the kernel writes down how long it did not wait
    one(events, "SYSCALL_SELECT_X", res=0)
    one(events, "SYSCALL_EPOLLWAIT_X", res=0, maxevents=7)
    one(events, "SYSCALL_NANOSLEEP_X", res=0, interval=1234)
    one(events, "SYSCALL_FUTEX_X", res=0, op="FUTEX_WAKE|FUTEX_PRIVATE_FLAG", val=3)


@watchable
def test_copying_between_files(tmp_path: Path) -> None:
    script = (
        _LIBC
        + f"""
fd = os.open({str(tmp_path / "file")!r}, os.O_CREAT | os.O_RDWR, 0o600); os.write(fd, b"0123456789")
out = os.open({str(tmp_path / "copy")!r}, os.O_CREAT | os.O_RDWR, 0o600)
os.sendfile(out, fd, 3, 4)
os.copy_file_range(fd, out, 2, 1, 5)
near, far = os.pipe(); os.splice(fd, far, 6, 0)
"""
    )
    wanted = ("SYSCALL_SENDFILE_X", "SYSCALL_COPY_FILE_RANGE_X", "SYSCALL_SPLICE_X", "SYSCALL_OPENAT_2_X")
    _, events = watch_script(script, types(*wanted))
    opened = {event.text("name"): event.number("fd") for event in of(events, "SYSCALL_OPENAT_2_X")}
    fd, out = opened[str(tmp_path / "file")], opened[str(tmp_path / "copy")]
    one(events, "SYSCALL_SENDFILE_X", res=4, out_fd=out, in_fd=fd, offset=7, size=4)  # the offset after it
    one(events, "SYSCALL_COPY_FILE_RANGE_X", res=2, fdin=fd, fdout=out, len=2)
    one(events, "SYSCALL_SPLICE_X", res=6, fd_in=fd, size=6)


@watchable
def test_semaphores_limits_and_ids() -> None:
    script = (
        _LIBC
        + """
import resource
s = libc.semget(0, 2, 0o600 | 0o1000)
libc.semctl(s, 1, 16, 5)
libc.syscall(65, s, struct.pack("hhhhhh", 0, 2, 0, 1, -1, 0o4000 | 0x1000), 2)
libc.semctl(s, 0, 0)
soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
resource.prlimit(0, resource.RLIMIT_NOFILE, (100, 200))
libc.syscall(160, 4, struct.pack("QQ", 0, 0xffffffffffffffff))
libc.syscall(97, 4, ctypes.create_string_buffer(16))
three = [ctypes.create_string_buffer(4) for _ in range(3)]
libc.syscall(106, 0xffffffff)
os.setresuid(-1, 12, -1)
libc.syscall(118, *three); libc.syscall(120, *three)
"""
    )
    calls = ("SEMGET", "SEMCTL", "SEMOP", "PRLIMIT", "SETRLIMIT", "GETRLIMIT", "GETRESUID", "GETRESGID")
    _, events = watch_script(script, types(*(f"SYSCALL_{name}_X" for name in calls)))
    made = one(events, "SYSCALL_SEMGET_X", key=0, nsems=2, semflg="IPC_CREAT").number("res")
    one(events, "SYSCALL_SEMCTL_X", res=0, semid=made, semnum=1, cmd="SETVAL", val=5)
    one(
        events, "SYSCALL_SEMOP_X", res=0, nsops=2, sem_num_0=0, sem_op_0=2, sem_flg_0=0, sem_num_1=1, sem_op_1=-1,
        sem_flg_1="IPC_NOWAIT|SEM_UNDO", semid=made,
    )  # fmt: skip
    one(events, "SYSCALL_SEMCTL_X", res=0, cmd="IPC_RMID", val=0)
    limits = one(events, "SYSCALL_PRLIMIT_X", res=0, newcur=100, newmax=200, pid=0, resource="RLIMIT_NOFILE")
    assert limits.number("oldmax") >= 200
    one(events, "SYSCALL_SETRLIMIT_X", cur=0, max=-1, resource="RLIMIT_CORE")
    one(events, "SYSCALL_GETRLIMIT_X", res=0, resource="RLIMIT_CORE")
    one(events, "SYSCALL_GETRESUID_X", res=0, ruid=os.getuid(), euid=12, suid=os.getuid())
    one(events, "SYSCALL_GETRESGID_X", res=0, rgid=os.getgid(), egid=os.getgid(), sgid=os.getgid())


@watchable
def test_keys_quotas_and_file_systems() -> None:
    script = (
        _LIBC
        + """
libc.syscall(250, 1, b"session")
libc.syscall(250, 10, -3, b"user", b"name", 0)
libc.syscall(250, 11, 77, 0, 0)
libc.syscall(179, 0x80000200, b"/dev/none", 4, b"/aquota")
libc.syscall(179, 0x80000801, b"/dev/none", 1000, struct.pack("8QII", 9, 8, 7, 6, 5, 4, 3, 2, 1 | 4, 0))
libc.unshare(0x00020000)
fs = libc.syscall(430, b"tmpfs", 0)
libc.syscall(431, fs, 1, b"size", b"1m", 0)
libc.syscall(431, fs, 6, 0, 0, 0)
libc.syscall(431, 99, 1, b"size", b"1m", 0)
"""
    )
    _, events = watch_script(script, types("SYSCALL_KEYCTL_X", "SYSCALL_QUOTACTL_X", "SYSCALL_FSCONFIG_X"))
    none = ("INT64", 0)
    joined = {"operation": "KEYCTL_JOIN_SESSION_KEYRING", "arg2": ("CHARBUF", "session")}
    assert one(events, "SYSCALL_KEYCTL_X", arg3=none, arg4=none, arg5=none, **joined).number("res") > 0
    searched = of(events, "SYSCALL_KEYCTL_X")[1]
    assert searched.params["arg3"] == b"\1user\0"
    assert searched.params["arg4"] == b"\1name\0"
    assert (searched.params["arg2"] or b"")[:5] == b"\0" + struct.pack("<i", -3)
    one(events, "SYSCALL_KEYCTL_X", operation="KEYCTL_READ", arg2=("INT64", 77), arg3=none)
    on = {"special": "/dev/none", "cmd": "Q_QUOTAON", "type": "USRQUOTA", "quota_fmt": "QFMT_VFS_V1", "id": 0}
    one(events, "SYSCALL_QUOTACTL_X", quotafilepath="/aquota", quota_fmt_out="QFMT_NOT_USED", **on)
    one(
        events, "SYSCALL_QUOTACTL_X", cmd="Q_SETQUOTA", type="GRPQUOTA", id=1000, dqb_bhardlimit=9, dqb_bsoftlimit=8,
        dqb_curspace=0, dqb_ihardlimit=6, dqb_isoftlimit=5, dqb_btime=0, quotafilepath=None,
    )  # fmt: skip
    text = {"cmd": "FSCONFIG_SET_STRING", "key": "size", "aux": 0}
    one(events, "SYSCALL_FSCONFIG_X", res=0, value_bytebuf=b"", value_charbuf="1m", **text)
    one(events, "SYSCALL_FSCONFIG_X", res=0, cmd="FSCONFIG_CMD_CREATE", value_charbuf=None)
    one(events, "SYSCALL_FSCONFIG_X", res="EBADF", fd=99, value_charbuf=None, **text)


@watchable
def test_opening_by_handle() -> None:
    script = (
        _LIBC
        + """
handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136)
mount = ctypes.c_int()
fd = os.open("/tmp", os.O_RDONLY)
libc.name_to_handle_at(-100, b"/etc/hostname", handle, ctypes.byref(mount), 0)
root = os.open("/", os.O_RDONLY)
libc.open_by_handle_at(root, handle, os.O_RDONLY)
os.chdir("/usr/bin"); os.getcwd()
libc.syscall(79, ctypes.create_string_buffer(2), 2)
"""
    )
    _, events = watch_script(script, types("SYSCALL_OPEN_BY_HANDLE_AT_X", "SYSCALL_GETCWD_X", "SYSCALL_CHDIR_X"))
    (opened,) = of(events, "SYSCALL_OPEN_BY_HANDLE_AT_X")
    if opened.number("fd") >= 0:  # not every file system has handles
        info = os.stat("/etc/hostname")
        assert opened.text("path") == os.path.realpath("/etc/hostname")
        assert (opened.number("dev"), opened.number("ino")) == (info.st_dev, info.st_ino)
        assert opened.file == b"/etc/hostname"
    one(events, "SYSCALL_GETCWD_X", path="/usr/bin")
    one(events, "SYSCALL_GETCWD_X", res="ERANGE", path=None)


_RULES = """
- rule: host renamed
  desc: a call without an event of its own
  condition: evt.type = sethostname or evt.type in (sync, mq_open)
  output: "%evt.type %proc.name"
  priority: INFO
"""


@watchable
def test_calls_without_an_event_of_their_own_are_known_by_name(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(_RULES)
    detection = prepare([], [rules], every=True).detection
    assert detection is not None
    wanted = events_for(detection.rules)
    asked = {number - BY_CODE for number in wanted if number >= BY_CODE}
    assert asked == {CODES["sethostname"], CODES["sync"], CODES["mq_open"]}
    script = (
        _LIBC
        + """
libc.unshare(0x04000000)
libc.sethostname(b"other", 5)
os.umask(0o22); libc.syscall(170, 0, 99999)
"""
    )
    _, events = watch_script(script, wanted)
    generic = of(events, "GENERIC_X")
    assert [(event.number("ID"), event.number("nativeID")) for event in generic] == [(CODES["sethostname"], 170)] * 2
