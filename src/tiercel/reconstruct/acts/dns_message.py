"""Reading DNS messages (RFC 1035) of which only the first bytes may be there. Nothing in them is trusted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEADER = 12
_RESPONSE, _OPCODE, _ZERO, _CODE = 0x8000, 0x7800, 0x0040, 0x000F
_POINTER = 0xC0
_LONGEST_NAME = 255  # bytes, as RFC 1035 has it
_MOST_RECORDS = 64  # of one answer that are looked at
_MOST_MESSAGES = 8  # of one read from a TCP connection
_A, _CNAME, _PTR, _AAAA = 1, 5, 12, 28
_INTERNET = 1
_CLASSES = frozenset({_INTERNET, 3, 255})

_TYPES = {
    _A: "A",
    2: "NS",
    _CNAME: "CNAME",
    6: "SOA",
    10: "NULL",
    _PTR: "PTR",
    15: "MX",
    16: "TXT",
    _AAAA: "AAAA",
    33: "SRV",
    35: "NAPTR",
    43: "DS",
    48: "DNSKEY",
    52: "TLSA",
    64: "SVCB",
    65: "HTTPS",
    252: "AXFR",
    255: "ANY",
}
_CODES = {
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
}


@dataclass(slots=True)
class Message:
    """What a message says, as far as it is there.

    ``name`` is in lower case, with what is no printable ASCII as ``\\ddd``; ``type`` is None where it is cut off.
    ``aliases`` are the names that CNAME records lead to, and the one of a PTR record; ``error`` is as in ``NXDOMAIN``.
    """

    response: bool
    name: str
    type: str | None
    error: str | None = None
    records: int = 0  # in the answer, by its header
    addresses: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    cut: bool = False  # records of the answer are missing


class _Cut(Exception):
    """The message ends here, or goes on as none does."""


def messages(data: bytes, size: int, stream: bool) -> Iterator[Message]:
    """Yield the messages in what a call moved.

    Args:
        data: the first bytes of it.
        size: how many bytes the call moved.
        stream: over TCP, where two bytes with the length come first; they may have been read by a call before.
    """
    if not stream:
        found = message(data)
        if found is not None:
            yield found
        return
    at = 0
    for _ in range(_MOST_MESSAGES):
        length = int.from_bytes(data[at : at + 2], "big")
        found = message(data[at + 2 : at + 2 + length])
        if found is None:
            break
        yield found
        at += 2 + length
    if at == 0 and size >= _HEADER and (found := message(data)) is not None:
        yield found


def message(data: bytes) -> Message | None:
    """Return what a message says, None when it is none or not even its question is there."""
    if len(data) < _HEADER:
        return None
    flags, questions, records = (int.from_bytes(data[at : at + 2], "big") for at in (2, 4, 6))
    code = flags & _CODE
    if flags & (_OPCODE | _ZERO) or questions != 1 or (code and code not in _CODES):
        return None
    try:
        labels, at = _name(data, _HEADER)
    except _Cut:
        return None
    type_ = int.from_bytes(data[at : at + 2], "big") if len(data) >= at + 4 else None
    if type_ is not None and int.from_bytes(data[at + 2 : at + 4], "big") not in _CLASSES:
        return None
    word = None if type_ is None else _TYPES.get(type_, f"TYPE{type_}")
    found = Message(bool(flags & _RESPONSE), text(labels), word, _CODES.get(code), records)
    if found.response:
        _answer(data, at + 4, labels, found)
    return found


def _answer(data: bytes, at: int, asked: tuple[bytes, ...], found: Message) -> None:
    """Enter the records of the answer that are about the name asked for, or a name it is an alias of."""
    about = {asked}
    for number in range(found.records):
        if number == _MOST_RECORDS:
            found.cut = True
            return
        try:
            owner, at = _name(data, at)
            fixed = data[at : at + 10]
            if len(fixed) < 10:
                raise _Cut
            type_, class_ = int.from_bytes(fixed[:2], "big"), int.from_bytes(fixed[2:4], "big")
            length = int.from_bytes(fixed[8:], "big")
            begin, at = at + 10, at + 10 + length
            if at > len(data):
                raise _Cut
            if owner not in about or class_ != _INTERNET:
                continue
            if (type_, length) in ((_A, 4), (_AAAA, 16)):
                family = socket.AF_INET if type_ == _A else socket.AF_INET6
                address = socket.inet_ntop(family, data[begin:at])
                if address not in found.addresses:
                    found.addresses.append(address)
            elif type_ in (_CNAME, _PTR):
                other, _ = _name(data, begin)
                if type_ == _CNAME:
                    about.add(other)
                if (name := text(other)) not in found.aliases:
                    found.aliases.append(name)
        except _Cut:
            found.cut = True
            return


def _name(data: bytes, at: int) -> tuple[tuple[bytes, ...], int]:
    """Return the labels of the name at ``at``, in lower case, and where it ends.

    A pointer must lead to before where the labels it ends began, so that no chain of them goes on for ever.
    """
    labels: list[bytes] = []
    end: int | None = None
    length, begin = 0, at
    while True:
        if at >= len(data):
            raise _Cut
        size = data[at]
        if size & _POINTER == _POINTER:
            if at + 1 >= len(data):
                raise _Cut
            end = at + 2 if end is None else end
            at = (size & ~_POINTER) << 8 | data[at + 1]
            if not _HEADER <= at < begin:
                raise _Cut
            begin = at
        elif size & _POINTER:
            raise _Cut
        elif size == 0:
            return tuple(labels), at + 1 if end is None else end
        else:
            label = data[at + 1 : at + 1 + size]
            length += size + 1
            if len(label) < size or length >= _LONGEST_NAME:
                raise _Cut
            labels.append(label.lower())
            at += 1 + size


def text(labels: tuple[bytes, ...]) -> str:
    """Return a name as people write it: ``www.example.org``; the root is ``.``."""
    return ".".join("".join(map(_character, label)) for label in labels) or "."


def _character(byte: int) -> str:
    if byte in b".\\":
        return f"\\{chr(byte)}"
    return chr(byte) if 0x20 < byte < 0x7F else f"\\{byte:03d}"
