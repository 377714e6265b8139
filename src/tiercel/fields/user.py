"""Fields of class ``user``: who runs the process."""

from __future__ import annotations

from collections.abc import Callable

from tiercel.fields.bulk import Cell, Derived
from tiercel.fields.make import number
from tiercel.fields.model import Field, ValueType
from tiercel.fields.owner import NOT_KNOWN, owner_field
from tiercel.fields.subjects import CALLER
from tiercel.model.batch import Tables
from tiercel.model.columns import P
from tiercel.model.world import User, World

CLASS = "user"
DESCRIPTION = "The user a process runs as, and the one who logged in."


def _user(pick: Callable[[User], bytes], root: bytes) -> Callable[[World, bytes, int], bytes]:
    def text(world: World, container: bytes, uid: int) -> bytes:
        user = world.users.get((container, uid))
        if user is not None:
            return pick(user)
        return root if uid == 0 else NOT_KNOWN

    return text


def _login(tables: Tables, uid: int) -> int:
    uid &= 0xFFFFFFFF
    return -1 if uid == 0xFFFFFFFF else uid


_name = _user(lambda user: user.name, b"root")

FIELDS: tuple[Field, ...] = (
    number(
        "user.uid",
        ValueType.UINT32,
        CALLER,
        Cell(P.UID),
        "Id of the user the process runs as.",
        "0",
        number_format="id",
    ),
    owner_field("user.name", P.UID, _name, "Name of the user the process runs as.", "root"),
    owner_field("user.homedir", P.UID, _user(lambda user: user.home, b"/root"), "Home directory of the user.", "/root"),
    owner_field(
        "user.shell", P.UID, _user(lambda user: user.shell, NOT_KNOWN), "Login shell of the user.", "/bin/bash"
    ),
    number(
        "user.loginuid",
        ValueType.INT64,
        CALLER,
        Derived(_login, P.LOGINUID),
        "Id of the user who logged in, kept through su and sudo; -1 when nobody did, as for services.",
        "1001",
        number_format="id",
    ),
    owner_field("user.loginname", P.LOGINUID, _name, "Name of the user who logged in.", "ubuntu"),
)
