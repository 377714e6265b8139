"""Threads and descriptors as a capture's process and descriptor lists hold them.

Texts that are C strings end before their first NUL. Defaults are what a reader assumes where an older list lacks the
field (libscap's ``scap_threadinfo`` and ``scap_fdinfo``).
"""

from __future__ import annotations

from dataclasses import dataclass

NO_UID = 0xFFFFFFFF
"""``loginuid`` of a thread that no one logged in for."""


@dataclass(slots=True)
class ThreadRecord:
    """One thread of a process list.

    ``args``, ``env`` and ``cgroups`` are texts that each end in a NUL byte; ``args`` is without ``argv[0]``, which is
    ``exe``. Ids are as seen from the host, those with a ``v`` from the thread's own pid namespace; -1 is unknown.
    """

    tid: int
    pid: int = -1
    ptid: int = -1
    sid: int = -1
    vpgid: int = -1
    pgid: int = -1
    comm: bytes = b""
    exe: bytes = b""
    exepath: bytes = b""
    args: bytes = b""
    env: bytes = b""
    cwd: bytes = b""
    cgroups: bytes = b""
    root: bytes = b""
    uid: int = 0
    gid: int = 0
    loginuid: int = NO_UID
    tty: int = 0
    flags: int = 0  # PPM_CL_* bits
    fdlimit: int = -1
    vmsize: int = 0  # KB, as the next two
    vmrss: int = 0
    vmswap: int = 0
    pfmajor: int = 0
    pfminor: int = 0
    vtid: int = -1
    vpid: int = -1
    cap_permitted: int = 0
    cap_effective: int = 0
    cap_inheritable: int = 0
    exe_writable: bool = False
    exe_upper_layer: bool = False
    exe_lower_layer: bool = False
    exe_from_memfd: bool = False
    exe_ino: int = 0
    exe_ino_ctime: int = 0  # ns since epoch, as all times here
    exe_ino_mtime: int = 0
    clone_ts: int = 0  # not in any process list so far
    pidns_init_start_ts: int = 0


@dataclass(slots=True)
class FdRecord:
    """One open descriptor of a descriptor list; which fields count depends on ``type``.

    Connected sockets have both ends, server sockets ``ip`` and ``port``, unix sockets the kernel addresses ``source``
    and ``destination`` and their path in ``fname``, files ``fname``, ``open_flags`` and ``dev``, all others ``fname``.
    """

    fd: int
    ino: int = 0
    type: int = 0  # SCAP_FD_*, see tiercel.model.columns.FdKind
    fname: bytes = b""
    open_flags: int = 0  # PPM_O_* bits
    mount_id: int = 0
    dev: int = 0
    sip: bytes = b""  # 4 or 16 bytes in network order, as dip and ip
    dip: bytes = b""
    sport: int = 0
    dport: int = 0
    ip: bytes = b""
    port: int = 0
    l4proto: int = 0  # SCAP_L4_*
    source: int = 0
    destination: int = 0
