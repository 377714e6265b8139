"""Work on many things in forked processes, with the results in order.

Everything is set up before the fork and inherited; a worker is told the number of the next thing when it is done with
one. A worker that dies takes only the thing it was at with it, and that is told.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Generic, TypeVar

from tiercel.errors import InputError

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_AHEAD = 4
"""How many results a worker may be ahead of what was taken: they wait in memory."""

_WAITING = 64 << 20
"""Bytes of results that wait, from which on nothing more is begun."""


@dataclass(frozen=True, slots=True)
class Failed:
    """In place of a result: what went wrong."""

    message: str

    def at(self, path: Path) -> str:
        """Return the message, after the path it is about unless it begins with that."""
        return self.message if self.message.startswith(str(path)) else f"{path}: {self.message}"


def processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def in_order(
    things: Sequence[Thing], work: Callable[[Thing], Result], workers: int
) -> Iterator[tuple[Thing, Result | Failed]]:
    """Yield each thing with what ``work`` makes of it, in their order.

    With one worker, one thing, or no fork, everything is done here. Only InputError is told as a failure there; in a
    worker every error is.
    """
    count = min(workers, len(things))
    if count < 2 or not hasattr(os, "fork"):
        for thing in things:
            yield thing, _attempt(work, thing)
        return
    team = _Team(things, work, count)
    try:
        yield from team.results()
    finally:
        team.dismiss()


def _attempt(work: Callable[[Thing], Result], thing: Thing) -> Result | Failed:
    try:
        return work(thing)
    except InputError as error:
        return Failed(str(error))


class _Worker:
    def __init__(self, process: int, pipe: Connection) -> None:
        self.process = process
        self.pipe = pipe
        self.busy: int | None = None


class _Team(Generic[Thing, Result]):
    def __init__(self, things: Sequence[Thing], work: Callable[[Thing], Result], count: int) -> None:
        self.things = things
        self.next = 0
        self.limit = count * _AHEAD
        self.waiting = 0
        gc.freeze()  # what children inherit is not to be copied for counting who refers to it
        self.workers: list[_Worker] = []
        for _ in range(count):
            self.workers.append(self._start(work))

    def _start(self, work: Callable[[Thing], Result]) -> _Worker:
        mine, its = Pipe()
        process = os.fork()
        if process:
            its.close()
            return _Worker(process, mine)
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends us
            mine.close()
            for other in self.workers:
                other.pipe.close()
            _serve(self.things, work, its)
        finally:
            os._exit(0)  # without the clean-up of the parent

    def results(self) -> Iterator[tuple[Thing, Result | Failed]]:
        done: dict[int, tuple[Result | Failed, int]] = {}
        taken = 0
        while taken < len(self.things):
            self._hand_out(taken)
            if taken in done:
                result, size = done.pop(taken)
                self.waiting -= size
                yield self.things[taken], result
                del result  # it may be large
                taken += 1
                continue
            busy = [worker for worker in self.workers if worker.busy is not None]
            if not busy:  # all workers have died
                yield self.things[taken], Failed("not hunted: no process is left to do it")
                taken += 1
                continue
            ready = wait([worker.pipe for worker in busy])
            for worker in busy:
                if worker.pipe in ready:
                    assert worker.busy is not None
                    number = worker.busy
                    done[number] = self._receive(worker)
                    self.waiting += done[number][1]

    def _hand_out(self, taken: int) -> None:
        limit = taken + (self.limit if self.waiting < _WAITING else 1)
        for worker in self.workers:
            if worker.busy is None and self.next < min(len(self.things), limit):
                worker.busy = self.next
                self.next += 1
                with suppress(OSError):  # it has died; that is noticed when its answer is awaited
                    worker.pipe.send_bytes(str(worker.busy).encode())

    def _receive(self, worker: _Worker) -> tuple[Result | Failed, int]:
        """Return the result that a worker has sent, and its size in bytes."""
        try:
            sent = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            self.workers.remove(worker)
            worker.pipe.close()
            return Failed(f"results are missing: the process that hunted here {_ended(worker.process)}"), 0
        worker.busy = None
        return pickle.loads(sent), len(sent)

    def dismiss(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.pipe.close()
            os.kill(worker.process, signal.SIGKILL)
            os.waitpid(worker.process, 0)
        self.workers = []
        gc.unfreeze()


def _serve(things: Sequence[Thing], work: Callable[[Thing], Result], pipe: Connection) -> None:
    while True:
        try:
            number = int(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            result: Result | Failed = _attempt(work, things[number])
        except MemoryError:
            result = Failed("results are missing: out of memory")
        except Exception as error:
            result = Failed(f"results are missing: {type(error).__name__}: {error}")
        pipe.send_bytes(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL))


def _ended(process: int) -> str:
    """Wait for a process and say how it ended."""
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    return f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
