"""What a field is, and the columns of values a field yields over many events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tiercel.model.batch import Batch
    from tiercel.model.event import Event

Value = bytes | int | float | bool | list[bytes] | list[int] | tuple[bytes, int]
"""A value of one field for one event; ``None`` stands for no value. Text is bytes, an address 4 or 16 bytes in network
order, a network (address, prefix length)."""


class ValueType(StrEnum):
    """Type names as Falco's field list prints them."""

    CHARBUF = "CHARBUF"
    BYTEBUF = "BYTEBUF"
    BOOL = "BOOL"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    DOUBLE = "DOUBLE"
    ABSTIME = "ABSTIME"
    RELTIME = "RELTIME"
    PORT = "PORT"
    IPADDR = "IPADDR"
    IPNET = "IPNET"
    DYNAMIC = "DYNAMIC"


class Argument(Enum):
    """What stands in brackets after a field's name."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one field over a selection of events.

    ``values`` holds string numbers (int64, -1 for no value) when ``text``; otherwise int64, uint64, float64 or bool,
    with ``valid`` false where there is no value (None: all are valid). For a list field ``values`` is flat and event
    ``i`` owns ``values[offsets[i] : offsets[i + 1]]``.
    """

    values: NDArray[Any]
    text: bool = False
    valid: NDArray[np.bool_] | None = None
    offsets: NDArray[np.int64] | None = None


RowGetter = Callable[["Event", "str | int | None"], "Value | None"]
BulkGetter = Callable[["Batch", NDArray[np.int64], "str | int | None"], Column]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of the catalogue; there is one object per field, compared by identity.

    ``row`` gives the value for one event. ``bulk`` gives the column for the events at the given indices of a batch;
    without one the engine calls ``row`` for each. Both must agree.
    """

    name: str
    type: ValueType
    summary: str
    example: str
    row: RowGetter
    bulk: BulkGetter | None = None
    argument: Argument = Argument.NONE
    index: bool = False  # the argument may be a number
    key: bool = False  # the argument may be a name
    is_list: bool = False
    deprecated: bool = False
    filter_only: bool = False  # cannot be printed
    print_only: bool = False  # cannot be compared
    no_rhs: bool = False  # cannot stand in val()
    no_transformer: bool = False
    own: bool = False  # tiercel's own, unknown to Falco
    source: str = "syscall"
    number_format: str = "dec"  # dec, hex, oct, id, padded (nine digits), na
    printed: RowGetter | None = None  # where output shows something else than conditions see, as with proc.aname
    unlisted: bool = False  # Falco accepts it but leaves it out of its list
    verbatim: bool = False  # text is shown as it is, line breaks included, as Falco does for plugins' fields

    def output(self, event: Event, argument: str | int | None) -> Value | None:
        """Return the value that output templates show for one event; conditions see ``row``."""
        return (self.printed or self.row)(event, argument)
