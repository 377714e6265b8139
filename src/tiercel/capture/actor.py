"""A made-up thread: what is known of it, its open descriptors, and how it emits events."""

from __future__ import annotations

import errno
import hashlib
import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiercel.capture.containers import Container, cgroups
from tiercel.capture.parameters import ParameterError, texts
from tiercel.model.columns import FdKind
from tiercel.sources.records import FdRecord, ThreadRecord

if TYPE_CHECKING:
    from tiercel.capture.scenario import Scenario

ALL_CAPABILITIES = 0x1FFFFFFFFFF
CONTAINER_CAPABILITIES = 0xA80425FB
"""What docker leaves to root in a container."""

DEFAULT_ENV = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C")


def inode(*parts: str) -> int:
    """Return an inode number that depends on ``parts`` alone."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:3], "little") + 2


class Actor:
    """State of one thread, and the plumbing that the calls share."""

    def __init__(self, scenario: Scenario, tid: int, parent: Actor | None) -> None:
        self.scenario = scenario
        self.tid = self.pid = tid
        self.parent = parent
        self.children: list[Actor] = []
        self.exe = self.exepath = self.comm = ""
        self.args: list[str] = []
        self.env = list(DEFAULT_ENV)
        self.cwd = "/"
        self.root = "/"
        self.uid = self.gid = 0
        self.loginuid = -1
        self.tty = 0
        self.sid = self.pgid = tid
        self.container: Container | None = None
        self.vtid = self.vpid = self.vpgid = tid
        self.files: dict[int, FdRecord] = {}
        self.cloexec: set[int] = set()
        self.accepted: set[int] = set()  # connections whose caller is the other end
        for fd in range(3):
            self.files[fd] = FdRecord(fd, inode("/dev/null"), FdKind.FILE_V2, b"/dev/null", open_flags=3, dev=5)
        if parent is not None:
            parent.children.append(self)

    def __repr__(self) -> str:
        return f"<{self.comm} {self.tid}>"

    def become(self, path: str, argv: Sequence[str], comm: str | None = None, exepath: str | None = None) -> None:
        """Take on the identity of an executed program."""
        self.exe, self.args = (argv[0], list(argv[1:])) if argv else ("", [])
        self.exepath = exepath or self.absolute(path)
        self.comm = (comm or posixpath.basename(path))[:15]

    def enter(self, container: Container | None) -> None:
        """Move into a container's namespaces, with the next process id there."""
        if container is None:
            return
        self.container = container
        container.last_vpid += 1
        self.vtid = self.vpid = self.vpgid = container.last_vpid
        if container.init_tid == 0:
            container.init_tid = self.tid

    @property
    def cgroups(self) -> list[str]:
        return cgroups(self.container.cgroup if self.container else "/system.slice/system.service")

    @property
    def capabilities(self) -> int:
        if self.uid:
            return 0
        confined = self.container is not None and not self.container.privileged
        return CONTAINER_CAPABILITIES if confined else ALL_CAPABILITIES

    @property
    def address(self) -> str:
        """The address that this process connects from."""
        container = self.container
        if container is None or container.host_network:
            return "10.0.0.5"
        return container.pod.ip if container.pod else container.ip

    def record(self) -> ThreadRecord:
        """Return this thread as it stands in a process list."""
        return ThreadRecord(
            tid=self.tid,
            pid=self.pid,
            ptid=self.parent.tid if self.parent else 0,
            sid=self.sid,
            vpgid=self.vpgid,
            pgid=self.pgid,
            comm=self.comm.encode(),
            exe=self.exe.encode(),
            exepath=self.exepath.encode(),
            args=texts(self.args),
            env=texts(self.env),
            cwd=self.cwd.encode(),
            cgroups=texts(self.cgroups),
            root=self.root.encode(),
            uid=self.uid,
            gid=self.gid,
            loginuid=self.loginuid & 0xFFFFFFFF,
            tty=self.tty,
            fdlimit=1024,
            vmsize=8192,
            vmrss=2048,
            vtid=self.vtid,
            vpid=self.vpid,
            cap_permitted=self.capabilities,
            cap_effective=self.capabilities,
            exe_ino=inode(self.exepath),
            exe_ino_ctime=self.scenario.boot,
            exe_ino_mtime=self.scenario.boot,
            pidns_init_start_ts=self.scenario.boot + (self.container.started if self.container else 0),
        )

    # what the calls share

    def emit(self, event: str | int, /, **values: object) -> None:
        """Add any event of the event table; ``values`` are its parameters by name."""
        self.scenario.emit(self.tid, event, **values)

    def absolute(self, path: str, base: str | None = None) -> str:
        """Return ``path`` as the kernel resolves it from ``base``, by default the current directory."""
        resolved = posixpath.normpath(posixpath.join(base or self.cwd, path))
        return "/" + resolved.lstrip("/")

    def free_fd(self) -> int:
        """Return the lowest descriptor that is not open."""
        fd = 0
        while fd in self.files:
            fd += 1
        return fd

    def file(self, fd: int) -> FdRecord:
        """Return what ``fd`` is open on. Raises ValueError when it is not open."""
        record = self.files.get(fd)
        if record is None:
            raise ValueError(f"descriptor {fd} of {self!r} is not open")
        return record

    @staticmethod
    def outcome(fail: str | None, success: int = 0) -> int:
        """Return the result of a call: ``success``, or minus the error that ``fail`` names (``"EACCES"``)."""
        if fail is None:
            return success
        number = getattr(errno, fail, None)
        if not isinstance(number, int):
            raise ParameterError(f"unknown error {fail!r}")
        return -number

    def call(self, event: str, fail: str | None = None, /, **values: object) -> bool:
        """Add an event whose result parameter is ``res``; return whether the call succeeded."""
        self.emit(event, res=self.outcome(fail), **values)
        return fail is None
