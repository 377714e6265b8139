"""The distinct numbers of an array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.state.distinct import distinct, grouped


@pytest.mark.parametrize("kind", [np.int64, np.uint16])
@given(numbers=st.lists(st.integers(0, 300)))
def test_as_numpy_has_it(kind: type[np.integer], numbers: list[int]) -> None:
    given_numbers = np.array(numbers, kind)
    found = distinct(given_numbers)
    assert found.dtype == kind
    assert found.tolist() == np.unique(given_numbers).tolist()
    assert given_numbers.tolist() == numbers


@given(numbers=st.lists(st.integers(-3, 40) | st.integers(-(2**62), 2**62)))
def test_groups_of_equal_numbers(numbers: list[int]) -> None:
    first, which = grouped(np.array(numbers, np.int64))
    assert [numbers.index(number) for number in numbers] == first[which].tolist()
    assert len(first) == len(set(numbers))
