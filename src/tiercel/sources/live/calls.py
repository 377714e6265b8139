"""What the probe reports of each system call: the recipes of ``calls.txt`` as the probe's tables hold them.

A line names a call, its event, and then either a kind that has code of its own in the probe or the steps that make its
parameters: ``step:a:b:c``, where ``a`` and most of the time ``b`` are arguments of the call. ``probe/calls.h`` says
what each step does. Calls without an event of their own, known by their code alone, need no line.

Calls of 32-bit programs have other numbers on x86_64. They are reported as the call of the same meaning.

References: driver/syscall_table.c and syscall_ia32_64_map.c of libs 0.25.4 for what stands for what.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tiercel.sources.audit_syscalls import SOCKETCALLS, syscall_names
from tiercel.wire.event_table import BY_CONSTANT, EVENTS
from tiercel.wire.syscall_table import CODES, EVENTS_OF

CALLS = 512
"""System calls the probe's tables have room for. Recipes from this number on are of calls that only 32-bit programs
make; numbers from it on in the table of 32-bit calls are those of ``socketcall``."""

SOCKETCALL = 102
"""Number of ``socketcall`` in 32-bit programs."""

GENERIC = BY_CONSTANT["GENERIC_X"]
"""The event of calls that have none of their own."""

BY_CODE = 1 << 16
"""What is wanted is told by numbers of events; a call without an event of its own is this plus its code."""

RENAMINGS = 32
_BITS = 24
_STEPS = 20

KINDS = ("steps", "openat", "open", "close", "clone", "execve", "execveat")
STEPS = (
    "ret", "i32", "u64", "u32", "u16", "u8", "text", "nothing", "bits", "value", "number", "save", "load", "load4",
    "openflags", "mode", "dev", "ino", "layer", "address", "tuple", "data", "queue", "ends", "caps", "prctl", "trace",
    "memory", "text_if", "returned", "word", "parts", "size", "control", "messages", "path", "limits", "option",
    "polled", "span", "operations", "u32_if", "quota", "keys", "setting", "generic",
)  # fmt: skip
_PARAMS = {
    "save": 0, "load": 0, "load4": 0, "word": 0, "queue": 3, "ends": 2, "caps": 3, "prctl": 2, "trace": 2, "memory": 3,
    "limits": 2, "option": 4, "operations": 6, "quota": 16, "keys": 4, "setting": 2, "generic": 2,
}  # fmt: skip
_ARCHITECTURES = {"x86_64": ("send", "recv"), "aarch64": ()}
"""Those the probe knows, and the calls of calls.txt that only 32-bit programs have there."""

_ALIKE = {
    "stat64": "stat", "lstat64": "lstat", "fstat64": "fstat", "fstatat64": "newfstatat", "mmap2": "mmap",
    "_llseek": "lseek", "umount": "umount2", "sendfile64": "sendfile", "fadvise64_64": "fadvise64",
    "ugetrlimit": "getrlimit", "_newselect": "select",
}  # fmt: skip
"""Calls of 32-bit programs by the name that their like goes by elsewhere."""

_NARROW, _NARROW_WIDE_TIMES = 1, 2  # enum layout of probe/message.h


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: its name, its number here, the number of its event, and its recipe as the probe reads it.

    ``wanted_as`` is what it goes by where calls to trace are named: its event, else :data:`BY_CODE` plus its code.
    """

    name: str
    number: int
    event: int
    recipe: bytes
    wanted_as: int


@dataclass(frozen=True, slots=True)
class CallTables:
    """All of ``calls.txt`` for one architecture.

    ``renamings`` are by number of table, ``values`` by the probe's keys. ``compat`` has for the number of a call in
    32-bit programs the number of its recipe and how such a program lays out its memory.
    """

    calls: tuple[Call, ...]
    renamings: tuple[bytes, ...]
    values: dict[int, int]
    compat: dict[int, tuple[int, int]]


