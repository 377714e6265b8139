"""Gathering a scene from batches."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tiercel.fields.evt_columns import I64, Mask
from tiercel.fields.params_names import SIGNALS
from tiercel.fields.subjects import finds, mains_of
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.reconstruct.acts import network as acts_network
from tiercel.reconstruct.acts import opens as acts_opens
from tiercel.reconstruct.acts import paths as acts_paths
from tiercel.reconstruct.acts import processes as acts_processes
from tiercel.reconstruct.acts import system as acts_system
from tiercel.reconstruct.acts import traffic as acts_bytes
from tiercel.reconstruct.acts.found import NONE, Finder, Found, each, result, texts, types
from tiercel.reconstruct.kinds import ASKED, KINDS
from tiercel.reconstruct.processes import NO_UID, Executed, Lives, shown, user_name
from tiercel.reconstruct.texts import Texts
from tiercel.wire.event_table import EVENTS

_EXITS = types("PROCEXIT_1_E")
_STATE = types("SYSCALL_CHDIR_X", "SYSCALL_FCHDIR_X", "SYSCALL_SETSID_X")
_FINDERS: tuple[tuple[frozenset[int], Finder], ...] = (
    (acts_processes.TYPES, acts_processes.find),
    (acts_opens.TYPES, acts_opens.find),
    (acts_paths.TYPES, acts_paths.find),
    (acts_network.TYPES, acts_network.find),
    (acts_bytes.TYPES, acts_bytes.find),
    (acts_system.TYPES, acts_system.find),
)
ACT_TYPES: frozenset[int] = _EXITS.union(_STATE, *(numbers for numbers, _ in _FINDERS))
"""Numbers of the event types that a scene is made of."""

KIND_NAMES = list(KINDS)


class C(IntEnum):
    """Columns of acts while they are gathered. Texts are numbers of :class:`Texts`, NONE is no number."""

    TS = 0
    NUM = 1
    HOST = 2
    EVIDENCE = 3
    KIND = 4
    PROCESS = 5
    PID = 6
    NAME = 7
    USER = 8
    UID = 9
    CONTAINER = 10
    OBJECT = 11
    TARGET = 12
    DETAIL = 13
    RES = 14
    OK = 15
    COUNT = 16
    BYTES = 17
    LAST_TS = 18
    INODE = 19
    LADDR = 20
    LPORT = 21
    RADDR = 22
    RPORT = 23
    PROTO = 24
    WIDTH = 25


_SAME = [
    C.HOST,
    C.KIND,
    C.PROCESS,
    C.PID,
    C.NAME,
    C.USER,
    C.UID,
    C.CONTAINER,
    C.OBJECT,
    C.TARGET,
    C.DETAIL,
    C.RES,
    C.LADDR,
    C.LPORT,
    C.RADDR,
    C.RPORT,
    C.PROTO,
]
"""Columns in which acts must be equal to become one."""

_LOOKUP = [C.HOST, C.PROCESS, C.PID, C.OBJECT]
"""Columns that a question and its answer have in common."""

_CLONE_THREAD = 8192


def _mask(numbers: Collection[int]) -> Mask:
    mask = np.zeros(len(EVENTS), np.bool_)
    mask[list(numbers)] = True
    return mask


_ACTING, _IS_EXIT = _mask(ACT_TYPES), _mask(_EXITS)
_IS_CLONE, _IS_EXEC = _mask(acts_processes.CLONES), _mask(acts_processes.EXECS)
_MASKS = [(_mask(numbers), find) for numbers, find in _FINDERS]

Wanted = Callable[[Batch, I64], Mask]
"""Says which events may become acts."""


@dataclass(slots=True)
class Gathered:
    """Acts in order of time, and where each one gathered went to, by its provisional number."""

    acts: I64  # shape (n, C.WIDTH)
    place: I64  # -1 for a question that was answered


class Gatherer:
    """Collects processes and acts from batches, those of one recording in order."""

    def __init__(self, wanted: Wanted | None = None) -> None:
        self.texts = Texts()
        self.lives = Lives()
        self.wanted = wanted
        self.watched: dict[int, int] = {}
        """Of the batch at hand: index of an event asked for to the provisional number of its act."""
        self._chunks: list[I64] = []
        self._count = 0
        self._merged: list[list[int]] = []
        self._numbers: dict[bytes, int] = {}  # of what is alike to its place in _merged
        self._exits: set[int] = set()

    def add(self, batch: Batch, evidence: str = "", watch: I64 | None = None) -> None:
        """Take in a batch.

        ``watch`` are indices of events whose acts to find in ``watched`` afterwards.
        """
        self.watched = {}
        at = np.flatnonzero(batch.visible & _ACTING[batch.types[: batch.count]])
        lives = self.lives
        exits = _IS_EXIT[batch.types[at]]
        lives.begin(batch, evidence, at[exits])
        if not len(at):
            return
        own = lives.of(batch, at)
        may = at if self.wanted is None else at[self.wanted(batch, at)]
        for mask, find in _MASKS:
            for found in find(batch, may[mask[batch.types[may]]]):
                self._take(batch, found, watch)
        self._take_forks(batch, may, watch)
        self._note_execs(batch, at)
        lives.see(batch, at, own)
        lives.ended(batch, at[exits], own[exits])
        self._exits.update(own[exits & np.isin(at, may)].tolist())

    def _take(self, batch: Batch, found: Found, watch: I64 | None) -> None:
        """Add the acts of one finding."""
        if not len(found.at):
            return
        rows = self._rows(batch, found)
        # an alert is about the bytes that carried a question, for the question itself goes once it is answered
        about = np.empty(0, np.int64) if watch is None or found.kind == "resolve" else watch
        watched = np.flatnonzero(np.isin(found.at, about))
        events = found.at[watched].tolist()
        if found.merge:
            numbers = self._merge(rows, watched)
        else:
            numbers = (self._count + watched).tolist()
            self._chunks.append(rows)
            self._count += len(rows)
        for index, number in zip(events, numbers, strict=True):
            self.watched.setdefault(index, number)

    def _rows(self, batch: Batch, found: Found) -> I64:
        """Return the acts of a finding as rows of the columns above."""
        at, of = found.at, self.texts.of
        rows = np.full((len(at), C.WIDTH), -1, np.int64)
        threads = batch.process[at].astype(np.int64) if found.process is None else found.process
        known = threads >= 0
        cells = batch.tables.processes.array
        uids = cells[threads, P.UID] & NO_UID
        containers = cells[threads, P.CONTAINER]
        last = at if found.last is None else found.last
        rows[:, C.TS] = batch.ts[at].astype(np.int64)
        rows[:, C.NUM] = batch.num[at].astype(np.int64)
        rows[:, C.HOST] = self.texts.one(self.lives.host.encode())
        rows[:, C.EVIDENCE] = self.texts.one(self.lives.evidence.encode())
        rows[:, C.KIND] = KIND_NAMES.index(found.kind)
        rows[:, C.PROCESS] = self.lives.of_rows(batch, threads, at)
        rows[:, C.PID] = np.where(known & (cells[threads, P.PID] >= 0), cells[threads, P.PID], batch.tid[at])
        rows[:, C.NAME] = np.where(known, of(batch.tables, cells[threads, P.COMM]), -1)
        rows[:, C.USER] = np.where(known, self._users(batch, containers, uids), -1)
        rows[:, C.UID] = np.where(known & (uids != NO_UID), uids, NONE)
        rows[:, C.CONTAINER] = np.where(known & (containers >= 0), of(batch.tables, containers), self.texts.one(b""))
        for column, values in ((C.OBJECT, found.object), (C.TARGET, found.target), (C.DETAIL, found.detail)):
            if values is not None:
                rows[:, column] = of(batch.tables, values)
        rows[:, C.RES] = 0 if found.res is None else found.res
        rows[:, C.OK] = 1 if found.ok is None else found.ok
        rows[:, C.COUNT] = 1 if found.count is None else found.count
        rows[:, C.BYTES] = NONE if found.bytes is None else found.bytes
        rows[:, C.LAST_TS] = batch.ts[last].astype(np.int64)
        rows[:, C.INODE] = NONE if found.inode is None else np.where(found.inode > 0, found.inode, NONE)
        rows[:, [C.LPORT, C.RPORT]] = NONE
        if found.ends is not None:
            ends = found.ends
            rows[:, C.LADDR], rows[:, C.RADDR] = of(batch.tables, ends.laddr), of(batch.tables, ends.raddr)
            rows[:, C.LPORT], rows[:, C.RPORT] = ends.lport, ends.rport
            rows[:, C.PROTO] = of(batch.tables, ends.proto)
        return rows

    def _users(self, batch: Batch, containers: I64, uids: I64) -> I64:
        """Return the numbers of users' names, -1 for those that are not known."""
        keys, inverse = np.unique((containers + 1) << 32 | uids, return_inverse=True)
        numbers = []
        for key in keys.tolist():
            container = batch.tables.strings.get((key >> 32) - 1) or b""
            name = user_name(batch.world, container, key & NO_UID)
            numbers.append(-1 if name is None else self.texts.one(name.encode()))
        users: I64 = np.array(numbers, np.int64)[inverse.reshape(-1)]
        return users

    def _merge(self, rows: I64, watched: I64) -> list[int]:
        """Make acts that are alike one. Returns the provisional numbers of the watched ones."""
        group = np.arange(len(rows))
        if len(rows) > 1:
            rows, group = _grouped(rows)
        numbers = []
        for key, row in zip(
            (same.tobytes() for same in np.ascontiguousarray(rows[:, _SAME])), rows.tolist(), strict=True
        ):
            number = self._numbers.get(key)
            if number is None:
                number = self._numbers[key] = len(self._merged)
                self._merged.append(row)
            else:
                _join(self._merged[number], row)
            numbers.append(~number)
        return [numbers[place] for place in group[watched].tolist()]

    def _take_forks(self, batch: Batch, at: I64, watch: I64 | None) -> None:
        """Add the forks: what a child returns from, told of its parent."""
        at = at[_IS_CLONE[batch.types[at]]]
        at = at[(result(batch, at) == 0) & (batch.process[at] >= 0)]
        cells = batch.tables.processes.array
        children = batch.process[at].astype(np.int64)
        processes = (cells[children, P.TID] == cells[children, P.PID]) & (
            (cells[children, P.FLAGS] & _CLONE_THREAD) == 0
        )
        at, children = at[processes], children[processes]
        if not len(at):
            return
        parents = mains_of(batch, finds(batch, cells[children, P.PTID], at), at)
        at, children, parents = at[parents >= 0], children[parents >= 0], parents[parents >= 0]
        pids = cells[children, P.PID]
        objects = each(batch, pids, lambda pid: f"pid {pid}")
        self._take(batch, Found("fork", at, object=objects, res=pids, process=parents), watch)

    def _note_execs(self, batch: Batch, at: I64) -> None:
        at = at[_IS_EXEC[batch.types[at]]]
        at = at[(result(batch, at) >= 0) & (batch.process[at] >= 0)]
        if not len(at):
            return
        paths, lines, names = (texts(batch, at, name) for name in ("proc.exepath", "proc.cmdline", "proc.name"))
        uids = batch.tables.processes.array[batch.process[at], P.UID] & NO_UID
        containers = batch.tables.processes.array[batch.process[at], P.CONTAINER]
        get = batch.tables.strings.get
        lives = self.lives.of(batch, at)
        columns = (column.tolist() for column in (lives, at, paths, lines, names, uids, containers))
        for life, index, path, line, name, uid, container in zip(*columns, strict=True):
            self.lives.all[life].execs.append(
                Executed(
                    int(batch.ts[index]),
                    int(batch.num[index]),
                    shown(get(path)),
                    shown(get(line)),
                    shown(get(name)),
                    None if uid == NO_UID else uid,
                    user_name(batch.world, get(container) or b"", uid),
                )
            )

    def finish(self) -> Gathered:
        """Return all acts in order of time."""
        self._add_exits()
        merged = np.array(self._merged, np.int64).reshape(-1, C.WIDTH)
        acts = np.concatenate([*self._chunks, merged]) if self._chunks else merged
        answered = self._answered(acts)
        order = np.lexsort((acts[:, C.NUM], acts[:, C.TS]))
        order = order[~answered[order]]
        place = np.full(len(acts), -1, np.int64)
        place[order] = np.arange(len(order))
        return Gathered(acts[order], place)

    def _answered(self, acts: I64) -> Mask:
        """Return which acts say no more than that a name was asked for of which the same process saw an answer."""
        gone = np.zeros(len(acts), np.bool_)
        at = np.flatnonzero(acts[:, C.KIND] == KIND_NAMES.index("resolve"))
        asked = acts[at, C.DETAIL] == self.texts.one(ASKED.encode())
        names = [tuple(row) for row in acts[at][:, _LOOKUP].tolist()]
        answers = {name for name, only_asked in zip(names, asked.tolist(), strict=True) if not only_asked}
        gone[at] = asked & np.array([name in answers for name in names], np.bool_)
        return gone

    def position(self, gathered: Gathered, number: int) -> int:
        """Return the row of the act with a provisional number."""
        return int(gathered.place[number if number >= 0 else self._count + ~number])

    def _add_exits(self) -> None:
        one = self.texts.one
        rows = []
        for number, life in enumerate(self.lives.all):
            if number not in self._exits or life.end is None or life.end_num is None:
                continue
            row = [-1] * C.WIDTH
            row[C.TS] = row[C.LAST_TS] = life.end
            row[C.NUM] = life.end_num
            row[C.HOST], row[C.EVIDENCE] = one(life.host.encode()), one(life.evidence.encode())
            row[C.KIND] = KIND_NAMES.index("exit")
            row[C.PROCESS], row[C.PID] = number, life.pid
            row[C.NAME] = -1 if life.name is None else one(life.name.encode())
            row[C.USER] = -1 if life.user is None else one(life.user.encode())
            row[C.UID] = NONE if life.uid is None else life.uid
            row[C.CONTAINER] = one(life.container)
            row[C.DETAIL] = one(ending(life.exit).encode())
            row[C.RES] = NONE if life.exit is None else life.exit
            row[C.OK] = row[C.COUNT] = 1
            row[C.BYTES] = row[C.INODE] = row[C.LPORT] = row[C.RPORT] = NONE
            rows.append(row)
        if rows:
            self._chunks.append(np.array(rows, np.int64))
            self._count += len(rows)


