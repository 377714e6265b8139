"""Which events to trace: those that the rules ask about, and those that the state they ask about is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tiercel.rules.model import Rule
from tiercel.sources.live.calls import call_tables
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

_STATE = (
    "SYSCALL_OPEN_X", "SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X", "SYSCALL_CREAT_X", "SYSCALL_CLOSE_X",
    "SYSCALL_CLOSE_RANGE_X", "SYSCALL_DUP_1_X", "SYSCALL_DUP2_X", "SYSCALL_DUP3_X", "SYSCALL_FCNTL_X",
    "SYSCALL_PIPE_X", "SYSCALL_PIPE2_X", "SOCKET_SOCKET_X", "SOCKET_SOCKETPAIR_X", "SOCKET_BIND_X",
    "SOCKET_CONNECT_X", "SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X", "SYSCALL_MEMFD_CREATE_X",
)  # fmt: skip
"""What descriptors are known from."""

_PROCESSES = (
    "SYSCALL_CLONE_20_X", "SYSCALL_CLONE3_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X", "SYSCALL_EXECVE_19_X",
    "SYSCALL_EXECVEAT_X", "PROCEXIT_1_E", "SYSCALL_CHDIR_X", "SYSCALL_FCHDIR_X", "SYSCALL_CHROOT_X",
    "SYSCALL_SETSID_X", "SYSCALL_SETPGID_X", "SYSCALL_SETUID_X", "SYSCALL_SETGID_X", "SYSCALL_SETREUID_X",
    "SYSCALL_SETREGID_X", "SYSCALL_SETRESUID_X", "SYSCALL_SETRESGID_X", "SYSCALL_CAPSET_X", "SYSCALL_PRCTL_X",
    "SYSCALL_UNSHARE_X", "SYSCALL_SETNS_X",
)  # fmt: skip
"""What processes are known from."""

_BUSY = ("SYSCALL_READ_X", "SYSCALL_WRITE_X", "SYSCALL_BRK_4_X", "SYSCALL_MMAP_X", "SYSCALL_MUNMAP_X")


def events_for(rules: Iterable[Rule]) -> frozenset[int]:
    """Return the event types to trace for ``rules``: theirs, and those that the state they ask about is made of."""
    wanted = {BY_CONSTANT[name] for name in (*_STATE, *_PROCESSES)}
    for rule in rules:
        wanted.update(rule.event_types)
    return frozenset(wanted)


def all_events() -> frozenset[int]:
    """Return all event types the probe can report but those of calls that are too many to be worth it."""
    busy = {BY_CONSTANT[name] for name in _BUSY}
    return frozenset(call.event for call in call_tables().calls if call.event not in busy)


def names_of(events: Collection[int]) -> list[str]:
    """Return the names of these event types, each once, in order."""
    return sorted({EVENTS[number].name for number in events})
