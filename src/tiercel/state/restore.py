"""A tracker made to go on from a snapshot."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tiercel.model.tables import Rows
from tiercel.state.compact import FILE_TEXTS, PROCESS_TEXTS
from tiercel.state.execs import Call
from tiercel.state.fd_tables import Entered
from tiercel.state.snapshot import COLUMN, OWN, Snapshot
from tiercel.state.threads import Group, Thread
from tiercel.state.track import Tracker

I64 = NDArray[np.int64]

_BITS = {"flags": 32, "vmsize": 32, "vmrss": 32, "vmswap": 32}  # of what is unsigned


def restore(tracker: Tracker, snapshot: Snapshot) -> None:
    """Make a tracker that has followed nothing yet go on from ``snapshot``, which has been checked."""
    strings = tracker.tables.strings
    numbers = np.array([strings.intern(text) for text in snapshot.strings[:-1]] + [-1], np.int64)
    rows = _appended(tracker.tables.processes, snapshot.processes, PROCESS_TEXTS, numbers)
    files = _appended(tracker.tables.files, snapshot.files, FILE_TEXTS, numbers)
    _restore_threads(tracker, snapshot, rows, numbers)
    _restore_descriptors(tracker, snapshot, files)
    tracker.clones.exits.update(((p, c), at) for p, c, at in snapshot.exits.tolist())
    tracker.leaving, tracker.clones.boot_ts = int(snapshot.ending[0, 0]), int(snapshot.ending[0, 3])
    _restore_calls(tracker, snapshot.strings[-1])


def _appended(rows: Rows, added: I64, texts: Sequence[int], numbers: I64) -> int:
    """Append rows; return the number of the first."""
    base = rows.count
    while rows.capacity < base + len(added):
        rows.grow()
    held = added.copy()
    for column in texts:
        held[:, column] = numbers[held[:, column]]
    rows.array[base : base + len(held)] = held
    rows.count = base + len(held)
    return base


def _restore_threads(tracker: Tracker, snapshot: Snapshot, base: int, numbers: I64) -> None:
    table = tracker.table
    cells = snapshot.threads.copy()
    cells[:, COLUMN["row"]] += base
    for name in ("cwd", "env"):
        cells[:, COLUMN[name]] = numbers[cells[:, COLUMN[name]]]
    for name, bits in _BITS.items():
        cells[:, COLUMN[name]] &= (1 << bits) - 1
    threads = table.threads
    for values in cells.tolist():
        thread = Thread(values[0])
        for name, value in zip(OWN[1:], values[1:], strict=False):
            setattr(thread, name, value & (1 << 64) - 1 if name in ("pfmajor", "pfminor") else value)
        threads[thread.tid] = thread
    for values in cells.tolist():
        thread, parent = threads[values[0]], threads.get(values[COLUMN["parent"]])
        thread.main = threads.get(values[COLUMN["main"]])
        if parent is not None:
            thread.parent = parent
            parent.children[thread.tid] = thread
    at = 0
    for pid, reaper, alive, first, known, count in snapshot.groups.tolist():
        members = [threads[tid] for tid in snapshot.members[at : at + count, 0].tolist() if tid in threads]
        at += count
        if not members:
            continue
        group = Group(pid, bool(reaper), members[0])
        group.alive = alive
        group.first = threads.get(first)
        group.members = {member.tid: member for member in members}
        for member in members:
            member.group = group
        if known:
            table.groups[pid] = group


def _restore_descriptors(tracker: Tracker, snapshot: Snapshot, base: int) -> None:
    descriptors = tracker.descriptors
    fds, rows = snapshot.descriptors[:, 0].tolist(), (snapshot.descriptors[:, 1] + base).tolist()
    at = 0
    for owner, count in snapshot.owners.tolist():
        descriptors.tables[owner] = dict(zip(fds[at : at + count], rows[at : at + count], strict=True))
        descriptors.replaced(owner)
        at += count
    descriptors.held = sum(map(len, descriptors.tables.values()))
    descriptors.server_ports.update(snapshot.ports[:, 0].tolist())
    descriptors.forget()
    owner, fd = snapshot.ending[0, 1:3].tolist()
    descriptors.closing_owner, descriptors.closing_fd = owner, fd
    descriptors.closing_table = descriptors.tables.get(owner)


def _restore_calls(tracker: Tracker, text: bytes) -> None:
    strings, table, descriptors = tracker.tables.strings, tracker.table, tracker.descriptors
    try:
        held = json.loads(text)
        execs = [
            (int(tid), Call(int(type), path.encode("latin-1"), int(dirfd), int(flags)), bool(interrupted))
            for tid, type, path, dirfd, flags, interrupted in held["execs"]
        ]
        entered = []
        for tid, type, path, flags, dirfd, has_dirfd, address in held["entered"]:
            call = Entered()
            call.begin(int(type))
            call.path = -1 if path is None else strings.intern(path.encode("latin-1"))
            call.flags, call.dirfd, call.has_dirfd = int(flags), int(dirfd), bool(has_dirfd)
            call.address = address.encode("latin-1")
            entered.append((int(tid), call))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return  # at worst the calls that were under way are taken as their exits tell them
    for tid, running, interrupted in execs:
        running.interrupted = interrupted
        if (thread := table.find(tid)) is not None:
            thread.call = running
    for tid, call in entered:
        descriptors.entered[tid] = call
    descriptors.live = len(descriptors.entered)
