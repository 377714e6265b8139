"""Overlapping the rendering of one batch with the reading of the next, on machines with a second processor.

What is to be written for a batch is worked out in a forked child, which sees everything as it was when it was forked,
while the parent reads and tracks on. There is one child at a time: when it is still busy, the parent does the next
batch itself, and so keeps its own caches warm for the children to come. The order of what is written is that of the
batches. Where there is no second processor, or no fork, everything is done in turn.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, BinaryIO

from tiercel.errors import InputError

Work = Callable[[], tuple[Iterable[bytes], Any]]
"""Returns what is to be written, and what the parent is to be told."""

_WARMING = 2  # batches done by the parent before the first child, whose caches the children inherit


class Overlap:
    """Writes what works return, in the order in which they were submitted; use it in a ``with`` statement.

    Args:
        out: where to write; children write to its file descriptor, and there are none when it has none.
        told: called in the parent with what each work tells, in no particular order.
        enabled: False to do everything in turn.
    """

    def __init__(self, out: BinaryIO, told: Callable[[Any], None], enabled: bool = True) -> None:
        self.out = out
        self.told = told
        self.enabled = enabled and hasattr(os, "fork") and _processors() > 1 and _has_descriptor(out)
        self.done = 0
        self._child = 0
        self._pipe = -1

    def __enter__(self) -> Overlap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last child, also when reading ended in an error: what was read has been evaluated."""
        if kind is None or issubclass(kind, Exception):
            self.wait()
            self.out.flush()

    def submit(self, work: Work) -> None:
        """Have the work of the next batch done, now or at the same time as what follows."""
        self.done += 1
        if not self.enabled or self.done <= _WARMING or self._busy():
            made, note = work()
            chunks = list(made)
            self.wait()
            self.out.writelines(chunks)
            self.out.flush()
            self.told(note)
        else:
            self.wait()
            self._fork(work)

    def wait(self) -> None:
        """Wait until everything submitted is written.

        Raises:
            BrokenPipeError: the reader of the output went away.
            InputError: a child failed; what it should have written is missing.
        """
        if not self._child:
            return
        with os.fdopen(self._pipe, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(self._child, 0)
        self._child, self._pipe = 0, -1
        code = os.waitstatus_to_exitcode(status)
        if code == _READER_GONE:
            raise BrokenPipeError
        if code != 0:
            raise InputError(f"a part of the results could not be written: the process that made it ended with {code}")
        self.told(pickle.loads(told))

    def _busy(self) -> bool:
        """Whether there is a child that has not ended yet."""
        if not self._child:
            return False
        return os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def _fork(self, work: Work) -> None:
        self.out.flush()
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # The only other thread reads the capture; the child never touches what it holds.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child:
            os.close(writing)
            self._child, self._pipe = child, reading
            return
        code = 1
        try:
            os.close(reading)
            chunks, note = work()
            for chunk in chunks:
                _write(self.out.fileno(), chunk)
            _write(writing, pickle.dumps(note))
            code = 0
        except BrokenPipeError:
            code = _READER_GONE
        finally:
            os._exit(code)  # without the clean-up of the parent, whose buffers and threads these are not


def _has_descriptor(out: BinaryIO) -> bool:
    try:
        out.fileno()
    except OSError:
        return False
    return True


_READER_GONE = 74


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while len(view):
        view = view[os.write(descriptor, view) :]


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
