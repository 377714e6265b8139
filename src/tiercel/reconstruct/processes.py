"""The lives of processes: from fork to exit, whatever they executed in between."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tiercel.fields.catalogue import FIELDS
from tiercel.fields.evt_columns import I64
from tiercel.fields.process_text import items
from tiercel.fields.subjects import finds, mains_of
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import P
from tiercel.model.event import Event
from tiercel.model.world import World

NO_UID = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Executed:
    """One program that a process ran. Times in ns since epoch."""

    ts: int
    num: int
    exepath: str | None
    cmdline: str | None
    name: str | None
    uid: int | None
    user: str | None


@dataclass(slots=True)
class Life:
    """One process. What may change is as at its last sight; the columns are those of PROCESSES."""

    host: str
    evidence: str
    pid: int
    start: int | None
    first_ts: int
    last_ts: int
    from_start: bool
    parent: int | None = None
    vpid: int | None = None
    end: int | None = None
    end_num: int | None = None
    exit: int | None = None
    over: bool = False  # its last thread ended
    name: str | None = None
    exe: str | None = None
    exepath: str | None = None
    cmdline: str | None = None
    cwd: str | None = None
    user: str | None = None
    uid: int | None = None
    loginuid: int | None = None
    tty: int | None = None
    sid: int | None = None
    container: bytes = b""
    execs: list[Executed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Container:
    """What is known of a container; None is not known."""

    name: str | None = None
    image: str | None = None
    pod: str | None = None
    namespace: str | None = None


def user_name(world: World | None, container: bytes, uid: int) -> str | None:
    """Return the name of a user as its container, or the host, knows it; None when it does not."""
    user = None if world is None else world.users.get((container, uid))
    if user is not None:
        return user.name.decode("utf-8", "replace")
    return "root" if uid == 0 else None


def shown(text: bytes | None) -> str | None:
    """Return a text of a process row, None for what is not known."""
    if not text or text == b"<NA>":
        return None
    return text.decode("utf-8", "replace")


class Lives:
    """The processes of a scene. Batches of one recording must come in order."""

    def __init__(self) -> None:
        self.all: list[Life] = []
        self.containers: dict[tuple[str, bytes], Container] = {}
        self.host = ""
        self.evidence = ""
        self._worlds: dict[str, World] = {}
        self._by_pid: dict[tuple[str, int], list[int]] = {}
        self._begun: set[tuple[str, str]] = set()
        self._tables: Tables | None = None
        self._epoch = -1
        self._of_row = np.empty(0, np.int64)
        self._ends: dict[int, list[int]] = {}  # of the batch: pid to the events with which its last thread ended
        self._since: dict[int, int] = {}  # of the batch: process to the first event it was found at

    def begin(self, batch: Batch, evidence: str, exits: I64) -> None:
        """Turn to a batch. With the first one of a recording, learn which processes were there before it.

        Args:
            batch: the batch.
            evidence: id of the evidence it is from.
            exits: indices of its exit events.
        """
        self.evidence = evidence
        self._since = {}
        self._ends = {}
        last = exits[(batch.threads[exits] <= 0) & (batch.process[exits] >= 0)]
        pids = batch.tables.processes.array[batch.process[last], P.PID]
        for pid, index in zip(pids.tolist(), last.tolist(), strict=True):
            self._ends.setdefault(pid, []).append(index)
        self.host = "" if batch.world is None else batch.world.machine.hostname
        if batch.world is not None:
            self._worlds[self.host] = batch.world
        if self._tables is not batch.tables or self._epoch != batch.tables.epoch:
            self._tables, self._epoch = batch.tables, batch.tables.epoch
            self._of_row = np.empty(0, np.int64)
        size = batch.tables.processes.count
        if len(self._of_row) < size:
            larger = np.full(2 * size, -1, np.int64)
            larger[: len(self._of_row)] = self._of_row
            self._of_row = larger
        if batch.count and ((self.host, evidence) not in self._begun or batch.previous_ts == 0):
            self._begun.add((self.host, evidence))
            self._there_before(batch)

    def _there_before(self, batch: Batch) -> None:
        if batch.lookup is None:
            return
        table = batch.tables.processes
        tids = table.column(P.TID)
        candidates = np.unique(tids[(tids == table.column(P.PID)) & (tids >= 0)])
        before = np.full(len(candidates), -1, np.int64)
        rows = np.asarray(batch.lookup.processes(candidates, before), np.int64)
        known = len(self.all)
        self._assign(batch, rows[rows >= 0], before[rows >= 0])
        for life in self.all[known:]:
            life.first_ts = life.last_ts = int(batch.first_ts) or life.first_ts
            life.from_start = life.start is None or life.start < life.first_ts

    def of(self, batch: Batch, at: I64) -> I64:
        """Return the process that made each of these events, -1 where it is not known."""
        return self.of_rows(batch, batch.process[at].astype(np.int64), at)

    def of_rows(self, batch: Batch, rows: I64, at: I64) -> I64:
        """Return the processes in these rows, each as of an event."""
        known = rows >= 0
        found = np.full(len(rows), -1, np.int64)
        found[known] = self._of_row[rows[known]]
        unseen = known & (found < 0)
        if unseen.any():
            distinct, first = np.unique(rows[unseen], return_index=True)
            self._assign(batch, distinct, at[unseen][first])
            found[known] = self._of_row[rows[known]]
        return found

    def _assign(self, batch: Batch, rows: I64, at: I64) -> None:
        """Find or make the processes in rows that have none yet, with all their ancestors."""
        cells = batch.tables.processes.array
        children: list[tuple[int, int]] = []  # a process that was made, and the row of its parent
        while len(rows):
            order = np.argsort(at, kind="stable")
            rows, at = rows[order], at[order]
            mains = mains_of(batch, rows, at)
            sources = np.where(mains >= 0, mains, rows)
            pids = np.where(cells[rows, P.PID] >= 0, cells[rows, P.PID], cells[rows, P.TID])
            starts = np.where(mains >= 0, cells[sources, P.CLONE_TS], 0)
            new: list[tuple[int, int, int]] = []
            columns = (rows.tolist(), sources.tolist(), pids.tolist(), starts.tolist(), at.tolist())
            for row, source, pid, start, index in zip(*columns, strict=True):
                number = self._find(batch, pid, start, source, index)
                if number is None:
                    number = self._make(batch, pid, start, source, int(batch.ts[max(index, 0)]))
                    new.append((number, source, index))
                self._of_row[row] = self._of_row[source] = number
                self._since[number] = min(self._since.get(number, index), index)
            if not new:
                break
            made = np.array(new, np.int64)
            parents = mains_of(batch, finds(batch, cells[made[:, 1], P.PTID], made[:, 2]), made[:, 2])
            children += [(n, row) for n, row in zip(made[:, 0].tolist(), parents.tolist(), strict=True) if row >= 0]
            missing = (parents >= 0) & (self._of_row[parents] < 0)
            rows, first = np.unique(parents[missing], return_index=True)
            at = made[missing, 2][first]
        for number, row in children:
            parent = int(self._of_row[row])
            if parent not in (number, -1):
                self.all[number].parent = parent

    def _find(self, batch: Batch, pid: int, start: int, row: int, index: int) -> int | None:
        """Return the process with this pid and start; where the start is not known, the one then alive."""
        for number in reversed(self._by_pid.get((self.host, pid), ())):
            life = self.all[number]
            if start:
                if life.start == start:
                    return number
            elif not self._over(number, index) and (life.evidence == self.evidence or self._alike(batch, life, row)):
                return number
        return None

    def _over(self, number: int, index: int) -> bool:
        """Whether a process had ended before an event of the batch."""
        life = self.all[number]
        since = self._since.get(number, -1)
        return life.over or any(since <= end < index for end in self._ends.get(life.pid, ()))

    def _alike(self, batch: Batch, life: Life, row: int) -> bool:
        """Whether a row of another recording may be of the same process: it runs the same program."""
        path = shown(batch.tables.strings.get(int(batch.tables.processes.array[row, P.EXEPATH])))
        return path is not None and path == life.exepath

    def _make(self, batch: Batch, pid: int, start: int, row: int, ts: int) -> int:
        before = bool(start and batch.first_ts and start < batch.first_ts)
        life = Life(self.host, self.evidence, pid, start or None, ts, ts, before)
        number = len(self.all)
        self.all.append(life)
        self._by_pid.setdefault((self.host, pid), []).append(number)
        self._describe(batch, life, row)
        return number

    def _describe(self, batch: Batch, life: Life, row: int) -> None:
        """Take over what a row says of a process."""
        cells = batch.tables.processes.array[row].tolist()
        get = batch.tables.strings.get
        name, container = get(cells[P.COMM]), get(cells[P.CONTAINER]) or b""
        arguments = items(get(cells[P.ARGS]))
        uid, loginuid = cells[P.UID] & NO_UID, cells[P.LOGINUID] & NO_UID
        life.name = shown(name)
        life.exe = shown(get(cells[P.EXE]))
        life.exepath = shown(get(cells[P.EXEPATH]))
        life.cmdline = shown(b" ".join([name or b"", *arguments]))
        life.cwd = shown(get(cells[P.CWD]))
        life.user = user_name(batch.world, container, uid)
        life.uid = None if uid == NO_UID else uid
        life.loginuid = -1 if loginuid == NO_UID else loginuid
        life.tty = cells[P.TTY]
        life.sid = cells[P.SID]
        life.vpid = cells[P.VPID] if cells[P.VPID] >= 0 else None
        life.container = container

    def see(self, batch: Batch, at: I64, lives: I64) -> None:
        """Take over what the events at these indices, in order, say last of the processes that made them."""
        known = lives >= 0
        at, lives = at[known], lives[known]
        numbers, back = np.unique(lives[::-1], return_index=True)
        last = at[::-1][back]
        pids = np.array([self.all[number].pid for number in numbers.tolist()], np.int64)
        mains = finds(batch, pids, last)
        rows = np.where(mains >= 0, mains, batch.process[last])
        for number, index, row in zip(numbers.tolist(), last.tolist(), rows.tolist(), strict=True):
            life = self.all[number]
            life.last_ts = max(life.last_ts, int(batch.ts[index]))
            if int(self._of_row[row]) in (number, -1):
                self._describe(batch, life, row)
            if life.container:
                self._learn(batch, life.container, index)

    def _learn(self, batch: Batch, id: bytes, index: int) -> None:
        """Keep what is known of the container of the event's caller."""
        known = self.containers.get((self.host, id))
        if known is not None and known.name is not None:
            return
        event = Event(batch, index)
        values = (FIELDS[name].row(event, None) for name in _CONTAINER_FIELDS)
        self.containers[self.host, id] = Container(*(_text(value) for value in values))

    def container(self, life: Life) -> Container:
        """Return what is known of the container of a process."""
        if not life.container:
            return Container()
        known = self.containers.get((life.host, life.container))
        if known is not None:
            return known
        world = self._worlds.get(life.host)
        told = None if world is None else world.container(life.container, 1 << 62)
        if told is None:
            return Container()
        name, image = (
            text if isinstance(text, str) else None for text in (told.info.get("name"), told.info.get("image"))
        )
        return Container(name, image)

    def ended(self, batch: Batch, at: I64, lives: I64) -> None:
        """Take note of exit events: a process is over with its last thread, its status is that of its main one."""
        for index, number in zip(at.tolist(), lives.tolist(), strict=True):
            if number < 0:
                continue
            life, event = self.all[number], Event(batch, index)
            data = event.param(0)
            status = int.from_bytes(data, "little", signed=True) if data else None
            if int(batch.tid[index]) == life.pid or life.exit is None:
                life.exit = status
            life.end, life.end_num = event.ts, event.num
            life.over = int(batch.threads[index]) <= 0


_CONTAINER_FIELDS = ("container.name", "container.image", "k8s.pod.name", "k8s.ns.name")


def _text(value: object) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) and value else None
