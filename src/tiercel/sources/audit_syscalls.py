"""Names of system calls by architecture and number, as the records of an audit log give them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

ARCHITECTURES = {0xC000003E: "x86_64", 0x40000003: "i386", 0xC00000B7: "aarch64"}
"""Architectures whose numbers are known, by the value of ``arch=``."""

_COLUMNS = ("x86_64", "i386", "aarch64")
_X32 = 0x40000000  # set in the numbers of the x32 interface, which are otherwise nearly those of x86_64

SOCKETCALLS = (
    "", "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv",
    "sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg",
    "sendmmsg",
)  # fmt: skip
"""What the first argument of ``socketcall`` asks for."""

_WIDE = {
    "chown32": "chown", "lchown32": "lchown", "fchown32": "fchown", "setreuid32": "setreuid",
    "setregid32": "setregid", "truncate64": "truncate", "ftruncate64": "ftruncate", "setfsuid32": "setfsuid",
    "setfsgid32": "setfsgid", "setgroups32": "setgroups", "getgroups32": "getgroups", "setuid32": "setuid",
    "setgid32": "setgid", "setresuid32": "setresuid", "setresgid32": "setresgid", "fcntl64": "fcntl",
}  # fmt: skip


def _load() -> dict[str, dict[int, str]]:
    tables: dict[str, dict[int, str]] = {name: {} for name in _COLUMNS}
    for line in files(__package__).joinpath("audit_syscalls.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, *numbers = line.split(" ")
        for column, number in zip(_COLUMNS, numbers, strict=True):
            if number != "-":
                tables[column][int(number)] = _WIDE.get(name, name)
    return tables


_NAMES = _load()


def syscall_names(architecture: str) -> dict[int, str]:
    """Return the names of an architecture's system calls by number. Raises KeyError for one that is not known."""
    return _NAMES[architecture]


def syscall_name(architecture: str, number: int) -> str | None:
    """Return the name of system call ``number``, None when it or its architecture is not known."""
    if architecture == "x86_64":
        number &= ~_X32
    return _NAMES.get(architecture, {}).get(number)


@cache
def _numbers() -> dict[tuple[str, str], tuple[int, ...]]:
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for architecture, names in _NAMES.items():
        for number, name in names.items():
            found[architecture, name] = (*found.get((architecture, name), ()), number)
    return found


def syscall_numbers(architecture: str, name: str) -> tuple[int, ...]:
    """Return the numbers of the calls that go by ``name``: several where there is a wider one, none where it lacks."""
    return _numbers().get((architecture, name), ())
