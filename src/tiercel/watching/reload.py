"""Rules and configuration read again while the watch goes on.

What is read is prepared whole, in a thread of its own after a process of its own has compiled it; only then the watch
takes it over, between two batches. What cannot be used changes nothing: it is told, with its place, and the rules in
force stay.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tiercel.errors import InputError
from tiercel.outputs.alert import INTERNAL, Alert
from tiercel.rules.model import Priority
from tiercel.scanning import Scan
from tiercel.watching.changes import Changes
from tiercel.watching.loop import Watch
from tiercel.watching.preparing import OwnCache, Preparing

log = logging.getLogger("tiercel.watching")

FAILED_RULE = "Tiercel internal: rules not reloaded"

_EVERY = 0.5  # seconds between two looks
_SWITCH = 0.0005  # seconds until the thread of the loop gets the interpreter while rules are prepared
_LONGEST = 1000  # characters of a reason in an alert


@dataclass(slots=True)
class Reloads:
    """How often rules were read again: ``done`` and ``failed``, when last (ns since the epoch, 0 never), how long the
    last took (s), and why the files as they are cannot be used (empty when they are in force).
    """

    done: int = 0
    failed: int = 0
    at: int = 0
    seconds: float = 0.0
    error: str = ""


class Reloader(threading.Thread):
    """Reads rules and configuration again when their files change, and when :meth:`now` is called.

    Args:
        scan: the scan in force.
        preparing: prepares others.
        taken: told the scan in force until now and the one from now on, by this thread, once the watch has the rules.
        begun, ended: called around each attempt.
    """

    def __init__(
        self,
        watch: Watch,
        scan: Scan,
        preparing: Preparing,
        taken: Callable[[Scan, Scan], None],
    ) -> None:
        super().__init__(name="reloader", daemon=True)
        self.watch, self.scan, self.preparing, self.taken = watch, scan, preparing, taken
        self.reloads = Reloads()
        self.begun: Callable[[], None] = lambda: None
        self.ended: Callable[[], None] = lambda: None
        self._changes = Changes(preparing.paths(scan))
        self._wake = threading.Event()
        self._forced = self._stopping = False

    def run(self) -> None:
        cache = OwnCache()
        try:
            self._look()
        finally:
            cache.close()

    def _look(self) -> None:
        while not self._stopping:
            self._wake.wait(_EVERY)
            self._wake.clear()
            forced, self._forced = self._forced, False
            due = self.scan.config.watch_config_files and self._changes.due()
            if (forced or due) and not self._stopping:
                self._attempt()

    def now(self) -> None:
        """Read everything again, changed or not; may be called from a signal handler."""
        self._forced = True
        self._wake.set()

    def stop(self) -> None:
        """End; an attempt under way is finished first."""
        self._stopping = True
        self._wake.set()
        if self.is_alive():
            self.join(10)

    def _attempt(self) -> None:
        began = time.monotonic()
        self.begun()
        try:
            self.preparing.ahead(lambda: self._stopping)
            with _giving_way():
                error = self._prepare()
        except Exception as fault:  # a fault of ours must not end the looking: the rules in force stay
            log.exception("rules could not be read again")
            error = f"a fault of its own: {fault}"
        finally:
            self.ended()
        reloads = self.reloads
        reloads.at, reloads.seconds, reloads.error = time.time_ns(), time.monotonic() - began, error
        if error:
            reloads.failed += 1
            self._tell(error)
        else:
            reloads.done += 1
            count = len(self.watch.detection.rules)
            print(f"tiercel: rules reloaded: {count} rules are in force", file=sys.stderr)

    def _prepare(self) -> str:
        """Prepare a scan and give it to the watch; return why that cannot be, empty when it was."""
        try:
            scan = self.preparing.scan()
        except InputError as error:
            return str(error)
        if scan.detection is None:
            return scan.report.failure or _errors(scan)
        self._changes.follow(self.preparing.paths(scan))
        in_force = threading.Event()
        self.watch.use(scan.detection)
        self.watch.later(in_force.set)
        while not in_force.wait(0.1):
            if self._stopping or self.watch.ended:
                return ""
        before, self.scan = self.scan, scan
        self.taken(before, scan)
        return ""

    def _tell(self, error: str) -> None:
        print(f"tiercel: rules not reloaded, those from before stay in force:\n{error}", file=sys.stderr)
        first = error.partition("\n")[0][:_LONGEST]  # an alert in text is one line
        message = f"{FAILED_RULE}. {first}"
        fields = {"error": first, "n_errors": str(max(error.count(": error: "), 1))}
        host = self.watch.source.hostname
        alert = Alert(time.time_ns(), FAILED_RULE, Priority.ERROR.label, INTERNAL, host, message, message, fields)
        self.watch.later(lambda: self.watch.tell(alert))


def _errors(scan: Scan) -> str:
    """Return the errors of the rules, the first of them first."""
    lines = scan.report.as_text().splitlines()
    at = next((number for number, line in enumerate(lines) if ": error: " in line), 0)
    return "\n".join(lines[at:])


@contextmanager
def _giving_way() -> Iterator[None]:
    """Let other threads have the interpreter sooner: the loop must not wait for the compiler of rules."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
