"""Parameters as text: the layouts that are rare enough to be rendered one by one.

Each renderer returns (value, resolved): ``resolved`` is what stands in brackets behind the value, empty for none.
The forms are those of libsinsp 0.25.4.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tiercel.fields.params_names import SIGNALS
from tiercel.fields.params_text import address, dots, sanitize
from tiercel.model.columns import F, FdKind, P
from tiercel.wire.event_table import Format, Param, ParamType
from tiercel.wire.flag_table import DYNAMIC, FLAGS
from tiercel.wire.syscall_table import NAMES

if TYPE_CHECKING:
    from tiercel.model.batch import Batch

Rendered = tuple[bytes, bytes]

MISSING = b"<NA>"
AT_FDCWD = -100
_FDLIST_MAX = 1023  # a list of descriptors is cut there
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_MAPPED = bytes(10) + b"\xff\xff"

TYPE_CHARS: dict[int, bytes] = {
    FdKind.UNKNOWN: b"o",
    FdKind.FILE: b"f",
    FdKind.DIRECTORY: b"d",
    FdKind.IPV4_SOCK: b"4",
    FdKind.IPV6_SOCK: b"6",
    FdKind.IPV4_SERVSOCK: b"4",
    FdKind.IPV6_SERVSOCK: b"6",
    FdKind.FIFO: b"p",
    FdKind.UNIX_SOCK: b"u",
    FdKind.EVENT: b"e",
    FdKind.UNSUPPORTED: b"X",
    FdKind.SIGNALFD: b"s",
    FdKind.EVENTPOLL: b"l",
    FdKind.INOTIFY: b"i",
    FdKind.TIMERFD: b"t",
    FdKind.NETLINK: b"n",
    FdKind.FILE_V2: b"f",
    FdKind.BPF: b"b",
    FdKind.USERFAULTFD: b"u",
    FdKind.IOURING: b"r",
    FdKind.MEMFD: b"m",
    FdKind.PIDFD: b"P",
}
"""``fd.typechar`` of each kind of descriptor; any other is ``?``."""

_PROTOCOL_CHARS = {2: b"t", 3: b"u", 4: b"i", 5: b"r"}  # SCAP_L4_*
_INET_KINDS = frozenset({FdKind.IPV4_SOCK, FdKind.IPV6_SOCK, FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK})


def descriptor_text(kind: int, protocol: int, name: bytes) -> bytes:
    """Return a descriptor as it is shown in brackets, for example ``<4t>10.0.0.7:1234->10.0.0.8:443``."""
    letter = _PROTOCOL_CHARS.get(protocol, b"") if kind in _INET_KINDS else b""
    return b"<" + TYPE_CHARS.get(kind, b"?") + letter + b">" + sanitize(name).partition(b"\0")[0]


def number(value: int, form: Format, bits: int) -> bytes:
    """Return an integer in the given form; ``bits`` says how wide a negative one is in octal and hexadecimal.

    Decimal values of 32 and 64 bits are shown signed, whatever their type.
    """
    if form == Format.OCT:
        masked = value & ((1 << bits) - 1)
        return b"0%o" % masked if masked else b"0"
    if form == Format.HEX:
        return b"%X" % (value & ((1 << bits) - 1))
    if value >= 1 << (bits - 1):
        value -= 1 << bits
    return b"%09d" % value if form == Format.PADDED_DEC else b"%d" % value


def flags(value: int, table: str, exact: bool) -> bytes:
    """Return the names of the bits of ``value``, or with ``exact`` of the value itself, joined by ``|``."""
    names = []
    left = value
    for name, bit in FLAGS.get(table, ()):
        if exact:
            if bit == value:
                names.append(name)
        elif (bit == 0 and value == 0) or (bit != 0 and left != 0 and left & bit == bit):
            names.append(name)
            left &= ~bit
            if bit == value:
                break
    return "|".join(names).encode()


def mode(value: int, table: str) -> bytes:
    """Return the names of the permission bits of ``value``."""
    names = []
    left = value
    for name, bit in FLAGS.get(table, ()):
        if bit == value:
            names.append(name)
            break
        if bit != 0 and left != 0 and left & bit == bit:
            names.append(name)
            left &= ~bit
    return "|".join(names).encode()


def endpoint(ip: bytes, port: int) -> bytes:
    """Return one end of a connection, for example ``10.0.0.7:443``."""
    return b"%s:%d" % (address(ip), port)


def sockaddr(data: bytes) -> Rendered:
    family = data[0]
    if family == _AF_UNIX:
        return sanitize(data[1:].partition(b"\0")[0]), b""
    if family == _AF_INET:
        if len(data) != 7:
            return b"INVALID IPv4", b""
        return endpoint(data[1:5], int.from_bytes(data[5:7], "little")), b""
    if family == _AF_INET6:
        if len(data) != 19:
            return b"INVALID IPv6", b""
        return endpoint(data[1:17], int.from_bytes(data[17:19], "little")), b""
    return b"family %d" % family, b""


def socktuple(data: bytes) -> Rendered:
    family = data[0]
    if family == _AF_INET:
        if len(data) != 13:
            return b"INVALID IPv4", b""
        _, source, sport, dest, dport = struct.unpack("<B4sH4sH", data)
        return endpoint(source, sport) + b"->" + endpoint(dest, dport), b""
    if family == _AF_INET6:
        if len(data) != 37:
            return b"INVALID IPv6", b""
        _, source, sport, dest, dport = struct.unpack("<B16sH16sH", data)
        if source[:12] == _MAPPED and dest[:12] == _MAPPED:
            source, dest = source[12:], dest[12:]
        return endpoint(source, sport) + b"->" + endpoint(dest, dport), b""
    if family == _AF_UNIX:
        if len(data) < 17:
            return b"INVALID UNIX", b""
        source, dest = struct.unpack_from("<QQ", data, 1)
        return b"%x->%x %s" % (source, dest, sanitize(data[17:].partition(b"\0")[0])), b""
    return b"family %d" % family, b""


def fdlist(data: bytes, kind_of: Callable[[int], int | None]) -> Rendered:
    """Render a poll's descriptors; ``kind_of`` gives the kind of a descriptor, None when it is not open."""
    count = int.from_bytes(data[:2], "little")
    items = []
    for at in range(2, min(2 + count * 10, len(data) - 9), 10):
        fd, events = struct.unpack_from("<Qh", data, at)
        kind = kind_of(fd if fd < 1 << 63 else fd - (1 << 64))
        letter = b"?" if kind is None else TYPE_CHARS.get(kind, b"?")
        items.append(b"%d:%s%x" % (fd, letter, events & 0xFFFFFFFF))
    return b" ".join(items)[:_FDLIST_MAX], b""


