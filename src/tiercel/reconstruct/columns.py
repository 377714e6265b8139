"""Gathered processes and acts as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tiercel.fields.evt_columns import I64
from tiercel.fields.params_text import address
from tiercel.reconstruct.acts.found import NONE
from tiercel.reconstruct.gather import KIND_NAMES, C
from tiercel.reconstruct.processes import Lives
from tiercel.reconstruct.schema import ACTS, PROCESSES
from tiercel.reconstruct.texts import Texts

_TEXTS = (C.HOST, C.EVIDENCE, C.NAME, C.USER, C.CONTAINER, C.OBJECT, C.TARGET, C.DETAIL, C.PROTO)
_NEVER_NULL = (C.HOST, C.EVIDENCE, C.CONTAINER)
_ADDRESSES = (C.LADDR, C.RADDR)
_NOTHING = ("", "<NA>")


if TYPE_CHECKING:
    Column = pa.Array[Any]


def _taken(values: Sequence[str | None], numbers: I64) -> Column:
    """Return the texts with these numbers, null for negative ones."""
    places: Any = pa.array(numbers, pa.int64(), mask=numbers < 0)
    return pa.array(values, pa.string()).take(places)


def _address(raw: bytes) -> str | None:
    return address(raw).decode() if len(raw) in (4, 16) else None


def acts_table(acts: I64, texts: Texts) -> pa.Table:
    """Return acts, shape (n, C.WIDTH), as a table of schema ACTS."""
    decoded = [text.decode("utf-8", "replace") for text in texts.values]
    shown = [None if text in _NOTHING else text for text in decoded]
    columns: dict[str, Column] = {"act": pa.array(np.arange(len(acts)))}
    for column in C:
        if column is C.WIDTH:
            continue
        values = np.ascontiguousarray(acts[:, column])
        if column in _TEXTS:
            array = _taken(decoded if column in _NEVER_NULL else shown, values)
        elif column in _ADDRESSES:
            distinct, inverse = np.unique(values, return_inverse=True)
            named = [None if number < 0 else _address(texts.values[number]) for number in distinct.tolist()]
            array = _taken(named, inverse.reshape(-1))
        elif column is C.KIND:
            array = _taken(KIND_NAMES, values)
        elif column is C.OK:
            array = pa.array(values != 0)
        else:
            array = pa.array(values, mask=(values == NONE) | ((values < 0) & (column is C.PROCESS)))
        columns[column.name.lower()] = array
    return pa.table([columns[name] for name in ACTS.names], schema=ACTS)


def processes_table(lives: Lives) -> pa.Table:
    """Return processes as a table of schema PROCESSES."""
    rows = []
    for number, life in enumerate(lives.all):
        container = lives.container(life)
        rows.append(
            {name: getattr(life, name, None) for name in PROCESSES.names}
            | {
                "process": number,
                "container": life.container.decode("utf-8", "replace"),
                "container_name": container.name,
                "image": container.image,
                "pod": container.pod,
                "namespace": container.namespace,
                "execs": [asdict(executed) for executed in life.execs],
            }
        )
    return pa.Table.from_pylist(rows, schema=PROCESSES)
