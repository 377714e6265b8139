"""One line of an audit log: ``type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2 …``.

Logs may name the host in front (``node=web01``), be enriched (after a byte 0x1D follow the fields once more, with names
for numbers and upper-case keys: ``AUID="alice"``), or come from the kernel's own log
(``audit: type=1300 audit(1364481363.243:24287): …``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tiercel.sources.audit_types import TYPES

MAX_LINE = 64 << 10
"""Bytes of a line that are looked at; auditd writes at most about 9,000, enriched about twice as many."""

_STAMP = rb"audit\(([0-9]{1,11})\.([0-9]{1,9}):([0-9]{1,20})\):? ?"
_HEADER = re.compile(rb"\s*(?:node=(\S{1,255}) +)?type=([A-Z0-9_]{1,40}|UNKNOWN\[[0-9]{1,5}\]) +msg=" + _STAMP)
_KERNEL = re.compile(rb"[^\x1d\"']{0,200}?\baudit: type=([0-9]{1,5}) " + _STAMP)
_FIELD = re.compile(rb'([A-Za-z0-9_.\[\]-]{1,64})=("[^"\x1d]*"|\{[^{}\x1d]*\}|[^\s\x1d]*)')
_NESTED = re.compile(rb"(?:^| )msg='")
_MAX_TS = _MAX_SERIAL = (1 << 63) - 1


class AuditLineError(ValueError):
    """A line that is no audit record; the message says why."""


@dataclass(slots=True)
class AuditRecord:
    """One record.

    ``ts`` is in ns since the epoch; ``ts``, ``serial`` and ``node`` together name the event it belongs to.
    """

    type: str
    ts: int
    serial: int
    node: bytes
    body: bytes
    line: bytes
    _fields: dict[bytes, bytes] | None = None

    @property
    def fields(self) -> dict[bytes, bytes]:
        """The values as they were written, quotes and all; where a key stands twice the first counts."""
        if self._fields is None:  # many records are never asked
            self._fields = fields(self.body)
        return self._fields

    @property
    def key(self) -> tuple[bytes, int, int]:
        return self.node, self.ts, self.serial


def parse(line: bytes) -> AuditRecord:
    """Return the record of a line. Raises :class:`AuditLineError`."""
    if len(line) > MAX_LINE:
        raise AuditLineError(f"line of more than {MAX_LINE:,} bytes")
    found = _HEADER.match(line)
    if found:
        node, kind, seconds, fraction, serial = found.groups()
    else:
        found = _KERNEL.match(line)
        if not found:
            raise AuditLineError(_why(line))
        node = b""
        kind, seconds, fraction, serial = found.groups()
        kind = b"UNKNOWN[%b]" % kind
    ts = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, b"0"))
    if ts > _MAX_TS:
        raise AuditLineError(f"time {seconds.decode()} is out of range")
    if int(serial) > _MAX_SERIAL:
        raise AuditLineError(f"serial number {serial.decode()} is out of range")
    body = line[found.end() :]
    return AuditRecord(_name(kind), ts, int(serial), node or b"", body, line)


def fields(body: bytes) -> dict[bytes, bytes]:
    """Return the ``key=value`` pairs of a record's body, those inside ``msg='…'`` included."""
    nested = _NESTED.search(body) if b"msg='" in body else None
    if nested is None:
        return _pairs(body)
    end = body.find(b"\x1d")
    end = body.rfind(b"'", nested.end(), end if end >= 0 else len(body))
    end = len(body) if end < 0 else end
    own = _pairs(body[: nested.start()]) | _pairs(body[end + 1 :])
    return own | {key: value for key, value in _pairs(body[nested.end() : end]).items() if key not in own}


def _pairs(text: bytes) -> dict[bytes, bytes]:
    found: list[tuple[bytes, bytes]] = _FIELD.findall(text)
    pairs = dict(found)
    return pairs if len(pairs) == len(found) else dict(reversed(found))


def _name(kind: bytes) -> str:
    name = kind.decode("ascii")
    if name.startswith("UNKNOWN["):
        return TYPES.get(int(name[8:-1]), name)
    return name


def _why(line: bytes) -> str:
    if not line.strip(b"\0 \t"):
        return "no text"
    if b"type=" not in line[:1024]:
        return "no record type (type=…)"
    if b"audit(" not in line[:1024]:
        return "no time and serial number (audit(…))"
    return "the time, the serial number or the type cannot be read"
