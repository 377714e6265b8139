"""Right-hand constants converted to the type of the left side, as libs 0.25.4 reads them.

Numbers are decimal, with an optional sign; a negative one wraps around in an unsigned field, so that
``user.uid = -1`` asks for 4294967295. Numbers too large are cut to the width of the field.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from tiercel.fields.model import ValueType
from tiercel.rules.syntax import Literal, Operator
from tiercel.wire.event_table import ParamType

MAX_LENGTH = 255
"""Bytes a text constant may have."""

_DECIMAL = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]+)")
_HEX = re.compile(r"[+-]?0[xX][0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class Width:
    """How a number is held: so many bits, with or without a sign."""

    bits: int
    signed: bool


WIDTHS: dict[ValueType, Width] = {
    ValueType.INT16: Width(16, True),
    ValueType.INT32: Width(32, True),
    ValueType.INT64: Width(64, True),
    ValueType.UINT32: Width(32, False),
    ValueType.UINT64: Width(64, False),
    ValueType.ABSTIME: Width(64, False),
    ValueType.RELTIME: Width(64, False),
}

_NUMBERS = (*WIDTHS, ValueType.DOUBLE, ValueType.PORT)

PARAMETER_TYPES: dict[ParamType, tuple[ValueType, Width | None]] = {
    ParamType.INT8: (ValueType.INT16, Width(8, True)),
    ParamType.INT16: (ValueType.INT16, None),
    ParamType.INT32: (ValueType.INT32, None),
    ParamType.INT64: (ValueType.INT64, None),
    ParamType.UINT8: (ValueType.UINT32, Width(8, False)),
    ParamType.UINT16: (ValueType.UINT32, Width(16, False)),
    ParamType.UINT32: (ValueType.UINT32, None),
    ParamType.UINT64: (ValueType.UINT64, None),
    ParamType.CHARBUF: (ValueType.CHARBUF, None),
    ParamType.FSPATH: (ValueType.CHARBUF, None),
    ParamType.FSRELPATH: (ValueType.CHARBUF, None),
    ParamType.BYTEBUF: (ValueType.BYTEBUF, None),
    ParamType.ERRNO: (ValueType.INT64, None),
    ParamType.FD: (ValueType.INT64, None),
    ParamType.PID: (ValueType.INT64, None),
    ParamType.SYSCALLID: (ValueType.UINT32, Width(16, False)),
    ParamType.SIGTYPE: (ValueType.UINT32, Width(8, False)),
    ParamType.RELTIME: (ValueType.RELTIME, None),
    ParamType.ABSTIME: (ValueType.ABSTIME, None),
    ParamType.PORT: (ValueType.PORT, None),
    ParamType.BOOL: (ValueType.BOOL, None),
    ParamType.FLAGS8: (ValueType.UINT32, Width(8, False)),
    ParamType.FLAGS16: (ValueType.UINT32, Width(16, False)),
    ParamType.FLAGS32: (ValueType.UINT32, None),
    ParamType.ENUMFLAGS8: (ValueType.UINT32, Width(8, False)),
    ParamType.ENUMFLAGS16: (ValueType.UINT32, Width(16, False)),
    ParamType.ENUMFLAGS32: (ValueType.UINT32, None),
    ParamType.MODE: (ValueType.UINT32, None),
    ParamType.DOUBLE: (ValueType.DOUBLE, None),
    ParamType.IPADDR: (ValueType.IPADDR, None),
    ParamType.IPNET: (ValueType.IPNET, None),
}
"""What ``evt.rawarg`` yields for a parameter; types that are missing cannot be compared."""


def parse_number(text: str, width: Width) -> int:
    """Return a decimal number cut to ``width``.

    Raises:
        ValueError: the text is not a decimal number.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        message = f"{text} is not a valid number"
        if _HEX.fullmatch(text):
            message += f": numbers are decimal, write {int(text, 16)}"
        raise ValueError(message)
    number = int(match[2])
    if match[1] == "-":
        number = -number
    # C reads into 64 bits, stopping at its limits, and cuts afterwards.
    if width.signed:
        number = min(max(number, -(1 << 63)), (1 << 63) - 1)
    else:
        number = number % (1 << 64) if abs(number) < 1 << 64 else (1 << 64) - 1
    number &= (1 << width.bits) - 1
    if width.signed and number >> (width.bits - 1):
        number -= 1 << width.bits
    return number


