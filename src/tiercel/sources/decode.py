"""The decoding kernel: event blocks become columns and parameter spans, old layouts today's, without copying bytes.

:meth:`Decoder.run` walks over the blocks of one buffer. A parameter is a span of that buffer, also when conversion
takes it from the enter event before it; a default value is a span of the constants every buffer starts with. An enter
event still waiting for its exit when the buffer is left behind has its bytes moved to the next one.

Compiled with Cython (types in ``decode.pxd``); runs unchanged, slower, as plain Python.

References: block layouts and the number of parameters of events in old blocks follow libscap's ``scap_savefile.c``,
which events are hidden follows ``sinsp::next`` (libs 0.25.4). Nothing here is fatal: lengths that do not fit are cut.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import cython  # type: ignore[import-untyped]
import numpy as np

from tiercel.sources.blocks import MAX_BLOCK
from tiercel.sources.plan_tables import plan_tables
from tiercel.sources.recycling import Columns
from tiercel.sources.waiting import Waiting
from tiercel.wire.conversion import MAX_PARAMS
from tiercel.wire.event_table import EVENTS

# as C numbers, see decode.pxd
_EV, _EV_INT, _EV_V2, _EV_V2_LARGE = 0x204, 0x8010ABCD, 0x216, 0x221
_EVF, _EVF_V2, _EVF_V2_LARGE = 0x208, 0x217, 0x222
_MAX_BLOCK = MAX_BLOCK
_MAX_SMALL_BLOCK = (64 << 10) + 8  # longest event block of the kinds without a large payload
_STATE_ONLY = 1  # flag of an event block: for the state, not for the reader
_PARAMS = MAX_PARAMS
_STORED = 8  # spans of a slot of Waiting


# of num, ts, tid, cpu, types, visible, first, start, length
_KINDS: list[type[np.generic]] = [
    np.uint64, np.uint64, np.int64, np.uint16, np.uint16, np.uint8, np.int32, np.int32, np.int32,
]  # fmt: skip


class Stop(IntEnum):
    """Why :meth:`Decoder.run` came back."""

    FULL = 0  # as many events as asked for
    MORE = 1  # the buffer ends before or inside a block
    OTHER = 2  # a block that holds no event
    DAMAGE = 3  # a length that cannot be


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
    """Decodes one capture. Keeps the event count, the waiting enter events and the columns of the batch at hand."""

    def __init__(self) -> None:
        self.known = len(EVENTS)
        self.num = 0  # of the last event that got a number
        self.first_ts = 0
        self.leading = True  # nothing but initial state so far
        self.stop = 0
        self.waiting = Waiting()
        tables = plan_tables()
        self.action, self.plans, self.ops = tables.action, tables.plans, tables.ops
        self.traits, self.table_params = tables.traits, tables.params
        self.t_start = np.zeros(MAX_PARAMS, dtype=np.int32)  # spans as stored, while they are rearranged
        self.t_length = np.zeros(MAX_PARAMS, dtype=np.int32)
        self.pool = Columns(_KINDS)
        self.detach()
        self.begin(0)

    def restart(self) -> None:
        """Another capture begins: nothing waits, and its initial state comes first. Event numbers go on."""
        self.waiting.clear()
        self.leading = True
        self.first_ts = 0

    def begin(self, size: int) -> None:
        """Start a batch of up to ``size`` events with empty columns."""
        self.count = 0
        self.spans = 0
        spans = size * 6 + MAX_PARAMS
        lengths = [size, size, size, size, size, size, size + 1, spans, spans]
        self.hold([np.empty(0, dtype=kind) for kind in _KINDS])  # those of the batch before may be used again
        self.hold(self.pool.take(lengths))
        self.c_first[0] = 0

    def hold(self, columns: list[Any]) -> None:
        """Fill these columns from now on."""
        self.c_num, self.c_ts, self.c_tid, self.c_cpu, self.c_type = columns[:5]
        self.c_visible, self.c_first, self.c_start, self.c_length = columns[5:]

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

    def attach(self, data: bytearray, end: int) -> None:
        """Read the first ``end`` bytes of ``data``, which must start with :data:`CONSTANTS` and stay as long."""
        self.data = data
        self.end = min(end, len(data))
        self.w16 = _reader(data, 2)
        self.w32 = _reader(data, 4)
        self.w64 = _reader(data, 8)
        self.s64 = _reader(data, 8, True)

    def detach(self) -> None:
        """Let go of the buffer."""
        self.data = bytearray()
        self.end = 0
        self.w16 = self.w32 = self.w64 = self.s64 = None

    def json(self, block: int) -> int:
        """Write the JSON text of an old container event over the event itself; return its length, 0 if it makes none.

        The text takes at most 49 bytes besides id, name and image; the block, header and all, has at least 51.
        """
        texts = []
        for k in (0, 2, 3):
            start, length = self.t_start[k], self.t_length[k]
            if length < 1:
                return 0
            texts.append(bytes(self.data[start : start + length - 1]))
        if self.t_length[1] != 4:
            return 0
        kind = self.w32[self.t_start[1]]
        made = b'{"id":"%b","type":%d,"name":"%b","image":"%b"}\0' % (texts[0], kind, texts[1], texts[2])
        self.data[block : block + len(made)] = made
        return len(made)

    def parameters(self, at: int, end: int, number: int) -> int:
        """Return how many parameters an event of an old block has: as many as make up its length.

        ``at`` is where their lengths start, ``end`` where their bytes end.
        """
        fitting = 0
        reach = at
        for count in range(1, self.table_params[number] + 1):
            if at + 2 * count > end:
                break
            reach += 2 + self.w16[at + 2 * (count - 1)]
            if reach > end:
                break
            fitting = count
        return fitting

    def measure(self, at: int, count: int, wide: bool, end: int, aside: bool) -> None:
        """Append the spans of ``count`` parameters whose lengths start at ``at``; cut what reaches past ``end``.

        Spans that are to be converted are put ``aside``.
        """
        base = self.spans
        value = at + count * (4 if wide else 2)
        for k in range(count):
            length = self.w32[at + 4 * k] if wide else self.w16[at + 2 * k]
            if length > end - value:
                length = end - value
            if aside:
                self.t_start[k] = value
                self.t_length[k] = length
            else:
                self.c_start[base + k] = value
                self.c_length[base + k] = length
            value += length

    def convert(self, chosen: int, tid: int, block: int) -> None:
        """Append the spans of the final event, made of those put aside."""
        base = self.spans
        first = self.plans[chosen, 3]
        slot = -1
        if self.plans[chosen, 2] >= 0:
            slot = self.waiting.take(tid, self.plans[chosen, 2])
        for k in range(self.plans[chosen, 4]):
            op = first + k
            code = self.ops[op, 0]
            param = self.ops[op, 1]
            start = self.ops[op, 2]
            length = self.ops[op, 3]
            if code == 0:  # OLD
                start = self.t_start[param]
                length = self.t_length[param]
            elif code == 1:  # ENTER
                if slot >= 0 and param < self.waiting.count[slot]:
                    start = self.waiting.start[slot * _STORED + param]
                    length = self.waiting.length[slot * _STORED + param]
            elif code == 3:  # JSON
                start = block
                length = self.json(block)
            if length > self.ops[op, 4]:
                length = self.ops[op, 4]
            self.c_start[base + k] = start
            self.c_length[base + k] = length

    def remember(self, tid: int, number: int, count: int) -> None:
        """Keep the enter event whose spans were just measured for the exit event of its thread."""
        slot = self.waiting.claim(tid)
        self.waiting.number[slot] = number
        self.waiting.count[slot] = count
        for k in range(count):
            self.waiting.start[slot * _STORED + k] = self.c_start[self.spans + k]
            self.waiting.length[slot * _STORED + k] = self.c_length[self.spans + k]

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
            elif kind in (_EV, _EV_INT):
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
            cpu = self.w16[block + 8]  # the header is read before conversion, which may write over it
            ts = self.w64[at]
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
                lengths = at + 26
            else:
                length = self.w32[at + 16]
                if traits & 16 and length > 3:
                    length -= 3
                if 22 <= length <= close - at:
                    close = at + length
                count = self.parameters(at + 22, close, number)
                lengths = at + 22
                width = 2
            chosen = self.action[number, count]
            if chosen == -2:
                self.leading = False
                continue
            self.measure(lengths, count, width == 4, close, chosen >= 0)
            if chosen >= 0:
                self.convert(chosen, tid, block)
                number = self.plans[chosen, 0]
                count = self.plans[chosen, 4]
                traits = self.traits[number]
                if self.plans[chosen, 1] >= 2:
                    self.remember(tid, number, count)
                    if self.plans[chosen, 1] == 2:
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
            self.c_ts[n] = ts
            self.c_tid[n] = tid
            self.c_cpu[n] = cpu
            self.c_type[n] = number
            self.c_visible[n] = visible
            if self.first_ts == 0 and not traits & 4:
                self.first_ts = ts
            self.count = n + 1
            self.spans += count
            self.c_first[n + 1] = self.spans
