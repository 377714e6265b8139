"""Rules of the kernel's audit subsystem: which system calls are audited at their return, and under which conditions.

References: ``struct audit_rule_data`` of ``linux/audit.h``; auditctl(8) for the notation of :attr:`AuditRule.text`.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace

ARCHITECTURES = {"x86_64": 0xC000003E, "i386": 0x40000003, "aarch64": 0xC00000B7}

PID, LOGINUID, ARCH, EXIT, SUCCESS, PERM, DIR, PATH = 0, 9, 11, 103, 104, 106, 107, 105
SADDR_FAM, ARG0, KEY = 113, 200, 210
EQUAL, NOT_EQUAL, BIT_MASK, BIT_TEST = 0x40000000, 0x30000000, 0x08000000, 0x48000000

_EXIT_LIST, _ALWAYS = 4, 2
_WORDS, _FIELDS = 64, 64
_CALLS = 2048
_HEAD = struct.Struct(f"<3I{_WORDS}I{_FIELDS}I{_FIELDS}I{_FIELDS}II")
_TEXTS = frozenset({DIR, PATH, KEY, 112})  # the value of these is the length of a text; 112: exe
_TEXTS_OF_LABELS = frozenset({*range(13, 18), *range(19, 24)})
_NAMES = {
    PID: "pid", LOGINUID: "auid", ARCH: "arch", EXIT: "exit", SUCCESS: "success", PERM: "perm", DIR: "dir",
    PATH: "path", SADDR_FAM: "saddr_fam", KEY: "key", **{ARG0 + k: f"a{k}" for k in range(4)},
}  # fmt: skip
_SIGNS = {EQUAL: "=", NOT_EQUAL: "!=", BIT_MASK: "&", BIT_TEST: "&="}
_PERMS = ((4, "r"), (2, "w"), (1, "x"), (8, "a"))
_OPTIONAL = frozenset({SADDR_FAM})


@dataclass(frozen=True, slots=True)
class Condition:
    """``field sign value`` of a rule; a text for :data:`DIR`, :data:`PATH` and :data:`KEY`."""

    field: int
    value: int | bytes
    sign: int = EQUAL

    @property
    def text(self) -> str:
        value = self.value.decode("utf-8", "replace") if isinstance(self.value, bytes) else str(self.value)
        if self.field == ARCH and isinstance(self.value, int):
            value = "b64" if self.value >> 31 else "b32"
        elif self.field == PERM and isinstance(self.value, int):
            value = "".join(letter for bit, letter in _PERMS if self.value & bit)
        return f"{_NAMES[self.field]}{_SIGNS[self.sign]}{value}"


@dataclass(frozen=True, slots=True)
class AuditRule:
    """Audit these system calls of an architecture when all conditions hold. ``numbers`` go with ``calls``."""

    architecture: str
    calls: tuple[str, ...]
    numbers: tuple[int, ...]
    conditions: tuple[Condition, ...] = ()

    def pack(self) -> bytes:
        """Return the rule as the kernel takes it."""
        conditions = (Condition(ARCH, ARCHITECTURES[self.architecture]), *self.conditions)
        mask = [0] * _WORDS
        for number in self.numbers:
            if not 0 <= number < _CALLS:
                raise ValueError(f"no system call has the number {number}")
            mask[number // 32] |= 1 << number % 32
        texts = b"".join(condition.value for condition in conditions if isinstance(condition.value, bytes))
        rest = [0] * (_FIELDS - len(conditions))
        fields = [condition.field for condition in conditions] + rest
        values = [
            len(condition.value) if isinstance(condition.value, bytes) else condition.value & 0xFFFFFFFF
            for condition in conditions
        ] + rest
        signs = [condition.sign for condition in conditions] + rest
        head = _HEAD.pack(_EXIT_LIST, _ALWAYS, len(conditions), *mask, *fields, *values, *signs, len(texts))
        return head + texts

    def besides(self, *conditions: Condition) -> AuditRule:
        """Return the rule with more conditions."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def plainer(self) -> AuditRule | None:
        """Return the rule without conditions that older kernels lack, None when it has none of those."""
        kept = tuple(condition for condition in self.conditions if condition.field not in _OPTIONAL)
        return replace(self, conditions=kept) if kept != self.conditions else None

    @property
    def text(self) -> str:
        """The rule as auditctl writes it."""
        words = ["-a always,exit", f"-F {Condition(ARCH, ARCHITECTURES[self.architecture]).text}"]
        words.append("-S " + ",".join(self.calls))
        words += [f"-F {condition.text}" for condition in self.conditions]
        return " ".join(words)


def rule_key(data: bytes) -> bytes | None:
    """Return the key of a rule as the kernel lists it, None when it has none or the data is no rule."""
    if len(data) < _HEAD.size:
        return None
    count = int.from_bytes(data[8:12], "little")
    fields_at, values_at = 12 + 4 * _WORDS, 12 + 4 * (_WORDS + _FIELDS)
    at = _HEAD.size
    for k in range(min(count, _FIELDS)):
        field = int.from_bytes(data[fields_at + 4 * k : fields_at + 4 * k + 4], "little")
        if field not in _TEXTS and field not in _TEXTS_OF_LABELS:
            continue
        length = int.from_bytes(data[values_at + 4 * k : values_at + 4 * k + 4], "little")
        if field == KEY:
            return data[at : at + length]
        at += length
    return None


def is_task_never(data: bytes) -> bool:
    """Whether a rule as listed is ``-a never,task`` for all: processes made since are not audited at all."""
    return len(data) >= _HEAD.size and struct.unpack_from("<III", data) == (1, 0, 0)


_OWN_KEY = re.compile(rb"tiercel-([0-9]{1,10})-([0-9]{1,20})-([01])-([0-9]{1,10})-([0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class Mark:
    """The key of tiercel's rules: who made them, and what was before, so that whoever removes them can restore it.

    ``pid`` and ``started`` (ticks since boot) are those of the process, the others the former state of the audit
    subsystem.
    """

    pid: int
    started: int
    enabled: int
    backlog_limit: int
    wait_time: int

    @property
    def key(self) -> bytes:
        return b"tiercel-%d-%d-%d-%d-%d" % (
            self.pid, self.started, self.enabled, self.backlog_limit, self.wait_time,
        )  # fmt: skip


def mark_of(data: bytes) -> Mark | None:
    """Return the mark of a rule as the kernel lists it, None for rules of others."""
    found = _OWN_KEY.fullmatch(rule_key(data) or b"")
    return Mark(*map(int, found.groups())) if found else None
