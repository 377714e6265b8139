"""Interning stretches of a batch's bytes, many at a time."""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.model.batch import Batch

I64 = NDArray[np.int64]

_SLOTS = 8192  # string numbers remembered between calls

_spans: Any = None
with suppress(ImportError):  # not compiled
    _spans = importlib.import_module("tiercel.fields._spans")


def compiled() -> Any:
    """Return the compiled kernels, None when there are none."""
    return _spans


def intern_spans(batch: Batch, start: I64, length: I64, cut: bool = False) -> I64:
    """Return the string numbers of stretches of the batch's data.

    Args:
        start, length: byte offsets and lengths; those of the batch's parameters are valid.
        cut: end each text at its first NUL.
    """
    strings = batch.tables.strings
    if _spans is None or not len(batch.data):
        return _one_by_one(batch, start, length, cut)
    recent = batch.tables.derived.get("recent spans")
    if recent is None or recent[0] != batch.tables.epoch:
        recent = batch.tables.derived["recent spans"] = (batch.tables.epoch, np.full(_SLOTS, -1, np.int64))
    out = np.empty(len(start), np.int64)
    begins, sizes = np.ascontiguousarray(start, np.int64), np.ascontiguousarray(length, np.int64)
    _spans.intern_spans(strings, batch.data, begins, sizes, cut, recent[1], out)
    return out


def _one_by_one(batch: Batch, start: I64, length: I64, cut: bool) -> I64:
    data, intern = batch.data, batch.tables.strings.intern
    numbers = []
    for at, size in zip(start.tolist(), length.tolist(), strict=True):
        text = bytes(data[at : at + size])
        numbers.append(intern(text.partition(b"\0")[0] if cut else text))
    return np.array(numbers, np.int64)