def reltime(value: int) -> Rendered:
    if value == 0xFFFFFFFFFFFFFFFF:
        return b"none", b""
    return b"%d" % value, b"%gs" % (value / 1e9)


def abstime(value: int) -> Rendered:
    seconds, rest = divmod(value, 1_000_000_000)
    try:
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)).encode()
    except (OverflowError, OSError, ValueError):
        return MISSING, b""
    return b"%s.%09d" % (text, rest), b""


def signals(value: int) -> Rendered:
    return b" ".join(SIGNALS[bit + 1] for bit in range(31) if value >> bit & 1), b""


def empty(kind: ParamType) -> Rendered:
    """What stands for a parameter without bytes."""
    return (b"NULL" if kind in _NULL_WHEN_EMPTY else MISSING), b""


_NULL_WHEN_EMPTY = frozenset(
    {
        ParamType.BYTEBUF,
        ParamType.SOCKTUPLE,
        ParamType.FDLIST,
        ParamType.CHARBUFARRAY,
        ParamType.CHARBUF_PAIR_ARRAY,
        ParamType.DYN,
    }
)

_SIGNED = {ParamType.INT8: 1, ParamType.INT16: 2, ParamType.INT32: 4, ParamType.INT64: 8}
_UNSIGNED = {ParamType.UINT8: 1, ParamType.UINT16: 2, ParamType.UINT32: 4, ParamType.UINT64: 8}
_FLAGS = {ParamType.FLAGS8: 1, ParamType.FLAGS16: 2, ParamType.FLAGS32: 4}
_ENUMS = {ParamType.ENUMFLAGS8: 1, ParamType.ENUMFLAGS16: 2, ParamType.ENUMFLAGS32: 4}


