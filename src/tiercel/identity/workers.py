"""Threads that look things up, so that nobody who handles events has to wait for a file or a socket."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

log = logging.getLogger("tiercel.identity")

Job = Callable[[], None]

QUEUE = 4096
"""Most jobs that wait."""

_STUCK = 10.0  # seconds after which a thread is taken to be held up
_SPARE = 8  # threads begun in place of those that are


class Workers:
    """A few threads with one queue. A thread held up for long is left to itself, and another takes its place.

    Args:
        name: of the threads.
        count: how many there are.
        stuck: seconds after which a job counts as held up.
    """

    def __init__(self, name: str, count: int, stuck: float = _STUCK) -> None:
        self.name, self.count, self.stuck = name, count, stuck
        self._jobs: deque[Job] = deque()
        self._more = threading.Condition()
        self._busy: dict[threading.Thread, float] = {}  # since when, 0 when idle
        self._begun = 0
        self._closed = False

    def submit(self, job: Job) -> bool:
        """Let a thread do this; return False when too much waits already, or it is closed."""
        with self._more:
            if self._closed or len(self._jobs) >= QUEUE:
                return False
            self._jobs.append(job)
            self._more.notify()
            self._replace_stuck()
            idle = sum(not since for since in self._busy.values())
            if not idle and len(self._busy) < self.count and self._begun < self.count + _SPARE:
                self._begin()
        return True

    def close(self) -> None:
        """Drop what waits and let the threads end; those that are held up end with the process."""
        with self._more:
            self._closed = True
            self._jobs.clear()
            self._more.notify_all()
            threads = list(self._busy)
        for thread in threads:
            thread.join(0.2)

    def _begin(self) -> None:
        self._begun += 1
        thread = threading.Thread(target=self._run, name=f"tiercel {self.name}", daemon=True)
        self._busy[thread] = 0.0
        thread.start()

    def _replace_stuck(self) -> None:
        now = time.monotonic()
        for thread, since in list(self._busy.items()):
            if since and now - since > self.stuck:
                del self._busy[thread]  # it ends when it finds itself left out
                log.warning("a look-up of a container does not answer: left to itself")

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._more:
                if me not in self._busy:
                    return
                self._busy[me] = 0.0
                while not self._jobs and not self._closed:
                    self._more.wait()
                if self._closed:
                    return
                job = self._jobs.popleft()
                self._busy[me] = time.monotonic()
            try:
                job()
            except Exception:
                log.exception("a look-up of a container failed")
