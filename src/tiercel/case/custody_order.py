"""Which lines of a ledger stand where they should, given which of them are validly signed.

A line with a valid signature tells its own number (``seq``) and the hash of the line before it, whatever happened
around it. A line without one is an entry that was altered where the numbers leave room for it, and inserted where they
do not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tiercel.case.entry import NO_HASH, Entry
from tiercel.case.head import Head


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at a line of the ledger (1 for the first; None: not at one) about the entry ``seq``.

    ``kind``: altered, removed, inserted, reordered, truncated, head, key, foreign; or, not ``serious``: torn and
    unheaded (traces of a crash), clock (set back).
    """

    kind: str
    line: int | None
    seq: int | None
    what: str
    serious: bool = True

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return f"{place}{self.kind}: {self.what}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line, the hash of it, its entry if it is one, and why it is not a valid one (None: it is)."""

    number: int
    hash: str
    entry: Entry | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Valid:
    line: int
    hash: str
    seq: int
    prev: str


def last_seq(lines: list[Line]) -> int:
    """Return the number of the last entry that the lines, damaged ones at the end included, can account for."""
    for after, line in enumerate(reversed(lines)):
        if line.entry and not line.problem:
            return line.entry.seq + after
    return len(lines)


def findings(lines: list[Line], head: Head | None) -> list[Finding]:
    """Return what is out of order among the lines."""
    valid = [
        _Valid(line.number, line.hash, line.entry.seq, line.entry.prev)
        for line in lines
        if line.entry and not line.problem
    ]
    chained = {item.seq - 1: item.prev for item in valid}
    if head:
        chained.setdefault(head.seq, head.hash)
    kept = _longest_run([item for item in valid if item.hash == chained.get(item.seq, item.hash)])
    found = list(_misplaced(valid, kept))
    found += _gaps(lines, valid, kept, head)
    found += _chain(valid, chained)
    found += _end(valid, head)
    found += _clock(lines)
    return found


def _longest_run(valid: list[_Valid]) -> list[_Valid]:
    """Return the most lines whose numbers rise: those that were not moved."""
    ends: list[int] = []  # lowest number at which a run of each length ends
    at: list[int] = []
    before: list[int] = []
    for index, item in enumerate(valid):
        length = bisect_left(ends, item.seq)
        if ends[length : length + 1] == [item.seq]:  # of two alike the first stays
            before.append(-1)
            continue
        before.append(at[length - 1] if length else -1)
        ends[length : length + 1] = [item.seq]
        at[length : length + 1] = [index]
    run = []
    index = at[-1] if at else -1
    while index >= 0:
        run.append(valid[index])
        index = before[index]
    return run[::-1]


def _misplaced(valid: list[_Valid], kept: list[_Valid]) -> Iterator[Finding]:
    staying = {item.line for item in kept}
    places: dict[int, _Valid] = {item.seq: item for item in kept}
    for item in valid:
        if item.line in staying:
            continue
        twin = places.get(item.seq)
        if twin is None:
            places[item.seq] = item
            what = f"entry {item.seq} stands here, its place is after entry {item.seq - 1}"
            yield Finding("reordered", item.line, item.seq, what)
        elif twin.hash == item.hash:
            yield Finding("inserted", item.line, item.seq, f"a copy of line {twin.line} (entry {item.seq})")
        else:
            what = f"a second entry {item.seq} beside line {twin.line}, validly signed, but none follows it"
            yield Finding("inserted", item.line, item.seq, what)


def _gaps(lines: list[Line], valid: list[_Valid], kept: list[_Valid], head: Head | None) -> Iterator[Finding]:
    """Yield lines that were altered or inserted, and entries that are missing, between each two lines that stayed."""
    present = {item.seq for item in valid}
    last = max([item.seq for item in valid], default=0)
    damaged = defaultdict(list)  # by the index of the kept line that follows
    index = 0
    for line in lines:
        while index < len(kept) and kept[index].line < line.number:
            index += 1
        if line.problem:
            damaged[index].append(line)
    for index in range(len(kept) + 1):
        low = kept[index - 1].seq if index else 0
        at_end = index == len(kept)
        if not at_end:
            high = kept[index].seq
        elif head:
            high = max(head.seq, last) + 1
        else:  # nothing says how many there were
            high = max(last, low + len(damaged[index])) + 1
        missing = [seq for seq in range(low + 1, high) if seq not in present]
        yield from _pair(damaged[index], missing)
        if missing and at_end:
            what = f"{_entries(missing)} missing at the end: the head says that there are {high - 1}"
            yield Finding("truncated", len(lines) + 1, missing[0], what)
        elif missing:
            what = f"{_entries(missing)} missing before this line"
            yield Finding("removed", kept[index].line, missing[0], what)


def _pair(damaged: list[Line], missing: list[int]) -> Iterator[Finding]:
    """Yield damaged lines as the missing entries that they once were; what remains of ``missing`` was removed."""
    rest = []
    for line in damaged:
        if line.entry and line.entry.seq in missing:
            missing.remove(line.entry.seq)
            yield Finding("altered", line.number, line.entry.seq, f"{line.problem}")
        else:
            rest.append(line)
    for line in rest:
        if missing:
            yield Finding("altered", line.number, missing.pop(0), f"{line.problem}")
        else:
            yield Finding("inserted", line.number, None, f"no entry of this ledger has its place here: {line.problem}")


def _chain(valid: list[_Valid], chained: dict[int, str]) -> Iterator[Finding]:
    hashes = defaultdict(set)
    for item in valid:
        hashes[item.seq].add(item.hash)
    hashes[0].add(NO_HASH)
    for item in valid:
        if hashes[item.seq - 1] and item.prev not in hashes[item.seq - 1]:
            what = f"the hash of the entry before is not that of entry {item.seq - 1}, which was exchanged"
            yield Finding("altered", item.line, item.seq, what)


def _end(valid: list[_Valid], head: Head | None) -> Iterator[Finding]:
    if head is None:
        return
    last = max(valid, key=lambda item: item.seq, default=None)
    if last is None or head.seq > last.seq:
        return
    stated = [item for item in valid if item.seq == head.seq]
    if stated and head.hash not in [item.hash for item in stated]:
        what = f"entry {head.seq} is not the one that the head names, it was exchanged"
        yield Finding("altered", stated[0].line, head.seq, what)
    if last.seq == head.seq + 1 and last.prev == head.hash:
        what = "the head does not name it yet: a crash came between, or it is being written"
        yield Finding("unheaded", last.line, last.seq, what, serious=False)
    elif last.seq > head.seq:
        what = f"ledger.head says {head.seq} entries, the ledger has {last.seq}: an old head was put back"
        yield Finding("head", None, head.seq, what)


def _clock(lines: list[Line]) -> Iterator[Finding]:
    sound = sorted((line.entry.seq, line.number, line.entry.time) for line in lines if line.entry and not line.problem)
    for (_, _, earlier), (seq, number, time) in pairwise(sound):
        if time < earlier:
            what = f"its time {time} is before that of the entry before it ({earlier}): the clock was set back"
            yield Finding("clock", number, seq, what, serious=False)


def _entries(missing: list[int]) -> str:
    if len(missing) == 1:
        return f"entry {missing[0]} is"
    return f"{len(missing)} entries ({missing[0]} to {missing[-1]}) are"
