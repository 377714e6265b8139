"""The event table: every event number with its name, category, flags and parameters.

The numbers and layouts are those of Falco's drivers (schema 4.3.0, libs 0.25.4). A number never changes its
meaning; a changed layout gets a new number and the old one is marked ``OLD_VERSION``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from importlib.resources import files


class ParamType(IntEnum):
    """How the bytes of a parameter are laid out (little endian) and meant."""

    NONE = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    CHARBUF = 9  # text, NUL terminated
    BYTEBUF = 10  # bytes as they were
    ERRNO = 11  # int64, negative errno on failure
    SOCKADDR = 12  # one byte of family, then the address
    SOCKTUPLE = 13  # one byte of family, then both ends
    FD = 14  # int64
    PID = 15  # int64
    FDLIST = 16  # uint16 count, then (int64 descriptor, int16 flags) each
    FSPATH = 17
    SYSCALLID = 18  # uint16
    SIGTYPE = 19  # uint8
    RELTIME = 20  # uint64 ns
    ABSTIME = 21  # uint64 ns
    PORT = 22
    L4PROTO = 23
    SOCKFAMILY = 24
    BOOL = 25  # 4 bytes
    IPV4ADDR = 26
    DYN = 27  # one byte says which layout follows
    FLAGS8 = 28
    FLAGS16 = 29
    FLAGS32 = 30
    UID = 31  # uint32, all ones for none
    GID = 32
    DOUBLE = 33
    SIGSET = 34  # uint32
    CHARBUFARRAY = 35  # texts, each NUL terminated
    CHARBUF_PAIR_ARRAY = 36
    IPV4NET = 37
    IPV6ADDR = 38
    IPV6NET = 39
    IPADDR = 40
    IPNET = 41
    MODE = 42
    FSRELPATH = 43  # a path relative to the directory descriptor in parameter ``dirfd``
    ENUMFLAGS8 = 44
    ENUMFLAGS16 = 45
    ENUMFLAGS32 = 46
    FD32 = 47
    PID32 = 48


class Format(IntEnum):
    """How a number is printed."""

    NA = 0
    DEC = 1
    HEX = 2
    PADDED_DEC = 3
    ID = 4
    DIR = 5
    OCT = 6


class EventFlag(IntFlag):
    """What handling an event needs."""

    CREATES_FD = 1 << 0
    DESTROYS_FD = 1 << 1
    USES_FD = 1 << 2
    READS_FROM_FD = 1 << 3
    WRITES_TO_FD = 1 << 4
    MODIFIES_STATE = 1 << 5
    UNUSED = 1 << 6
    WAITS = 1 << 7
    SKIPPARSERESET = 1 << 8
    OLD_VERSION = 1 << 9
    DROP_SIMPLE_CONS = 1 << 10
    LARGE_PAYLOAD = 1 << 11  # parameter lengths are 4 bytes wide instead of 2
    CONVERTER_MANAGED = 1 << 12


_LARGE = EventFlag.LARGE_PAYLOAD.value


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of an event.

    ``flags`` names a table of :mod:`tiercel.wire.flag_table`; ``dirfd`` is the number of the parameter that a
    relative path starts from, -1 without one; ``dynamic`` names the family of layouts of a ``DYN`` parameter.
    """

    name: str
    type: ParamType
    format: Format
    flags: str = ""
    dirfd: int = -1
    dynamic: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the table. Even numbers are enter events, odd ones exit events."""

    number: int
    constant: str
    name: str
    category: str
    source: str
    flags: EventFlag
    params: tuple[Param, ...]

    @property
    def is_enter(self) -> bool:
        return self.number % 2 == 0

    @property
    def large(self) -> bool:
        """Whether parameter lengths take 4 bytes instead of 2."""
        return bool(self.flags.value & _LARGE)


def _param(text: str) -> Param:
    name, kind, form, *rest = text.split(":")
    info = rest[0] if rest else ""
    form = "PADDED_DEC" if form == "10_PADDED_DEC" else form
    dynamic = info.removesuffix("_dynamic_param") if info.endswith("_dynamic_param") else ""
    dirfd = int(info[6:]) if info.startswith("dirfd=") else -1
    flags = "" if dynamic or dirfd >= 0 else info
    return Param(name, ParamType[kind], Format[form], flags, dirfd, dynamic)


def _load() -> tuple[Event, ...]:
    table = []
    cache: dict[str, Param] = {}
    combinations = {"-": EventFlag(0)}  # there are few, and adding them up is slow
    for line in files(__package__).joinpath("events.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        number, constant, name, category, source, flags, *params = line.split(" ")
        bits = combinations.get(flags)
        if bits is None:
            bits = combinations[flags] = EventFlag(sum(EventFlag[flag].value for flag in flags.split(",")))
        for text in params:
            if text not in cache:
                cache[text] = _param(text)
        table.append(Event(int(number), constant, name, category, source, bits, tuple(cache[text] for text in params)))
    return tuple(table)


EVENTS: tuple[Event, ...] = _load()
"""Every event, by number."""

BY_CONSTANT: dict[str, int] = {event.constant: event.number for event in EVENTS}
"""The number of each event by its constant, for example ``SYSCALL_EXECVE_19_X``."""
