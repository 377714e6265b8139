"""What each event does with descriptors: which parameter names one, and what the event changes.

Facts of libsinsp 0.25.4: ``get_exit_event_fd_location`` in ``scap_event.c`` and ``sinsp_parser::process_event``.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tiercel.wire.event_table import BY_CONSTANT, EVENTS, EventFlag


class Action(IntEnum):
    """What an exit event does to the descriptors of the caller."""

    NONE = 0
    READ = 1
    WRITE = 2
    CLOSE = 3
    OPEN = 4
    OPENAT = 5
    OPENAT2 = 6
    CREAT = 7
    OPEN_BY_HANDLE = 8
    DUP = 9
    FCNTL = 10
    PIPE = 11
    SINGLE = 12  # one new descriptor whose kind follows from the event
    SOCKET = 13
    BIND = 14
    CONNECT = 15
    ACCEPT = 16
    SOCKETPAIR = 17
    CLOSE_RANGE = 18
    MEMFD = 19
    PIDFD_OPEN = 20
    PIDFD_GETFD = 21
    ENTER = 22  # an enter event whose parameters its exit event may lack, or may not be trusted on


_ACTIONS: dict[Action, str] = {
    Action.READ: "SYSCALL_READ_X SYSCALL_READV_X SYSCALL_PREAD_X SYSCALL_PREADV_X SOCKET_RECV_X SOCKET_RECVFROM_X "
    "SOCKET_RECVMSG_X SOCKET_RECVMMSG_X",
    Action.WRITE: "SYSCALL_WRITE_X SYSCALL_WRITEV_X SYSCALL_PWRITE_X SYSCALL_PWRITEV_X SOCKET_SEND_X SOCKET_SENDTO_X "
    "SOCKET_SENDMSG_X SOCKET_SENDMMSG_X",
    Action.CLOSE: "SYSCALL_CLOSE_X",
    Action.OPEN: "SYSCALL_OPEN_X",
    Action.OPENAT: "SYSCALL_OPENAT_2_X",
    Action.OPENAT2: "SYSCALL_OPENAT2_X",
    Action.CREAT: "SYSCALL_CREAT_X",
    Action.OPEN_BY_HANDLE: "SYSCALL_OPEN_BY_HANDLE_AT_X",
    Action.DUP: "SYSCALL_DUP_1_X SYSCALL_DUP2_X SYSCALL_DUP3_X",
    Action.FCNTL: "SYSCALL_FCNTL_X",
    Action.PIPE: "SYSCALL_PIPE_X SYSCALL_PIPE2_X",
    Action.SINGLE: "SYSCALL_EVENTFD_X SYSCALL_EVENTFD2_X SYSCALL_SIGNALFD_X SYSCALL_SIGNALFD4_X "
    "SYSCALL_TIMERFD_CREATE_X SYSCALL_INOTIFY_INIT_X SYSCALL_INOTIFY_INIT1_X SYSCALL_BPF_2_X SYSCALL_USERFAULTFD_X "
    "SYSCALL_IO_URING_SETUP_X SYSCALL_EPOLL_CREATE_X SYSCALL_EPOLL_CREATE1_X",
    Action.SOCKET: "SOCKET_SOCKET_X",
    Action.BIND: "SOCKET_BIND_X",
    Action.CONNECT: "SOCKET_CONNECT_X",
    Action.ACCEPT: "SOCKET_ACCEPT_5_X SOCKET_ACCEPT4_6_X",
    Action.SOCKETPAIR: "SOCKET_SOCKETPAIR_X",
    Action.CLOSE_RANGE: "SYSCALL_CLOSE_RANGE_X",
    Action.MEMFD: "SYSCALL_MEMFD_CREATE_X",
    Action.PIDFD_OPEN: "SYSCALL_PIDFD_OPEN_X",
    Action.PIDFD_GETFD: "SYSCALL_PIDFD_GETFD_X",
    Action.ENTER: "SYSCALL_OPEN_E SYSCALL_CREAT_E SYSCALL_OPENAT_2_E SYSCALL_OPENAT2_E SOCKET_CONNECT_E",
}

_TUPLES = {  # parameter that holds both ends of the connection
    "SOCKET_RECVFROM_X": 2,
    "SOCKET_RECVMSG_X": 3,
    "SOCKET_RECVMMSG_X": 4,
    "SOCKET_RECV_X": 4,
    "SOCKET_SEND_X": 4,
    "SOCKET_SENDTO_X": 4,
    "SOCKET_SENDMSG_X": 4,
    "SOCKET_SENDMMSG_X": 4,
}

_LOCATIONS = {  # parameter that names the descriptor, where it is not parameter 1
    2: "SYSCALL_READ_X SYSCALL_PREAD_X SOCKET_BIND_X SYSCALL_WRITE_X SYSCALL_PWRITE_X SOCKET_RECV_X SOCKET_SEND_X "
    "SOCKET_SENDTO_X SOCKET_SENDMSG_X SYSCALL_SENDFILE_X SYSCALL_SPLICE_X SYSCALL_WRITEV_X SYSCALL_PWRITEV_X "
    "SOCKET_CONNECT_X SYSCALL_SYMLINKAT_X",
    3: "SOCKET_RECVFROM_X SYSCALL_READV_X SYSCALL_PREADV_X",
    5: "SOCKET_RECVMSG_X",
    8: "SYSCALL_MMAP_X SYSCALL_MMAP2_X",
}

_HAS_FD = EventFlag.CREATES_FD | EventFlag.USES_FD | EventFlag.DESTROYS_FD


def actions() -> NDArray[np.uint8]:
    """Return the :class:`Action` of every event number."""
    table = np.zeros(len(EVENTS), dtype=np.uint8)
    for action, names in _ACTIONS.items():
        for name in names.split():
            table[BY_CONSTANT[name]] = action
    return table


def locations() -> NDArray[np.int8]:
    """Return, for every event number, the parameter with the descriptor the event is about.

    -1 where the event has descriptor fields but names none, -2 where it has none of these fields.
    """
    table = np.full(len(EVENTS), -2, dtype=np.int8)
    for event in EVENTS:
        if event.flags & _HAS_FD:
            table[event.number] = 1 if event.flags & EventFlag.USES_FD and not event.is_enter else -1
    for location, names in _LOCATIONS.items():
        for name in names.split():
            table[BY_CONSTANT[name]] = location
    return table


def tuples() -> NDArray[np.int8]:
    """Return, for every event number, the parameter with both ends of the connection, -1 without one."""
    table = np.full(len(EVENTS), -1, dtype=np.int8)
    for name, parameter in _TUPLES.items():
        table[BY_CONSTANT[name]] = parameter
    return table