def decimal(text: str, type: ValueType) -> str:
    """Return a hexadecimal number for a numeric field in decimal, anything else as it is."""
    return str(int(text, 16)) if type in _NUMBERS and _HEX.fullmatch(text) else text


def parse_port(text: str) -> int:
    """Return a port given as a number or as the name of a service.

    Raises:
        ValueError: neither.
    """
    if not text:
        return 0
    if text.isascii() and text.isdigit():
        number = int(text)
        if number >= 1 << 31:
            raise ValueError(f"{text} is not a port")
        return number & 0xFFFF
    try:
        return socket.getservbyname(text)
    except (OSError, UnicodeError):
        raise ValueError(f"unrecognized protocol {text}: neither a port nor a service known here") from None


def parse_address(text: str) -> bytes:
    """Return an address as 4 or 16 bytes.

    Raises:
        ValueError: the text is not an address.
    """
    family, name = (socket.AF_INET, "IPv4") if "." in text else (socket.AF_INET6, "IPv6")
    try:
        return socket.inet_pton(family, text)
    except (OSError, UnicodeError, ValueError):
        hint = ": it is a network, compare it with fd.net, fd.cnet, fd.snet and so on" if "/" in text else ""
        raise ValueError(f"unrecognized {name} address {text}{hint}") from None


def parse_network(text: str) -> tuple[bytes, int]:
    """Return a network in CIDR notation as (address, prefix length).

    Raises:
        ValueError: the text is not one.
    """
    address, slash, mask = text.partition("/")
    if not slash:
        raise ValueError(f"unrecognized IP network {text}: write address/prefix, such as 10.0.0.0/8")
    prefix = parse_number(mask, Width(8, False))
    base = parse_address(address)
    v4 = len(base) == 4
    if prefix > len(base) * 8 or (not v4 and prefix == 0):
        raise ValueError(f"invalid netmask {mask} in {text}")
    return base, prefix


def _parse_bool(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise ValueError(f"unrecognized boolean value {text}: write true or false")


def parse_value(text: str, type: ValueType, operator: Operator, width: Width | None = None) -> Literal:
    """Return a constant as a value of ``type``; ``width`` narrows a number further than its type.

    Raises:
        ValueError: the constant is not of the type.
    """
    if operator in (Operator.BCONTAINS, Operator.BSTARTSWITH):
        if len(text) % 2 or not all(char in "0123456789abcdefABCDEF" for char in text):
            raise ValueError(f"'{operator}' takes hex digits only, two for each byte, not '{text}'")
        return bytes.fromhex(text)
    if type is ValueType.CHARBUF or type is ValueType.BYTEBUF:
        value = text.encode("utf-8", "surrogateescape")
        if len(value) > MAX_LENGTH:
            raise ValueError(f"the constant is too long: {len(value)} bytes, at most {MAX_LENGTH} are allowed")
        return value
    if type is ValueType.BOOL:
        return _parse_bool(text)
    if type is ValueType.PORT:
        return parse_port(text)
    if type is ValueType.IPADDR:
        return parse_address(text)
    if type is ValueType.IPNET:
        return parse_network(text)
    if type is ValueType.DOUBLE:
        return float(parse_number(text, WIDTHS[ValueType.INT32]))
    width = width or WIDTHS.get(type)
    if width is None:
        raise ValueError(f"values of type {type} cannot be compared")
    return parse_number(text, width)
