"""The distinct numbers of an array.

``numpy.unique`` imports ``numpy.ma`` on its first call, which takes longer than looking through a small capture.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def distinct(numbers: NDArray[Number]) -> NDArray[Number]:
    """Return the distinct numbers in order; made for arrays that are short or hold many alike."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
