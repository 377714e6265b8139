"""Interns texts straight from the bytes of a batch, without making an object of a text that is known already.

Compiled with Cython (types in ``text_index.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

import cython  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from tiercel.model.tables import Strings
from tiercel.state.reader import Reader

_PRIME = 0x100000001B3
_PROBES = 32  # texts that clash more often go to the dictionary: hostile input must not make this slow
_LONGEST = 4096  # longer texts, too


class TextIndex:
    """A hash table over the strings that were asked for as spans; ``slots`` hold string numbers plus one."""

    def __init__(self, strings: Strings) -> None:
        self.strings = strings
        self.clear()

    def clear(self) -> None:
        """Forget everything, as is needed when strings are renumbered."""
        self.absent = self.strings.intern(b"<NA>")
        self.null = self.strings.intern(b"(NULL)")
        self.resize(1 << 12)

    def resize(self, size: int) -> None:
        """Start anew with ``size`` slots; texts come back as they are asked for."""
        self.size = size
        self.used = 0
        self.cells: NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self.slots = self.cells

    # Reader.length has checked the span, the size of a text is compared
    @cython.boundscheck(False)  # type: ignore[untyped-decorator]
    def number(self, reader: Reader, j: int) -> int:
        """Return the string number of the text in span ``j``, up to its first NUL.

        An empty span and ``(NULL)``, what drivers write when they cannot read a text, are ``<NA>``.
        """
        size = reader.length(j)
        if size == 0:
            return self.absent
        if not cython.compiled or size > _LONGEST:
            found: int = self.strings.intern(reader.text(j))
            return self.absent if found == self.null else found
        begin: int = reader.start[j]
        if reader.data[begin + size - 1] == 0:
            size -= 1  # a NUL elsewhere makes the text unlike all that are known
        mixed = size
        k = 0
        while k + 8 <= size:
            mixed = (mixed ^ reader.wide[begin + k]) * _PRIME
            mixed ^= mixed >> 32
            k += 8
        while k < size:
            mixed = (mixed ^ reader.data[begin + k]) * _PRIME
            k += 1
        at = (mixed ^ (mixed >> 32)) & (self.size - 1)
        for _ in range(_PROBES):
            found = self.slots[at] - 1
            if found < 0:
                break
            text: bytes = self.strings.values[found]
            if len(text) == size:
                for k in range(size):
                    if text[k] != reader.data[begin + k]:
                        break
                else:
                    return found
            at = (at + 1) & (self.size - 1)
        else:
            at = -1
        found = self.strings.intern(reader.text(j))
        if found == self.null:
            return self.absent
        text = self.strings.values[found]
        if at >= 0 and len(text) == size:  # one with a NUL in it would be entered every time
            self.slots[at] = found + 1
            self.used += 1
            if self.used * 2 > self.size:
                self.resize(self.size * 2)
        return found
