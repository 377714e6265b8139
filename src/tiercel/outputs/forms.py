"""Forms in which a column's rendered values reach the weaving of lines: by table, as digits, as one long text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Shown:
    """Few distinct values: event ``i`` shows ``table[codes[i]]``."""

    codes: NDArray[np.int64]
    table: list[bytes]

    def items(self) -> list[bytes]:
        """Return what each event shows."""
        table = self.table
        return [table[code] for code in self.codes.tolist()]


@dataclass(frozen=True, slots=True)
class Digits:
    """Whole numbers in decimal: event ``i`` shows ``values[i]`` with zeros in front up to ``width`` bytes.

    ``values`` are of any integer type; where ``valid`` is false, ``missing`` is shown (None: all are valid).
    """

    values: NDArray[Any]
    width: int = 0
    valid: NDArray[np.bool_] | None = None
    missing: bytes = b""

    def items(self) -> list[bytes]:
        """Return what each event shows."""
        texts = [b"%0*d" % (self.width, value) for value in self.values.tolist()]
        if self.valid is None:
            return texts
        return [text if ok else self.missing for text, ok in zip(texts, self.valid.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class Texts:
    """Hardly two values alike: event ``i`` shows ``data[offsets[i] : offsets[i + 1]]``.

    The text is UTF-8 without control characters; ``escape`` writes it as inside a JSON string.
    """

    data: bytes
    offsets: NDArray[np.int64]
    escape: bool = False

    def items(self) -> list[bytes]:
        """Return what each event shows."""
        texts = [self.data[start:end] for start, end in pairwise(self.offsets.tolist())]
        if not self.escape:
            return texts
        return [text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for text in texts]


Form = Shown | Digits | Texts
