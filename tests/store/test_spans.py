"""Spans, compiled and not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.store import spans

TEXTS = st.lists(st.lists(st.binary(max_size=9), max_size=4), min_size=1, max_size=8)


@given(TEXTS, st.data())
def test_both_forms_agree(events: list[list[bytes]], data: st.DataObject) -> None:
    flat = [text for event in events for text in event]
    first = np.cumsum([0, *map(len, events)]).astype(np.int32)
    kinds = sorted(set(flat))
    codes = np.array([kinds.index(text) for text in flat], np.int32)
    offsets = np.cumsum([0, *map(len, kinds)]).astype(np.int32)
    order = np.array(data.draw(st.lists(st.integers(0, len(events) - 1), max_size=10)), np.int64)
    held = np.frombuffer(b"".join(kinds), np.uint8)
    forms = []
    for kernels in (spans._kernels, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spans, "_kernels", kernels)
            begins, start, length = spans.rearranged(first, codes, offsets, order)
            places, gathered = spans.gathered(held, start, length)
        forms.append((begins.tolist(), start.tolist(), length.tolist(), places.tolist(), gathered.tobytes()))
    assert forms[0] == forms[1]
    begins, _, _, places, joined = forms[0]
    for n, event in enumerate(order.tolist()):
        texts = [joined[places[k] : places[k + 1]] for k in range(begins[n], begins[n + 1])]
        assert texts == events[event]


@pytest.mark.parametrize("kernels", [spans._kernels, None])
def test_nothing_outside_is_read(kernels: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_kernels", kernels)
    first, codes, offsets = (np.array(values, np.int32) for values in ([0, 2, 3], [1, 0, 1], [0, 2, 3]))
    for order in ([2], [-1]):
        with pytest.raises(ValueError, match="outside"):
            spans.rearranged(first, codes, offsets, np.array(order))
    with pytest.raises(ValueError, match="outside"):
        spans.rearranged(np.array([0, 9], np.int32), codes, offsets, np.array([0]))
    for code in (2, -1, 1 << 30):
        with pytest.raises(ValueError, match="outside"):
            spans.rearranged(first, np.array([code, 0, 0], np.int32), offsets, np.array([0]))


@pytest.mark.skipif(spans._kernels is None, reason="not compiled")
def test_kernels_look_before_they_leap() -> None:
    codes, offsets = np.zeros(3, np.int32), np.array([0, 1], np.int32)
    with pytest.raises(ValueError, match="outside"):
        spans.rearranged(np.array([3, 1], np.int32), codes, offsets, np.array([0]))
    data = np.zeros(4, np.uint8)
    for start, length in ((3, 2), (-1, 1), (1 << 30, 1)):
        with pytest.raises(ValueError, match="outside"):
            spans.gathered(data, np.array([start], np.int32), np.array([length], np.int32))
