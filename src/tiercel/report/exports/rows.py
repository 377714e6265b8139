"""A scene row by row, and the parts that several formats share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path
from typing import Any

import pyarrow as pa

from tiercel.errors import InputError
from tiercel.reconstruct.scene import Scene

Row = dict[str, Any]

_AT_A_TIME = 10_000  # rows that are Python values at the same time

PHRASES = {
    "fork": "started a process",
    "exec": "executed",
    "exit": "ended",
    "open_read": "opened for reading",
    "open_write": "opened for writing",
    "create": "created",
    "read": "read",
    "write": "wrote",
    "delete": "deleted",
    "rename": "renamed",
    "link": "linked",
    "symlink": "made a symbolic link",
    "mkdir": "made the directory",
    "rmdir": "removed the directory",
    "mknod": "made the special file",
    "chmod": "changed the permissions of",
    "chown": "changed the owner of",
    "mount": "mounted",
    "umount": "unmounted",
    "chroot": "changed its root to",
    "pivot_root": "exchanged the root file system",
    "credential": "changed its credentials",
    "connect": "connected",
    "accept": "accepted a connection",
    "listen": "listened on",
    "bind": "bound a socket to",
    "send": "sent over",
    "receive": "received over",
    "redirect": "tied its standard input or output to",
    "module": "changed kernel modules",
    "bpf": "used bpf",
    "ptrace": "traced",
    "kill": "sent a signal to",
    "namespace": "changed namespaces",
    "memfd_create": "made a file in memory",
    "io_uring": "set up an io_uring",
    "userfaultfd": "made a userfaultfd",
    "keyctl": "used the kernel's key storage",
    "kernel": "changed the kernel's settings",
}
"""What a process did, by kind of act, such that the object can follow."""


def rows(table: pa.Table) -> Iterator[Row]:
    """Yield the rows of a table, a few at a time in memory."""
    for batch in table.to_batches(max_chunksize=_AT_A_TIME):
        yield from batch.to_pylist()


def in_order(scene: Scene) -> Iterator[tuple[str, Row]]:
    """Yield ``act`` or ``alert`` and the row, in order of time; of the same time the act comes first."""
    acts = (("act", row) for row in rows(scene.acts))
    alerts = (("alert", row) for row in rows(scene.alerts))
    return merge(acts, alerts, key=lambda one: one[1]["ts"] or 0)


class People:
    """The processes of a scene by row number."""

    def __init__(self, scene: Scene) -> None:
        self._rows: list[Row] = scene.processes.drop_columns(["execs"]).to_pylist()

    def get(self, number: int | None) -> Row | None:
        """Return a process, None without a number or when there is none of it."""
        return self._rows[number] if number is not None and 0 <= number < len(self._rows) else None

    def parent(self, process: Row | None) -> Row | None:
        """Return the process that started another."""
        return None if process is None else self.get(process["parent"])


def sentence(act: Row) -> str:
    """Return an act in words."""
    parts = [f"{act['name'] or 'a process'} (pid {act['pid']})", PHRASES.get(act["kind"], act["kind"] or "acted")]
    if act["object"]:
        parts.append(act["object"])
    if act["target"]:
        parts.append(f"-> {act['target']}")
    if act["detail"] and act["detail"] != act["object"]:
        parts.append(f"[{act['detail']}]")
    if act["bytes"] is not None:
        parts.append(f"{act['bytes']} bytes")
    if (act["count"] or 1) > 1:
        parts.append(f"({act['count']} times)")
    if act["ok"] is False:
        parts.append(f"(failed: {act['res']})")
    return " ".join(parts)


def iso(ts: int | None, digits: int = 6, zone: str = "+00:00") -> str:
    """Return ns since the epoch as ISO 8601 in UTC."""
    seconds, ns = divmod(ts or 0, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns:09d}"[: 20 + digits] + zone


def fields_of(alert: Row) -> Row:
    """Return the output fields of an alert, none when they are not readable."""
    try:
        fields = json.loads(alert["output_fields"] or "{}")
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def present(values: Row) -> Row:
    """Return the values that are there."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def dumps(value: Any) -> str:
    """Return a JSON document in ASCII: no reader then splits or decodes it otherwise than meant."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def write_lines(path: Path, values: Iterable[Row]) -> int:
    """Write one JSON object a line; returns how many.

    Raises:
        InputError: the file cannot be written.
    """
    return write_texts(path, (dumps(value) + "\n" for value in values))


def write_texts(path: Path, texts: Iterable[str]) -> int:
    """Write texts one after the other; returns how many.

    Raises:
        InputError: the file cannot be written.
    """
    count = 0
    try:
        with open(path, "w", encoding="ascii", newline="\n") as file:
            for text in texts:
                file.write(text)
                count += 1
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: choose a place that can be written") from None
    return count
