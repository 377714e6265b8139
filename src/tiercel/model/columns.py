"""Columns of the process and descriptor tables, as indices into their rows.

Every cell is an int64. Text cells hold a string number of :class:`tiercel.model.tables.Strings` (-1 for no value),
unsigned 64-bit values are stored bit for bit. A list of texts (arguments, environment, cgroups) is one string whose
items each end in a NUL byte.
"""

from __future__ import annotations

from enum import IntEnum


class P(IntEnum):
    """One row of ``processes``: one version of one thread."""

    TID = 0
    PID = 1  # thread-group id
    PTID = 2  # tid of the parent, looked up as of the event
    REAPER = 3
    VTID = 4
    VPID = 5
    SID = 6
    VPGID = 7
    PGID = 8
    COMM = 9  # text
    EXE = 10  # text, argv[0]
    EXEPATH = 11  # text
    ARGS = 12  # list, without argv[0]
    CWD = 13  # text, always ends in "/"
    ROOT = 14  # text
    ENV = 15  # list of KEY=value
    CGROUPS = 16  # list of subsystem=path
    CONTAINER = 17  # text: container id, -1 on the host
    UID = 18
    GID = 19
    LOGINUID = 20
    TTY = 21
    FLAGS = 22  # PPM_CL_* bits
    FDLIMIT = 23
    CAP_PERMITTED = 24  # unsigned
    CAP_EFFECTIVE = 25
    CAP_INHERITABLE = 26
    EXE_INO = 27  # unsigned
    EXE_CTIME = 28  # ns since epoch, unsigned
    EXE_MTIME = 29
    EXE_FLAGS = 30  # ExeFlag bits
    CLONE_TS = 31  # ns since epoch, unsigned
    LASTEXEC_TS = 32
    PIDNS_START_TS = 33
    FDOWNER = 34  # tid under which this thread's descriptors are kept
    EXE_CTIME_TO_CLONE = 35  # ns from the executable's ctime to the clone of the process that executed it, wrapping
    COUNT = 36


class ExeFlag(IntEnum):
    """Bits of ``P.EXE_FLAGS``."""

    WRITABLE = 1
    UPPER_LAYER = 2
    LOWER_LAYER = 4
    FROM_MEMFD = 8


class F(IntEnum):
    """One row of ``files``: one version of what a descriptor points at."""

    KIND = 0  # SCAP_FD_* number (FdKind)
    NAME = 1  # text
    NAMERAW = 2  # text
    FLAGS = 3  # FdFlag bits
    OPENFLAGS = 4  # PPM_O_* bits
    DEV = 5
    INO = 6  # unsigned
    MOUNT = 7
    FAMILY = 8  # PPM_AF_*
    L4PROTO = 9  # SCAP_L4_*
    SIP = 10  # string holding 4 or 16 address bytes, -1 when unknown; the client's end once there is a role
    DIP = 11  # the server's end; a server socket has only this one
    SPORT = 12
    DPORT = 13
    UNIX_SOURCE = 14
    UNIX_DEST = 15
    PID = 16  # of a pidfd
    FD = 17  # a descriptor number this row was used for; rows alike but for the number are one
    SOCKET = 18  # string: what is known of a socket, laid out as in tiercel.state.sockets, -1 for the rest
    COUNT = 19


class FdKind(IntEnum):
    """Kind of a descriptor (``scap_fd_type``); ``fd.typechar`` and ``fd.type`` follow from it."""

    UNINITIALIZED = -1
    UNKNOWN = 0
    FILE = 1
    DIRECTORY = 2
    IPV4_SOCK = 3
    IPV6_SOCK = 4
    IPV4_SERVSOCK = 5
    IPV6_SERVSOCK = 6
    FIFO = 7
    UNIX_SOCK = 8
    EVENT = 9
    UNSUPPORTED = 10
    SIGNALFD = 11
    EVENTPOLL = 12
    INOTIFY = 13
    TIMERFD = 14
    NETLINK = 15
    FILE_V2 = 16
    BPF = 17
    USERFAULTFD = 18
    IOURING = 19
    MEMFD = 20
    PIDFD = 21


class FdFlag(IntEnum):
    """Bits of ``F.FLAGS`` (libsinsp's fdinfo flags, same values)."""

    FROM_PROC = 1 << 0
    TRANSACTION = 1 << 1
    ROLE_CLIENT = 1 << 2
    ROLE_SERVER = 1 << 3
    CLOSE_IN_PROGRESS = 1 << 4
    CLOSE_CANCELED = 1 << 5
    IS_SOCKET_PIPE = 1 << 6
    IS_TRACER_FILE = 1 << 7
    IS_TRACER_FD = 1 << 8
    IS_NOT_TRACER_FD = 1 << 9
    IN_BASELINE_R = 1 << 10
    IN_BASELINE_RW = 1 << 11
    IN_BASELINE_OTHER = 1 << 12
    SOCKET_CONNECTED = 1 << 13
    IS_CLONED = 1 << 14
    CONNECTION_PENDING = 1 << 15
    CONNECTION_FAILED = 1 << 16
    OVERLAY_UPPER = 1 << 17
    OVERLAY_LOWER = 1 << 18
