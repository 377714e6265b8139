"""One writer at a time: a lock on a case's directory itself, gone with the process that holds it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiercel.errors import InputError


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock on ``directory`` while the block runs.

    Raises:
        InputError: another process holds it, or the directory cannot be opened.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"{directory}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN):
                raise InputError(f"{directory}: cannot be locked: {error.strerror}") from None
            raise InputError(f"{directory}: another process is working on this case: wait until it is done") from None
        yield
    finally:
        os.close(descriptor)