def ending(status: int | None) -> str:
    """Return a wait status in words, ``exit code 1`` or ``killed by SIGKILL``."""
    if status is None:
        return "ended"
    signal = status & 0x7F
    if signal:
        return "killed by " + SIGNALS.get(signal, b"signal %d" % signal).decode()
    return f"exit code {status >> 8 & 0xFF}"


def _grouped(rows: I64) -> tuple[I64, I64]:
    """Return the first of the rows that are alike, with counts, bytes and times of them all, and each row's place."""
    keys = np.zeros(len(rows), np.int64)
    for column in _SAME:
        values = rows[:, column]
        if (values == values[0]).all():
            continue
        _, numbers = np.unique(values, return_inverse=True)
        _, keys = np.unique(keys * (int(numbers.max()) + 1) + numbers.reshape(-1), return_inverse=True)
        keys = keys.reshape(-1)
    distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    group = rank[inverse.reshape(-1)]
    result = rows[first[order]]
    count, last = np.zeros(len(distinct), np.int64), np.zeros(len(distinct), np.int64)
    np.add.at(count, group, rows[:, C.COUNT])
    np.maximum.at(last, group, rows[:, C.LAST_TS])
    result[:, C.COUNT], result[:, C.LAST_TS] = count, last
    if (result[:, C.BYTES] != NONE).any():
        total = np.zeros(len(distinct), np.int64)
        np.add.at(total, group, rows[:, C.BYTES])
        result[:, C.BYTES] = total
    return result, group


def _join(row: list[int], other: list[int]) -> None:
    """Add an act to one that is alike."""
    row[C.COUNT] += other[C.COUNT]
    row[C.LAST_TS] = max(row[C.LAST_TS], other[C.LAST_TS])
    if row[C.BYTES] != NONE:
        row[C.BYTES] += other[C.BYTES]
