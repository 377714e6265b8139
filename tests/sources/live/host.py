"""What tests of the live source share: whether this host can be watched, and acts of a child process under watch."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest

from tiercel.capture.parameters import encode
from tiercel.errors import InputError
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.sources.live.probe import Probe
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.wanted import all_events
from tiercel.wire.event_table import BY_CONSTANT, EVENTS


@cache
def _why_not() -> str:
    if os.geteuid() != 0:
        return "takes root"
    try:
        Probe(frozenset()).close()
    except InputError as error:
        return str(error)
    return ""


def watchable(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that takes a host that can be watched; it is skipped elsewhere, with the reason."""
    why = _why_not()
    marked: Callable[..., None] = pytest.mark.skipif(bool(why), reason=f"this host cannot be watched: {why}")(test)
    marked = pytest.mark.privileged(marked)
    return marked


@dataclass
class Seen:
    """One event as the tests look at it; parameters by name, as bytes."""

    type: str
    tid: int
    params: dict[str, bytes | None] = field(repr=False)
    process: dict[str, int | bytes | None] = field(repr=False)
    file: bytes | None = None

    def number(self, name: str) -> int:
        return int.from_bytes(self.params[name] or b"", "little", signed=True)

    def text(self, name: str) -> str:
        return (self.params[name] or b"").rstrip(b"\0").decode()


_TEXTS = (P.COMM, P.EXE, P.EXEPATH, P.ARGS, P.CWD, P.CGROUPS, P.ENV)
_NUMBERS = (P.PID, P.PTID, P.UID, P.SID, P.PGID, P.EXE_FLAGS, P.EXE_INO, P.EXE_CTIME, P.EXE_MTIME, P.LOGINUID)


def seen_of(event: Event) -> Seen:
    """Return an event as tests look at it."""
    process: dict[str, int | bytes | None] = {}
    if event.process >= 0:
        process = {column.name: event.text(event.process_cell(column)) for column in _TEXTS}
        process.update({column.name: event.process_cell(column) for column in _NUMBERS})
    params = {param.name: event.param(k) for k, param in enumerate(event.type.params)}
    name = event.text(event.file_cell(F.NAME)) if event.file >= 0 else None
    return Seen(event.type.constant, int(event.batch.tid[event.index]), params, process, name)


def watch_script(script: str, wanted: frozenset[int] | None = None, snaplen: int = 80) -> tuple[int, list[Seen]]:
    """Run Python source in a child under watch; return its process id and the events of it and its descendants."""
    return watch_command([sys.executable, "-I", "-c", script], wanted, snaplen)


def watch_command(
    command: list[str], wanted: frozenset[int] | None = None, snaplen: int = 80
) -> tuple[int, list[Seen]]:
    """Run a command under watch; return its process id and the events of it and its descendants."""
    seen: list[Seen] = []
    with LiveSource(wanted or all_events(), seconds=60, ring_bytes=32 << 20) as source:  # others are busy, too
        source.stream.probe.snaplen = snaplen
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def wait() -> None:
            child.wait()
            source.stop()

        thread = threading.Thread(target=wait)
        thread.start()
        family = {child.pid}
        for batch in source:
            for index in np.flatnonzero(batch.types == BY_CONSTANT["SYSCALL_CLONE_20_X"]).tolist():
                event = seen_of(Event(batch, index))
                parents = {event.number("ptid"), event.number("pid")}
                if event.number("res") == 0 and parents & family:
                    family.add(event.tid)
            own = np.flatnonzero(np.isin(batch.tid, list(family))).tolist()
            seen.extend(seen_of(Event(batch, index)) for index in own)
        thread.join()
        assert source.lost.total == 0
    return child.pid, seen


def of(events: list[Seen], type: str) -> list[Seen]:
    """Return the events of one type."""
    return [event for event in events if event.type == type]


def types(*constants: str) -> frozenset[int]:
    """Return the numbers of these event types, and of those that tell who belongs to a family of processes."""
    family = ("SYSCALL_CLONE_20_X", "SYSCALL_EXECVE_19_X", "PROCEXIT_1_E")
    return frozenset(BY_CONSTANT[name] for name in (*constants, *family))


def expected(type: str, /, **values: object) -> dict[str, bytes]:
    """Return the parameters of an event by name, for those given."""
    encoded = encode(type, **values)
    names = [param.name for param in EVENTS[BY_CONSTANT[type]].params]
    return {name: bytes_ for name, bytes_ in zip(names, encoded, strict=True) if name in values}


def subset(params: dict[str, bytes | None], names: Iterable[str]) -> dict[str, bytes | None]:
    """Return these parameters."""
    return {name: params[name] for name in names}


def one(events: list[Seen], type: str, /, **values: object) -> Seen:
    """Return the event of this type whose parameters have these values; fail when there is none."""
    wanted = expected(type, **values)
    for event in of(events, type):
        if subset(event.params, wanted) == wanted:
            return event
    raise AssertionError((type, wanted, [subset(event.params, wanted) for event in of(events, type)]))
