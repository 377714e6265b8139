"""Parameters as text, for one event or for many at once.

``evt.args`` of every event is the dearest field there is, so this is a kernel: compiled with Cython (types in
``params.pxd``), the same and slower as plain Python. Frequent layouts are written here byte by byte into one growing
buffer, rare ones come from :mod:`tiercel.fields.params_render`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.params_named import named_rows
from tiercel.fields.params_names import ERRORS
from tiercel.fields.params_render import (
    AT_FDCWD,
    account,
    descriptor_text,
    dynamic,
    empty,
    fdlist,
    fixed,
    kind_of_row,
)
from tiercel.fields.params_text import join_path, sanitize
from tiercel.model.columns import F, P
from tiercel.wire.event_table import EVENTS, Format, Param, ParamType

if TYPE_CHECKING:
    from tiercel.model.batch import Batch

# what to do with a parameter; everything not listed goes through params_render
_OTHER, _FD, _PID, _ERRNO, _INT, _TABLE, _TEXT, _PATH, _BYTES, _UID, _GID, _HEX = range(12)

_CODES = {
    ParamType.FD: _FD,
    ParamType.PID: _PID,
    ParamType.ERRNO: _ERRNO,
    ParamType.CHARBUF: _TEXT,
    ParamType.FSPATH: _PATH,
    ParamType.FSRELPATH: _PATH,
    ParamType.BYTEBUF: _BYTES,
    ParamType.UID: _UID,
    ParamType.GID: _GID,
}
_INTEGERS = {
    ParamType.INT8: -1,
    ParamType.INT16: -2,
    ParamType.INT32: -4,
    ParamType.INT64: -8,
    ParamType.UINT8: 1,
    ParamType.UINT16: 2,
    ParamType.UINT32: -4,  # shown signed
    ParamType.UINT64: -8,
}
_UNSIGNED = (ParamType.UINT8, ParamType.UINT16, ParamType.UINT32, ParamType.UINT64)
_TABLES = {
    ParamType.FLAGS8: 1,
    ParamType.FLAGS16: 2,
    ParamType.FLAGS32: 4,
    ParamType.ENUMFLAGS8: 1,
    ParamType.ENUMFLAGS16: 2,
    ParamType.ENUMFLAGS32: 4,
}

GENERIC_X = 1

# numbers too large for Cython to take as C integers where they are written out
_TWO_31 = 1 << 31
_TWO_32 = 1 << 32
_LOWEST = -(1 << 63)


class Plan:
    """How to render one parameter of one event type."""

    def __init__(self, param: Param, k: int, is_descriptor: bool = False) -> None:
        self.param = param
        self.prefix = (" " if k else "").encode() + param.name.encode() + b"="
        self.code = _CODES.get(param.type, _OTHER)
        self.size = 8
        self.known: dict[int, bytes] = {}
        self.dirfd = param.dirfd if is_descriptor else -1
        if param.type in _INTEGERS and param.format not in (Format.HEX, Format.OCT, Format.PADDED_DEC):
            self.code = _INT
            self.size = _INTEGERS[param.type]
        elif param.type in _INTEGERS and param.format is Format.HEX and param.type in _UNSIGNED:
            self.code = _HEX
            self.size = abs(_INTEGERS[param.type])
        elif param.type in _TABLES or param.type in _INTEGERS:
            self.code = _TABLE
            self.size = _TABLES.get(param.type) or abs(_INTEGERS[param.type])


def _plans() -> list[list[Plan]]:
    plans = []
    for event in EVENTS:
        from_descriptor = [
            param.dirfd >= 0 and event.params[param.dirfd].type is ParamType.FD for param in event.params
        ]
        plans.append([Plan(param, k, from_descriptor[k]) for k, param in enumerate(event.params)])
    return plans


_PLANS = _plans()
_DOT = bytes(byte if 0x20 <= byte < 0x7F else 0x2E for byte in range(256))
_PLAIN = bytes(1 if 0x20 <= byte < 0x7F else 0 for byte in range(256))


class Renderer:
    """Writes parameters of the events of one batch into a buffer.

    Not safe to share between threads.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.raw = batch.data
        self.data = batch.data
        self.types = batch.types
        self.first = batch.first
        self.start = batch.start
        self.length = batch.length
        self.process = batch.process
        self.plans = _PLANS
        self.dot = _DOT
        self.plain = _PLAIN
        self.errors = ERRORS
        self.descriptors: dict[int, bytes] = batch.tables.derived.setdefault("params.descriptors", {})
        self.commands: dict[int, bytes] = batch.tables.derived.setdefault("params.commands", {})
        self.directories: dict[int, bytes] = {}
        self.paths: dict[Any, bytes] = {}
        self.capacity = 1 << 16
        self.buffer = bytearray(self.capacity)
        self.out = self.buffer
        self.position = 0
        self.split = 0
        self.odd = False

    # writing

    def room(self, size: int) -> None:
        """Make sure ``size`` more bytes fit."""
        if self.position + size > self.capacity:
            while self.position + size > self.capacity:
                self.capacity *= 2
            larger = bytearray(self.capacity)
            larger[: self.position] = memoryview(self.buffer)[: self.position]
            self.buffer = larger
            self.out = larger

    def put(self, text: bytes) -> None:
        size = len(text)
        if self.position + size > self.capacity:
            self.room(size)
        at = self.position
        out = self.out
        for i in range(size):
            out[at + i] = text[i]
        self.position = at + size

    def put_checked(self, text: bytes) -> None:
        """Write text that may hold bytes to sanitize later."""
        size = len(text)
        if self.position + size > self.capacity:
            self.room(size)
        at = self.position
        out = self.out
        plain = self.plain
        for i in range(size):
            char = text[i]
            if not plain[char]:
                self.odd = True
            out[at + i] = char
        self.position = at + size

    def put_number(self, value: int) -> None:
        if self.position + 24 > self.capacity:
            self.room(24)
        at = self.position
        if value < 0:
            if value == _LOWEST:  # it has no positive counterpart
                self.put(b"-9223372036854775808")
                return
            self.out[at] = 0x2D
            at += 1
            value = -value
        digits = 1
        limit = value
        while limit >= 10:
            limit = limit // 10
            digits += 1
        end = at + digits
        out = self.out
        i = end - 1
        while i >= at:
            limit = value // 10
            out[i] = 0x30 + (value - limit * 10)
            value = limit
            i -= 1
        self.position = end

    def put_hex(self, value: int) -> None:
        """Write the low 64 bits of ``value`` in hexadecimal, capitals, without leading zeros."""
        if self.position + 16 > self.capacity:
            self.room(16)
        at = self.position
        shift = 60
        while shift > 0 and (value >> shift) & 15 == 0:
            shift -= 4
        while shift >= 0:
            digit = (value >> shift) & 15
            self.out[at] = digit + (0x30 if digit < 10 else 0x37)
            at += 1
            shift -= 4
        self.position = at

    def put_resolved(self, text: bytes) -> None:
        """Write the part in brackets."""
        self.split = self.position
        if len(text) != 0:
            if self.position + len(text) + 2 > self.capacity:
                self.room(len(text) + 2)
            self.out[self.position] = 0x28
            self.position += 1
            self.put_checked(text)
            self.out[self.position] = 0x29
            self.position += 1

    # reading

    def read(self, at: int, size: int) -> int:
        """Return the little-endian number of ``size`` bytes at ``at``; a negative size reads it as signed.

        Eight bytes are always read as signed.
        """
        low = self.data[at]
        if size in (-1, 1):
            return low - 0x100 if size < 0 and low >= 0x80 else low
        high = self.data[at + 1]
        low += high * 0x100
        if size in (-2, 2):
            return low - 0x10000 if size < 0 and low >= 0x8000 else low
        high = self.data[at + 2]
        low += high * 0x10000
        high = self.data[at + 3]
        low += high * 0x1000000
        if size in (-4, 4):
            return low - _TWO_32 if size < 0 and low >= _TWO_31 else low
        high = self.data[at + 7]
        if high >= 0x80:
            high -= 0x100
        high = high * 0x100 + self.data[at + 6]
        high = high * 0x100 + self.data[at + 5]
        high = high * 0x100 + self.data[at + 4]
        return high * _TWO_32 + low

    def bytes_of(self, at: int, size: int) -> bytes:
        return bytes(self.raw[at : at + size])

    def descriptor(self, row: int) -> bytes:
        """Return a descriptor row as shown in brackets."""
        found = self.descriptors.get(row)
        if found is None:
            cells = self.batch.tables.files.array[row]
            name = self.batch.tables.strings.get(int(cells[F.NAME])) or b""
            found = descriptor_text(int(cells[F.KIND]), int(cells[F.L4PROTO]), name)
            self.descriptors[row] = found
        return found

    def file_row(self, i: int, fd: int) -> int:
        """Return the row of descriptor ``fd`` of the caller of event ``i``, -1 when it is not open."""
        lookup = self.batch.lookup
        process = int(self.batch.process[i])
        if lookup is None or process < 0:
            return -1
        owner = int(self.batch.tables.processes.array[process, P.FDOWNER])
        return lookup.file(owner, fd, i)

    def command(self, i: int, tid: int, row: int) -> bytes:
        """Return the name of thread ``tid``, whose row is ``row`` or, when that is -2, still to be looked up."""
        if row == -2:
            lookup = self.batch.lookup
            row = -1 if lookup is None else lookup.process(tid, i)
        if row < 0:
            return b""
        found = self.commands.get(row)
        if found is None:
            tables = self.batch.tables
            found = tables.strings.get(int(tables.processes.array[row, P.COMM])) or b""
            self.commands[row] = found
        return found

    def directory(self, i: int, k: int, dirfd: int) -> bytes:
        """Return the directory that relative path ``k`` of event ``i`` starts from, ending in a slash."""
        if dirfd >= 0:
            j = self.first[i] + dirfd
            if j < self.first[i + 1] and self.length[j] == 8:
                fd = self.read(self.start[j], 8)
                if fd != AT_FDCWD:
                    return self.open_directory(i, fd)
        row = self.process[i]
        found = self.directories.get(row)
        if found is None:
            tables = self.batch.tables
            found = tables.strings.get(int(tables.processes.array[row, P.CWD])) or b""
            self.directories[row] = found
        return found

    def open_directory(self, i: int, fd: int) -> bytes:
        """Return the name of an open directory with a slash behind it, empty when it is not known."""
        tables = self.batch.tables
        row = self.file_row(i, fd)
        cell = int(tables.files.array[row, F.NAME]) if row >= 0 else -1
        name = sanitize(tables.strings.get(cell) or b"")
        return name if not name or name.endswith(b"/") else name + b"/"

    def resolved_path(self, i: int, k: int, dirfd: int, path: bytes) -> bytes:
        """Return relative ``path`` in full."""
        if self.process[i] < 0:
            return b""
        begin = self.directory(i, k, dirfd)
        key = (begin, path)
        found = self.paths.get(key)
        if found is None:
            found = join_path(begin, path)
            self.paths[key] = found
        return found

    # rendering

    def emit(self, i: int, k: int, row: int) -> None:
        """Write parameter ``k`` of event ``i`` with what it resolves to in brackets; ``split`` is where that begins.

        ``row`` is the row of the descriptor or thread a parameter names: -1 for none, -2 when it is still to be looked
        up.
        """
        plan = self.plans[self.types[i]][k]
        code = plan.code
        j = self.first[i] + k
        size = self.length[j]
        at = self.start[j]
        if size == 0:
            if code in (_TEXT, _PATH):
                self.put(b"<NA>")
            else:
                self.put(empty(plan.param.type)[0])
            self.split = self.position
            return
        if code in (_TEXT, _PATH):
            self.emit_text(i, k, plan, at, size)
        elif code == _BYTES:
            if self.position + size > self.capacity:
                self.room(size)
            position = self.position
            out, dot = self.out, self.dot
            for n in range(size):
                char = self.data[at + n]
                out[position + n] = dot[char]
            self.position = position + size
            self.split = self.position
        elif code == _INT:
            if size != (plan.size if plan.size > 0 else -plan.size):
                self.put(b"<NA>")
            else:
                self.put_number(self.read(at, plan.size))
            self.split = self.position
        elif code == _HEX:
            if size != plan.size:
                self.put(b"<NA>")
            else:
                self.put_hex(self.read(at, plan.size))
            self.split = self.position
        elif code == _TABLE:
            self.emit_table(plan, at, size)
        elif size == 8 and code in (_FD, _PID, _ERRNO):
            value = self.read(at, 8)
            self.put_number(value)
            if code == _ERRNO:
                self.put_resolved(self.errors.get(-value, b"") if value < 0 else b"")
            elif code == _PID:
                self.put_resolved(self.command(i, value, row))
            elif value >= 0:
                if row == -2:
                    row = self.file_row(i, value)
                self.put_resolved(self.descriptor(row) if row >= 0 else b"")
            elif value == AT_FDCWD:
                self.put_resolved(b"AT_FDCWD")
            else:
                self.put_resolved(self.errors.get(-value, b""))
        else:
            self.emit_other(i, plan, at, size)

    def emit_text(self, i: int, k: int, plan: Plan, at: int, size: int) -> None:
        begin = self.position
        if begin + size > self.capacity:
            self.room(size)
        odd = False
        out, plain = self.out, self.plain
        n = 0
        while n < size:
            char = self.data[at + n]
            if char == 0:
                break
            if not plain[char]:
                odd = True
            out[begin + n] = char
            n += 1
        if n == 6 and self.bytes_of(at, 6) == b"(NULL)" and size == 7:
            self.put(b"<NA>")
            self.split = self.position
            return
        self.position = begin + n
        if plan.code == _TEXT:
            if odd:
                self.odd = True
            self.split = self.position
            return
        if odd:
            self.position = begin
            self.put(sanitize(self.bytes_of(at, n)))
        if n == 0 or self.data[at] == 0x2F or (n == 4 and self.bytes_of(at, 4) == b"<NA>"):
            self.split = self.position
        else:
            self.put_resolved(sanitize(self.resolved_path(i, k, plan.dirfd, self.bytes_of(at, n))))

    def emit_table(self, plan: Plan, at: int, size: int) -> None:
        """Write a value by its table; how each value looks is kept, the resolved part after a NUL."""
        if size != plan.size:
            self.put(b"<NA>")
            self.split = self.position
            return
        value = self.read(at, size)
        known = plan.known.get(value)
        if known is None:
            rendered = fixed(plan.param, self.bytes_of(at, size))
            known = b"" if rendered is None else rendered[0] + b"\0" + rendered[1]
            if len(plan.known) < 65536:
                plan.known[value] = known
        begin = self.position
        length = len(known)
        if begin + length + 1 > self.capacity:
            self.room(length + 1)
        out = self.out
        n = 0
        while n < length and known[n] != 0:
            out[begin + n] = known[n]
            n += 1
        self.split = begin + n
        self.position = begin + n
        if n + 1 < length:
            out[begin + n] = 0x28
            n += 1
            while n < length:
                out[begin + n] = known[n]
                n += 1
            out[begin + n] = 0x29
            self.position = begin + n + 1

    def emit_other(self, i: int, plan: Plan, at: int, size: int) -> None:
        param = plan.param
        data = self.bytes_of(at, size)
        if param.type == ParamType.DYN and param.dynamic:
            inner = dynamic(param, data)
            if inner is None:
                self.put(b"INVALID DYNAMIC PARAMETER")
                self.split = self.position
                return
            param, data = inner
        value, resolved = self.other(i, param, data)
        self.put_checked(value)
        self.put_resolved(resolved)

    def other(self, i: int, param: Param, data: bytes) -> tuple[bytes, bytes]:
        rendered = fixed(param, data)
        if rendered is not None:
            return rendered
        kind = param.type
        process = int(self.batch.process[i])
        if kind == ParamType.UID or kind == ParamType.GID:
            return account(self.batch, process, data, kind == ParamType.GID)
        if kind == ParamType.FDLIST:
            if process < 0:
                return b"", b""
            return fdlist(data, lambda fd: kind_of_row(self.batch, self.file_row(i, fd)))
        if kind == ParamType.CHARBUF:
            return data.partition(b"\0")[0], b""
        if kind == ParamType.DYN:
            return b"INVALID DYNAMIC PARAMETER", b""
        if kind in (ParamType.FD, ParamType.ERRNO, ParamType.PID):
            if len(data) != 8:
                return b"<NA>", b""
            value = int.from_bytes(data, "little", signed=True)
            text = b"%d" % value
            if kind == ParamType.PID:
                return text, self.command(i, value, -2)
            if value < 0:
                return text, b"AT_FDCWD" if kind == ParamType.FD and value == AT_FDCWD else ERRORS.get(-value, b"")
            row = self.file_row(i, value) if kind == ParamType.FD else -1
            return text, self.descriptor(row) if row >= 0 else b""
        return b"(n.a.)", b""

    # what others ask for

    def count(self, i: int) -> int:
        """Return how many parameters of event ``i`` can be named."""
        return min(int(self.first[i + 1] - self.first[i]), len(self.plans[self.types[i]]))

    def value(self, i: int, k: int) -> tuple[bytes, bytes]:
        """Return (value, resolved) of parameter ``k`` of event ``i``."""
        self.position = 0
        self.emit(i, k, -2)
        text = bytes(memoryview(self.buffer)[: self.position])
        return text[: self.split], text[self.split + 1 : max(self.position - 1, 0)]

    def argument(self, i: int, k: int) -> bytes:
        """Return parameter ``k`` of event ``i`` as ``evt.arg`` shows it: resolved where that can be done."""
        self.position = 0
        self.emit(i, k, -2)
        if self.position > self.split + 1:
            return bytes(self.buffer[self.split + 1 : self.position - 1])
        return bytes(self.buffer[: self.split])

    def write_args(self, i: int, rows: Any, base: int) -> None:
        """Append all arguments of event ``i``; ``rows[base + k]`` is what parameter ``k`` names, see ``emit``."""
        kind = self.types[i]
        if kind == GENERIC_X:
            return
        plans = self.plans[kind]
        count = self.first[i + 1] - self.first[i]
        if count > len(plans):
            count = len(plans)
        for k in range(count):
            plan = plans[k]
            self.put(plan.prefix)
            self.emit(i, k, rows[base + k])

    def args(self, i: int) -> bytes:
        """Return ``evt.args`` of event ``i``."""
        self.position = 0
        self.write_args(i, np.full(max(self.count(i), 1), -2, dtype=np.int64), 0)
        return bytes(memoryview(self.buffer)[: self.position])

    def all_args(
        self, indices: NDArray[np.int64], rows: NDArray[np.int64], bases: NDArray[np.int64], clean: bool
    ) -> NDArray[np.int64]:
        """Write the arguments of all these events; returns where each begins, and the end."""
        self.position = 0
        offsets = np.zeros(len(indices) + 1, dtype=np.int64)
        ends = offsets
        for n in range(len(indices)):
            begin = self.position
            self.odd = False
            self.write_args(indices[n], rows, bases[n])
            if self.odd and clean:
                text = sanitize(bytes(memoryview(self.buffer)[begin : self.position]))
                self.position = begin
                self.put(text)
            ends[n + 1] = self.position
        return offsets

    def texts(self, indices: NDArray[np.int64], clean: bool) -> tuple[bytes, NDArray[np.int64]]:
        """Return ``evt.args`` of many events as one text and where each event's part begins, with the end.

        With ``clean`` what is no printable UTF-8 is replaced, as it is in every output.
        """
        rows, bases = named_rows(self.batch, indices)
        offsets = self.all_args(np.ascontiguousarray(indices, dtype=np.int64), rows, bases, clean)
        return bytes(memoryview(self.buffer)[: self.position]), offsets

    def arguments(self, indices: NDArray[np.int64], ks: NDArray[np.int64]) -> list[bytes | None]:
        """Return parameter ``ks[n]`` of event ``indices[n]`` as ``evt.arg`` shows it, for every ``n``."""
        return [self.argument(i, k) for i, k in zip(indices.tolist(), ks.tolist(), strict=True)]
