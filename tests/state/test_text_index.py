"""Texts are numbered the same whether they were met as spans before or not."""

from __future__ import annotations

import numpy as np

from tiercel.model.batch import Batch, Tables
from tiercel.state.reader import Reader
from tiercel.state.text_index import TextIndex

TEXTS = [b"a\0", b"/etc/passwd\0", b"/etc/passwd", b"/etc\0passwd\0", b"", b"(NULL)\0", b"\0", b"12345678", b"x" * 4999]
KNOWN = [b"a", b"/etc/passwd", b"/etc/passwd", b"/etc", b"<NA>", b"<NA>", b"", b"12345678", b"x" * 4999]


def test_numbers_of_spans() -> None:
    tables = Tables()
    lengths = np.array([len(text) for text in TEXTS], dtype=np.int32)
    count = len(TEXTS)
    empty = np.zeros(count, dtype=np.uint64)
    batch = Batch(
        tables=tables, data=bytearray(b"".join(TEXTS)), count=count, num=empty, ts=empty, tid=empty.view(np.int64),
        cpu=empty.astype(np.uint16), types=empty.astype(np.uint16), first=np.arange(count + 1, dtype=np.int32),
        start=(np.cumsum(lengths) - lengths).astype(np.int32), length=lengths,
    )  # fmt: skip
    reader = Reader()
    reader.load(batch)
    texts = TextIndex(tables.strings)
    for _ in range(3):
        assert [tables.strings.get(texts.number(reader, j)) for j in range(count)] == KNOWN
    assert texts.used <= len(set(KNOWN))
