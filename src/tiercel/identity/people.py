"""Users and groups: those a container has in its own files, and those of the host as they change."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from tiercel.identity.files import on_host, open_root, read, read_within
from tiercel.model.world import Group, User
from tiercel.state.containers import first_named

MAX_FILE = 1 << 20
"""Most bytes of a list of users or groups."""

MAX_PEOPLE = 4096
"""Most users, and most groups, of one container."""

_TEXT = 255
_NO_NUMBER = 0xFFFFFFFF
_DIGITS = 10


@dataclass(frozen=True, slots=True)
class People:
    """Users by uid and groups by gid, each as the list names it first."""

    users: dict[int, User] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)


def parse(passwd: bytes, group: bytes) -> People:
    """Return who is in the texts of ``/etc/passwd`` and ``/etc/group``; lines that make no sense are passed over."""
    people = People()
    for line in passwd.splitlines():
        fields = line.split(b":")
        if len(fields) < 7 or len(people.users) >= MAX_PEOPLE:
            continue
        uid, gid = _number(fields[2]), _number(fields[3])
        if uid is not None and gid is not None:
            name, home, shell = (fields[k][:_TEXT] for k in (0, 5, 6))
            people.users.setdefault(uid, User(uid, gid, name, home, shell))
    for line in group.splitlines():
        fields = line.split(b":")
        if len(fields) < 3 or len(people.groups) >= MAX_PEOPLE:
            continue
        gid = _number(fields[2])
        if gid is not None:
            people.groups.setdefault(gid, Group(gid, fields[0][:_TEXT]))
    return people


def _number(text: bytes) -> int | None:
    if not text.isdigit() or len(text) > _DIGITS or int(text) >= _NO_NUMBER:
        return None
    return int(text)


def of_root(path: str) -> People | None:
    """Return the people of a container whose file system is at a path of the host.

    None when it has no such lists, or the path is the root of the host.
    """
    try:
        people = _of(open_root(str(on_host(path))))
    except OSError:
        return None
    return people if people and (people.users or people.groups) else None


def of_process(pid: int, id: str) -> People | None:
    """Return the people of a container as a process of it sees them.

    None when the process has ended, is not (or no longer) in the container, or has not entered its file system yet.
    """
    base = on_host(f"/proc/{pid}")
    try:
        root = open_root(str(base / "root"))
    except OSError:
        return None
    try:  # the number may have become another's meanwhile: what is open now is of the process looked at here
        named = first_named(_cgroups(read(base / "cgroup", MAX_FILE)))
    except OSError:
        named = None
    if named is None or named[0].id != id.encode():
        os.close(root)
        return None
    return _of(root)


def of_host() -> People:
    """Return the people of the host."""
    lists = []
    for name in ("passwd", "group"):
        try:
            lists.append(read(on_host(f"/etc/{name}"), 16 * MAX_FILE))
        except OSError:
            lists.append(b"")
    return parse(*lists)


def stamps() -> tuple[object, ...]:
    """Return what changes when the lists of the host's users and groups do."""
    found: list[object] = []
    for name in ("passwd", "group"):
        try:
            info = os.stat(on_host(f"/etc/{name}"))
            found.append((info.st_ino, info.st_size, info.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)


def _cgroups(text: bytes) -> bytes:
    """Return the lines of ``/proc/PID/cgroup`` as events hold them."""
    return b"".join(b"=" + line.split(b":", 2)[2] + b"\0" for line in text.splitlines() if line.count(b":") >= 2)


def _of(root: int) -> People | None:
    """Return the people below a folder, which is closed; None when it is the root of the host."""
    lists = []
    try:
        if _is_host(os.fstat(root)):
            return None
        for name in ("passwd", "group"):
            try:
                lists.append(read_within(root, f"etc/{name}", MAX_FILE))
            except OSError:
                lists.append(b"")
    except OSError:
        return None
    finally:
        os.close(root)
    return parse(*lists)


def _is_host(found: os.stat_result) -> bool:
    """Whether a folder is the root of the host; taken to be so where that cannot be seen."""
    for path in (on_host("/proc/1/root"), on_host("/")):
        try:
            return os.path.samestat(found, os.stat(path))
        except OSError:
            continue
    return True
