"""Fields of class ``evt`` that every event has, whatever its source."""

from __future__ import annotations

from tiercel.fields.evt_generic import BULK, ROW
from tiercel.fields.model import Field, ValueType

CLASS = "evt"
DESCRIPTION = "What every event has, whichever source it came from."


def _field(
    name: str, type: ValueType, summary: str, example: str, number_format: str = "na", deprecated: bool = False
) -> Field:
    return Field(
        name,
        type,
        summary,
        example,
        ROW[name],
        BULK.get(name),
        number_format=number_format,
        deprecated=deprecated,
    )


_TEXT = ValueType.CHARBUF
_ABS = ValueType.ABSTIME
_REL = ValueType.RELTIME

FIELDS: tuple[Field, ...] = (
    _field("evt.num", ValueType.UINT64, "Running number of the event in its capture.", "1024", "id"),
    _field("evt.time", _TEXT, "Time of day with nine decimals, local time.", "12:03:55.000000042"),
    _field("evt.time.s", _TEXT, "Time of day without decimals, local time.", "12:03:55"),
    _field(
        "evt.time.iso8601",
        _TEXT,
        "Date and time in ISO 8601 with nine decimals, always UTC.",
        "2024-05-17T12:03:55.000000042+0000",
    ),
    _field("evt.datetime", _TEXT, "Date and time with nine decimals, local time.", "2024-05-17 12:03:55.000000042"),
    _field("evt.datetime.s", _TEXT, "Date and time without decimals, local time.", "2024-05-17 12:03:55"),
    _field("evt.rawtime", _ABS, "Nanoseconds since the epoch.", "1715947435000000042", "dec"),
    _field("evt.rawtime.s", _ABS, "Whole seconds since the epoch.", "1715947435", "dec"),
    _field("evt.rawtime.ns", _ABS, "Nanoseconds within the second.", "000000042", "padded"),
    _field("evt.reltime", _REL, "Nanoseconds since the first event of the capture.", "150000000", "padded"),
    _field("evt.reltime.s", _REL, "Whole seconds since the first event of the capture.", "3", "dec"),
    _field("evt.reltime.ns", _REL, "Nanoseconds within that second.", "000150000", "padded"),
    _field("evt.pluginname", _TEXT, "Plugin the event came from; unset for system calls.", "k8saudit"),
    _field("evt.plugininfo", _TEXT, "The plugin's own one-line account of the event.", "create pods/web"),
    _field("evt.source", _TEXT, "Event source.", "syscall"),
    _field("evt.is_async", ValueType.BOOL, "Whether the event was raised on the side, by no system call.", "false"),
    _field("evt.asynctype", _TEXT, "Kind of such an asynchronous event.", "container"),
    _field(
        "evt.hostname",
        _TEXT,
        "Name of the host; the variable FALCO_HOSTNAME replaces it on a live host.",
        "node-1",
    ),
)
