"""Encodes Python values as the parameters of an event, by the layouts of the event table.

``encode("SYSCALL_OPENAT_2_X", fd=3, dirfd=AT_FDCWD, name="/etc/shadow", flags="O_RDONLY")`` gives one byte string per
parameter. A parameter that is left out, or None, is empty: that is how the drivers say that there is no value.
"""

from __future__ import annotations

import difflib
import errno
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from tiercel.wire.event_table import BY_CONSTANT, EVENTS, Event, Param, ParamType
from tiercel.wire.flag_table import DYNAMIC, FLAGS

AT_FDCWD = -100
"""``dirfd`` of a path that is relative to the current directory."""

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10


class ParameterError(ValueError):
    """A value that the layout of its parameter cannot hold, or a parameter that the event does not have."""


@dataclass(frozen=True, slots=True)
class Unix:
    """One end, or both ends, of a unix socket; ``source`` and ``destination`` are kernel addresses."""

    path: str | bytes
    source: int = 0
    destination: int = 0


Address = tuple[str, int]
"""An IPv4 or IPv6 address and a port."""

_INTEGERS = {
    ParamType.INT8: "<b",
    ParamType.INT16: "<h",
    ParamType.INT32: "<i",
    ParamType.INT64: "<q",
    ParamType.UINT8: "<B",
    ParamType.UINT16: "<H",
    ParamType.UINT32: "<I",
    ParamType.UINT64: "<Q",
    ParamType.FD: "<q",
    ParamType.PID: "<q",
    ParamType.FD32: "<i",
    ParamType.PID32: "<i",
    ParamType.SYSCALLID: "<H",
    ParamType.SIGTYPE: "<B",
    ParamType.RELTIME: "<Q",
    ParamType.ABSTIME: "<Q",
    ParamType.PORT: "<H",
    ParamType.L4PROTO: "<B",
    ParamType.SOCKFAMILY: "<B",
    ParamType.BOOL: "<I",
    ParamType.SIGSET: "<I",
}
_FLAGS = {
    ParamType.FLAGS8: "<B",
    ParamType.FLAGS16: "<H",
    ParamType.FLAGS32: "<I",
    ParamType.ENUMFLAGS8: "<B",
    ParamType.ENUMFLAGS16: "<H",
    ParamType.ENUMFLAGS32: "<I",
    ParamType.MODE: "<I",
}
_IDS = (ParamType.UID, ParamType.GID)
_TEXTS = (ParamType.CHARBUF, ParamType.FSPATH, ParamType.FSRELPATH)


def event_number(event: str | int) -> int:
    """Return the number of an event given by number or by constant, such as ``SOCKET_CONNECT_X``.

    Raises :class:`ParameterError` when there is no such event.
    """
    if isinstance(event, int):
        if not 0 <= event < len(EVENTS):
            raise ParameterError(f"no event has number {event}")
        return event
    number = BY_CONSTANT.get(event)
    if number is None:
        raise ParameterError(f"no event is called {event!r}{_suggest(event, BY_CONSTANT)}")
    return number


def encode(event: str | int, /, **values: object) -> list[bytes]:
    """Return the parameters of ``event`` as bytes, in the order of the event table.

    Texts are str or bytes; lists of texts may be given where texts end in NUL bytes each (arguments, environment,
    cgroups). Results take an int or the name of an error (``"ENOENT"``), flags an int or names joined by ``|``. An
    address is ``("10.0.0.1", 80)`` or a :class:`Unix`, a tuple is two addresses or a :class:`Unix`. Bytes given for any
    of these are taken as they are.

    Raises :class:`ParameterError` naming the event and the parameter.
    """
    layout = EVENTS[event_number(event)]
    unknown = set(values) - {param.name for param in layout.params}
    if unknown:
        name = min(unknown)
        raise ParameterError(
            f"{layout.constant} has no parameter {name!r}{_suggest(name, [p.name for p in layout.params])}"
        )
    return [_encode(layout, param, values.get(param.name)) for param in layout.params]


def _suggest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _encode(event: Event, param: Param, value: object) -> bytes:
    if value is None:
        return b""
    try:
        return encode_value(param, value)
    except (ValueError, TypeError, struct.error) as problem:
        raise ParameterError(f"{event.constant}.{param.name}: {problem}") from None


def encode_value(param: Param, value: object) -> bytes:
    """Return one value as the bytes of ``param``. Raises ValueError or TypeError when it does not fit."""
    kind = param.type
    if kind in _INTEGERS:
        return _integer(_INTEGERS[kind], value)
    if kind is ParamType.ERRNO:
        return _integer("<q", -_error(value) if isinstance(value, str) else value)
    if kind in _IDS:
        return _integer("<I", 0xFFFFFFFF if value == -1 else value)
    if kind in _FLAGS:
        return _integer(_FLAGS[kind], flags(param.flags, value))
    if kind in _TEXTS:
        return text(value) + b"\0"
    if kind is ParamType.DOUBLE and isinstance(value, (int, float)):
        return struct.pack("<d", value)
    if kind is ParamType.DYN:
        return _dynamic(param, value)
    return _OTHERS[kind](value)


