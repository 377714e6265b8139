"""Fields of class ``fdlist``: the descriptors a poll waits for."""

from __future__ import annotations

from tiercel.fields.fdlist_value import ROW
from tiercel.fields.model import Field, ValueType

CLASS = "fdlist"
DESCRIPTION = "The descriptors given to poll and ppoll, each field a comma-separated text."


def _field(name: str, summary: str, example: str, number_format: str = "na") -> Field:
    return Field(name, ValueType.CHARBUF, summary, example, ROW[name], number_format=number_format)


FIELDS: tuple[Field, ...] = (
    _field("fdlist.nums", "Numbers of the descriptors.", "3,5", "id"),
    _field("fdlist.names", "Names of the descriptors.", "/dev/tty,<NA>"),
    _field("fdlist.cips", "Addresses of the clients.", "10.0.0.7"),
    _field("fdlist.sips", "Addresses of the servers.", "93.184.216.34"),
    _field("fdlist.cports", "Ports of the clients.", "50312", "dec"),
    _field("fdlist.sports", "Ports of the servers.", "443", "dec"),
)
