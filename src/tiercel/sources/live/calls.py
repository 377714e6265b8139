"""What the probe reports of each system call: the recipes of ``calls.txt`` as the probe's tables hold them.

A line names a call, its number on x86_64 and aarch64, its event, and then either a kind that has code of its own in the
probe or the steps that make its parameters: ``step:a:b:c``, where ``a`` and most of the time ``b`` are arguments of the
call. ``probe/calls.h`` says what each step does.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tiercel.wire.event_table import BY_CONSTANT, EVENTS

CALLS = 512
"""System calls the probe's tables have room for."""

RENAMINGS = 32
_BITS = 24
_STEPS = 20

KINDS = ("steps", "openat", "open", "close", "clone", "execve", "execveat")
STEPS = (
    "ret", "i32", "u64", "u32", "u16", "u8", "text", "nothing", "bits", "value", "number", "save", "load", "load4",
    "openflags", "mode", "dev", "ino", "layer", "address", "tuple", "data", "queue", "ends", "caps", "prctl", "trace",
    "memory", "text_if", "returned",
)  # fmt: skip
_PARAMS = {"save": 0, "load": 0, "load4": 0, "queue": 3, "ends": 2, "caps": 3, "prctl": 2, "trace": 2, "memory": 3}
_ARCHITECTURES = {"x86_64": 0, "aarch64": 1}


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: its name, its number here, the number of its event, and its recipe as the probe reads it."""

    name: str
    number: int
    event: int
    recipe: bytes


@dataclass(frozen=True, slots=True)
class CallTables:
    """All of ``calls.txt`` for one architecture; ``renamings`` by number of table, ``values`` by the probe's keys."""

    calls: tuple[Call, ...]
    renamings: tuple[bytes, ...]
    values: dict[int, int]


@cache
def call_tables(architecture: str = "") -> CallTables:
    """Return the tables for an architecture, by default this one. Raises KeyError for one the probe does not know."""
    column = _ARCHITECTURES[architecture or platform.machine()]
    calls: list[Call] = []
    names: dict[str, int] = {}
    renamings: list[bytes] = []
    values: dict[int, int] = {}
    for line in files(__package__).joinpath("calls.txt").read_text().splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] == "bits":
            names[words[1]] = len(renamings)
            renamings.append(_renaming(words[2:]))
        elif words[0] == "value":
            names[words[1]] = table = len(names)
            for pair in words[2:]:
                of, to = pair.split("=")
                values[table << 32 | (0xFFFFFFFF if of == "else" else int(of, 0))] = int(to, 0)
        elif words[1 + column] != "-":
            event = BY_CONSTANT[words[3]]
            calls.append(Call(words[0], int(words[1 + column]), event, _recipe(event, words[4:], names)))
    return CallTables(tuple(calls), tuple(renamings), values)


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
    if words[0] in KINDS:
        return struct.pack("<HBBB3x", event, KINDS.index(words[0]), 0, 0).ljust(8 + 4 * _STEPS, b"\0")
    steps, params = bytearray(), 0
    for word in words:
        name, *values = word.split(":")
        numbers = [names[value] if value in names else int(value or "0", 0) for value in values]
        steps += bytes([STEPS.index(name), *numbers, *([0] * (3 - len(numbers)))])
        params += _PARAMS.get(name, 1)
    if params != len(EVENTS[event].params):
        raise ValueError(
            f"calls.txt: {EVENTS[event].constant} has {len(EVENTS[event].params)} parameters, not {params}"
        )
    return (struct.pack("<HBBB3x", event, 0, len(words), params) + steps).ljust(8 + 4 * _STEPS, b"\0")
