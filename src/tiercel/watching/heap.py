"""Memory given back to the system: what a burst of events took would otherwise stay with the C library's allocator."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

_EVERY = 30.0  # seconds
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE = 4 << 20  # bytes from which on a block is mapped by itself, and goes back when it is freed
_TOP = 8 << 20  # bytes free at the end of the heap that are kept


class Heap:
    """Keeps the heap small; call :meth:`tidy` now and then. Does nothing where the C library is not glibc.

    glibc keeps up to 64 MB, and the holes between what lives on, once large blocks were freed.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        self._trim: Callable[[int], int] | None = getattr(library, "malloc_trim", None)
        self._due = 0.0
        if self._trim is not None:
            library.mallopt(_MMAP_THRESHOLD, _LARGE)
            library.mallopt(_TRIM_THRESHOLD, _TOP)

    def tidy(self) -> None:
        """Give back what is free, if it is time to; takes some milliseconds."""
        now = time.monotonic()
        if self._trim is None or now < self._due:
            return
        self._due = now + _EVERY
        self._trim(0)
