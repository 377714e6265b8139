"""Notes in a capture: hidden ``notification`` events that say what the capture is, and which alerts were raised.

Readers know them as events that are there for the state only, and do not show them; neither they nor their time change
what rules say of the other events.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tiercel.capture import blocks
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.sources.capture import Capture, CaptureError
from tiercel.wire.event_table import BY_CONSTANT

CAPTURE = b"tiercel capture"
ALERT = b"tiercel alert"
MOST = 60_000
"""Bytes of a note: it has to fit an event."""

_NOTIFICATION = BY_CONSTANT["NOTIFICATION_E"]
_BLOCK = struct.Struct("<IIHI")  # block type, block length, cpu, flags
_HEADER = struct.Struct("<QqIHIHH")  # time, tid, length, type, number of parameters, their lengths
_STATE_ONLY = 1


def note(ts: int, about: bytes, text: bytes) -> bytes:
    """Return the block of a note at time ``ts`` (ns since the epoch); ``text`` is JSON of up to :data:`MOST` bytes."""
    payload = about + b"\0" + text + b"\0"
    size = _HEADER.size + len(payload)
    length = _BLOCK.size + size + 4 + 3 & ~3
    head = _BLOCK.pack(blocks.EVENT_WITH_FLAGS, length, 0, _STATE_ONLY)
    head += _HEADER.pack(ts, -1, size, _NOTIFICATION, 2, len(about) + 1, len(text) + 1)
    return (head + payload).ljust(length - 4, b"\0") + struct.pack("<I", length)


def alert_note(ts: int, line: bytes, rule: str) -> bytes:
    """Return the note of an alert; of one too long for a note it says the rule alone."""
    text = line.strip()
    if len(text) > MOST or not text.startswith(b"{"):
        text = json.dumps({"rule": rule[:1000], "output": line[:20_000].decode(errors="replace").strip()}).encode()
    return note(ts, ALERT, text)


def read_notes(path: str | Path) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Yield (time, what it is about, content) of the notes of a capture; of a damaged one those before the damage.

    Raises:
        InputError: the file cannot be opened or is no capture.
    """
    try:
        capture = Capture(path)
    except CaptureError as error:
        raise InputError(str(error).removeprefix("tiercel: ")) from None
    with capture:
        for batch in capture.batches():
            for index, about, content in notes_in(batch):
                yield int(batch.ts[index]), about, content


def notes_in(batch: Batch) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Yield (index of the event, what it is about, content) of the notes in a batch."""
    for index in np.flatnonzero((batch.types == _NOTIFICATION) & ~batch.visible).tolist():
        event = Event(batch, index)
        about, text = ((event.param(k) or b"").rstrip(b"\0") for k in (0, 1))
        if about not in (CAPTURE, ALERT):
            continue
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            yield index, about, content
