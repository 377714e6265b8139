"""The decoding kernel: event blocks become columns and parameter spans, old layouts today's, without copying bytes.

:meth:`Decoder.run` walks over the blocks of one buffer. A parameter is a span of that buffer, also when conversion
takes it from the enter event before it; a default value is a span of the constants every buffer starts with. An enter
event still waiting for its exit when the buffer is left behind has its bytes moved to the next one (:meth:`Decoder.carry`).

Compiled with Cython (types in ``decode.pxd``); runs unchanged, slower, as plain Python.

References: block layouts and the number of parameters of events in old blocks follow libscap's ``scap_savefile.c``,
which events are hidden follows ``sinsp::next`` (libs 0.25.4). Nothing here is fatal: lengths that do not fit are cut.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import cython
import numpy as np

from tiercel.sources.blocks import MAX_BLOCK
from tiercel.wire.conversion import CONSTANTS, MAX_PARAMS, STEPS, Origin, Outcome, plan
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

MAX_CARRY = 16 << 20
"""Bytes of waiting enter events moved from one buffer to the next; what is over counts as missing."""

FIRST_SLOTS = 1 << 12
MAX_SLOTS = 1 << 18

# as C numbers, see decode.pxd
_EV, _EV_INT, _EV_V2, _EV_V2_LARGE = 0x204, 0x8010ABCD, 0x216, 0x221
_EVF, _EVF_V2, _EVF_V2_LARGE = 0x208, 0x217, 0x222
_MAX_BLOCK = MAX_BLOCK
_MAX_SMALL_BLOCK = (64 << 10) + 8  # longest event block of the kinds without a large payload
_STATE_ONLY = 1  # flag of an event block: for the state, not for the reader
_PARAMS = MAX_PARAMS
_PROBES = 32
_STORED = 8  # parameters of a waiting enter event; the longest one has 6


class Stop(IntEnum):
    """Why :meth:`Decoder.run` came back."""

    FULL = 0  # as many events as asked for
    MORE = 1  # the buffer ends before or inside a block
    OTHER = 2  # a block that holds no event
    DAMAGE = 3  # a length that cannot be


class Op(IntEnum):
    """How a parameter of a converted event is found."""

    OLD = 0
    ENTER = 1
    CONSTANT = 2
    JSON = 3


HIDDEN_ENTER = frozenset(
    BY_CONSTANT[name]
    for name in (
        "SYSCALL_OPEN_E",
        "SYSCALL_OPENAT_2_E",
        "SYSCALL_OPENAT2_E",
        "SYSCALL_CREAT_E",
        "SOCKET_CONNECT_E",
        "SYSCALL_EXECVE_19_E",
        "SYSCALL_EXECVEAT_E",
    )
)
"""Enter events that state tracking still looks at and no reader sees."""

INITIAL_STATE = frozenset(
    BY_CONSTANT[name]
    for name in (
        "CONTAINER_JSON_2_E",
        "USER_ADDED_E",
        "USER_DELETED_E",
        "GROUP_ADDED_E",
        "GROUP_DELETED_E",
        "ASYNCEVENT_E",
    )
)
"""Events that are hidden as long as nothing else came before them."""

_OPS = {Origin.OLD: Op.OLD, Origin.ENTER: Op.ENTER, Origin.CONSTANT: Op.CONSTANT, Origin.JSON: Op.JSON}
_IS_ENTER, _IS_INITIAL, _IS_META, _IS_WIDE, _IS_SHORT = 1, 2, 4, 8, 16

_KEEP = -1  # in place of a plan: parameters stay where they are
_DROP = -2


class Unaligned:
    """Reads little-endian numbers at any byte; stands in for a strided array where the kernel runs uncompiled."""

    def __init__(self, data: bytearray, width: int, signed: bool = False) -> None:
        self.data, self.width, self.signed = data, width, signed

    def __getitem__(self, at: int) -> int:
        if at < 0 or at + self.width > len(self.data):
            raise IndexError(f"byte {at} of {len(self.data)}")
        return int.from_bytes(self.data[at : at + self.width], "little", signed=self.signed)


def _reader(data: bytearray, width: int, signed: bool = False) -> Any:
    """Return something that gives the number starting at byte ``i`` when indexed with ``i``."""
    if not cython.compiled:
        return Unaligned(data, width, signed)
    return np.ndarray((max(len(data) - width + 1, 0),), f"<{'i' if signed else 'u'}{width}", data, strides=(1,))


class Decoder:
    """Decodes one capture. Keeps the event count, the waiting enter events and the columns of the batch being filled."""

    def __init__(self) -> None:
        self.known = len(EVENTS)
        self.num = 0  # of the last event that got a number
        self.first_ts = 0
        self.leading = True  # nothing but initial state so far
        self.stop = 0
        self._plan_tables()
        self._type_tables()
        self.slots = 0
        self._slot_tables(FIRST_SLOTS)
        self.t_start = np.zeros(MAX_PARAMS, dtype=np.int32)  # spans as stored, while they are rearranged
        self.t_length = np.zeros(MAX_PARAMS, dtype=np.int32)
        self.detach()
        self.begin(0)

    def _plan_tables(self) -> None:
        """Flatten every plan: ``action`` says which plan an event has, the ``op`` arrays hold the plans' sources."""
        action = np.full((len(EVENTS), MAX_PARAMS), _KEEP, dtype=np.int32)
        for number in range(len(EVENTS)):
            if plan(number, MAX_PARAMS).outcome == Outcome.DROP:
                action[number] = _DROP
        plans, ops = [], []
        for number, count in STEPS:
            found = plan(number, count)
            if found.outcome == Outcome.PASS and found.unchanged:
                action[number, count] = _KEEP
            elif found.outcome == Outcome.DROP:
                action[number, count] = _DROP
            else:
                action[number, count] = len(plans)
                plans.append((found.number, found.outcome, found.enter, len(ops), len(found.sources)))
                ops += [(_OPS[s.origin], s.param, s.start, s.length, s.cap) for s in found.sources]
        self.action = action.reshape(-1)
        table = np.array(plans, dtype=np.int32)
        self.plan_number, self.plan_outcome, self.plan_enter, self.plan_first, self.plan_count = (
            np.ascontiguousarray(column) for column in table.T
        )
        table = np.minimum(np.array(ops, dtype=np.int64), 0x7FFFFFFF).astype(np.int32)
        self.op_code, self.op_param, self.op_start, self.op_length, self.op_cap = (
            np.ascontiguousarray(column) for column in table.T
        )

    def _type_tables(self) -> None:
        """Note per event number what the loop must know of it."""
        traits = np.zeros(len(EVENTS), dtype=np.uint8)
        # writers of old blocks gave these two a length that is 3 too large
        short = (BY_CONSTANT["NOTIFICATION_E"], BY_CONSTANT["INFRASTRUCTURE_EVENT_E"])
        for number, event in enumerate(EVENTS):
            traits[number] = (
                (number in HIDDEN_ENTER) * _IS_ENTER
                | (number in INITIAL_STATE) * _IS_INITIAL
                | (event.source == "METAEVENT") * _IS_META
                | event.large * _IS_WIDE
                | (number in short) * _IS_SHORT
            )
        self.traits = traits
        self.widest = np.array([len(event.params) for event in EVENTS], dtype=np.int32)

    def _slot_tables(self, slots: int) -> None:
        """Make the table of waiting enter events ``slots`` long, keeping what waits."""
        old = [(tid, slot) for slot, tid in enumerate(self.slot_tid) if self.slot_type[slot] >= 0] if self.slots else []
        kept = [(tid, self.slot_type[slot], self.slot_count[slot], self._slot_spans(slot)) for tid, slot in old]
        self.slots = slots
        self.slot_tid = np.zeros(slots, dtype=np.int64)
        self.slot_type = np.full(slots, -2, dtype=np.int32)  # -2 never used, -1 free again
        self.slot_count = np.zeros(slots, dtype=np.int32)
        self.slot_start = np.zeros(slots * _STORED, dtype=np.int32)
        self.slot_length = np.zeros(slots * _STORED, dtype=np.int32)
        for tid, number, count, spans in kept:
            slot = self.claim(tid)
            self.slot_type[slot] = number
            self.slot_count[slot] = count
            for k in range(count):
                self.slot_start[slot * _STORED + k], self.slot_length[slot * _STORED + k] = spans[k]

    def _slot_spans(self, slot: int) -> list[tuple[int, int]]:
        base = slot * _STORED
        return [(self.slot_start[base + k], self.slot_length[base + k]) for k in range(self.slot_count[slot])]

    def find(self, tid: int) -> int:
        """Return the slot of thread ``tid``, -1 when it has none."""
        home = tid ^ (tid >> 16)
        for step in range(_PROBES):
            slot = (home + step) & (self.slots - 1)
            if self.slot_type[slot] == -2:
                return -1
            if self.slot_tid[slot] == tid:
                return slot
        return -1

    def claim(self, tid: int) -> int:
        """Return a slot for thread ``tid``: its own, a free one, or in a full table that of another thread."""
        home = tid ^ (tid >> 16)
        free = -1
        for step in range(_PROBES):
            slot = (home + step) & (self.slots - 1)
            if self.slot_type[slot] >= -1 and self.slot_tid[slot] == tid:
                return slot
            if free < 0 and self.slot_type[slot] < 0:
                free = slot
            if self.slot_type[slot] == -2:
                break
        if free < 0:
            if self.slots < MAX_SLOTS:
                self._slot_tables(self.slots * 2)
                return self.claim(tid)
            free = home & (self.slots - 1)
        self.slot_tid[free] = tid
        return free

    def forget(self) -> None:
        """Drop every waiting enter event: another host's capture begins."""
        self.slots = 0
        self._slot_tables(FIRST_SLOTS)

    def begin(self, size: int) -> None:
        """Start a batch of up to ``size`` events with empty columns."""
        self.count = 0
        self.spans = 0
        self.c_num = np.empty(size, dtype=np.uint64)
        self.c_ts = np.empty(size, dtype=np.uint64)
        self.c_tid = np.empty(size, dtype=np.int64)
        self.c_cpu = np.empty(size, dtype=np.uint16)
        self.c_type = np.empty(size, dtype=np.uint16)
        self.c_visible = np.empty(size, dtype=np.uint8)
        self.c_first = np.zeros(size + 1, dtype=np.int32)
        self.c_start = np.empty(size * 6 + MAX_PARAMS, dtype=np.int32)
        self.c_length = np.empty(size * 6 + MAX_PARAMS, dtype=np.int32)

    def columns(self) -> list[Any]:
        """Return the columns filled so far: num, ts, tid, cpu, types, visible, first, start, length."""
        n, s = self.count, self.spans
        per_event = (self.c_num, self.c_ts, self.c_tid, self.c_cpu, self.c_type, self.c_visible)
        cut = [np.asarray(column)[:n] for column in per_event]
        return [*cut, np.asarray(self.c_first)[: n + 1], np.asarray(self.c_start)[:s], np.asarray(self.c_length)[:s]]

    def widen(self) -> None:
        """Make room for more spans."""
        grown = np.empty(len(self.c_start) * 2, dtype=np.int32)
        grown[: self.spans] = np.asarray(self.c_start)[: self.spans]
        self.c_start = grown
        grown = np.empty(len(self.c_length) * 2, dtype=np.int32)
        grown[: self.spans] = np.asarray(self.c_length)[: self.spans]
        self.c_length = grown

    def attach(self, data: bytearray) -> None:
        """Read from ``data``, which must start with :data:`CONSTANTS` and must not change its length until detached."""
        self.data = data
        self.end = len(data)
        self.w16 = _reader(data, 2)
        self.w32 = _reader(data, 4)
        self.w64 = _reader(data, 8)
        self.s64 = _reader(data, 8, True)

    def detach(self) -> None:
        """Let go of the buffer."""
        self.data = None
        self.end = 0
        self.w16 = self.w32 = self.w64 = self.s64 = None

    def carry(self, old: bytearray, new: bytearray) -> None:
        """Append to ``new`` the bytes of ``old`` that waiting enter events refer to, and refer to them there."""
        most = len(new) + MAX_CARRY
        for slot in range(self.slots):
            if self.slot_type[slot] < 0:
                continue
            for j in range(slot * _STORED, slot * _STORED + self.slot_count[slot]):
                start, length = self.slot_start[j], self.slot_length[j]
                if start < len(CONSTANTS):
                    continue
                if len(new) + length > most:
                    self.slot_type[slot] = -1
                    break
                self.slot_start[j] = len(new)
                new += old[start : start + length]

    def json(self, block: int) -> int:
        """Write the JSON text of an old container event over the event itself; return its length, 0 if it makes none.

        The text takes at most 49 bytes besides id, name and image; the block from its header to its end has at least 51.
        """
        base = self.spans
        texts = []
        for k in (0, 2, 3):
            start, length = self.c_start[base + k], self.c_length[base + k]
            if length < 1:
                return 0
            texts.append(bytes(self.data[start : start + length - 1]))
        if self.c_length[base + 1] != 4:
            return 0
        kind = self.w32[self.c_start[base + 1]]
        made = b'{"id":"%b","type":%d,"name":"%b","image":"%b"}\0' % (texts[0], kind, texts[1], texts[2])
        self.data[block : block + len(made)] = made
        return len(made)

    def parameters(self, at: int, end: int, number: int) -> int:
        """Return how many parameters an event of an old block has: as many as make up its length.

        ``at`` is where their lengths start, ``end`` where their bytes end.
        """
        fitting = 0
        reach = at
        for count in range(1, self.widest[number] + 1):
            if at + 2 * count > end:
                break
            reach += 2 + self.w16[at + 2 * (count - 1)]
            if reach > end:
                break
            fitting = count
        return fitting

    def measure(self, at: int, count: int, wide: bool, end: int) -> None:
        """Append the spans of ``count`` stored parameters whose lengths start at ``at``; cut what reaches past ``end``."""
        base = self.spans
        value = at + count * (4 if wide else 2)
        for k in range(count):
            if wide:
                length = self.w32[at + 4 * k]
            else:
                length = self.w16[at + 2 * k]
            if length > end - value:
                length = end - value
            self.c_start[base + k] = value
            self.c_length[base + k] = length
            value += length

    def convert(self, chosen: int, stored: int, tid: int, block: int) -> None:
        """Replace the ``stored`` spans just measured by those of the final event."""
        base = self.spans
        first = self.plan_first[chosen]
        count = self.plan_count[chosen]
        wanted = self.plan_enter[chosen]
        slot = -1
        if wanted >= 0:
            slot = self.find(tid)
            if slot >= 0:
                found = self.slot_type[slot]
                self.slot_type[slot] = -1
                if found != wanted:
                    slot = -1  # left over from a call whose exit is missing
        for k in range(stored):
            self.t_start[k] = self.c_start[base + k]
            self.t_length[k] = self.c_length[base + k]
        for k in range(count):
            op = first + k
            code = self.op_code[op]
            start = self.op_start[op]
            length = self.op_length[op]
            if code == 0:  # OLD
                start = self.t_start[self.op_param[op]]
                length = self.t_length[self.op_param[op]]
            elif code == 1:  # ENTER
                if slot >= 0 and self.op_param[op] < self.slot_count[slot]:
                    start = self.slot_start[slot * _STORED + self.op_param[op]]
                    length = self.slot_length[slot * _STORED + self.op_param[op]]
            elif code == 3:  # JSON
                start = block
                length = self.json(block)
            if length > self.op_cap[op]:
                length = self.op_cap[op]
            self.c_start[base + k] = start
            self.c_length[base + k] = length

    def remember(self, tid: int, number: int, count: int) -> None:
        """Keep the enter event whose spans were just measured for the exit event of its thread."""
        slot = self.claim(tid)
        self.slot_type[slot] = number
        self.slot_count[slot] = count
        for k in range(count):
            self.slot_start[slot * _STORED + k] = self.c_start[self.spans + k]
            self.slot_length[slot * _STORED + k] = self.c_length[self.spans + k]

    def run(self, position: int, size: int) -> int:
        """Decode blocks from byte ``position`` on until the batch holds ``size`` events.

        Returns where the next block starts; ``stop`` says why it came back (:class:`Stop`).
        """
        end = self.end
        while True:
            if self.count >= size:
                self.stop = 0
                return position
            if position + 8 > end:
                self.stop = 1
                return position
            kind = self.w32[position]
            total = self.w32[position + 4]
            flags = 0
            at = position + 10  # of the event header: time, thread, length, number, count
            header = 26
            most = _MAX_SMALL_BLOCK
            if kind == _EV_V2:
                pass
            elif kind == _EV or kind == _EV_INT:
                header = 22
            elif kind == _EVF_V2:
                at += 4
            elif kind == _EVF:
                at += 4
                header = 22
            elif kind == _EV_V2_LARGE:
                most = _MAX_BLOCK
            elif kind == _EVF_V2_LARGE:
                at += 4
                most = _MAX_BLOCK
            else:
                self.stop = 2
                return position
            if total < at - position + header + 4 or total > most:
                self.stop = 3
                return position
            if total > end - position:
                self.stop = 1
                return position
            block = position
            position += total
            number = self.w16[at + 20]
            if number >= self.known:
                continue  # of a newer driver
            if at != block + 10:
                flags = self.w32[block + 10]
            tid = self.s64[at + 8]
            traits = self.traits[number]
            close = block + total - 4
            if self.spans + _PARAMS * 2 > self.c_start.shape[0]:
                self.widen()
            if header == 26:
                width = 4 if traits & 8 else 2
                count = self.w32[at + 22]
                if count > _PARAMS - 1:
                    count = _PARAMS - 1
                if count * width > close - at - 26:
                    count = 0
                self.measure(at + 26, count, width == 4, close)
            else:
                length = self.w32[at + 16]
                if traits & 16 and length > 3:
                    length -= 3
                if 22 <= length <= close - at:
                    close = at + length
                count = self.parameters(at + 22, close, number)
                self.measure(at + 22, count, False, close)
            chosen = self.action[number * _PARAMS + count]
            if chosen == -2:
                self.leading = False
                continue
            if chosen >= 0:
                self.convert(chosen, count, tid, block)
                number = self.plan_number[chosen]
                count = self.plan_count[chosen]
                traits = self.traits[number]
                if self.plan_outcome[chosen] >= 2:
                    self.remember(tid, number, count)
                    if self.plan_outcome[chosen] == 2:
                        self.leading = False
                        continue
            visible = 1
            if traits & 1 or flags & _STATE_ONLY:
                visible = 0
            if self.leading:
                if traits & 2:
                    visible = 0
                else:
                    self.leading = False
            n = self.count
            self.num += 1
            self.c_num[n] = self.num
            self.c_ts[n] = self.w64[at]
            self.c_tid[n] = tid
            self.c_cpu[n] = self.w16[block + 8]
            self.c_type[n] = number
            self.c_visible[n] = visible
            if self.first_ts == 0 and not traits & 4:
                self.first_ts = self.w64[at]
            self.count = n + 1
            self.spans += count
            self.c_first[n + 1] = self.spans
