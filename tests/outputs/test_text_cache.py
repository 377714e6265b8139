"""The cache of rendered texts."""

from __future__ import annotations

import numpy as np

from tiercel.model.batch import Tables
from tiercel.outputs.shown import TextCache


def test_the_cache_grows_with_the_strings_not_with_the_calls() -> None:
    tables = Tables()
    cache = TextCache(lambda value: b"<NA>" if value is None else value.upper())
    for k in range(60):  # as many batches, each with a new string
        number = tables.strings.intern(b"text %d" % k)
        shown = cache(tables, np.array([number, -1], np.int64))
        assert [shown.table[code] for code in shown.codes.tolist()] == [b"TEXT %d" % k, b"<NA>"]
    assert len(cache.known) <= 4 * len(tables.strings)
