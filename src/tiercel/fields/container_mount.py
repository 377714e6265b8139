"""Mounts of a container, one by number or by a pattern of its path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import re2

from tiercel.fields.container_info import Info, Reader, encode, info_field
from tiercel.fields.model import Argument, Field, Value, ValueType
from tiercel.model.world import World

Mount = dict[str, Any]


def mounts(info: Info) -> list[Mount]:
    found = info.get("Mounts")
    return [mount for mount in found if isinstance(mount, dict)] if isinstance(found, list) else []


def _truth(mount: Mount) -> bytes:
    return b"true" if mount.get("RW") else b"false"


def _whole(mount: Mount) -> bytes:
    parts = [encode(mount.get(key, "")) for key in ("Source", "Destination", "Mode")]
    return b":".join([*parts, _truth(mount), encode(mount.get("Propagation", ""))])


def _part(key: str) -> Callable[[Mount], bytes]:
    return lambda mount: encode(mount.get(key, ""))


def _find(found: list[Mount], argument: str | int | None, key: str) -> Mount | None:
    """Return the mount of that number, or the first whose path (``key``) the argument, an expression, matches."""
    if isinstance(argument, int) or (argument or "").isdigit():
        number = int(argument or 0)
        return found[number] if number < len(found) else None
    try:
        pattern = re2.compile("(?m)" + str(argument))
    except re2.error:
        return None
    return next((mount for mount in found if pattern.search(str(mount.get(key, "")))), None)


def _one(pick: Callable[[Mount], bytes], key: str = "Source") -> Reader:
    def read(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
        mount = _find(mounts(info), argument, key)
        return None if mount is None else pick(mount)

    return read


def _all(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
    return b",".join(map(_whole, mounts(info)))


def _mount_field(name: str, read: Reader, summary: str, example: str) -> Field:
    return info_field(name, ValueType.CHARBUF, read, summary, example, argument=Argument.REQUIRED, index=True, key=True)


MOUNT_FIELDS: tuple[Field, ...] = (
    info_field(
        "container.mounts",
        ValueType.CHARBUF,
        _all,
        "All mounts, separated by commas, each as source:destination:mode:writable:propagation.",
        "/mnt/data:/data::true:rprivate",
    ),
    _mount_field(
        "container.mount",
        _one(_whole),
        "One mount, by number or by an expression that its source matches.",
        "/mnt/data:/data::true:rprivate",
    ),
    _mount_field(
        "container.mount.source",
        _one(_part("Source"), "Destination"),
        "Source of a mount, by number or by an expression that its destination matches.",
        "/mnt/data",
    ),
    _mount_field("container.mount.dest", _one(_part("Destination")), "Where in the container a mount is.", "/data"),
    _mount_field("container.mount.mode", _one(_part("Mode")), "Mode of a mount.", "ro"),
    _mount_field("container.mount.rdwr", _one(_truth), "Whether a mount may be written to, as text.", "true"),
    _mount_field("container.mount.propagation", _one(_part("Propagation")), "How a mount propagates.", "rprivate"),
)
