"""Finding the parameters of events in the records of an audited system call.

Numbers come from the registers (``a0`` to ``a3``), paths from the PATH records, addresses from SOCKADDR. What no record
tells is None.
"""

from __future__ import annotations

from collections.abc import Callable

from tiercel.capture.parameters import Unix
from tiercel.sources import audit_flags
from tiercel.sources.audit_address import AF_INET, AF_INET6, AF_UNIX, SocketAddress
from tiercel.sources.audit_call import AuditCall, AuditPath
from tiercel.sources.audit_values import number, octal, register, text

Value = Callable[[AuditCall], object]
"""Finds a parameter's value in a call, None when no record tells it."""

_CREATED = 1 << 14  # O_F_CREATED
_CLOEXEC = 1 << 12  # O_CLOEXEC
_EINPROGRESS = 115
_MOUNT_MAGIC = 0xC0ED0000  # old programs put it into the upper half of the flags


# numbers in registers


def unsigned(index: int, bits: int = 32) -> Value:
    def value(call: AuditCall) -> object:
        found = call.args[index]
        return None if found is None else found & ((1 << bits) - 1)

    return value


def signed(index: int, bits: int = 32) -> Value:
    def value(call: AuditCall) -> object:
        found = call.args[index]
        if found is None:
            return None
        found &= (1 << bits) - 1
        return found - (1 << bits) if found >> (bits - 1) else found

    return value


def byte(index: int) -> Value:
    return unsigned(index, 8)


def wide(index: int) -> Value:
    return unsigned(index, 64)


def bits(index: int, mask: int) -> Value:
    def value(call: AuditCall) -> object:
        found = call.args[index]
        return None if found is None else found & mask

    return value


def open_flags(index: int) -> Value:
    def value(call: AuditCall) -> object:
        found = call.args[index]
        if found is None:
            return None
        return _opened(call, found & 0xFFFFFFFF)

    return value


def _opened(call: AuditCall, asked: int) -> int:
    """Return the flags of an open; like the drivers, tell whether it made the file."""
    made = call.succeeded and any(path.kind == b"CREATE" for path in call.paths)
    return audit_flags.open_flags(asked, call.architecture) | (_CREATED if made else 0)


def open_mode(flags: int) -> Value:
    def value(call: AuditCall) -> object:
        asked, mode = call.args[flags], call.args[flags + 1] if flags + 1 < len(call.args) else None
        if asked is None or mode is None:
            return None
        return mode & 0o7777 if audit_flags.makes_file(asked) else 0

    return value


def cloexec(index: int) -> Value:
    """Return the only flag that duplicates of descriptors take."""

    def value(call: AuditCall) -> object:
        found = call.args[index]
        return None if found is None else _CLOEXEC if found & 0o2000000 else 0

    return value


def mount_flags(call: AuditCall) -> object:
    found = call.args[3]
    if found is None:
        return None
    return found & (0xFFFF if found & 0xFFFF0000 == _MOUNT_MAGIC else 0xFFFFFFFF)


def clone_flags(index: int) -> Value:
    def value(call: AuditCall) -> object:
        found = call.args[index]
        return None if found is None else audit_flags.clone_flags(found & 0xFFFFFFFF)

    return value


def result(call: AuditCall) -> object:
    return call.exit


# paths


def target(call: AuditCall) -> AuditPath | None:
    """Return the path a call is about: the last one that is not the directory it stands in."""
    found = [path for path in call.paths if path.kind != b"PARENT"]
    return found[-1] if found else None


def path(call: AuditCall) -> object:
    found = target(call)
    return found.name if found else None


def inode(call: AuditCall) -> object:
    found = target(call)
    return found.inode if found and call.succeeded else None


def device(call: AuditCall) -> object:
    found = target(call)
    return found.device if found and call.succeeded else None


def old_path(call: AuditCall) -> object:
    """Return what is renamed or linked: what went away, or the first path that is no directory of another."""
    named = [path for path in call.paths if path.kind != b"PARENT"]
    gone = [path for path in named if path.kind == b"DELETE"]
    found = gone or [path for path in named if path.kind != b"CREATE"]
    return found[0].name if found else None


def new_path(call: AuditCall) -> object:
    """Return the name something gets."""
    named = [path for path in call.paths if path.kind != b"PARENT"]
    made = [path for path in named if path.kind == b"CREATE"]
    if made:
        return made[-1].name
    return named[-1].name if len(named) > 1 else None


def module(call: AuditCall) -> object:
    return text(call.fields("KERN_MODULE").get(b"name"))


# openat2, pipes, mappings: values behind pointers that records of their own tell


def told(kind: str, key: bytes, base: int = 10) -> Value:
    def value(call: AuditCall) -> object:
        found = call.fields(kind).get(key)
        return number(found) if base == 10 else octal(found)

    return value


def openat2_flags(call: AuditCall) -> object:
    found = octal(call.fields("OPENAT2").get(b"oflag"))
    return None if found is None else _opened(call, found)


def openat2_resolve(call: AuditCall) -> object:
    # Linux counts NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT, CACHED from 1 on, events the other way round
    found = register(call.fields("OPENAT2").get(b"resolve"))
    if found is None:
        return None
    order = (16, 4, 8, 1, 2, 32)
    return sum(bit for place, bit in enumerate(order) if found >> place & 1)


# addresses


def told_address(address: SocketAddress | None) -> object:
    """Return an address as events take it, None for one of another family than they know."""
    if address is None:
        return None
    if address.family == AF_UNIX:
        return None if address.path is None else Unix(address.path)
    return address.ip if address.family in (AF_INET, AF_INET6) else None


def address(call: AuditCall) -> object:
    return told_address(call.address)


def ends(outgoing: bool) -> Value:
    """Return both ends; the caller's own is not recorded, and stands as all zeros where nothing else tells it."""

    def value(call: AuditCall) -> object:
        other = told_address(call.address)
        if other is None or not (call.succeeded or call.exit == -_EINPROGRESS):
            return None
        if isinstance(other, Unix):
            return other
        own = call.near or ("0.0.0.0" if call.address is not None and call.address.family == AF_INET else "::", 0)
        return (own, other) if outgoing else (other, own)

    return value


def ptrace_word(index: int) -> Value:
    def value(call: AuditCall) -> object:
        found = call.args[index]
        return None if found is None else ("UINT64", found)

    return value


def ptrace_request(call: AuditCall) -> object:
    found = call.args[0]
    return None if found is None else audit_flags.ptrace_request(found)


def key_argument(index: int) -> Value:
    def value(call: AuditCall) -> object:
        found = signed(index, 64)(call)
        return None if found is None else ("INT64", found)

    return value


def capabilities(key: bytes) -> Value:
    def value(call: AuditCall) -> object:
        return register(call.fields("CAPSET").get(key))

    return value


def no_follow(index: int) -> Value:
    """Return the flags of fchownat."""

    def value(call: AuditCall) -> object:
        found = call.args[index]
        if found is None:
            return None
        return (1024 if found & 0x100 else 0) | (found & 0x1000)

    return value


def module_flags(call: AuditCall) -> object:
    found = call.args[1]
    if found is None:
        return None
    return (2 if found & 0o4000 else 0) | (1 if found & 0o1000 else 0)
