"""Files of the host and of containers, read so that nothing in them can lead elsewhere or hold the reader up.

A file is read when it is a regular one, up to a number of bytes. What lies in a container is opened below its root:
links in it are followed as a process of the container would follow them, mounts are not entered, for what a container
mounts may never answer (``openat2``, Linux 5.6).
"""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

from tiercel.sources.live.root import host_path

_OPENAT2 = 437  # on every architecture
_NO_XDEV, _NO_MAGICLINKS, _IN_ROOT = 0x01, 0x02, 0x10
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

_libc = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def on_host(path: str) -> Path:
    """Return where an absolute path of the host is seen from here.

    A watcher in a container may have been given the host's ``/proc`` alone, one that is a hardened service may not see
    homes: what is not there is looked for in the root of the host's first process.
    """
    direct = host_path(path)
    if not os.path.exists(direct):
        through = host_path("/proc/1/root") + path
        if os.path.exists(through):
            return Path(through)
    return Path(direct)


def is_there(path: str) -> bool:
    """Return whether the host has something at an absolute path, as far as that can be seen."""
    return os.path.exists(on_host(path))


def read(path: Path, most: int) -> bytes:
    """Return the bytes of a regular file of the host.

    Raises:
        OSError: there is none, it is no regular file, or it is longer than ``most`` bytes.
    """
    return _drain(os.open(path, _FLAGS), most)


def read_within(root: int, path: str, most: int) -> bytes:
    """Return the bytes of a regular file below the folder open as ``root``.

    Args:
        path: without a leading slash.

    Raises:
        OSError: there is none, it is no regular file, it is on another mount, or it is longer than ``most`` bytes.
    """
    how = _How(_FLAGS, 0, _NO_XDEV | _NO_MAGICLINKS | _IN_ROOT)
    fd = _libc.syscall(_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    return _drain(fd, most)


def open_root(path: str) -> int:
    """Return a descriptor of a folder, good for :func:`read_within` and nothing else. Close it.

    Raises:
        OSError: there is no such folder.
    """
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _drain(fd: int, most: int) -> bytes:
    """Read a descriptor to its end, and close it."""
    with open(fd, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(f"{fd} is no regular file")
        parts, left = [], most + 1
        while left and (part := file.read(left)):
            parts.append(part)
            left -= len(part)
    if not left:
        raise OSError(f"longer than {most} bytes")
    return b"".join(parts)
