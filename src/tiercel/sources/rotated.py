"""The order of rotated log files: the oldest first.

Known are the names of logrotate (``x.log.2.gz``, ``x.log-20261122``), of the kubelet (``0.log.20261122-010203.gz``),
of docker (``x-json.log.1``) and of programs that put the time before the ending (``x-2026-11-22T01-02-03.log``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_PACKED = re.compile(r"\.(?:gz|zst|zstd|xz|bz2)$", re.IGNORECASE)
_NUMBER = re.compile(r"^(?P<stem>.+)\.(?P<number>\d{1,4})$")
_DATE = re.compile(
    r"^(?P<stem>.+?)[-._](?P<date>\d{4}-?\d\d-?\d\d(?:[-T_.]?\d\d[-:]?\d\d(?:[-:]?\d\d)?(?:\.\d{1,9})?)?)(?P<end>\.[a-z]+)?$",
    re.IGNORECASE,
)
_NEWEST = "~"  # after every digit


def in_order(paths: Iterable[str | Path]) -> list[Path]:
    """Return the files, those of one rotated set from the oldest to the newest.

    Sets stay in the order in which their first file is named, and a file named twice is kept once.
    """
    sets: dict[tuple[Path, str], dict[Path, tuple[str, int]]] = {}
    for path in map(Path, paths):
        sets.setdefault(set_of(path), {})[path] = _age(path.name)[1]
    return [path for files in sets.values() for path in sorted(files, key=lambda path: (files[path], path.name))]


def set_of(path: Path) -> tuple[Path, str]:
    """Return what all files of one rotated set have in common: the folder and the name without its age."""
    return path.parent, _age(path.name)[0]


def _age(name: str) -> tuple[str, tuple[str, int]]:
    """Return the name of the set a file is of, and what sorts the set from old to new."""
    name = _PACKED.sub("", name)
    if found := _NUMBER.match(name):
        return found["stem"], (_NEWEST, -int(found["number"]))
    if found := _DATE.match(name):
        digits = re.sub(r"\D", "", found["date"])
        return found["stem"] + (found["end"] or ""), (digits, 0)
    return name, (_NEWEST, 0)
