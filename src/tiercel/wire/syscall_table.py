"""System calls and tracepoints by the number the drivers give them, the same on every architecture.

Generic events carry that number in parameter ``ID``. Most other events belong to one system call; a few, such as
``setuid``, to two. Numbers and mapping are those of libs 0.25.4.
"""

from __future__ import annotations

from importlib.resources import files


def _load() -> tuple[dict[int, str], dict[int, tuple[int, ...]]]:
    names: dict[int, str] = {}
    events: dict[int, tuple[int, ...]] = {}
    for line in files(__package__).joinpath("syscalls.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        code, name, *numbers = line.split(" ")
        names[int(code)] = name
        events[int(code)] = tuple(map(int, numbers))
    return names, events


NAMES: dict[int, str]
"""The name of each code, ``unknown`` for 0."""

EVENTS_OF: dict[int, tuple[int, ...]]
"""The event numbers each code can appear as; (0, 1) are the generic events."""

NAMES, EVENTS_OF = _load()

CODES: dict[str, int] = {name: code for code, name in NAMES.items()}
"""The code of each name."""
