"""What becomes known, as blocks of events that a capture may hold.

A container is told as the container plugin of Falco does, users and groups as libsinsp does for those in containers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tiercel.identity.model import Info
from tiercel.identity.people import People
from tiercel.identity.shape import encoded
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

_BLOCK, _LARGE_BLOCK = 0x216, 0x221
_HEAD = struct.Struct("<IIHQqIHI")  # block type, block length, cpu, time, thread, event length, type, parameters
_ASYNC = BY_CONSTANT["ASYNCEVENT_E"]
_USER_ADDED, _USER_DELETED = BY_CONSTANT["USER_ADDED_E"], BY_CONSTANT["USER_DELETED_E"]
_GROUP_ADDED, _GROUP_DELETED = BY_CONSTANT["GROUP_ADDED_E"], BY_CONSTANT["GROUP_DELETED_E"]
_TID = 1  # as the plugin's
_U32 = struct.Struct("<I")


def block(ts: int, type: int, params: Sequence[bytes]) -> bytes:
    """Return one event of thread 1 at time ``ts``, ns since the epoch."""
    large = EVENTS[type].large
    lengths = struct.pack(f"<{len(params)}{'I' if large else 'H'}", *map(len, params))
    body = lengths + b"".join(params)
    size = _HEAD.size - 10 + len(body)
    total = 10 + size + -(10 + size) % 4 + 4
    head = _HEAD.pack(_LARGE_BLOCK if large else _BLOCK, total, 0, ts, _TID, size, type, len(params))
    return (head + body).ljust(total - 4, b"\0") + _U32.pack(total)


def container(ts: int, info: Info, removed: bool = False) -> bytes:
    """Return the event that tells of a container, or that it was removed."""
    name = b"container_removed\0" if removed else b"container\0"
    return block(ts, _ASYNC, (_U32.pack(0), name, encoded(info)))


def people(ts: int, id: str, before: People, now: People) -> bytes:
    """Return the events that make of the people known before those known now.

    Args:
        id: of the container, "" for the host.
    """
    out = bytearray()
    key = id.encode() + b"\0"
    for uid, user in now.users.items():
        if before.users.get(uid) != user:
            out += block(
                ts, _USER_ADDED, (_U32.pack(uid), _U32.pack(user.gid), *_ended(user.name, user.home, user.shell), key)
            )
    for gid, group in now.groups.items():
        if before.groups.get(gid) != group:
            out += block(ts, _GROUP_ADDED, (_U32.pack(gid), *_ended(group.name), key))
    for uid, user in before.users.items():
        if uid not in now.users:
            out += block(
                ts, _USER_DELETED, (_U32.pack(uid), _U32.pack(user.gid), *_ended(user.name, user.home, user.shell), key)
            )
    for gid, group in before.groups.items():
        if gid not in now.groups:
            out += block(ts, _GROUP_DELETED, (_U32.pack(gid), *_ended(group.name), key))
    return bytes(out)


def _ended(*texts: bytes) -> list[bytes]:
    """Return texts up to their first NUL byte, with one."""
    return [text.partition(b"\0")[0] + b"\0" for text in texts]
