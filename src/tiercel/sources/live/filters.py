"""What the probe leaves out in the kernel, before it costs more; ``probe/filters.h`` does it.

Names are told by how they begin and end: the first and the last four or eight bytes are looked up in tables of 512
bits. Two beginnings may share a bit, so a name can pass that no rule is about; none is left out that one is about.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from tiercel.sources.live.errors import LiveError

LEAST_PATTERN = 4
"""Bytes of the shortest beginning or end a table can hold."""

LEAST_NAME, MOST_NAME = 8, 256
"""Shorter and longer names always pass."""

WAYS = 4
"""Ways to open a file, the low bits of its flags: to read, to write, both, neither."""

_TABLE = 512  # bits
_MULTIPLIER = 0x9E3779B97F4A7C15
_PAIRS = re.compile(rb"[./][./]|[./]\Z")  # a name with these may stand for another one

_UNIFIED, _MEMORY = 0, 1
_HIERARCHIES = (
    (_UNIFIED, "/sys/fs/cgroup"),
    (_UNIFIED, "/sys/fs/cgroup/unified"),
    (_MEMORY, "/sys/fs/cgroup/memory"),
)


def _bit(part: bytes) -> int:
    return (int.from_bytes(part, "little") * _MULTIPLIER & (1 << 64) - 1) >> 55


@dataclass(frozen=True, slots=True)
class Names:
    """Names of files that matter: those that begin or end with one of these.

    Raises:
        ValueError: one has fewer than :data:`LEAST_PATTERN` bytes.
    """

    beginnings: frozenset[bytes] = frozenset()
    ends: frozenset[bytes] = frozenset()

    def __post_init__(self) -> None:
        if any(len(part) < LEAST_PATTERN for part in self.beginnings | self.ends):
            raise ValueError(f"a beginning or end of a name takes {LEAST_PATTERN} bytes")

    def __or__(self, other: Names) -> Names:
        return Names(self.beginnings | other.beginnings, self.ends | other.ends)

    def bits(self) -> tuple[int, int, int, int]:
        """Return the tables of the first 4 and 8 and the last 4 and 8 bytes, as numbers of 512 bits."""
        tables = [0, 0, 0, 0]
        for at, parts in ((0, self.beginnings), (2, self.ends)):
            for part in parts:
                long = len(part) >= 8
                size = 8 if long else 4
                tables[at + long] |= 1 << _bit(part[:size] if at == 0 else part[-size:])
        return tables[0], tables[1], tables[2], tables[3]

    def packed(self) -> bytes:
        """Return the tables as the probe has them."""
        return b"".join(table.to_bytes(_TABLE // 8, "little") for table in self.bits())

    def passes(self, name: bytes) -> bool:
        """Return whether the probe lets a name pass."""
        if not LEAST_NAME <= len(name) <= MOST_NAME or not name.startswith(b"/") or _PAIRS.search(name):
            return True
        parts = name[:4], name[:8], name[-4:], name[-8:]
        return any(table >> _bit(part) & 1 for table, part in zip(self.bits(), parts, strict=True))


Opens = tuple[Names | None, Names | None, Names | None, Names | None]


@dataclass(frozen=True, slots=True)
class Filters:
    """What to leave out. Without arguments: nothing.

    Attributes:
        failures: event types whose calls matter when they fail too; None for all.
        opens: by way of opening, the names of files that matter; None for all. Directories always do.
        groups: paths of control groups whose processes are left out, with all groups below; how these processes start,
            execute, change and end is still told.
        caps: event type, or ``BY_CODE`` (:mod:`tiercel.sources.live.calls`) plus the code of a call without one: calls
            of one process told in about a second; what is more is counted as lost.
        processes: event types that groups and caps do not touch.
    """

    failures: frozenset[int] | None = None
    opens: Opens = (None, None, None, None)
    groups: tuple[str, ...] = ()
    caps: Mapping[int, int] = field(default_factory=dict)
    processes: frozenset[int] = frozenset()

    def __or__(self, other: Filters) -> Filters:
        """Return filters that leave out only what both do."""
        failures = None
        if self.failures is not None and other.failures is not None:
            failures = self.failures | other.failures
        ways = [
            None if mine is None or theirs is None else mine | theirs
            for mine, theirs in zip(self.opens, other.opens, strict=True)
        ]
        return Filters(
            failures,
            (ways[0], ways[1], ways[2], ways[3]),
            tuple(group for group in self.groups if group in other.groups),
            {event: max(cap, other.caps[event]) for event, cap in self.caps.items() if event in other.caps},
            self.processes | other.processes,
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Events that filters left out: of calls that failed, of files by their names, of groups; and those above caps."""

    failures: int = 0
    names: int = 0
    groups: int = 0
    capped: int = 0

    def __str__(self) -> str:
        """``1,200 failed calls, 3 opens by name``; empty when nothing was left out."""
        words = ("failed calls", "opens by name", "calls of excluded groups", "calls above a cap")
        counts = (getattr(self, part.name) for part in fields(self))
        return ", ".join(f"{count:,} {word}" for count, word in zip(counts, words, strict=True) if count)


def group_keys(groups: Iterable[str]) -> set[int]:
    """Return the keys by which the probe knows control groups.

    Raises:
        LiveError: there is no such group on this host.
    """
    keys: set[int] = set()
    for group in groups:
        found = set()
        parts = [part for part in group.split("/") if part]
        for hierarchy, root in _HIERARCHIES:
            path = Path(root, *parts)
            if parts and ".." not in parts and (path / "cgroup.procs").is_file():
                found.add(hierarchy << 56 | os.stat(path).st_ino)
        if not found:
            raise LiveError(f"there is no control group {group}: paths are those of /proc/PID/cgroup")
        keys |= found
    return keys
