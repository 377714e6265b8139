"""What kind of evidence a file is, by its content alone."""

from __future__ import annotations

import re
import stat
from collections import Counter
from enum import StrEnum
from pathlib import Path

from tiercel.errors import InputError
from tiercel.sources import blocks
from tiercel.sources.alert_envelope import unwrap_json, unwrap_text
from tiercel.sources.alert_json import is_alert
from tiercel.sources.alert_salvage import objects
from tiercel.sources.alert_text import own_line, text_alert
from tiercel.sources.stream import Stream

LOOKED_AT = 64 << 10
"""Bytes, decompressed, that decide."""

_NESTED = 5
_AUDIT = re.compile(
    r"(?:node=\S{1,255} )?type=[A-Z0-9_\[\]]{2,60} msg=audit\(\d{1,12}\.\d{1,3}:\d{1,12}\):"
    r"|(?:\[[ \d.]{1,20}\] )?audit: type=\d{3,5} audit\(\d+"
)
_FALCO = re.compile(r"falco|syscall event|rules? (?:file|counts|name)|events detected", re.IGNORECASE)
_K8S = re.compile(r'"apiVersion"\s*:\s*"audit\.k8s\.io/')


class Kind(StrEnum):
    SCAP = "scap"
    FALCO_ALERTS = "falco_alerts"
    AUDIT = "audit"
    K8S_AUDIT = "k8s_audit"
    OTHER = "other"


def kind_of(path: str | Path) -> Kind:
    """Return what kind of evidence a file is; its name does not count.

    A log is of the kind that at least half of its first lines are of.

    Raises:
        InputError: it cannot be read, or is no regular file
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: not a regular file: name a file")
        stream = Stream(path)
        try:
            room = memoryview(bytearray(LOOKED_AT))
            head = bytes(room[: stream.readinto(room)])
        finally:
            stream.close()
    except (OSError, ValueError) as error:  # ValueError: a name with NUL
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}: name a file that can be read") from None
    return kind_of_bytes(head)


def kind_of_bytes(head: bytes) -> Kind:
    """Return the kind of a file that begins with these bytes (after decompression)."""
    if _is_capture(head):
        return Kind.SCAP
    text = _text(head)
    if text is None:
        return Kind.OTHER
    if text.lstrip().startswith(("{", "[")) and _K8S.search(text):
        return Kind.K8S_AUDIT
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and len(head) == LOOKED_AT:
        lines.pop()  # cut where looking ended
    kinds = Counter(_kind_of_line(line.rstrip("\r")) for line in lines)
    best, count = max(((kind, kinds[kind]) for kind in (Kind.FALCO_ALERTS, Kind.AUDIT, Kind.K8S_AUDIT)), key=_count)
    return best if count and 2 * count >= len(lines) else Kind.OTHER


def _count(counted: tuple[Kind, int]) -> int:
    return counted[1]


def _is_capture(head: bytes) -> bool:
    """Whether the bytes begin with the section header of a capture, of either byte order of length."""
    return (
        len(head) >= 12 and int.from_bytes(head[:4], "little") == blocks.SECTION and head[8:12] == blocks.SECTION_MAGIC
    )


def _text(head: bytes) -> str | None:
    """Return the bytes as text without NULs, None when they are no text."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return head[2:].decode(encoding, "replace")
    text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").decode("utf-8", "replace")
    return text if text.strip() else None


def _kind_of_line(line: str) -> Kind:
    around, depth = 0, 0
    while depth < _NESTED:
        depth += 1
        if line.lstrip().startswith("{"):
            value = next(objects(line.lstrip()), (None, True))[0]
            if value is None:
                return Kind.OTHER
            if is_alert(value):
                return Kind.FALCO_ALERTS
            wrapped = unwrap_json(value)
            if wrapped is None:
                return Kind.OTHER
            if isinstance(wrapped.content, dict):
                return Kind.FALCO_ALERTS if is_alert(wrapped.content) else Kind.OTHER
            line = wrapped.content
            continue
        if _AUDIT.match(line):
            return Kind.AUDIT
        own = own_line(line)
        if text_alert(line) or (own and (own.ts is None or _FALCO.search(own.message))):
            return Kind.FALCO_ALERTS
        wrapped = unwrap_text(line, around)
        if wrapped is None or not isinstance(wrapped.content, str):
            return Kind.OTHER
        line = wrapped.content
    return Kind.OTHER
