"""Events that tell of the world around the processes: containers, users, groups."""

from __future__ import annotations

from tiercel.model.world import Group, User, World
from tiercel.state.containers import tell
from tiercel.state.reader import Reader
from tiercel.state.texts import Texts
from tiercel.wire.event_table import BY_CONSTANT

MAX_PEOPLE = 65_536
"""Most users, and most groups, kept."""

_USER_ADDED = BY_CONSTANT["USER_ADDED_E"]
_USER_DELETED = BY_CONSTANT["USER_DELETED_E"]
_GROUP_ADDED = BY_CONSTANT["GROUP_ADDED_E"]
_GROUP_DELETED = BY_CONSTANT["GROUP_DELETED_E"]
_CONTAINER_JSON = BY_CONSTANT["CONTAINER_JSON_2_E"]
_ASYNC = BY_CONSTANT["ASYNCEVENT_E"]
_ASYNC_CONTAINERS = {b"container": False, b"container_removed": True}  # whether it is gone


def apply(world: World, reader: Reader, texts: Texts, i: int, type: int, num: int) -> None:
    """Take in event ``i``, number ``num``."""
    if type == _CONTAINER_JSON:
        tell(world, reader.raw(reader.span(i, 0)), num)
    elif type == _ASYNC:
        removed = _ASYNC_CONTAINERS.get(reader.text(reader.span(i, 1)))
        if removed is not None:
            tell(world, reader.raw(reader.span(i, 2)), num, removed)
    elif type in (_USER_ADDED, _USER_DELETED):
        uid = reader.u32(reader.span(i, 0))
        key = (reader.text(reader.span(i, 5)), uid)
        if type == _USER_DELETED:
            world.users.pop(key, None)
        elif (key in world.users or len(world.users) < MAX_PEOPLE) and tells(reader, i, 2, key):
            name, home, shell = (texts.text(reader.span(i, k)) for k in (2, 3, 4))
            world.users[key] = User(uid, reader.u32(reader.span(i, 1)), name, home, shell)
    elif type in (_GROUP_ADDED, _GROUP_DELETED):
        gid = reader.u32(reader.span(i, 0))
        key = (reader.text(reader.span(i, 2)), gid)
        if type == _GROUP_DELETED:
            world.groups.pop(key, None)
        elif (key in world.groups or len(world.groups) < MAX_PEOPLE) and tells(reader, i, 1, key):
            world.groups[key] = Group(gid, texts.text(reader.span(i, 1)))


def tells(reader: Reader, i: int, k: int, key: tuple[bytes, int]) -> bool:
    """Return whether parameter ``k`` names the user or group: in containers, captures hold ``<NA>`` for unknown ones.

    libsinsp takes no names of container users from events at all, so on replay it knows none of them.
    """
    return not key[0] or reader.text(reader.span(i, k)) != b"<NA>"
