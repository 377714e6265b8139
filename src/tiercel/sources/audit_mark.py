"""Records that are no system calls: logins, changes of users and services, denials, the daemon's own messages.

They have no counterpart among the events, and are kept as lines of the log with their fields decoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.audit_values import NO_ID, identity, number, plain, text

_ENCODED = frozenset(b"acct cmd comm cwd dir exe file grp key name new-file path proctitle root-dir vm watch".split())
"""Fields whose texts may be written as hexadecimal digits; elsewhere such digits are what they look like."""
_UNKNOWN = (b"?", b"(null)", b"")
_USERS = (b"uid", b"auid", b"old-auid")
_MESSAGE = re.compile(rb" msg='text=(.*?) exe=")  # what auditctl -m was given, blanks and quotes and all
_TEXT_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class AuditMark:
    """One record as a line of the timeline.

    ``ts`` is in ns since the epoch, ``host`` what the record or the caller said, ``text`` the record in one readable
    line, ``fields`` all its fields as text. ``pid``, ``uid`` and ``ses`` (session) are None where the record has none.
    ``place`` is file and line.
    """

    ts: int
    host: str
    type: str
    text: str
    pid: int | None
    uid: int | None
    ses: int | None
    fields: dict[str, str]
    place: str = ""


def mark_of(record: AuditRecord, host: str = "", place: str = "", note: bytes = b"") -> AuditMark:
    """Return a record as a mark; ``note`` comes before what the record says."""
    fields = {_text(key): _text(value) for key, value in _decoded(record).items()}
    return AuditMark(
        ts=record.ts,
        host=record.node.decode("utf-8", "replace") or host,
        type=record.type,
        text=_line(record, note),
        pid=number(record.fields.get(b"pid")),
        uid=_known(identity(record.fields.get(b"uid"))),
        ses=_known(identity(record.fields.get(b"ses"))),
        fields=fields,
        place=place,
    )


def _decoded(record: AuditRecord) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for key, value in record.fields.items():
        fields[key] = (text(value) or b"") if key in _ENCODED else plain(value)
    message = _MESSAGE.search(record.body) if b"text" in fields else None
    if message:
        fields[b"text"] = message[1]
    return fields


def _line(record: AuditRecord, note: bytes) -> str:
    """Return the type and the fields that say something: names in place of ids where the log has them."""
    parts = [record.type] + ([_text(note)] if note else [])
    fields = _decoded(record)
    for key, value in fields.items():
        if key.isupper() or value in _UNKNOWN:
            continue
        shown = (fields.get(key.upper()) if key in _USERS else None) or value
        if identity(shown) == NO_ID:
            shown = b"unset"
        parts.append(f"{_text(key)}={_text(shown)}")
    if not fields:
        parts.append(_text(record.body))
    return " ".join(parts)[:_TEXT_LIMIT]


def _known(id: int | None) -> int | None:
    return None if id == NO_ID else id


def _text(value: bytes) -> str:
    """Return text without control characters, which would tear the line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in value.decode("utf-8", "backslashreplace")
    )
