"""Texts made of several cells of a process row: command lines, environments, capabilities, cgroups.

A list cell is one string whose items each end in a NUL byte.
"""

from __future__ import annotations

from tiercel.fields.bulk import Cell, Derived, derived_text
from tiercel.model.batch import Tables
from tiercel.model.columns import P

CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]
"""Names of the capabilities by number (capabilities(7))."""


def items(text: bytes | None) -> list[bytes]:
    """Return the items of a list cell's text."""
    if not text:
        return []
    return text.removesuffix(b"\0").split(b"\0")


def join(parts: list[bytes]) -> bytes | None:
    """Join the texts of a whole lineage for output: blanks between, but none before the first that is not empty."""
    line = b""
    for part in parts:
        line = line + b" " + part if line else part
    return line or None


def environment_value(environment: list[bytes], name: bytes) -> bytes:
    """Return the value of a variable without blanks around it, empty when it is not set."""
    prefix = name + b"="
    for variable in environment:
        if variable.startswith(prefix) and len(variable) > len(prefix):
            return variable[len(prefix) :].strip(b" ")
    return b""


def _get(tables: Tables, number: int) -> bytes:
    return tables.strings.get(number) or b""


def _joined(tables: Tables, number: int) -> bytes:
    return b" ".join(items(tables.strings.get(number)))


def _cmdline(tables: Tables, comm: int, args: int) -> bytes:
    return b" ".join([_get(tables, comm), *items(tables.strings.get(args))])


def _exeline(tables: Tables, exe: int, args: int) -> bytes:
    return _get(tables, exe) + b" " + _joined(tables, args)


def _capabilities(tables: Tables, bits: int) -> bytes:
    return " ".join("CAP_" + name for bit, name in enumerate(CAPABILITIES) if bits >> bit & 1).encode()


_SUBSYSTEMS = {b"perf": b"perf_event", b"mem": b"memory", b"io": b"blkio"}


def cgroups(text: bytes | None) -> list[tuple[bytes, bytes]]:
    """Return (subsystem, path) pairs; kernel-side names of subsystems become the user-side ones."""
    pairs = []
    for item in items(text):
        subsystem, equals, path = item.partition(b"=")
        if not equals:
            return []
        subsystem = subsystem.replace(b"_cgroup", b"", 1)
        pairs.append((_SUBSYSTEMS.get(subsystem, subsystem), path))
    return pairs


def _cgroups(tables: Tables, number: int) -> bytes | None:
    return b" ".join(b"=".join(pair) for pair in cgroups(tables.strings.get(number))) or None


def _ends_in_sh(tables: Tables, comm: int) -> int:
    return int(_get(tables, comm).endswith(b"sh"))


COMM = Cell(P.COMM)
EXE = Cell(P.EXE)
EXEPATH = Cell(P.EXEPATH)
ARGS = derived_text(_joined, P.ARGS)
ENV = derived_text(_joined, P.ENV)
CMDLINE = derived_text(_cmdline, P.COMM, P.ARGS)
EXELINE = derived_text(_exeline, P.EXE, P.ARGS)
CGROUPS = derived_text(_cgroups, P.CGROUPS)
CAP_PERMITTED = derived_text(_capabilities, P.CAP_PERMITTED)
CAP_EFFECTIVE = derived_text(_capabilities, P.CAP_EFFECTIVE)
CAP_INHERITABLE = derived_text(_capabilities, P.CAP_INHERITABLE)
IS_SHELL = Derived(_ends_in_sh, P.COMM)
