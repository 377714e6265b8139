"""The file of the ledger: locked, read from its end, appended to in whole lines or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tiercel.custody.entry import MAX_LINE
from tiercel.store.durable import sync

_BLOCK = 64 << 10


@contextmanager
def locked(path: Path, write: bool) -> Iterator[int]:
    """Yield a descriptor of the file, alone among writers (``write``) or while nobody writes.

    Raises:
        OSError: it cannot be opened.
    """
    handle = os.open(path, (os.O_RDWR | os.O_APPEND if write else os.O_RDONLY) | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
        except OSError:
            if write:
                raise  # a file system without locks can still be read from
        yield handle
    finally:
        os.close(handle)  # unlocks


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of the file: its last whole line (None: there is none) and what follows it, left by a crash."""

    last: bytes | None
    torn: bytes
    size: int  # bytes of whole lines


def read_tail(handle: int) -> Tail:
    """Return the end of the file.

    Raises:
        ValueError: its last line is longer than any entry can be.
    """
    size = os.fstat(handle).st_size
    start, end = size, b""
    while start and end.count(b"\n") < 2:
        if len(end) > 2 * MAX_LINE:
            raise ValueError("the last line is longer than any entry")
        step = min(start, max(_BLOCK, len(end)))  # doubling
        start -= step
        end = os.pread(handle, step, start) + end
    whole, newline, torn = end.rpartition(b"\n")
    if not newline:
        return Tail(None, end, 0)
    return Tail(whole.rpartition(b"\n")[2], torn, size - len(torn))


def lines(handle: int, size: int | None = None) -> Iterator[bytes]:
    """Yield the lines with their line ends, up to ``size`` bytes; overlong ones are cut, they are no entries."""
    place, rest = 0, b""
    while size is None or place < size:
        block = os.pread(handle, _BLOCK if size is None else min(_BLOCK, size - place), place)
        if not block:
            break
        place += len(block)
        *whole, rest = (rest + block).split(b"\n")
        yield from (line[:MAX_LINE] + b"\n" for line in whole)
        rest = rest[:MAX_LINE]
    if rest:
        yield rest


def append(handle: int, line: bytes, size: int) -> None:
    """Write a line after the first ``size`` bytes, durably.

    Raises:
        OSError: it could not be written; then the file ends at ``size`` as before.
    """
    content = line + b"\n"
    try:
        written = os.write(handle, content)
        while written < len(content):  # the rest, or the reason why not
            written += os.write(handle, content[written:])
        os.fsync(handle)
    except OSError:
        take_back(handle, size)
        raise


def take_back(handle: int, size: int) -> None:
    """Cut the file to ``size`` bytes: what follows was never acknowledged."""
    os.ftruncate(handle, size)
    with suppress(OSError):
        os.fsync(handle)


def set_aside(handle: int, tail: Tail, path: Path, seq: int) -> Path:
    """Move what a crash left after the last whole line into a file ``ledger.torn-<seq>`` and return that.

    Raises:
        OSError: it could not be written; then the ledger is as it was.
    """
    aside, number = path.with_name(f"ledger.torn-{seq}"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"ledger.torn-{seq}-{number}")
    try:
        with aside.open("xb") as file:
            file.write(tail.torn)
            file.flush()
            os.fsync(file.fileno())
        sync(path.parent)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    take_back(handle, tail.size)
    return aside
