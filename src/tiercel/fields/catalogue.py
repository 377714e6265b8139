"""All fields by name, in the order of Falco's classes."""

from __future__ import annotations

from tiercel.fields import (
    container,
    evt,
    evt_syscall,
    extension,
    fd,
    fdlist,
    fs_path,
    group,
    k8s,
    process,
    user,
)
from tiercel.fields.model import Field

_MODULES = (evt, evt_syscall, process, user, group, fd, fs_path, fdlist, container, k8s, extension)

FIELDS: dict[str, Field] = {field.name: field for module in _MODULES for field in module.FIELDS}
"""Every field by its name, arguments not included."""


def find(name: str) -> Field | None:
    """Return the field of that name, None when there is none."""
    return FIELDS.get(name)


def classes() -> list[tuple[str, str, str, tuple[Field, ...]]]:
    """Return (class name, description, event source, fields) for each class, in Falco's order."""
    return [(module.CLASS, module.DESCRIPTION, "syscall", module.FIELDS) for module in _MODULES]
