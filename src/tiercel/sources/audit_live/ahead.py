"""Reading records ahead, in a thread of its own: the kernel lets others wait, or drops, while nobody reads.

And processes that execute programs are looked at as soon as their record is here: many end before it is handled.
"""

from __future__ import annotations

import logging
import re
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from tiercel.sources.audit_address import Address
from tiercel.sources.audit_call import AuditCall
from tiercel.sources.audit_live.near_end import NearEnds
from tiercel.sources.audit_live.owner import Reading
from tiercel.sources.audit_live.rules import ARCHITECTURES
from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.audit_syscalls import syscall_numbers
from tiercel.sources.records import ThreadRecord

log = logging.getLogger(__name__)

MOST = 200_000
"""Most records kept; the kernel keeps the others."""

AT_ONCE = 500
"""Records read before they are handed on."""

_GATHER = 0.0005  # seconds: the records of an event come one by one, and waking for each costs more than they do
_REST = 0.02  # seconds between looks at what cannot be waited for
_LOOKS = 4096  # processes looked at and not asked for that are kept

_CALL = re.compile(
    rb"arch=([0-9a-f]+) syscall=([0-9]+) success=(?:yes|no) exit=(-?[0-9]+) a0=([0-9a-f]{1,16}) "
    rb".*? ppid=([0-9]+) pid=([0-9]+) "
)
_EINPROGRESS = -115
_GENERATIONS = 8  # of ancestors looked at

T = TypeVar("T")


def _numbers(*calls: str) -> frozenset[tuple[bytes, bytes]]:
    """Return the architectures and numbers of system calls, as records write them."""
    return frozenset(
        (b"%x" % value, b"%d" % number)
        for name, value in ARCHITECTURES.items()
        for call in calls
        for number in syscall_numbers(name, call)
    )


_EXECUTIONS = _numbers("execve", "execveat")
_CONNECTIONS = _numbers("connect")


class ReadAhead:
    """Keeps what comes until it is taken.

    Args:
        reading: where records come from.
        look: returns a process of the running host as it is.
    """

    def __init__(self, reading: Reading, look: Callable[[int], ThreadRecord | None]) -> None:
        self.reading = reading
        self._look = look
        self._kept: deque[AuditRecord] = deque()
        self._looks: dict[int, ThreadRecord | None] = {}
        self._ends: dict[int, Address] = {}
        self._familiar: dict[int, ThreadRecord] = {}
        self._near = NearEnds()
        self._came = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="audit records", daemon=True)
        self._thread.start()

    def take(self, most: int) -> list[AuditRecord]:
        """Return up to ``most`` records that came, oldest first; does not wait."""
        self._came.clear()
        found: list[AuditRecord] = []
        while self._kept and len(found) < most:
            found.append(self._kept.popleft())
        return found

    def wait(self, seconds: float) -> bool:
        """Wait for records; return whether there are some."""
        return bool(self._kept) or self._came.wait(seconds)

    def look(self, pid: int, serial: int) -> ThreadRecord | None:
        """Return a process as it was when the record of event ``serial`` came, else as it is; None when it is gone."""
        if serial in self._looks:
            return self._looks.pop(serial)
        return self._look(pid) or (None if serial else self._familiar.get(pid))

    def near(self, call: AuditCall) -> Address | None:
        """Return the near end of the connection that a call made or used, as far as it can still be found."""
        found = self._ends.pop(call.event.serial, None)
        if found is not None or call.address is None or call.args[0] is None:
            return found
        return self._near.find(call.pid, call.args[0] & 0x7FFFFFFF, call.address.ip)

    def close(self) -> None:
        """End reading. Calling it again does nothing."""
        self._ending = True
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        poll = select.poll()
        descriptor = self.reading.records.fileno()
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
        try:
            while not self._ending:
                if len(self._kept) < MOST:
                    records = self.reading.records.read(AT_ONCE)
                    if records:
                        self._keep(records)
                        continue
                if descriptor >= 0 and len(self._kept) < MOST:
                    if poll.poll(200):
                        time.sleep(_GATHER)
                else:
                    time.sleep(_REST)
        except OSError as error:
            log.error("audit records cannot be read any longer: %s", error)

    def _keep(self, records: list[AuditRecord]) -> None:
        for record in records:
            if record.type == "SYSCALL" and (found := _CALL.match(record.body)) is not None:
                self._look_at(record.serial, *found.groups())
        self._kept.extend(records)
        self._came.set()

    def _look_at(
        self, serial: int, architecture: bytes, number: bytes, returned: bytes, first: bytes, parent: bytes, pid: bytes
    ) -> None:
        if (architecture, number) in _EXECUTIONS and returned == b"0":
            record = self._looks[serial] = self._look(int(pid))
            _bound(self._looks)
            if record is not None:
                self._familiar[int(pid)] = record
            self._look_at_ancestors(int(parent))
        elif (architecture, number) in _CONNECTIONS and int(returned) in (0, _EINPROGRESS):
            near = self._near.find(int(pid), int(first, 16) & 0x7FFFFFFF)
            if near is not None:
                self._ends[serial] = near
                _bound(self._ends)

    def _look_at_ancestors(self, pid: int) -> None:
        """Look at those not seen before: a shell that runs one program ends with it."""
        for _ in range(_GENERATIONS):
            if pid <= 0 or pid in self._familiar or (record := self._look(pid)) is None:
                return
            self._familiar[pid] = record
            _bound(self._familiar)
            pid = record.ptid


def _bound(kept: dict[int, T]) -> None:
    """Forget the oldest when there are too many."""
    if len(kept) > _LOOKS:
        kept.pop(next(iter(kept)), None)
