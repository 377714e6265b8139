"""From when to when a thread had a version and a descriptor a state, worked out from what a batch changed.

Tracking logs what every change replaced, so the time line of a key (a thread, or a descriptor of an owner) is the row
of each of its log entries up to that entry's event, and last the row it has now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercel.state.lookup import Lookup

I64 = NDArray[np.int64]

START = np.iinfo(np.int64).min
"""In place of an event number: from the start of the segment."""
END = np.iinfo(np.int64).max
"""In place of an event number: to the end of the segment."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Rows of process versions, and the event numbers ``since`` (inclusive) and ``until`` (exclusive) of each."""

    rows: I64
    since: I64
    until: I64


@dataclass(frozen=True, slots=True)
class Openings:
    """Descriptors of owners, their rows, and the event numbers ``since`` and ``until`` of each."""

    owners: I64
    fds: I64
    rows: I64
    since: I64
    until: I64


def versions(lookup: Lookup, nums: I64) -> Versions:
    """Return all versions of all threads that a batch saw; ``nums`` are the event numbers of all its events."""
    tids, index, rows = lookup.changes
    now, now_rows = lookup.threads()
    key = np.concatenate((tids, now))
    row = np.concatenate((rows, now_rows))
    until = np.concatenate((nums[np.maximum(index, 0)] if len(index) else index, np.full(len(now), END)))
    order = np.argsort(key, kind="stable")  # the log is in order and the current row comes last
    row, until = row[order], until[order]
    since = _before(key[order], until, START)
    kept = (row >= 0) & (since < until)
    return Versions(row[kept], since[kept], until[kept])


def _before(key: I64, until: I64, start: int) -> I64:
    """Return where each entry begins: where the one before of the same key ends."""
    since = np.full(len(key), start, np.int64)
    since[1:] = np.where(key[1:] == key[:-1], until[:-1], start)
    return since


def openings(lookup: Lookup, nums: I64) -> Openings:
    """Return all states of all descriptors that a batch saw.

    In the order in which :meth:`Lookup.descriptors` lists them: for each owner what was open when its table was
    replaced, or at the end, as it was listed there; then what was closed before.
    """
    log = lookup.descriptor_log
    whole = np.asarray(log.whole)
    at = np.arange(len(whole))
    owners, fds, index, rows = (np.array(column) for column in (log.owners, log.fds, log.index, log.rows))
    ends = nums[np.maximum(index, 0)] if len(index) else index
    # a table that is replaced ends a reign of its owner; the last reign ends with the segment
    last = lookup.open_descriptors()
    tables = [log.tables[number] for number in rows[whole].tolist()] + list(last.values())
    reign_owner = np.concatenate((owners[whole], np.fromiter(last, np.int64, len(last))))
    reign_at = np.concatenate((at[whole], np.full(len(last), len(whole))))
    reign_end = np.concatenate((ends[whole], np.full(len(last), END)))
    # owners whose table is gone at the end: entries after the last replacement belong to a reign without descriptors
    gone = np.setdiff1d(owners, np.fromiter(last, np.int64, len(last)))
    reign_owner = np.concatenate((reign_owner, gone))
    reign_at = np.concatenate((reign_at, np.full(len(gone), len(whole))))
    reign_end = np.concatenate((reign_end, np.full(len(gone), END)))
    tables += [{} for _ in gone]

    order = np.lexsort((reign_at, reign_owner))
    reign_owner, reign_at, reign_end = reign_owner[order], reign_at[order], reign_end[order]
    reign_start = _before(reign_owner, reign_end, START)
    tables = [tables[number] for number in order.tolist()]

    sizes = np.fromiter(map(len, tables), np.int64, len(tables))
    final_fd = np.fromiter((fd for table in tables for fd in table), np.int64, int(sizes.sum()))
    final_row = np.fromiter((row for table in tables for row in table.values()), np.int64, len(final_fd))
    final_reign = np.repeat(np.arange(len(tables)), sizes)
    listed = np.arange(len(final_fd))

    single = ~whole
    # the reign of an entry: the first of its owner that ends after it
    span = len(whole) + 1
    names = np.unique(reign_owner)
    keys = np.searchsorted(names, reign_owner) * span + reign_at
    single_reign = np.searchsorted(keys, np.searchsorted(names, owners[single]) * span + at[single], side="right")

    reign = np.concatenate((single_reign, final_reign))
    fd = np.concatenate((fds[single], final_fd))
    row = np.concatenate((rows[single], final_row))
    until = np.concatenate((ends[single], reign_end[final_reign]))
    order = np.lexsort((fd, reign))  # stable: the log is in order and what a table held at its end comes last
    reign, fd, row, until = reign[order], fd[order], row[order], until[order]
    first = np.ones(len(fd), bool)
    first[1:] = (reign[1:] != reign[:-1]) | (fd[1:] != fd[:-1])
    since = np.where(first, reign_start[reign], np.concatenate(([START], until[:-1]))[: len(until)])

    # the order of the list: as the table has it, then by when they were first changed
    group = np.cumsum(first) - 1
    place = np.full(int(group[-1]) + 1 if len(group) else 0, END)
    source = np.concatenate((_first_changes(owners[single], fds[single], at[single]) + len(listed), listed))[order]
    np.minimum.at(place, group, source)
    kept = (row >= 0) & (since < until)
    arranged = np.lexsort((since[kept], place[group[kept]], reign[kept]))
    found = np.flatnonzero(kept)[arranged]
    return Openings(reign_owner[reign[found]], fd[found], row[found], since[found], until[found])


def _first_changes(owners: I64, fds: I64, at: I64) -> I64:
    """Return for each log entry the place of the first one of the same descriptor."""
    if not len(at):
        return at
    order = np.lexsort((at, fds, owners))
    first = np.ones(len(order), bool)
    first[1:] = (owners[order][1:] != owners[order][:-1]) | (fds[order][1:] != fds[order][:-1])
    result = np.empty(len(order), np.int64)
    result[order] = at[order][first][np.cumsum(first) - 1]
    return result