def fixed(param: Param, data: bytes) -> Rendered | None:
    """Render a parameter that needs nothing but its own bytes; None when its type is of another sort."""
    kind = param.type
    size = _SIGNED.get(kind) or _UNSIGNED.get(kind)
    if size is not None:
        if len(data) != size:
            return MISSING, b""
        # C promotes 8 and 16 bit values to int before printing
        signed = kind in _SIGNED
        return number(int.from_bytes(data, "little", signed=signed), param.format, max(32, size * 8)), b""
    size = _FLAGS.get(kind) or _ENUMS.get(kind)
    if size is not None:
        if len(data) != size:
            return MISSING, b""
        value = int.from_bytes(data, "little")
        return b"%d" % value, flags(value, param.flags, kind in _ENUMS)
    simple = _SIMPLE.get(kind)
    if simple is None:
        return None
    size, render = simple
    if len(data) != size if size else not data:
        return MISSING, b""
    return render(param, data)


def _u(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _mode(param: Param, data: bytes) -> Rendered:
    return number(_u(data), param.format, 32), mode(_u(data), param.flags)


def _syscall(param: Param, data: bytes) -> Rendered:
    code = _u(data)
    name = NAMES.get(code)
    if name is None:
        return b"<unknown syscall>", b""
    return b"%d" % code, name.encode()


_SIMPLE: dict[ParamType, tuple[int, Callable[[Param, bytes], Rendered]]] = {
    ParamType.SOCKADDR: (0, lambda param, data: sockaddr(data)),
    ParamType.SOCKTUPLE: (0, lambda param, data: socktuple(data)),
    ParamType.SYSCALLID: (2, _syscall),
    ParamType.SIGTYPE: (1, lambda param, data: (b"%d" % data[0], SIGNALS.get(data[0], b""))),
    ParamType.RELTIME: (8, lambda param, data: reltime(_u(data))),
    ParamType.ABSTIME: (8, lambda param, data: abstime(_u(data))),
    ParamType.SIGSET: (4, lambda param, data: signals(_u(data))),
    ParamType.MODE: (4, _mode),
    ParamType.BYTEBUF: (0, lambda param, data: (dots(data), b"")),
    ParamType.CHARBUFARRAY: (0, lambda param, data: (data.rstrip(b"\0").replace(b"\0", b"."), b"")),
}


def account(batch: Batch, process: int, data: bytes, group: bool) -> Rendered:
    """Render a user or group id with its name as known in the caller's container."""
    if len(data) != 4:
        return MISSING, b""
    id = _u(data)
    if id == 0xFFFFFFFF:
        return b"-1", b"<NONE>"
    name = b""
    if process >= 0 and batch.world is not None:
        cell = int(batch.tables.processes.array[process, P.CONTAINER])
        container = batch.tables.strings.get(cell) or b""
        found = (batch.world.groups if group else batch.world.users).get((container, id))
        name = sanitize(found.name) if found is not None else b""
    return b"%d" % (id if id < 1 << 31 else id - (1 << 32)), name or MISSING


def dynamic(param: Param, data: bytes) -> tuple[Param, bytes] | None:
    """Return the parameter that a dynamic one holds, with its bytes; None when its leading byte says nothing."""
    layouts = DYNAMIC.get(param.dynamic, ())
    if not data or data[0] >= len(layouts):
        return None
    kind = ParamType[layouts[data[0]][0]]
    return Param(param.name, kind, param.format), data[1:]


def kind_of_row(batch: Batch, row: int) -> int | None:
    """Return the kind of a descriptor row, None for row -1."""
    return None if row < 0 else int(batch.tables.files.array[row, F.KIND])
