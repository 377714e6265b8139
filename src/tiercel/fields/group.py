"""Fields of class ``group``: the group a process runs as."""

from __future__ import annotations

from tiercel.fields.bulk import Cell
from tiercel.fields.make import number
from tiercel.fields.model import Field, ValueType
from tiercel.fields.owner import NOT_KNOWN, owner_field
from tiercel.fields.subjects import CALLER
from tiercel.model.columns import P
from tiercel.model.world import World

CLASS = "group"
DESCRIPTION = "The group a process runs as."


def _name(world: World, container: bytes, gid: int) -> bytes:
    group = world.groups.get((container, gid))
    if group is not None:
        return group.name
    return b"root" if gid == 0 else NOT_KNOWN


FIELDS: tuple[Field, ...] = (
    number(
        "group.gid",
        ValueType.UINT32,
        CALLER,
        Cell(P.GID),
        "Id of the group the process runs as.",
        "0",
        number_format="id",
    ),
    owner_field("group.name", P.GID, _name, "Name of the group the process runs as.", "root"),
)
