"""What stands in several pieces of evidence, counted once.

A recording may be given twice: packed otherwise, cut off, or as a log that was rotated and the whole of it. Events are
the same when host, time, thread, type and every parameter are equal and the evidence is another; within one piece of
evidence all count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tiercel.fields.evt_columns import I64
from tiercel.model.batch import Batch
from tiercel.reconstruct.alerts import Row
from tiercel.store.segment import Segment


class Overlap:
    """Hides events of a segment that a segment of other evidence, taken before, holds too."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._shared = _overlapping(segments)
        self._seen: dict[str, dict[int, str]] = defaultdict(dict)  # by host: key of an event to its evidence

    def hide(self, segment: Segment, batch: Batch) -> None:
        """Make the events invisible that were there before."""
        if segment.path not in self._shared or not batch.count:
            return
        seen, evidence = self._seen[segment.manifest.host], segment.manifest.source.id
        hidden = [seen.setdefault(key, evidence) != evidence for key in _keys(batch)]
        batch.visible = batch.visible & ~np.array(hidden, np.bool_)


def repeats(segments: Sequence[Segment]) -> dict[str, list[str]]:
    """Return, by id of evidence, the ones before it of which it holds events again.

    Events of one host with the same time (to the ns), thread and type are taken for the same; only segments that
    overlap in time are opened.

    Raises:
        InputError: a segment cannot be read.
    """
    shared = _overlapping(segments)
    keys: dict[str, dict[str, list[I64]]] = defaultdict(lambda: defaultdict(list))  # by host and evidence
    for segment in segments:
        if segment.path in shared:
            columns = segment.table("events", ["ts", "tid", "type_id"]).columns
            ts, tid, kind = (column.to_numpy().astype(np.int64) for column in columns)
            keys[segment.manifest.host][segment.manifest.source.id].append(ts * _ODD + tid * 1021 + kind)
    found: dict[str, list[str]] = {}
    for pieces in keys.values():
        whole = {id: np.unique(np.concatenate(parts)) for id, parts in sorted(pieces.items())}
        for id, own in whole.items():
            for other, theirs in whole.items():
                if other < id and other not in found.get(id, ()) and np.isin(own, theirs, assume_unique=True).any():
                    found.setdefault(id, []).append(other)
    return found


_ODD = 1_000_003  # spreads times, so that thread and type do not run into those of the next


def _overlapping(segments: Sequence[Segment]) -> set[object]:
    """Return the paths of segments during whose time other evidence tells of the same host."""
    shared: set[object] = set()
    by_host: dict[str, list[tuple[int, int, str, Segment]]] = defaultdict(list)
    for segment in segments:
        about = segment.manifest
        if about.first_ts is not None and about.last_ts is not None:
            by_host[about.host].append((about.first_ts, about.last_ts, about.source.id, segment))
    for spans in by_host.values():
        spans.sort(key=lambda span: span[0])
        open_spans: list[tuple[int, int, str, Segment]] = []
        for span in spans:
            open_spans = [other for other in open_spans if other[1] >= span[0]]
            others = [other for other in open_spans if other[2] != span[2]]
            shared.update(other[3].path for other in others)
            if others:
                shared.add(span[3].path)
            open_spans.append(span)
    return shared


def _keys(batch: Batch) -> list[int]:
    first, start, length = batch.first, batch.start, batch.length
    data = memoryview(batch.data)
    ends = (start.astype(np.int64) + length).tolist()
    starts, bounds = start.tolist(), first.tolist()
    events = zip(batch.ts.tolist(), batch.tid.tolist(), batch.types.tolist(), strict=False)
    return [
        hash((*event, *(bytes(data[starts[at] : ends[at]]) for at in range(bounds[index], bounds[index + 1]))))
        for index, event in zip(range(batch.count), events, strict=False)
    ]


def alerts_once(rows: list[Row]) -> list[Row]:
    """Return alerts without those that were raised again from the same event in other evidence.

    The ones that stay have the evidence they are in too as ``also``.
    """
    kept: list[Row] = []
    firsts: dict[tuple[object, ...], Row] = {}
    times: dict[tuple[object, ...], int] = defaultdict(int)
    for row in rows:
        if row["kind"] == "rules":
            about = (row["ts"], row["host"], row["rule"], row["output"])
            turn = times[(*about, row["evidence"])]
            times[(*about, row["evidence"])] += 1
            first = firsts.setdefault((*about, turn), row)
            if first is not row:
                first.setdefault("also", []).append(row["evidence"])
                continue
        kept.append(row)
    return kept
