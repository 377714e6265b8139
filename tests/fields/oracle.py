"""Field values of recorded captures compared with those that libsinsp gave for every event.

``python -m tests.fields.oracle sfc_alpine proc.name 'proc.aname[2]'`` prints how many events agree and the first that
do not; with ``--all`` the larger table of fields is taken, with no fields all of its columns.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from zstandard import ZstdDecompressor

from tests.fields.oracle_values import values
from tests.reference import SHARED
from tiercel.fields.catalogue import FIELDS
from tiercel.fields.model import Field, Value
from tiercel.fields.present import to_text
from tiercel.model.batch import Batch, Tables
from tiercel.model.event import Event
from tiercel.sources.capture import Capture
from tiercel.state.track import Tracker

CAPTURES = SHARED / "captures"
ROW_VALUES = 300_000
"""About so many values are taken one event at a time; the columns always cover every event."""

_NAMES = {"user.name", "user.homedir", "user.shell", "user.loginname", "group.name"}
"""For ids that the capture names no user or group for, Falco asks the machine it replays on."""

_GARBAGE = {"proc.exe_ino.ctime_duration_pidns_start": "2814792717434886"}
"""What libsinsp shows of memory that it leaves uninitialised when it reads a process list."""

_UNORDERED = {"fd.types"}
"""Lists whose order is that of a hash table."""

_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PLAIN = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}


@dataclass(slots=True)
class Agreement:
    """How the values of one field compare over a capture."""

    name: str
    compared: int = 0
    agreed: int = 0
    unfit: int = 0  # events whose recorded value does not come from the capture; not compared
    split: int = 0  # events for which row and column disagree with each other
    examples: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return self.agreed / self.compared if self.compared else 1.0

    def note(self, text: str) -> None:
        if len(self.examples) < 5:
            self.examples.append(text)


def capture_path(name: str) -> Path:
    """Return the capture file that a folder of oracle values belongs to."""
    if name.startswith("golden_"):
        base = name.removeprefix("golden_")
        folder = SHARED / "golden" / "trace_files"
        for candidate in (base, base.replace("_", "-")):
            if (folder / f"{candidate}.scap").exists():
                return folder / f"{candidate}.scap"
    return CAPTURES / name / f"{Path(name).name}.scap"


def unescape(text: bytes) -> bytes:
    """Undo the escapes of a table cell."""
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else _PLAIN.get(m[2], m[2]), text)


def table(name: str, every: bool = False) -> tuple[list[str], list[list[bytes]]]:
    """Return the column names and the rows of a capture's oracle table."""
    path = CAPTURES / name / ("fields-all.tsv.zst" if every else "fields.tsv.zst")
    with path.open("rb") as packed:
        lines = ZstdDecompressor().stream_reader(packed).read().split(b"\n")
    rows = [line.split(b"\t") for line in lines[1:] if line]
    return lines[0].decode().split("\t"), rows


def reference(column: str) -> tuple[Field, str | int | None]:
    """Return the field and the argument that a column's name asks for."""
    name, bracket, rest = column.partition("[")
    if bracket:
        argument = rest.removesuffix("]")
        return FIELDS[name], int(argument) if argument.isdigit() else argument
    if column in FIELDS:
        return FIELDS[column], None
    while name:
        name, _, _ = name.rpartition(".")
        if name in FIELDS:
            return FIELDS[name], column[len(name) + 1 :]
    raise KeyError(column)


def batches(path: Path, size: int = 262_144) -> Iterator[Batch]:
    """Yield the tracked batches of a capture."""
    tables = Tables()
    with Capture(path) as capture:
        tracker = Tracker(tables, capture.world, capture.threads, capture.descriptors)
        for batch in capture.batches(size, tables):
            tracker.track(batch)
            yield batch


def same(a: Value | None, b: Value | None) -> bool:
    """Return whether two values are equal; of lists, whether they hold the same."""
    return a == b and (a is None) == (b is None)


def _unfit(name: str, text: str, told: str) -> bool:
    """Return whether a recorded value is of no use."""
    if name == "evt.buffer":  # of an empty buffer, NULL and what an earlier event left behind it
        return not text and told.startswith("NULL")
    return (name in _NAMES and text == "<NA>" != told) or _GARBAGE.get(name) == told


def _items(text: str) -> list[str]:
    return sorted(text.strip("()").split(","))


def _key(value: Value | None) -> object:
    return tuple(value) if isinstance(value, list) else value


def _compare_batch(
    batch: Batch, indices: list[int], rows: list[list[bytes]], at: int, wanted: Agreement, stride: int
) -> None:
    asked, argument = reference(wanted.name)
    expected = [row[at] for row in rows]
    column = None
    if asked.bulk is not None:
        column = values(asked.bulk(batch, np.array(indices, np.int64), argument), batch)
        for k in range(0, len(indices), stride):
            alone = asked.row(Event(batch, indices[k]), argument)
            if not same(alone, column[k]):
                wanted.split += 1
                wanted.note(f"event {batch.num[indices[k]]}: row {alone!r}, column {column[k]!r}")
    if column is None or asked.printed is not None:
        column = [asked.output(Event(batch, index), argument) for index in indices]
    # by distinct pair of value and expectation, for there are few
    pairs = list(zip(map(_key, column), expected, strict=True))
    firsts = dict(zip(reversed(pairs), range(len(pairs) - 1, -1, -1), strict=True))
    for pair, count in Counter(pairs).items():
        k = firsts[pair]
        text, told = to_text(asked, column[k], argument), unescape(pair[1]).decode("utf-8", "replace")
        if _unfit(wanted.name, text, told):
            wanted.unfit += count
            continue
        wanted.compared += count
        if text == told or (wanted.name in _UNORDERED and _items(text) == _items(told)):
            wanted.agreed += count
        else:
            event = Event(batch, indices[k])
            wanted.note(f"{event.num} {event.type.name} ({count}): expected {told[:300]!r}, got {text[:300]!r}")


def compare(name: str, fields: list[str] | None = None, every: bool = False, size: int = 262_144) -> list[Agreement]:
    """Return the agreement of each field (all columns without ``fields``) over one capture."""
    header, rows = table(name, every)
    number = header.index("evt.num")
    by_num = {int(row[number]): row for row in rows}
    agreements = [Agreement(column) for column in fields or header]
    stride = max(1, len(rows) * len(agreements) // ROW_VALUES)
    for batch in batches(capture_path(name), size):
        indices = [i for i, num in enumerate(batch.num.tolist()) if num in by_num]
        wanted = [by_num.pop(int(batch.num[i])) for i in indices]
        for agreement in agreements:
            _compare_batch(batch, indices, wanted, header.index(agreement.name), agreement, stride)
    for agreement in agreements:  # events that never came
        agreement.compared += len(by_num)
        if by_num:
            agreement.note(f"{len(by_num)} events missing, the first {min(by_num)}")
    return agreements


def main(arguments: list[str]) -> None:
    every = "--all" in arguments
    quiet = "--summary" in arguments
    names = [a for a in arguments if not a.startswith("--")]
    worst: list[Agreement] = []
    for agreement in compare(names[0], names[1:] or None, every):
        if agreement.agreed != agreement.compared or agreement.split or names[1:]:
            worst.append(agreement)
    for agreement in sorted(worst, key=lambda a: a.ratio):
        share = f"{agreement.agreed}/{agreement.compared} = {agreement.ratio:.4%}"
        print(f"{agreement.name}: {share}, {agreement.unfit} unfit, {agreement.split} split")
        for example in () if quiet else agreement.examples:
            print("   ", example)


if __name__ == "__main__":
    main(sys.argv[1:])
