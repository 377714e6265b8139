"""Texts and lists of texts of event parameters, as string numbers.

Compiled with Cython (types in ``texts.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from tiercel.model.tables import Strings
from tiercel.state.reader import Reader

UNKNOWN = b"<NA>"
"""What an absent text reads as: drivers leave a text empty, or write ``(NULL)``, when they could not get it."""

_NULL = b"(NULL)\0"
_CACHED = 4096  # distinct cgroup lists remembered
_SUBSYSTEMS = {b"perf": b"perf_event", b"mem": b"memory", b"io": b"blkio"}  # kernel names that changed


def items(raw: bytes) -> bytes:
    """Return a list of texts with a NUL after each one; a lone NUL is an empty list."""
    if raw == b"\0":
        return b""
    return raw if not raw or raw.endswith(b"\0") else raw + b"\0"


def cgroups(raw: bytes) -> bytes | None:
    """Return ``subsystem=path`` items with the subsystems' usual names, None when an item has no ``=``.

    Follows libsinsp's ``sinsp_threadinfo::set_cgroups``.
    """
    parts = []
    listed = items(raw).split(b"\0")
    listed.pop()  # what follows the last NUL
    for item in listed:
        subsystem, equals, path = item.partition(b"=")
        if not equals:
            return None
        subsystem = subsystem.replace(b"_cgroup", b"", 1)
        parts.append(_SUBSYSTEMS.get(subsystem, subsystem) + b"=" + path + b"\0")
    return b"".join(parts)


def exepath(path: bytes) -> bytes:
    """Return an executable's path without the kernel's note that the file was deleted."""
    suffix = b" (deleted)"
    return path.removesuffix(suffix) if len(path) > len(suffix) else path


class Texts:
    """Interns the texts of a reader's spans."""

    def __init__(self, reader: Reader, strings: Strings) -> None:
        self.reader = reader
        self.strings = strings
        self._cgroups: dict[bytes, int] = {}

    def text(self, j: int) -> bytes:
        """Return the text of span ``j``, ``<NA>`` when there is none."""
        raw = self.reader.raw(j)
        if not raw or raw == _NULL:
            return UNKNOWN
        end = raw.find(b"\0")
        return raw if end < 0 else raw[:end]

    def number(self, j: int) -> int:
        return self.strings.intern(self.text(j))

    def items(self, j: int) -> int:
        """Return the number of the list of texts in span ``j``."""
        return self.strings.intern(items(self.reader.raw(j)))

    def cgroups(self, j: int, otherwise: int) -> int:
        """Return the number of the cgroups in span ``j``, ``otherwise`` when they cannot be read."""
        raw = self.reader.raw(j)
        number = self._cgroups.get(raw)
        if number is None:
            parsed = cgroups(raw)
            if parsed is None:
                return otherwise
            number = self.strings.intern(parsed)
            if len(self._cgroups) >= _CACHED:
                self._cgroups = {}
            self._cgroups[raw] = number
        return number

    def renumber(self) -> None:
        """Forget all numbers: the strings were renumbered."""
        self._cgroups = {}
