"""Asking the resolvers: which ones know a kind of container, and leaving alone for a while those that do not answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from tiercel.identity.model import Found, IdentityMetrics, Resolver, Subject

log = logging.getLogger("tiercel.identity")

_FAILURES = 3  # in a row, after which a resolver rests
_REST = 30.0  # seconds


class Lookups:
    """Asks resolvers, in their order, until one knows the container. Several threads may ask at a time.

    Args:
        clock: seconds that only go up.
    """

    def __init__(
        self, resolvers: Sequence[Resolver], metrics: IdentityMetrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.resolvers, self.metrics, self.clock = tuple(resolvers), metrics, clock
        self._failed: dict[str, int] = {}
        self._resting: dict[str, float] = {}
        self._lock = threading.Lock()
        for counts in (metrics.by_resolver, metrics.failures, metrics.timeouts, metrics.nanoseconds):
            counts.update((resolver.name, 0) for resolver in self.resolvers)  # whoever reads them sees all there are

    def fitting(self, engine: str) -> list[Resolver]:
        """Return those that may know containers of a kind, "" being any, and that do not rest."""
        now = self.clock()
        return [
            resolver
            for resolver in self.resolvers
            if (not engine or engine in resolver.engines) and self._resting.get(resolver.name, 0) <= now
        ]

    def ask(self, subject: Subject, engine: str) -> Found | None:
        """Return what the first that knows a container tells, None when none does."""
        for resolver in self.fitting(engine):
            found = self._ask(resolver, subject)
            if found is not None:
                return found
        return None

    def _ask(self, resolver: Resolver, subject: Subject) -> Found | None:
        name, metrics = resolver.name, self.metrics
        began = time.perf_counter_ns()
        found, failed = None, metrics.failures
        try:
            found = resolver.resolve(subject)
            self._failed.pop(name, None)
        except Exception as error:  # what strangers answer must not end the look-up
            if isinstance(error, TimeoutError):
                failed = metrics.timeouts
            self._note(name, error)
            with self._lock:
                failed[name] += 1
        with self._lock:
            metrics.nanoseconds[name] += time.perf_counter_ns() - began
            metrics.by_resolver[name] += found is not None
        return found

    def _note(self, name: str, error: Exception) -> None:
        """Count a failure; too many in a row and the resolver rests."""
        with self._lock:
            self._failed[name] = count = self._failed.get(name, 0) + 1
            if count >= _FAILURES:
                self._resting[name] = self.clock() + _REST
                self._failed[name] = 0
                log.warning("%s does not tell of containers and is not asked for %.0f s: %s", name, _REST, error)
            else:
                log.debug("%s does not tell of a container: %s", name, error)

    def close(self) -> None:
        """Close the resolvers."""
        for resolver in self.resolvers:
            resolver.close()
