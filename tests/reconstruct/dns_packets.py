"""DNS messages, written down record by record."""

from __future__ import annotations

from ipaddress import ip_address

A, CNAME, PTR, TXT, AAAA = 1, 5, 12, 16, 28
ASKED = b"\xc0\x0c"  # a pointer to the name of the question


def name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def query(asked: str, type: int = A, *, id: int = 7) -> bytes:
    return _header(id, 0x0100, 0) + _question(asked, type)


def answer(asked: str, *records: bytes, type: int = A, code: int = 0, id: int = 7) -> bytes:
    return _header(id, 0x8180 | code, len(records)) + _question(asked, type) + b"".join(records)


def address(text: str, owner: bytes = ASKED) -> bytes:
    packed = ip_address(text).packed
    return record(A if len(packed) == 4 else AAAA, packed, owner)


def record(type: int, data: bytes, owner: bytes = ASKED) -> bytes:
    return owner + type.to_bytes(2, "big") + b"\0\1\0\0\1\x2c" + len(data).to_bytes(2, "big") + data


def stream(message: bytes) -> bytes:
    """Return a message as it goes over TCP."""
    return len(message).to_bytes(2, "big") + message


def _header(id: int, flags: int, records: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in (id, flags, 1, records, 0, 0))


def _question(asked: str, type: int) -> bytes:
    return name(asked) + type.to_bytes(2, "big") + b"\0\1"