@cache
def call_tables(architecture: str = "") -> CallTables:
    """Return the tables for an architecture, by default this one. Raises KeyError for one the probe does not know."""
    architecture = architecture or platform.machine()
    foreign = _ARCHITECTURES[architecture]
    numbers = {name: number for number, name in syscall_names(architecture).items()}
    numbers.update((name, CALLS + k) for k, name in enumerate(foreign))
    calls: list[Call] = []
    names: dict[str, int] = {}
    renamings: list[bytes] = []
    values: dict[int, int] = {}
    for line in files(__package__).joinpath("calls.txt").read_text().splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] == "bits":
            name, _, own = words[1].partition("@")
            if not own:
                names[name] = len(renamings)
                renamings.append(_renaming(words[2:]))
            elif own == architecture:
                renamings[names[name]] = _renaming(words[2:])
        elif words[0] == "value":
            names[words[1]] = table = len(names)
            for pair in words[2:]:
                of, to = pair.split("=")
                values[table << 32 | (0xFFFFFFFF if of == "else" else int(of, 0))] = int(to, 0)
        elif words[0] in numbers:
            event = BY_CONSTANT[words[1]]
            calls.append(Call(words[0], numbers[words[0]], event, _recipe(event, words[2:], names), event))
    named = {call.name for call in calls}
    for name, code in CODES.items():
        if name in numbers and name not in named and GENERIC in EVENTS_OF[code]:
            steps = [f"generic::{code & 0xFF}:{code >> 8}"]
            calls.append(Call(name, numbers[name], GENERIC, _recipe(GENERIC, steps, names), BY_CODE + code))
    compat = _compat({call.name: call.number for call in calls}) if architecture == "x86_64" else {}
    return CallTables(tuple(calls), tuple(renamings), values, compat)


def _compat(numbers: dict[str, int]) -> dict[int, tuple[int, int]]:
    """Return for calls of 32-bit programs the recipe, given by name, and the layout of memory."""
    found: dict[int, tuple[int, int]] = {}
    for number, name in syscall_names("i386").items():
        plain = name.removesuffix("_time64")
        layout = _NARROW if plain == name else _NARROW_WIDE_TIMES
        plain = _ALIKE.get(plain, plain)
        if plain in numbers and number < CALLS:
            found[number] = numbers[plain], layout
    for asked, name in enumerate(SOCKETCALLS):
        if name in numbers:
            found[CALLS + asked] = numbers[name], _NARROW
    return found


def tells_result(call: Call) -> bool:
    """Return whether the first parameter of a call's event is what the call returned."""
    if call.recipe[2]:
        return True  # a kind that has code of its own
    for at in range(8, 8 + 4 * call.recipe[3], 4):
        name = STEPS[call.recipe[at]]
        if _PARAMS.get(name, 1):
            return name == "ret"
    return False


def _renaming(pairs: list[str]) -> bytes:
    of = [int(pair.split("=")[0], 0) for pair in pairs]
    to = [int(pair.split("=")[1], 0) for pair in pairs]
    rest = [0] * (_BITS - len(pairs))
    return struct.pack(f"<{2 * _BITS}I", *of, *rest, *to, *rest)


def _recipe(event: int, words: list[str], names: dict[str, int]) -> bytes:
    if words and words[0] in KINDS:
        return struct.pack("<HBBB3x", event, KINDS.index(words[0]), 0, 0).ljust(8 + 4 * _STEPS, b"\0")
    steps, params = bytearray(), 0
    for word in words:
        name, *values = word.split(":")
        numbers = [names[value] if value in names else int(value or "0", 0) for value in values]
        steps += bytes([STEPS.index(name), *numbers, *([0] * (3 - len(numbers)))])
        params += len(EVENTS[event].params) if name == "messages" else _PARAMS.get(name, 1)
    if params != len(EVENTS[event].params):
        raise ValueError(
            f"calls.txt: {EVENTS[event].constant} has {len(EVENTS[event].params)} parameters, not {params}"
        )
    return (struct.pack("<HBBB3x", event, 0, len(words), params) + steps).ljust(8 + 4 * _STEPS, b"\0")
