"""Which event each audited system call becomes, and where its parameters come from.

A parameter that no record tells is left out, which is how events say that there is no value.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiercel.capture.audit_parameters import (
    Value,
    address,
    bits,
    byte,
    capabilities,
    cloexec,
    clone_flags,
    device,
    ends,
    inode,
    key_argument,
    module,
    module_flags,
    mount_flags,
    new_path,
    old_path,
    open_flags,
    open_mode,
    openat2_flags,
    openat2_resolve,
    path,
    ptrace_request,
    ptrace_word,
    result,
    signed,
    told,
    unsigned,
    wide,
)


@dataclass(frozen=True, slots=True)
class CallEvent:
    """The event a call becomes: its constant, and how to find each parameter."""

    constant: str
    parameters: dict[str, Value]


def _event(constant: str, **parameters: Value) -> CallEvent:
    return CallEvent(constant, parameters)


_FILE = {"name": path, "dev": device, "ino": inode}
_FD = signed(0)

CALLS: dict[str, CallEvent] = {
    # files
    "open": _event("SYSCALL_OPEN_X", fd=result, flags=open_flags(1), mode=open_mode(1), **_FILE),
    "creat": _event("SYSCALL_CREAT_X", fd=result, mode=bits(1, 0o7777), **_FILE),
    "openat": _event("SYSCALL_OPENAT_2_X", fd=result, dirfd=_FD, flags=open_flags(2), mode=open_mode(2), **_FILE),
    "openat2": _event(
        "SYSCALL_OPENAT2_X",
        fd=result,
        dirfd=_FD,
        flags=openat2_flags,
        mode=told("OPENAT2", b"mode", 8),
        resolve=openat2_resolve,
        **_FILE,
    ),
    "open_by_handle_at": _event("SYSCALL_OPEN_BY_HANDLE_AT_X", fd=result, mountfd=_FD, flags=open_flags(2), path=path),
    "close": _event("SYSCALL_CLOSE_X", res=result, fd=_FD),
    "close_range": _event("SYSCALL_CLOSE_RANGE_X", res=result, first=unsigned(0), last=unsigned(1), flags=unsigned(2)),
    "read": _event("SYSCALL_READ_X", res=result, fd=_FD, size=unsigned(2)),
    "write": _event("SYSCALL_WRITE_X", res=result, fd=_FD, size=unsigned(2)),
    "pread64": _event("SYSCALL_PREAD_X", res=result, fd=_FD, size=unsigned(2), pos=wide(3)),
    "pwrite64": _event("SYSCALL_PWRITE_X", res=result, fd=_FD, size=unsigned(2), pos=wide(3)),
    "readv": _event("SYSCALL_READV_X", res=result, fd=_FD),
    "writev": _event("SYSCALL_WRITEV_X", res=result, fd=_FD),
    "sendfile": _event("SYSCALL_SENDFILE_X", res=result, out_fd=signed(0), in_fd=signed(1), size=wide(3)),
    "dup": _event("SYSCALL_DUP_1_X", res=result, oldfd=_FD),
    "dup2": _event("SYSCALL_DUP2_X", res=result, oldfd=_FD, newfd=signed(1)),
    "dup3": _event("SYSCALL_DUP3_X", res=result, oldfd=_FD, newfd=signed(1), flags=cloexec(2)),
    "pipe": _event("SYSCALL_PIPE_X", res=result, fd1=told("FD_PAIR", b"fd0"), fd2=told("FD_PAIR", b"fd1")),
    "pipe2": _event("SYSCALL_PIPE2_X", res=result, fd1=told("FD_PAIR", b"fd0"), fd2=told("FD_PAIR", b"fd1")),
    "access": _event("SYSCALL_ACCESS_X", res=result, name=path, mode=unsigned(1)),
    "unlink": _event("SYSCALL_UNLINK_2_X", res=result, path=path),
    "unlinkat": _event("SYSCALL_UNLINKAT_2_X", res=result, dirfd=_FD, name=path, flags=unsigned(2)),
    "rmdir": _event("SYSCALL_RMDIR_2_X", res=result, path=path),
    "mkdir": _event("SYSCALL_MKDIR_2_X", res=result, path=path, mode=bits(1, 0o7777)),
    "mkdirat": _event("SYSCALL_MKDIRAT_X", res=result, dirfd=_FD, path=path, mode=bits(2, 0o7777)),
    "mknod": _event("SYSCALL_MKNOD_X", res=result, path=path, mode=unsigned(1), dev=unsigned(2)),
    "mknodat": _event("SYSCALL_MKNODAT_X", res=result, dirfd=_FD, path=path, mode=unsigned(2), dev=unsigned(3)),
    "rename": _event("SYSCALL_RENAME_X", res=result, oldpath=old_path, newpath=new_path),
    "renameat": _event(
        "SYSCALL_RENAMEAT_X", res=result, olddirfd=_FD, oldpath=old_path, newdirfd=signed(2), newpath=new_path
    ),
    "renameat2": _event(
        "SYSCALL_RENAMEAT2_X", res=result, olddirfd=_FD, oldpath=old_path, newdirfd=signed(2), newpath=new_path
    ),
    "link": _event("SYSCALL_LINK_2_X", res=result, oldpath=old_path, newpath=new_path),
    "linkat": _event(
        "SYSCALL_LINKAT_2_X", res=result, olddir=_FD, oldpath=old_path, newdir=signed(2), newpath=new_path
    ),
    "symlink": _event("SYSCALL_SYMLINK_X", res=result, target=old_path, linkpath=new_path),
    "symlinkat": _event("SYSCALL_SYMLINKAT_X", res=result, target=old_path, linkdirfd=signed(1), linkpath=new_path),
    "chmod": _event("SYSCALL_CHMOD_X", res=result, filename=path, mode=bits(1, 0o7777)),
    "fchmod": _event("SYSCALL_FCHMOD_X", res=result, fd=_FD, mode=bits(1, 0o7777)),
    "fchmodat": _event("SYSCALL_FCHMODAT_X", res=result, dirfd=_FD, filename=path, mode=bits(2, 0o7777)),
    "fchmodat2": _event("SYSCALL_FCHMODAT_X", res=result, dirfd=_FD, filename=path, mode=bits(2, 0o7777)),
    "chown": _event("SYSCALL_CHOWN_X", res=result, path=path, uid=unsigned(1), gid=unsigned(2)),
    "lchown": _event("SYSCALL_LCHOWN_X", res=result, path=path, uid=unsigned(1), gid=unsigned(2)),
    "fchown": _event("SYSCALL_FCHOWN_X", res=result, fd=_FD, uid=unsigned(1), gid=unsigned(2)),
    "fchownat": _event("SYSCALL_FCHOWNAT_X", res=result, dirfd=_FD, pathname=path, uid=unsigned(2), gid=unsigned(3)),
    "chdir": _event("SYSCALL_CHDIR_X", res=result, path=path),
    "fchdir": _event("SYSCALL_FCHDIR_X", res=result, fd=_FD),
    "chroot": _event("SYSCALL_CHROOT_X", res=result, path=path),
    "mount": _event("SYSCALL_MOUNT_X", res=result, dir=path, flags=mount_flags),
    "umount": _event("SYSCALL_UMOUNT_1_X", res=result, name=path),
    "umount2": _event("SYSCALL_UMOUNT2_X", res=result, name=path, flags=unsigned(1)),
    "memfd_create": _event("SYSCALL_MEMFD_CREATE_X", fd=result, flags=bits(1, 7)),
    "mmap": _event(
        "SYSCALL_MMAP_X",
        res=result,
        addr=wide(0),
        length=wide(1),
        prot=unsigned(2),
        fd=told("MMAP", b"fd"),
    ),
    "mprotect": _event("SYSCALL_MPROTECT_X", res=result, addr=wide(0), length=wide(1), prot=unsigned(2)),
    # network
    "socket": _event("SOCKET_SOCKET_X", fd=result, domain=unsigned(0), type=unsigned(1), proto=unsigned(2)),
    "socketpair": _event(
        "SOCKET_SOCKETPAIR_X",
        res=result,
        fd1=told("FD_PAIR", b"fd0"),
        fd2=told("FD_PAIR", b"fd1"),
        domain=unsigned(0),
        type=unsigned(1),
        proto=unsigned(2),
    ),
    "connect": _event("SOCKET_CONNECT_X", res=result, tuple=ends(True), fd=_FD, addr=address),
    "bind": _event("SOCKET_BIND_X", res=result, addr=address, fd=_FD),
    "listen": _event("SOCKET_LISTEN_X", res=result, fd=_FD, backlog=signed(1)),
    "accept": _event("SOCKET_ACCEPT_5_X", fd=result, tuple=ends(False)),
    "accept4": _event("SOCKET_ACCEPT4_6_X", fd=result, tuple=ends(False), flags=signed(3)),
    "send": _event("SOCKET_SEND_X", res=result, fd=_FD, size=unsigned(2)),
    "sendto": _event("SOCKET_SENDTO_X", res=result, fd=_FD, size=unsigned(2), tuple=ends(True)),
    "sendmsg": _event("SOCKET_SENDMSG_X", res=result, fd=_FD, tuple=ends(True)),
    "recv": _event("SOCKET_RECV_X", res=result, fd=_FD, size=unsigned(2)),
    "recvfrom": _event("SOCKET_RECVFROM_X", res=result, tuple=ends(False), fd=_FD, size=unsigned(2)),
    "recvmsg": _event("SOCKET_RECVMSG_X", res=result, tuple=ends(False), fd=_FD),
    "shutdown": _event("SOCKET_SHUTDOWN_X", res=result, fd=_FD, how=byte(1)),
    # credentials and sessions
    "setuid": _event("SYSCALL_SETUID_X", res=result, uid=unsigned(0)),
    "setgid": _event("SYSCALL_SETGID_X", res=result, gid=unsigned(0)),
    "setreuid": _event("SYSCALL_SETREUID_X", res=result, ruid=unsigned(0), euid=unsigned(1)),
    "setregid": _event("SYSCALL_SETREGID_X", res=result, rgid=unsigned(0), egid=unsigned(1)),
    "setresuid": _event("SYSCALL_SETRESUID_X", res=result, ruid=unsigned(0), euid=unsigned(1), suid=unsigned(2)),
    "setresgid": _event("SYSCALL_SETRESGID_X", res=result, rgid=unsigned(0), egid=unsigned(1), sgid=unsigned(2)),
    "setsid": _event("SYSCALL_SETSID_X", res=result),
    "setpgid": _event("SYSCALL_SETPGID_X", res=result, pid=signed(0), pgid=signed(1)),
    "capset": _event(
        "SYSCALL_CAPSET_X",
        res=result,
        cap_inheritable=capabilities(b"cap_pi"),
        cap_permitted=capabilities(b"cap_pp"),
        cap_effective=capabilities(b"cap_pe"),
    ),
    # processes and the kernel
    "kill": _event("SYSCALL_KILL_X", res=result, pid=signed(0), sig=byte(1)),
    "tkill": _event("SYSCALL_TKILL_X", res=result, tid=signed(0), sig=byte(1)),
    "tgkill": _event("SYSCALL_TGKILL_X", res=result, pid=signed(0), tid=signed(1), sig=byte(2)),
    "ptrace": _event(
        "SYSCALL_PTRACE_X",
        res=result,
        addr=ptrace_word(2),
        data=ptrace_word(3),
        request=ptrace_request,
        pid=signed(1),
    ),
    "prctl": _event("SYSCALL_PRCTL_X", res=result, option=unsigned(0), arg2_int=signed(1, 64)),
    "seccomp": _event("SYSCALL_SECCOMP_X", res=result, op=unsigned(0), flags=unsigned(1)),
    "unshare": _event("SYSCALL_UNSHARE_X", res=result, flags=clone_flags(0)),
    "setns": _event("SYSCALL_SETNS_X", res=result, fd=_FD, nstype=clone_flags(1)),
    "bpf": _event("SYSCALL_BPF_2_X", fd=result, cmd=unsigned(0)),
    "init_module": _event("SYSCALL_INIT_MODULE_X", res=result, length=wide(1)),
    "finit_module": _event("SYSCALL_FINIT_MODULE_X", res=result, fd=_FD, flags=unsigned(2)),
    "delete_module": _event("SYSCALL_DELETE_MODULE_X", res=result, name=module, flags=module_flags),
    "userfaultfd": _event("SYSCALL_USERFAULTFD_X", res=result),
    "io_uring_setup": _event("SYSCALL_IO_URING_SETUP_X", res=result, entries=unsigned(0)),
    "io_uring_enter": _event(
        "SYSCALL_IO_URING_ENTER_X", res=result, fd=_FD, to_submit=unsigned(1), min_complete=unsigned(2)
    ),
    "pidfd_open": _event("SYSCALL_PIDFD_OPEN_X", fd=result, pid=signed(0)),
    "pidfd_getfd": _event("SYSCALL_PIDFD_GETFD_X", fd=result, pid_fd=_FD, target_fd=signed(1)),
    "process_vm_readv": _event("SYSCALL_PROCESS_VM_READV_X", res=result, pid=signed(0)),
    "process_vm_writev": _event("SYSCALL_PROCESS_VM_WRITEV_X", res=result, pid=signed(0)),
    "keyctl": _event(
        "SYSCALL_KEYCTL_X",
        res=result,
        operation=unsigned(0),
        arg2=key_argument(1),
        arg3=key_argument(2),
        arg4=key_argument(3),
    ),
}
"""The event of each system call, but for those that make, change or end a process, and those without one."""
