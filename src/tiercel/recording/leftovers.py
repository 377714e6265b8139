"""Captures that a watch left behind when it was killed: completed as they are."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from tiercel.capture.notes import ALERT, read_notes
from tiercel.errors import InputError
from tiercel.recording.capture import PATH, Contents, describe, write_beside
from tiercel.recording.file import PART
from tiercel.recording.window import Told
from tiercel.sources.capture import Capture, CaptureError
from tiercel.store.durable import sync

log = logging.getLogger(__name__)

INTERRUPTED = "interrupted"
_BLOCK = 1 << 20
_NAME = re.compile(r"_\d{20}_\d{20}\.scap")


def captures(prefix: str, suffix: str = "") -> list[Path]:
    """Return the captures that go by a prefix, oldest first; ``suffix`` is what follows their names."""
    folder, name = os.path.split(prefix)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return []
    named = re.compile(re.escape(name) + _NAME.pattern + re.escape(suffix))
    return sorted(Path(folder or ".") / name for name in names if named.fullmatch(name))


def complete(prefix: str) -> list[tuple[Path, dict[str, Any]]]:
    """Complete the captures with this prefix that nobody writes any more; return what they are.

    Their bytes stay as they are: the last block may be cut off, and readers say so.
    """
    found = []
    for part in captures(prefix, PART):
        path = part.with_name(part.name.removesuffix(PART))
        try:
            if (about := _complete(part, path)) is not None:
                found.append((path, about))
        except OSError as error:
            log.warning("%s: cannot be completed: %s", part, error.strerror)
    return found


def _complete(part: Path, path: Path) -> dict[str, Any] | None:
    """Complete one capture; None when somebody writes it, or it is nobody's to complete."""
    handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        if os.fstat(handle).st_uid != os.geteuid():
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return None
        digest, size = hashlib.sha256(), 0
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
        os.fsync(handle)
        contents, hostname = _contents(part)
        part.rename(path)
    sync(path.parent)
    about = describe(path, hostname, contents, size, digest.hexdigest())
    write_beside(path, about)
    return about


def _contents(path: Path) -> tuple[Contents, str]:
    """Return what a capture holds, and the host it is of."""
    contents, hostname = Contents(reason=INTERRUPTED), ""
    try:
        with Capture(path) as capture:
            hostname = capture.world.machine.hostname
            for batch in capture.batches():
                seen = np.flatnonzero(batch.visible)
                if len(seen):
                    contents.add(len(seen), int(batch.ts[seen[0]]), int(batch.ts[seen[-1]]))
        for ts, about, content in read_notes(path):
            if about == ALERT:
                line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
                fields = content.get("output_fields")
                trigger = isinstance(fields, dict) and PATH in fields
                contents.tell([Told(ts, str(content.get("rule", "")), line, trigger)])
    except (CaptureError, InputError) as error:
        log.warning("%s", error)
    return contents, hostname
