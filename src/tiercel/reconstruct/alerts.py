"""Alerts of a scene, and which process and act each is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tiercel.fields.evt_columns import I64
from tiercel.model.batch import Batch
from tiercel.outputs.alert import Alert
from tiercel.reconstruct.gather import Gathered, Gatherer
from tiercel.reconstruct.processes import Lives
from tiercel.reconstruct.schema import ALERTS

Row = dict[str, Any]

_DEFAULTS: Row = {"source": "syscall", "output_fields": "{}", "tags": [], "kind": "rules", "truncated": False}


def rows_of(alerts: pa.Table | Iterable[Alert], evidence: str = "") -> list[Row]:
    """Return alerts as rows with the columns of ALERTS, as far as they are known.

    Args:
        alerts: a table with columns of a store's alerts (``hostname`` is the host), or alerts of a detection.
        evidence: id of the evidence they come from, where they do not say so.
    """
    rows = alerts.to_pylist() if isinstance(alerts, pa.Table) else [_row(alert) for alert in alerts]
    for row in rows:
        row["host"] = row.get("host") or row.get("hostname") or ""
        row["evidence"] = row.get("evidence") or evidence
        row["process"] = row["act"] = None
        for name, value in _DEFAULTS.items():
            if row.get(name) is None:
                row[name] = value
    return rows


def _row(alert: Alert) -> Row:
    return {
        "ts": alert.time,
        "num": alert.event,
        "host": alert.hostname,
        "rule": alert.rule,
        "priority": alert.priority,
        "source": alert.source,
        "output": alert.output,
        "output_fields": json.dumps(alert.output_fields),
        "tags": list(alert.tags),
    }


class Links:
    """Finds the events of alerts in the batches as they come by.

    An alert with an event number is about that event of its evidence, one from a log about an event of the same time,
    to the ns. What is left is linked by process id and time.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._acts: dict[int, int] = {}  # position to the provisional number of the act
        self._processes: dict[int, int] = {}
        self._times = np.array([row["ts"] if row["ts"] is not None else -1 for row in rows], np.int64)
        self._order = np.argsort(self._times, kind="stable")

    def watch(self, batch: Batch, evidence: str) -> dict[int, list[int]]:
        """Return the events of a batch that alerts are about: index to positions of the alerts."""
        if not self.rows or not batch.count:
            return {}
        times = batch.ts[: batch.count].view(np.int64)
        known = self._times[self._order]
        place = np.minimum(np.searchsorted(known, times), len(known) - 1)
        found: dict[int, list[int]] = {}
        for index in np.flatnonzero(known[place] == times).tolist():
            ts = int(times[index])
            first, end = np.searchsorted(known, (ts, ts + 1))
            for position in self._order[first:end].tolist():
                row = self.rows[position]
                if row["kind"] != "rules" or not row["num"]:
                    same = row["host"] in ("", _host(batch))
                else:
                    same = row["num"] == int(batch.num[index]) and row["evidence"] in ("", evidence)
                if same:
                    found.setdefault(index, []).append(position)
        return found

    def note(self, batch: Batch, gatherer: Gatherer, found: Mapping[int, list[int]]) -> None:
        """Keep which acts and processes the events turned out to belong to."""
        indices: I64 = np.array(list(found), np.int64)
        for index, process in zip(found, gatherer.lives.of(batch, indices).tolist(), strict=True):
            for position in found[index]:
                if process >= 0:
                    self._processes[position] = process
                if index in gatherer.watched:
                    self._acts.setdefault(position, gatherer.watched[index])

    def table(self, gatherer: Gatherer, gathered: Gathered) -> pa.Table:
        """Return the alerts in order of time, linked."""
        by_pid: dict[int, list[int]] = {}
        for number, life in enumerate(gatherer.lives.all):
            by_pid.setdefault(life.pid, []).append(number)
        for position, row in enumerate(self.rows):
            process = self._processes.get(position)
            row["process"] = _by_pid(row, gatherer.lives, by_pid) if process is None else process
            if position in self._acts:
                row["act"] = gatherer.position(gathered, self._acts[position])
        ordered = sorted(self.rows, key=lambda row: (row["ts"] or 0, row["num"] or 0))
        for number, row in enumerate(ordered):
            row["alert"] = number
            row["evidence"] = " ".join(dict.fromkeys((row["evidence"], *row.get("also", ()))))
        return pa.Table.from_pylist([{name: row.get(name) for name in ALERTS.names} for row in ordered], schema=ALERTS)


def _host(batch: Batch) -> str:
    return "" if batch.world is None else batch.world.machine.hostname


def _by_pid(row: Row, lives: Lives, by_pid: Mapping[int, list[int]]) -> int | None:
    """Return the process that the alert's own fields name, if one of its id was alive at the time."""
    try:
        pid = json.loads(row["output_fields"]).get("proc.pid")
    except (ValueError, AttributeError, RecursionError):
        return None
    ts = row["ts"]
    if not isinstance(pid, int) or ts is None:
        return None
    alive = [
        number
        for number in by_pid.get(pid, ())
        if row["host"] in ("", lives.all[number].host)
        and (lives.all[number].start or 0) <= ts
        and ts <= (lives.all[number].end or ts)
    ]
    return alive[-1] if alive else None
