"""The distinct numbers of an array.

``numpy.unique`` imports ``numpy.ma`` on its first call, which takes longer than looking through a small capture.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def grouped(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each distinct number first stands, and for each number which of them it is.

    Numbers that lie close together, as flags do, are looked up instead of sorted.
    """
    if len(numbers):
        low = int(numbers.min())
        span = int(numbers.max()) - low + 1
        if span <= 4 * len(numbers):
            places = numbers - low
            first = np.full(span, -1, np.int64)
            first[places[::-1]] = np.arange(len(numbers))[::-1]
            used = np.flatnonzero(first >= 0)
            order = np.empty(span, np.int64)
            order[used] = np.arange(len(used))
            return first[used], order[places]
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)


def distinct(numbers: NDArray[Number]) -> NDArray[Number]:
    """Return the distinct numbers in order; made for arrays that are short or hold many alike."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
