"""Fields of class ``fs.path``: the paths a system call was given, resolved or as they were.

They are set only when the call succeeded.
"""

from __future__ import annotations

from tiercel.fields.fs_path_value import BULK, ROW
from tiercel.fields.model import Field, ValueType

CLASS = "fs.path"
DESCRIPTION = "Paths a successful system call works on, also for calls that use no descriptor, such as unlink."


def _field(name: str, summary: str, example: str) -> Field:
    return Field(name, ValueType.CHARBUF, summary, example, ROW[name], BULK.get(name), number_format="na")


FIELDS: tuple[Field, ...] = (
    _field("fs.path.name", "Full path the call works on.", "/tmp/x"),
    _field("fs.path.nameraw", "That path as the program gave it.", "./x"),
    _field("fs.path.source", "Full path of the first of two, as in rename.", "/tmp/x"),
    _field("fs.path.sourceraw", "That path as the program gave it.", "x"),
    _field("fs.path.target", "Full path of the second of two.", "/tmp/y"),
    _field("fs.path.targetraw", "That path as the program gave it.", "y"),
)