def _integer(code: str, value: object) -> bytes:
    if not isinstance(value, int):
        raise TypeError(f"expects a number, not {value!r}")
    try:
        return struct.pack(code, value)
    except struct.error:
        raise ValueError(f"{value} does not fit in {struct.calcsize(code)} bytes") from None


def _error(name: str) -> int:
    number = getattr(errno, name, None)
    if not isinstance(number, int):
        raise ValueError(f"unknown error {name!r}{_suggest(name, errno.errorcode.values())}")
    return number


def text(value: object) -> bytes:
    """Return str or bytes as bytes; text that is not UTF-8 comes back as it was read (surrogateescape)."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    raise TypeError(f"expects text, not {value!r}")


def flags(table: str, value: object) -> int:
    """Return an int, or names of flag table ``table`` joined by ``|`` (or listed), as the bits they stand for."""
    if isinstance(value, int):
        return value
    names = value.split("|") if isinstance(value, str) else value
    if not isinstance(names, Iterable):
        raise TypeError(f"expects flags, not {value!r}")
    known = dict(FLAGS.get(table, ()))
    bits = 0
    for name in names:
        name = str(name).strip()
        if name not in known:
            raise ValueError(f"unknown flag {name!r}{_suggest(name, known)}")
        bits |= known[name]
    return bits


def texts(value: object) -> bytes:
    """Return a list of texts joined, each ending in a NUL byte; bytes and str are taken as they are."""
    if isinstance(value, (str, bytes)):
        return text(value)
    if isinstance(value, Iterable):
        return b"".join(text(item) + b"\0" for item in value)
    raise TypeError(f"expects texts, not {value!r}")


def _pairs(value: object) -> bytes:
    if isinstance(value, dict):
        return texts(item for pair in value.items() for item in pair)
    return texts(value)


def _address(value: object) -> bytes:
    address = ip_address(str(value))
    return address.packed


def _network(value: object) -> bytes:
    network = ip_network(str(value), strict=False)
    return network.network_address.packed + network.netmask.packed


def _end(value: object) -> tuple[int, bytes]:
    if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int)):
        raise TypeError(f"expects (address, port), not {value!r}")
    address = ip_address(value[0])
    return AF_INET if address.version == 4 else AF_INET6, address.packed + _integer("<H", value[1])


def sockaddr(value: object) -> bytes:
    """Return ``(address, port)``, a :class:`Unix` or a unix path as family and address."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        value = Unix(value)
    if isinstance(value, Unix):
        return bytes([AF_UNIX]) + text(value.path) + b"\0"
    family, packed = _end(value)
    return bytes([family]) + packed


def socktuple(value: object) -> bytes:
    """Return ``(source, destination)`` or a :class:`Unix` as family and both ends."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Unix):
        return struct.pack("<BQQ", AF_UNIX, value.source, value.destination) + text(value.path) + b"\0"
    if not (isinstance(value, tuple) and len(value) == 2):
        raise TypeError(f"expects (source, destination), not {value!r}")
    (family, source), (other, destination) = _end(value[0]), _end(value[1])
    if family != other:
        raise ValueError(f"both ends must be of one address family: {value!r}")
    return bytes([family]) + source + destination


def fdlist(value: object) -> bytes:
    """Return ``[(descriptor, poll flags), ...]`` as a counted list."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, Iterable):
        raise TypeError(f"expects (descriptor, flags) pairs, not {value!r}")
    pairs = [(fd, flags("poll_flags", bits)) for fd, bits in value]
    return struct.pack("<H", len(pairs)) + b"".join(struct.pack("<qh", fd, bits) for fd, bits in pairs)


def _dynamic(param: Param, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    family = DYNAMIC[param.dynamic]
    kinds = [kind for kind, _ in family]
    if not (isinstance(value, tuple) and len(value) == 2 and value[0] in kinds):
        raise TypeError(f"expects (one of {', '.join(kinds)}, value), not {value!r}")
    kind = ParamType[value[0]]
    return bytes([kinds.index(value[0])]) + encode_value(Param(param.name, kind, param.format), value[1])


_OTHERS: dict[ParamType, Callable[[object], bytes]] = {
    ParamType.BYTEBUF: texts,
    ParamType.CHARBUFARRAY: texts,
    ParamType.CHARBUF_PAIR_ARRAY: _pairs,
    ParamType.SOCKADDR: sockaddr,
    ParamType.SOCKTUPLE: socktuple,
    ParamType.FDLIST: fdlist,
    ParamType.IPV4ADDR: _address,
    ParamType.IPV6ADDR: _address,
    ParamType.IPADDR: _address,
    ParamType.IPV4NET: _network,
    ParamType.IPV6NET: _network,
    ParamType.IPNET: _network,
}
