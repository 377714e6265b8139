"""Asking about containers on other threads, and waiting for the answers, but not for too long."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tiercel.identity.endings import Endings
from tiercel.identity.lookup import Lookups
from tiercel.identity.model import Found, IdentityMetrics, Resolver, Subject
from tiercel.identity.people import People, of_host, of_process, of_root, stamps
from tiercel.identity.workers import Workers

_MOST_WAITED, _SHARE = 2.0, 0.2  # seconds that events may wait in a row, and the share of the time in the long run
_WAKE = 0.003  # seconds between two looks aside while events wait


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found out about a container.

    ``last`` says that nobody else is being asked, ``of_people`` that only its people were asked for.
    """

    subject: Subject
    found: Found | None = None
    people: People | None = None
    last: bool = True
    of_people: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """What a look round found: containers that ended, and who is on the host if that changed."""

    ended: frozenset[str]
    people: People | None


class Asking:
    """Asks resolvers on threads of its own; used by one thread, that of the events, and closed by it.

    Args:
        local: resolvers that answer at once.
        remote: resolvers that ask others, and are asked after those.
        whole: whether to wait for the remote ones, too.
    """

    def __init__(
        self, local: Sequence[Resolver], remote: Sequence[Resolver], whole: bool, metrics: IdentityMetrics
    ) -> None:
        self.whole, self.metrics = whole, metrics
        self._local, self._remote = Lookups(local, metrics), Lookups(remote, metrics)
        self._near, self._far = Workers("files", 2), Workers("sockets", 2)
        self._answers: deque[Answer | Round] = deque()
        self._waiting: set[str] = set()  # ids that events wait for
        self._answered = threading.Condition()
        self._endings = Endings()
        self._host = stamps()
        self._looking = False
        self._allowance, self._allowed_at = _MOST_WAITED, time.monotonic()

    def close(self) -> None:
        """Ask no more. Calling it again does nothing."""
        for part in (self._near, self._far, self._local, self._remote):
            part.close()

    @property
    def waiting(self) -> bool:
        """Whether something was asked for that events should wait for."""
        return bool(self._waiting)

    @property
    def answered(self) -> bool:
        """Whether there are answers."""
        return bool(self._answers)

    def answers(self) -> Iterator[Answer | Round]:
        """Yield the answers there are by now, each once."""
        while self._answers:
            yield self._answers.popleft()

    def ask(self, subject: Subject, wait: bool = True) -> None:
        """Ask who a container is, files first; with ``wait`` it is something to wait for."""
        if wait:
            self._waiting.add(subject.id)
        if not self._near.submit(lambda: self._ask_local(subject)):
            self._waiting.discard(subject.id)
            self.metrics.refused += 1

    def ask_remote(self, subject: Subject, engine: str) -> bool:
        """Ask about a container that files told of; return whether that could be done."""
        return self._far.submit(lambda: self.post(Answer(subject, self._remote.ask(subject, engine))))

    def ask_people(self, subject: Subject, pid: int) -> bool:
        """Ask for the people of a container as one of its processes sees them; return whether that could be done."""
        return self._near.submit(lambda: self.post(Answer(subject, people=of_process(pid, subject.id), of_people=True)))

    def look_round(self, cgroups: Mapping[str, str]) -> None:
        """See which containers ended, by the cgroups of each, unless such a look is still under way."""
        if not self._looking:
            self._looking = True
            if not self._near.submit(lambda: self._look_round(cgroups)):
                self._looking = False

    def wait(self, patience: float, meanwhile: Callable[[], object] | None, always: bool = False) -> None:
        """Wait until what should be waited for is answered, at most so many seconds.

        Args:
            meanwhile: called every now and then.
            always: wait that long though events waited for much of the time before.
        """
        began = time.perf_counter_ns()
        until = time.monotonic() + (patience if always else min(patience, self._allowed()))
        while True:
            with self._answered:
                left = until - time.monotonic()
                if self._waiting and left > 0:
                    self._answered.wait(min(left, _WAKE))
                if not self._waiting or left <= 0:
                    break
            if meanwhile is not None:
                meanwhile()
        waited = time.perf_counter_ns() - began
        self._allowance -= waited / 1e9
        self.metrics.waits += 1
        self.metrics.overdue += bool(self._waiting)
        self.metrics.waited += waited
        self._waiting.clear()

    def _allowed(self) -> float:
        """Return how long events may wait now, so that sockets that are slow delay them now and then but not always."""
        now = time.monotonic()
        self._allowance = min(_MOST_WAITED, max(0.0, self._allowance) + (now - self._allowed_at) * _SHARE)
        self._allowed_at = now
        return self._allowance

    # On the threads that ask

    def _ask_local(self, subject: Subject) -> None:
        found = self._local.ask(subject, subject.engine)
        engine = found.engine if found else subject.engine
        people = of_root(found.root) if found and found.root else None
        more = (found is None or not found.whole) and bool(self._remote.fitting(engine))
        self.post(Answer(subject, found, people, last=not more))
        if more and not self.ask_remote(subject, engine):
            self.post(Answer(subject))

    def post(self, answer: Answer) -> None:
        """Give an answer."""
        with self._answered:
            self._answers.append(answer)
            if not answer.of_people and (answer.last or (answer.found is not None and not self.whole)):
                self._waiting.discard(answer.subject.id)
                self._answered.notify_all()

    def _look_round(self, cgroups: Mapping[str, str]) -> None:
        try:
            ended, host = self._endings.ended(cgroups), stamps()
            changed, self._host = host != self._host, host
            if ended or changed:
                self._answers.append(Round(frozenset(ended), of_host() if changed else None))
        finally:
            self._looking = False
