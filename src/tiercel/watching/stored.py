"""Takes captures of a spool into a store and keeps the store in its bounds: a program of its own, at low priority.

python -m tiercel.watching.stored STORE MAX_BYTES MAX_AGE [CAPTURE...]

Prints ``{"segments": …, "bytes": …}`` about the segments that watching made. Only those are ever removed, the oldest
first.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tiercel.capture.notes import ALERT, notes_in
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.outputs.alert import Alert
from tiercel.recording.file import PART
from tiercel.sources.alert_json import alert_time

PREFIX = "live-"
"""How the names of segments begin that watching made."""

_NICE = 10
_AT_ONCE = 1 << 18  # events of a segment: more than a capture holds, which a larger number would take memory for


def main(arguments: list[str]) -> int:
    """Run; 1 and a line on stderr when a capture cannot be taken in."""
    store_path, max_bytes, max_age, *captures = arguments
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    try:
        from tiercel.store.store import Store

        store = Store.create(store_path)
        for capture in captures:
            take_in(store_path, Path(capture))
        if not captures:
            release(store.path / "spool")
        kept = keep(store.path, int(max_bytes), float(max_age), time.time_ns())
    except ModuleNotFoundError as error:
        print(f"tiercel: --store takes packages that are not installed ({error.name}): pip install 'tiercel[case]'",
              file=sys.stderr)  # fmt: skip
        return 1
    except InputError as error:
        print(f"tiercel: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"segments": len(kept), "bytes": sum(segment.size for segment in kept)}))
    return 0


def take_in(store: str, capture: Path) -> None:
    """Make the segments of a capture, then remove it.

    Raises:
        InputError: the disk refuses, or the capture cannot be read.
    """
    from tiercel.replay import Replay
    from tiercel.store.ingest import ingest
    from tiercel.store.manifest import Source
    from tiercel.store.store import Store

    source = Source(f"{PREFIX}{capture.stem}", "watch", "live")
    try:
        with capture.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another watch may store here, too
            if capture.exists():
                ingest(Store.open(store), Replay(capture, _AT_ONCE, even=True), source, alerts=alerts_in)
                capture.unlink()
    except OSError as error:
        raise InputError(f"{capture}: {error.strerror}") from None


def alerts_in(batch: Batch) -> Iterator[tuple[int | None, Alert]]:
    """Yield the alerts noted in a batch, each with the number of the event before its note."""
    shown = np.flatnonzero(batch.visible)
    for index, about, content in notes_in(batch):
        if about != ALERT:
            continue
        before = int(np.searchsorted(shown, index))
        number = int(batch.num[shown[before - 1]]) if before else None
        yield number, _alert(content, int(batch.ts[index]))


def _alert(content: dict[str, Any], ts: int) -> Alert:
    fields, tags, time = content.get("output_fields"), content.get("tags"), alert_time(content)

    def text(key: str) -> str:
        return str(content.get(key) or "")

    return Alert(
        ts if time is None else time,
        text("rule"),
        text("priority"),
        text("source"),
        text("hostname"),
        text("output"),
        text("output"),
        fields if isinstance(fields, dict) else {},
        tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
    )


def release(spool: Path) -> None:
    """Give captures their names that a watch left unfinished; one that is still being written is locked."""
    for part in spool.glob(f"*{PART}"):
        with suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.rename(part.with_name(part.name.removesuffix(PART)))


@dataclass(frozen=True, slots=True)
class Kept:
    """A segment of watching: the day it is under, when its capture began (ns since the epoch), its bytes."""

    path: Path
    began: int
    size: int


def keep(store: Path, max_bytes: int, max_age: float, now: int) -> list[Kept]:
    """Remove the oldest segments until the rest is in the bounds (0 for none); return the rest, oldest first."""
    found = sorted(_segments(store), key=lambda segment: (segment.began, segment.path.name))
    size = sum(segment.size for segment in found)
    while found:
        oldest = found[0]
        old = bool(max_age) and oldest.began < now - int(max_age * 1e9)
        if not old and not (max_bytes and size > max_bytes and len(found) > 1):
            break
        _remove(oldest.path)
        size -= oldest.size
        found.pop(0)
    return found


def _segments(store: Path) -> Iterator[Kept]:
    for path in store.glob(f"host=*/day=*/{PREFIX}*"):
        began = path.name.removeprefix(PREFIX).partition("-")[0]
        if began.isdecimal():
            with suppress(OSError):
                yield Kept(path, int(began), sum(file.stat().st_size for file in path.iterdir()))


def _remove(path: Path) -> None:
    """Remove a segment: first its name, so that nobody reads half of it."""
    from tiercel.store import durable

    gone = path.with_name(f"{durable.TEMPORARY}{os.getpid()}-{path.name}")
    with suppress(OSError):
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        path.parent.rmdir()  # the day, when that was its last


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
