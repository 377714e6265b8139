"""Which lines of a ledger stand where they should, given which of them are validly signed.

A line with a valid signature tells its own number (``seq``) and the hash of the line before it, whatever happened
around it. A line without one is an entry that was altered where the numbers leave room for it, and inserted where they
do not.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tiercel.custody.entry import NO_HASH
from tiercel.custody.head import Head


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
    """A line, the hash of it, why it is not a valid entry (None: it is), and what the entry says of its place.

    ``seq`` 0: it is no entry at all.
    """

    number: int
    hash: str
    problem: str | None
    seq: int = 0
    prev: str = ""
    time: str = ""


def last_seq(lines: list[Line]) -> int:
    """Return the number of the last entry that the lines, damaged ones at the end included, can account for."""
    for after, line in enumerate(reversed(lines)):
        if not line.problem:
            return line.seq + after
    return len(lines)


def findings(lines: list[Line], head: Head | None) -> list[Finding]:
    """Return what is out of order among the lines."""
    valid = [line for line in lines if not line.problem]
    chained = {item.seq - 1: item.prev for item in valid}
    if head:
        chained.setdefault(head.seq, head.hash)
    confirmed = {item.seq for item in valid if chained.get(item.seq) == item.hash}
    kept = _longest_run([item for item in valid if item.seq not in confirmed or chained[item.seq] == item.hash])
    found = list(_misplaced(valid, kept))
    found += _gaps(lines, valid, kept, head)
    found += _chain(valid, chained)
    found += _end(valid, head)
    found += _clock(valid)
    return found


def _longest_run(valid: list[Line]) -> list[Line]:
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


def _misplaced(valid: list[Line], kept: list[Line]) -> Iterator[Finding]:
    staying = {item.number for item in kept}
    places: dict[int, Line] = {item.seq: item for item in kept}
    for item in valid:
        if item.number in staying:
            continue
        twin = places.get(item.seq)
        if twin is None:
            places[item.seq] = item
            what = f"entry {item.seq} stands here, its place is after entry {item.seq - 1}"
            yield Finding("reordered", item.number, item.seq, what)
        elif twin.hash == item.hash:
            yield Finding("inserted", item.number, item.seq, f"a copy of line {twin.number} (entry {item.seq})")
        else:
            what = f"a second entry {item.seq} beside line {twin.number}, validly signed, but none follows it"
            yield Finding("inserted", item.number, item.seq, what)


def _gaps(lines: list[Line], valid: list[Line], kept: list[Line], head: Head | None) -> Iterator[Finding]:
    """Yield lines that were altered or inserted, and entries that are missing, between each two lines that stayed."""
    present = sorted({item.seq for item in valid})
    last = present[-1] if present else 0
    damaged = defaultdict(list)  # by the index of the kept line that follows
    index = 0
    for line in lines:
        while index < len(kept) and kept[index].number < line.number:
            index += 1
        if line.problem:
            damaged[index].append(line)
    for index in range(len(kept) + 1):
        low = kept[index - 1].seq if index else 0
        if index < len(kept):
            high = kept[index].seq
        elif head:
            high = max(head.seq, last) + 1
        else:  # nothing says how many there were
            high = max(last, low + len(damaged[index])) + 1
        gap = _Gap(low, high, present)
        yield from gap.fill(damaged[index])
        if gap.count and index < len(kept):
            yield Finding("removed", kept[index].number, gap.first, f"{gap} missing before this line")
        elif gap.count:
            what = f"{gap} missing at the end: the head says that there are {high - 1}"
            yield Finding("truncated", len(lines) + 1, gap.first, what)


class _Gap:
    """The numbers between two others that no line of the ledger has. They may be many more than there is memory for."""

    def __init__(self, low: int, high: int, present: list[int]) -> None:
        self.low, self.high = low, high
        start, end = bisect_right(present, low), bisect_left(present, high)
        self.taken = set(present[start:end])
        self.count = high - low - 1 - len(self.taken)
        self.first = low + 1
        self._skip()

    def fill(self, damaged: list[Line]) -> Iterator[Finding]:
        """Yield damaged lines as the missing entries that they once were; those that remain missing were removed."""
        rest = []
        for line in damaged:  # those that still know their number
            if self.low < line.seq < self.high and line.seq not in self.taken:
                self._take(line.seq)
                yield Finding("altered", line.number, line.seq, f"{line.problem}")
            else:
                rest.append(line)
        for line in rest:
            if self.count:
                yield Finding("altered", line.number, self.first, f"{line.problem}")
                self._take(self.first)
            else:
                yield Finding(
                    "inserted", line.number, None, f"no entry of this ledger has its place here: {line.problem}"
                )

    def _take(self, seq: int) -> None:
        self.taken.add(seq)
        self.count -= 1
        self._skip()

    def _skip(self) -> None:
        while self.count and self.first in self.taken:
            self.first += 1

    def __str__(self) -> str:
        last = self.high - 1
        while last in self.taken:
            last -= 1
        if self.count == 1:
            return f"entry {self.first} is"
        return f"{self.count} entries ({self.first} to {last}) are"


def _chain(valid: list[Line], chained: dict[int, str]) -> Iterator[Finding]:
    hashes = defaultdict(set)
    for item in valid:
        hashes[item.seq].add(item.hash)
    hashes[0].add(NO_HASH)
    for item in valid:
        if hashes[item.seq - 1] and item.prev not in hashes[item.seq - 1]:
            what = f"the hash of the entry before is not that of entry {item.seq - 1}, which was exchanged"
            yield Finding("altered", item.number, item.seq, what)


def _end(valid: list[Line], head: Head | None) -> Iterator[Finding]:
    if head is None:
        return
    last = max(valid, key=lambda item: item.seq, default=None)
    if last is None or head.seq > last.seq:
        return
    stated = [item for item in valid if item.seq == head.seq]
    if stated and head.hash not in [item.hash for item in stated]:
        what = f"entry {head.seq} is not the one that the head names, it was exchanged"
        yield Finding("altered", stated[0].number, head.seq, what)
    if last.seq == head.seq + 1 and last.prev == head.hash:
        what = "the head does not name it yet: a crash came between, or it is being written"
        yield Finding("unheaded", last.number, last.seq, what, serious=False)
    elif last.seq > head.seq:
        what = f"ledger.head says {head.seq} entries, the ledger has {last.seq}: an old head was put back"
        yield Finding("head", None, head.seq, what)


def _clock(valid: list[Line]) -> Iterator[Finding]:
    sound = sorted((item.seq, item.number, item.time) for item in valid)
    for (_, _, earlier), (seq, number, time) in pairwise(sound):
        if time < earlier:
            what = f"its time {time} is before that of the entry before it ({earlier}): the clock was set back"
            yield Finding("clock", number, seq, what, serious=False)
