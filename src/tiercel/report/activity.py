"""What the pictures show: how much happened when, and the lives of the processes of an incident."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tiercel.reconstruct.raised import counted
from tiercel.reconstruct.scene import Scene
from tiercel.report.model import Lane, Mark, Overview

SPANS = 120
_MOST_ALERTS = 400  # a picture with more diamonds is a line


def overview(scene: Scene) -> Overview | None:
    """Return the acts by time and the alerts, None for a scene in which nothing happens."""
    times = scene.acts.column("ts").to_numpy()
    alerts = counted(scene.alerts).select(["ts", "rule", "priority"]).to_pylist()
    stamps = np.concatenate((times, np.array([alert["ts"] for alert in alerts], np.int64)))
    stamps = stamps[stamps > 0]
    if not len(stamps):
        return None
    first, last = int(stamps.min()), int(stamps.max())
    counts, _ = np.histogram(times[times > 0], bins=SPANS, range=(first, max(last, first + 1)))
    marks = tuple(
        Mark(alert["ts"], alert["rule"] or "", True, alert["priority"] or "") for alert in alerts[:_MOST_ALERTS]
    )
    return Overview(first, last, tuple(int(count) for count in counts), marks)


def lanes(scene: Scene, processes: Collection[int], acts: Collection[int], alerts: Collection[int]) -> tuple[Lane, ...]:
    """Return one lane for each process, parents above their children, with these acts and alerts on them."""
    wanted = sorted(set(processes))
    rows = {row["process"]: row for row in scene.processes.take(wanted).to_pylist()} if wanted else {}
    marks: defaultdict[int, list[Mark]] = defaultdict(list)
    for act in scene.acts.take(pa.array(sorted(acts), pa.int64())).to_pylist():
        marks[act["process"]].append(Mark(act["ts"], f"{act['kind']} {act['object'] or ''}".strip()))
    for alert in scene.alerts.take(pa.array(sorted(alerts), pa.int64())).to_pylist():
        if alert["process"] is not None:
            marks[alert["process"]].append(Mark(alert["ts"], alert["rule"] or "", True, alert["priority"] or ""))
    return tuple(
        Lane(
            number,
            f"{row['name'] or '?'} {row['pid']}",
            depth,
            row["start"] if row["start"] and not row["from_start"] else row["first_ts"],
            row["end"],
            tuple(sorted(marks[number], key=lambda mark: (mark.ts, mark.alert))),
        )
        for number, depth in ordered(rows)
        for row in (rows[number],)
    )


def ordered(rows: dict[int, dict[str, Any]]) -> list[tuple[int, int]]:
    """Return (process, depth) of a forest, each before its children, siblings by when they were first seen."""
    children: defaultdict[int | None, list[int]] = defaultdict(list)
    for number, row in rows.items():
        parent = row["parent"]
        children[parent if parent in rows and parent != number else None].append(number)
    found: list[tuple[int, int]] = []
    seen: set[int] = set()
    waiting = [(number, 0) for number in _by_age(children[None], rows)[::-1]]
    while waiting:
        number, depth = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        found.append((number, depth))
        waiting.extend((child, depth + 1) for child in _by_age(children[number], rows)[::-1])
    # a loop of parents, which only damaged evidence has, hangs on no root
    return found + [(number, 0) for number in rows if number not in seen]


def _by_age(numbers: Sequence[int], rows: dict[int, dict[str, Any]]) -> list[int]:
    return sorted(numbers, key=lambda number: (rows[number]["first_ts"] or 0, number))
