"""What may stand after ``evt.arg.`` and ``evt.rawarg.``: the names of parameters and the types of their values."""

from __future__ import annotations

from tiercel.fields.model import ValueType
from tiercel.wire.event_table import EVENTS, Format, Param, ParamType

TYPES: dict[ParamType, ValueType] = {
    ParamType.INT8: ValueType.INT16,
    ParamType.INT16: ValueType.INT16,
    ParamType.INT32: ValueType.INT32,
    ParamType.INT64: ValueType.INT64,
    ParamType.UINT8: ValueType.UINT32,
    ParamType.UINT16: ValueType.UINT32,
    ParamType.UINT32: ValueType.UINT32,
    ParamType.UINT64: ValueType.UINT64,
    ParamType.CHARBUF: ValueType.CHARBUF,
    ParamType.FSPATH: ValueType.CHARBUF,
    ParamType.FSRELPATH: ValueType.CHARBUF,
    ParamType.BYTEBUF: ValueType.BYTEBUF,
    ParamType.ERRNO: ValueType.INT64,
    ParamType.FD: ValueType.INT64,
    ParamType.PID: ValueType.INT64,
    ParamType.FD32: ValueType.INT32,
    ParamType.PID32: ValueType.INT32,
    ParamType.SYSCALLID: ValueType.UINT32,
    ParamType.SIGTYPE: ValueType.UINT32,
    ParamType.SIGSET: ValueType.UINT32,
    ParamType.RELTIME: ValueType.RELTIME,
    ParamType.ABSTIME: ValueType.ABSTIME,
    ParamType.PORT: ValueType.PORT,
    ParamType.BOOL: ValueType.BOOL,
    ParamType.FLAGS8: ValueType.UINT32,
    ParamType.FLAGS16: ValueType.UINT32,
    ParamType.FLAGS32: ValueType.UINT32,
    ParamType.ENUMFLAGS8: ValueType.UINT32,
    ParamType.ENUMFLAGS16: ValueType.UINT32,
    ParamType.ENUMFLAGS32: ValueType.UINT32,
    ParamType.MODE: ValueType.UINT32,
    ParamType.UID: ValueType.UINT32,
    ParamType.GID: ValueType.UINT32,
    ParamType.IPV4ADDR: ValueType.IPADDR,
    ParamType.IPV6ADDR: ValueType.IPADDR,
}
"""How the values of each layout compare and print; layouts not listed are taken as raw bytes."""

SIGNED = frozenset(
    {
        ParamType.INT8,
        ParamType.INT16,
        ParamType.INT32,
        ParamType.INT64,
        ParamType.ERRNO,
        ParamType.FD,
        ParamType.PID,
        ParamType.FD32,
        ParamType.PID32,
    }
)

SIZES: dict[ParamType, int] = {
    ParamType.INT8: 1,
    ParamType.UINT8: 1,
    ParamType.SIGTYPE: 1,
    ParamType.FLAGS8: 1,
    ParamType.ENUMFLAGS8: 1,
    ParamType.INT16: 2,
    ParamType.UINT16: 2,
    ParamType.SYSCALLID: 2,
    ParamType.PORT: 2,
    ParamType.FLAGS16: 2,
    ParamType.ENUMFLAGS16: 2,
    ParamType.INT32: 4,
    ParamType.UINT32: 4,
    ParamType.FD32: 4,
    ParamType.PID32: 4,
    ParamType.BOOL: 4,
    ParamType.SIGSET: 4,
    ParamType.FLAGS32: 4,
    ParamType.ENUMFLAGS32: 4,
    ParamType.MODE: 4,
    ParamType.UID: 4,
    ParamType.GID: 4,
    ParamType.INT64: 8,
    ParamType.UINT64: 8,
    ParamType.ERRNO: 8,
    ParamType.FD: 8,
    ParamType.PID: 8,
    ParamType.RELTIME: 8,
    ParamType.ABSTIME: 8,
}
"""Bytes of each layout that is an integer."""


def _params() -> dict[str, Param]:
    found: dict[str, Param] = {}
    for event in EVENTS:
        for param in event.params:
            found.setdefault(param.name, param)
    return found


PARAMS: dict[str, Param] = _params()
"""The first parameter of each name in the event table; it decides how rules read their values."""

_FORMATS = {Format.HEX: "hex", Format.OCT: "oct", Format.PADDED_DEC: "padded", Format.ID: "id", Format.DEC: "dec"}


def longest_name(text: str) -> str | None:
    """Return the longest parameter name that ``text`` begins with, None without one."""
    for end in range(len(text), 0, -1):
        if text[:end] in PARAMS:
            return text[:end]
    return None


def raw_type(name: str) -> tuple[ValueType, str]:
    """Return type and number format of ``evt.rawarg.name``; raises KeyError for an unknown name."""
    param = PARAMS[name]
    return TYPES.get(param.type, ValueType.BYTEBUF), _FORMATS.get(param.format, "na")


def positions(name: str) -> dict[int, int]:
    """Return, for each event number that has a parameter of this name, which one it is."""
    found = {}
    for event in EVENTS:
        for k, param in enumerate(event.params):
            if param.name == name:
                found[event.number] = k
                break
    return found
