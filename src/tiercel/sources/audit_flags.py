"""Flags as system calls take them, turned into the bits that events carry.

The kernel's values are those of Linux on the architecture at hand, the others those of
:mod:`tiercel.wire.flag_table`. Flags that have the same value on both sides are not listed here.
"""

from __future__ import annotations

from tiercel.wire.flag_table import FLAGS

_FILE = dict(FLAGS["file_flags"])
_CLONE = dict(FLAGS["clone_flags"])
_PTRACE = dict(FLAGS["ptrace_requests"])

_ACCESS_MODES = (_FILE["O_RDONLY"], _FILE["O_WRONLY"], _FILE["O_RDWR"], _FILE["O_RDWR"])
_OPEN = {
    "O_CREAT": 0o100, "O_EXCL": 0o200, "O_TRUNC": 0o1000, "O_APPEND": 0o2000, "O_NONBLOCK": 0o4000,
    "O_DSYNC": 0o10000, "O_SYNC": 0o4010000, "O_CLOEXEC": 0o2000000,
}  # fmt: skip
_OPEN_X86 = {"O_DIRECT": 0o40000, "O_LARGEFILE": 0o100000, "O_DIRECTORY": 0o200000, "O_TMPFILE": 0o20200000}
_OPEN_ARM = {"O_DIRECTORY": 0o40000, "O_DIRECT": 0o200000, "O_LARGEFILE": 0o400000, "O_TMPFILE": 0o20040000}
_CLONES = {
    "CLONE_VM": 0x100, "CLONE_FS": 0x200, "CLONE_FILES": 0x400, "CLONE_SIGHAND": 0x800, "CLONE_PTRACE": 0x2000,
    "CLONE_VFORK": 0x4000, "CLONE_PARENT": 0x8000, "CLONE_THREAD": 0x10000, "CLONE_NEWNS": 0x20000,
    "CLONE_SYSVSEM": 0x40000, "CLONE_SETTLS": 0x80000, "CLONE_PARENT_SETTID": 0x100000,
    "CLONE_CHILD_CLEARTID": 0x200000, "CLONE_UNTRACED": 0x800000, "CLONE_CHILD_SETTID": 0x1000000,
    "CLONE_NEWCGROUP": 0x2000000, "CLONE_NEWUTS": 0x4000000, "CLONE_NEWIPC": 0x8000000, "CLONE_NEWUSER": 0x10000000,
    "CLONE_NEWPID": 0x20000000, "CLONE_NEWNET": 0x40000000, "CLONE_IO": 0x80000000,
}  # fmt: skip
_REQUESTS = {
    0: "TRACEME", 1: "PEEKTEXT", 2: "PEEKDATA", 3: "PEEKUSR", 4: "POKETEXT", 5: "POKEDATA", 6: "POKEUSR", 7: "CONT",
    8: "KILL", 9: "SINGLESTEP", 12: "GETREGS", 13: "SETREGS", 14: "GETFPREGS", 15: "SETFPREGS", 16: "ATTACH",
    17: "DETACH", 18: "GETFPXREGS", 19: "SETFPXREGS", 21: "OLDSETOPTIONS", 24: "SYSCALL", 25: "GET_THREAD_AREA",
    26: "SET_THREAD_AREA", 30: "ARCH_PRCTL", 31: "SYSEMU", 32: "SYSEMU_SINGLESTEP", 33: "SINGLEBLOCK",
    0x4200: "SETOPTIONS", 0x4201: "GETEVENTMSG", 0x4202: "GETSIGINFO", 0x4203: "SETSIGINFO", 0x4204: "GETREGSET",
    0x4205: "SETREGSET", 0x4206: "SEIZE", 0x4207: "INTERRUPT", 0x4208: "LISTEN", 0x4209: "PEEKSIGINFO",
    0x420A: "GETSIGMASK", 0x420B: "SETSIGMASK",
}  # fmt: skip


def open_flags(value: int, architecture: str) -> int:
    """Return the flags of an open as ``file_flags``."""
    own = _OPEN_ARM if architecture == "aarch64" else _OPEN_X86
    bits = _ACCESS_MODES[value & 3]
    for name, bit in (*_OPEN.items(), *own.items()):
        if value & bit == bit:
            bits |= _FILE[name]
    return bits


def makes_file(value: int) -> bool:
    """Whether an open with these flags takes a mode."""
    return value & (0o100 | 0o20000000) != 0


def clone_flags(value: int) -> int:
    """Return the flags of clone, unshare or setns as ``clone_flags``."""
    bits = 0
    for name, bit in _CLONES.items():
        if value & bit:
            bits |= _CLONE[name]
    return bits


def ptrace_request(value: int) -> int:
    """Return the request of a ptrace as ``ptrace_requests``, 0 for one that is not known."""
    name = _REQUESTS.get(value)
    return _PTRACE["PTRACE_" + name] if name else 0
