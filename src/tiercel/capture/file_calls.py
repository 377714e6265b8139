"""Calls of a made-up process on files, directories and descriptors."""

from __future__ import annotations

import copy

from tiercel.capture.actor import Actor, inode
from tiercel.capture.parameters import AT_FDCWD, flags
from tiercel.model.columns import FdKind
from tiercel.sources.records import FdRecord

ROOT_DEVICE = 0xFD00000
_DIRECTORY = 1024
_CLOEXEC = 4096


class FileCalls(Actor):
    """``fail`` names the error that a call ends with, such as ``"EACCES"``; without it the call succeeds."""

    def open(
        self,
        path: str,
        flag: str | int = "O_RDONLY",
        mode: int = 0,
        *,
        dirfd: int = AT_FDCWD,
        fail: str | None = None,
    ) -> int:
        """``openat``: return the new descriptor, or minus the error."""
        fd = self.outcome(fail, self.free_fd())
        bits = flags("file_flags", flag)
        base = None if dirfd == AT_FDCWD else self.file(dirfd).fname.decode()
        name = self.absolute(path, base)
        number = inode(name) if fd >= 0 else 0
        device = ROOT_DEVICE if fd >= 0 else 0
        self.emit("SYSCALL_OPENAT_2_X", fd=fd, dirfd=dirfd, name=path, flags=bits, mode=mode, dev=device, ino=number)
        if fd >= 0:
            kind = FdKind.DIRECTORY if bits & _DIRECTORY else FdKind.FILE_V2
            self.add_file(FdRecord(fd, number, kind, name.encode(), open_flags=bits, dev=device), bool(bits & _CLOEXEC))
        return fd

    def add_file(self, record: FdRecord, cloexec: bool = False) -> None:
        """Remember an open descriptor."""
        self.files[record.fd] = record
        self.cloexec.discard(record.fd)
        self.accepted.discard(record.fd)
        if cloexec:
            self.cloexec.add(record.fd)

    def read(self, fd: int, data: bytes = b"", *, size: int = 4096, fail: str | None = None) -> None:
        """``read`` that gets ``data``."""
        self.emit("SYSCALL_READ_X", res=self.outcome(fail, len(data)), data=data[:80], fd=fd, size=size)

    def write(self, fd: int, data: bytes = b"", *, fail: str | None = None) -> None:
        """``write`` of ``data``; the drivers keep its first 80 bytes."""
        self.emit("SYSCALL_WRITE_X", res=self.outcome(fail, len(data)), data=data[:80], fd=fd, size=len(data))

    def close(self, fd: int, *, fail: str | None = None) -> None:
        """``close``"""
        if self.call("SYSCALL_CLOSE_X", fail, fd=fd):
            self.files.pop(fd, None)
            self.cloexec.discard(fd)

    def dup(self, fd: int) -> int:
        """``dup``: return the new descriptor."""
        new = self.free_fd()
        self.emit("SYSCALL_DUP_1_X", res=new, oldfd=fd)
        return self._duplicate(fd, new)

    def dup2(self, fd: int, new: int) -> int:
        """``dup2``: ``new`` becomes a copy of ``fd``."""
        self.emit("SYSCALL_DUP2_X", res=new, oldfd=fd, newfd=new)
        return self._duplicate(fd, new)

    def _duplicate(self, fd: int, new: int) -> int:
        record = copy.copy(self.file(fd))
        record.fd = new
        self.add_file(record)
        return new

    def pipe(self) -> tuple[int, int]:
        """``pipe2``: return the reading and the writing end."""
        ends = []
        number = inode("pipe", str(self.tid), str(self.scenario.now))
        for _ in range(2):
            fd = self.free_fd()
            self.add_file(FdRecord(fd, number, FdKind.FIFO))
            ends.append(fd)
        self.emit("SYSCALL_PIPE2_X", res=0, fd1=ends[0], fd2=ends[1], ino=number, flags=0)
        return ends[0], ends[1]

    def memfd_create(self, name: str, flag: str | int = "MFD_CLOEXEC") -> int:
        """``memfd_create``: return the new descriptor."""
        fd = self.free_fd()
        self.emit("SYSCALL_MEMFD_CREATE_X", fd=fd, name=name, flags=flag)
        self.add_file(FdRecord(fd, 0, FdKind.MEMFD, name.encode()))
        return fd

    def chdir(self, path: str, *, fail: str | None = None) -> None:
        """``chdir``"""
        if self.call("SYSCALL_CHDIR_X", fail, path=path):
            self.cwd = self.absolute(path)

    def fchdir(self, fd: int, *, fail: str | None = None) -> None:
        """``fchdir``"""
        if self.call("SYSCALL_FCHDIR_X", fail, fd=fd):
            self.cwd = self.file(fd).fname.decode()

    def chroot(self, path: str, *, fail: str | None = None) -> None:
        """``chroot``"""
        if self.call("SYSCALL_CHROOT_X", fail, path=path):
            self.root = self.absolute(path)

    def mkdir(self, path: str, mode: int = 0o755, *, fail: str | None = None) -> None:
        """``mkdir``"""
        self.call("SYSCALL_MKDIR_2_X", fail, path=path, mode=mode)

    def rmdir(self, path: str, *, fail: str | None = None) -> None:
        """``rmdir``"""
        self.call("SYSCALL_RMDIR_2_X", fail, path=path)

    def rename(self, old: str, new: str, *, fail: str | None = None) -> None:
        """``rename``"""
        self.call("SYSCALL_RENAME_X", fail, oldpath=old, newpath=new)

    def unlink(self, path: str, *, dirfd: int = AT_FDCWD, fail: str | None = None) -> None:
        """``unlinkat``, as ``rm`` calls it"""
        self.call("SYSCALL_UNLINKAT_2_X", fail, dirfd=dirfd, name=path, flags=0)

    def chmod(self, path: str, mode: int | str, *, dirfd: int = AT_FDCWD, fail: str | None = None) -> None:
        """``fchmodat``, as ``chmod`` calls it; ``mode`` is a number or names such as ``S_ISUID|S_IXUSR``"""
        self.call("SYSCALL_FCHMODAT_X", fail, dirfd=dirfd, filename=path, mode=mode)

    def chown(self, path: str, uid: int, gid: int, *, dirfd: int = AT_FDCWD, fail: str | None = None) -> None:
        """``fchownat``, as ``chown`` calls it"""
        self.call("SYSCALL_FCHOWNAT_X", fail, dirfd=dirfd, pathname=path, uid=uid, gid=gid, flags=0)

    def symlink(self, target: str, path: str, *, dirfd: int = AT_FDCWD, fail: str | None = None) -> None:
        """``symlinkat``"""
        self.call("SYSCALL_SYMLINKAT_X", fail, target=target, linkdirfd=dirfd, linkpath=path)

    def link(self, old: str, new: str, *, fail: str | None = None) -> None:
        """``linkat``"""
        self.call("SYSCALL_LINKAT_2_X", fail, olddir=AT_FDCWD, oldpath=old, newdir=AT_FDCWD, newpath=new, flags=0)

    def mount(
        self, device: str, path: str, kind: str = "ext4", flag: int | str = 0, *, fail: str | None = None
    ) -> None:
        """``mount``"""
        self.call("SYSCALL_MOUNT_X", fail, dev=device, dir=path, type=kind, flags=flag)

    def umount(self, path: str, *, fail: str | None = None) -> None:
        """``umount2``"""
        self.call("SYSCALL_UMOUNT2_X", fail, name=path, flags=0)
