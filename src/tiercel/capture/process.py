"""What a made-up process does, told as events of the current drivers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

from tiercel.capture.actor import Actor, inode
from tiercel.capture.containers import Container
from tiercel.capture.parameters import flags
from tiercel.capture.socket_calls import SocketCalls

_FORK = "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID"
_THREAD = (
    "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS"
    "|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID"
)
_NAMESPACES = "CLONE_NEWPID|CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWNET"


class Process(SocketCalls):
    """A process or one of its threads; made by :meth:`Scenario.process`, :meth:`spawn`, :meth:`fork`, :meth:`thread`.

    Every call adds one event, or the few that such a call takes. Where ``fail`` names an error, the call fails.
    """

    def spawn(
        self,
        path: str,
        *arguments: str,
        argv: Sequence[str] | None = None,
        env: Sequence[str] | None = None,
        container: Container | None = None,
        comm: str | None = None,
    ) -> Process:
        """Fork, and execute a program in the child: return the child."""
        child = self.fork(container=container)
        child.exec(path, *arguments, argv=argv, env=env, comm=comm)
        return child

    def fork(self, *, container: Container | None = None, vfork: bool = False) -> Process:
        """Fork: return the child. With ``container`` it starts in there, as the first process or a further one."""
        child = self._child()
        child.files = {fd: copy.copy(record) for fd, record in self.files.items()}
        child.pid = child.tid
        bits = flags("clone_flags", 0 if vfork else _FORK)
        if container is not None:
            if container.init_tid == 0:
                container.started = self.scenario.now - self.scenario.boot
                bits |= flags("clone_flags", _NAMESPACES)
            else:
                bits |= flags("clone_flags", "CLONE_CHILD_IN_PIDNS")
            child.enter(container)
        elif self.container is not None:
            bits |= flags("clone_flags", "CLONE_CHILD_IN_PIDNS")
            self.container.last_vpid += 1
            child.vtid = child.vpid = self.container.last_vpid
        else:
            child.vtid = child.vpid = child.tid
        event = "SYSCALL_VFORK_20_X" if vfork else "SYSCALL_CLONE_20_X"
        seen = child.tid if self.container is None else child.vtid
        if vfork:  # the caller waits for its child
            child._cloned(event, 0, bits)
            self._cloned(event, seen, bits)
        else:
            self._cloned(event, seen, bits)
            child._cloned(event, 0, bits)
        return child

    def thread(self) -> Process:
        """Start a thread: return it. It shares directory and descriptors with its process."""
        thread = self._child()
        thread.pid, thread.parent = self.pid, self.parent
        thread.files, thread.cloexec = self.files, self.cloexec
        bits = flags("clone_flags", _THREAD)
        thread.vpid = self.vpid
        thread.vtid = thread.tid
        if self.container is not None:
            bits |= flags("clone_flags", "CLONE_CHILD_IN_PIDNS")
            self.container.last_vpid += 1
            thread.vtid = self.container.last_vpid
        self._cloned("SYSCALL_CLONE3_X", thread.tid if self.container is None else thread.vtid, bits)
        thread._cloned("SYSCALL_CLONE3_X", 0, bits)
        return thread

    def _child(self) -> Process:
        child = Process(self.scenario, self.scenario.new_tid(), self)
        self.scenario.know(child)
        for name in ("exe", "exepath", "comm", "cwd", "root", "uid", "gid", "loginuid", "tty", "sid", "pgid", "vpgid"):
            setattr(child, name, getattr(self, name))
        child.args, child.env, child.container = list(self.args), list(self.env), self.container
        child.cloexec, child.accepted = set(self.cloexec), set(self.accepted)
        return child

    def _cloned(self, event: str, result: int, bits: int) -> None:
        self.emit(
            event,
            res=result,
            exe=self.exe,
            args=self.args,
            tid=self.tid,
            pid=self.pid,
            ptid=self.parent.tid if self.parent else 0,
            cwd="",
            fdlimit=1024,
            pgft_maj=0,
            pgft_min=64,
            vm_size=8192,
            vm_rss=2048,
            vm_swap=0,
            comm=self.comm,
            cgroups=self.cgroups,
            flags=bits,
            uid=self.uid,
            gid=self.gid,
            vtid=self.vtid,
            vpid=self.vpid,
            pidns_init_start_ts=self.container.started if self.container else 0,
        )

    def exec(
        self,
        path: str,
        *arguments: str,
        argv: Sequence[str] | None = None,
        env: Sequence[str] | None = None,
        comm: str | None = None,
        exepath: str | None = None,
        flag: int | str = 0,
        fail: str | None = None,
    ) -> Self:
        """``execve``: become another program.

        ``argv`` replaces the path and the arguments; ``exepath`` is what the path resolves to; ``flag`` takes
        ``EXE_WRITABLE``, ``EXE_UPPER_LAYER``, ``EXE_FROM_MEMFD`` and ``EXE_LOWER_LAYER``.
        """
        argv = [path, *arguments] if argv is None else list(argv)
        before = (self.exe, self.args, self.exepath, self.comm)
        self.become(path, argv, comm, exepath)
        if env is not None:
            self.env = list(env)
        if fail is not None:
            self.exepath, self.comm = before[2:]
        self.emit(
            "SYSCALL_EXECVE_19_X",
            res=self.outcome(fail),
            exe=self.exe,
            args=self.args,
            tid=self.tid,
            pid=self.pid,
            ptid=self.parent.tid if self.parent else 0,
            cwd="",
            fdlimit=1024,
            pgft_maj=0,
            pgft_min=128,
            vm_size=4096,
            vm_rss=1024,
            vm_swap=0,
            comm=self.comm,
            cgroups=self.cgroups,
            env=self.env,
            tty=self.tty,
            vpgid=self.vpgid,
            loginuid=self.loginuid,
            flags=flag,
            cap_inheritable=0,
            cap_permitted=self.capabilities,
            cap_effective=self.capabilities,
            exe_ino=inode(self.exepath),
            exe_ino_ctime=self.scenario.boot,
            exe_ino_mtime=self.scenario.boot,
            uid=self.uid,
            trusted_exepath=self.exepath,
            pgid=self.pgid,
            gid=self.gid,
            filename=path,
        )
        if fail is not None:
            self.exe, self.args = before[:2]
            return self
        for fd in self.cloexec:
            self.files.pop(fd, None)
        self.cloexec = set()
        return self

    def exit(self, code: int = 0, *, signal: int = 0) -> None:
        """End: with an exit code, or by a signal. Children go to the first process of their host or container."""
        reaper: Actor | None = None
        orphans = [child for child in self.children if child.pid != self.pid]
        if orphans:
            reaper = self.scenario.reaper(self)
            for child in orphans:
                child.parent = reaper
                reaper.children.append(child)
        status = signal if signal else code << 8
        self.emit("PROCEXIT_1_E", status=status, ret=code, sig=signal, core=0, reaper_tid=reaper.tid if reaper else 0)
        if self.parent is not None and self in self.parent.children:
            self.parent.children.remove(self)

    # credentials and sessions

    def setuid(self, uid: int, *, fail: str | None = None) -> None:
        """``setuid``"""
        if self.call("SYSCALL_SETUID_X", fail, uid=uid):
            self.uid = uid

    def setgid(self, gid: int, *, fail: str | None = None) -> None:
        """``setgid``"""
        if self.call("SYSCALL_SETGID_X", fail, gid=gid):
            self.gid = gid

    def setresuid(self, ruid: int, euid: int, suid: int, *, fail: str | None = None) -> None:
        """``setresuid``"""
        if self.call("SYSCALL_SETRESUID_X", fail, ruid=ruid, euid=euid, suid=suid) and euid != -1:
            self.uid = euid

    def setsid(self) -> None:
        """``setsid``"""
        self.emit("SYSCALL_SETSID_X", res=self.vpid)
        self.sid = self.pgid = self.pid
        self.vpgid = self.vpid

    def set_name(self, name: str) -> None:
        """``prctl(PR_SET_NAME)``"""
        self.emit("SYSCALL_PRCTL_X", res=0, option="PR_SET_NAME", arg2_str=name, arg2_int=0)
        self.comm = name[:15]

    # acting on others, and on the kernel

    def kill(self, other: Actor, signal: int = 15, *, fail: str | None = None) -> None:
        """``kill``"""
        self.call("SYSCALL_KILL_X", fail, pid=other.pid, sig=signal)

    def ptrace(self, other: Actor, request: str = "PTRACE_ATTACH", *, fail: str | None = None) -> None:
        """``ptrace``"""
        nothing = ("UINT64", 0)
        self.call("SYSCALL_PTRACE_X", fail, addr=nothing, data=nothing, request=request, pid=other.pid)

    def unshare(self, flag: int | str = "CLONE_NEWNS", *, fail: str | None = None) -> None:
        """``unshare``"""
        self.call("SYSCALL_UNSHARE_X", fail, flags=flag)

    def setns(self, fd: int, flag: int | str = 0, *, fail: str | None = None) -> None:
        """``setns``"""
        self.call("SYSCALL_SETNS_X", fail, fd=fd, nstype=flag)

    def init_module(self, image: bytes, arguments: str = "", *, fail: str | None = None) -> None:
        """``init_module``: load a kernel module from memory"""
        self.call("SYSCALL_INIT_MODULE_X", fail, img=image[:80], length=len(image), uargs=arguments)
