"""Values as they are shown: as text in rule outputs, as JSON in alerts.

No value is ``<NA>`` in text and null in JSON. Which form a number takes follows from the field's type and
``number_format``, as in libsinsp 0.25.4: hexadecimal, octal and padded numbers are strings in JSON too.
"""

from __future__ import annotations

from tiercel.fields.evt_arguments import raw_type
from tiercel.fields.model import Field, Value, ValueType
from tiercel.fields.params_text import address, dots, sanitize

NOT_AVAILABLE = "<NA>"

Json = str | int | float | bool | list["Json"] | None

_BUFFER_MAX = 1022  # bytes of a data buffer that are shown; of a longer one, one less
_LIST_MAX = 1023  # bytes of a list that are shown

_WIDTH = {
    ValueType.INT16: 32,  # C promotes it to int before printing
    ValueType.INT32: 32,
    ValueType.INT64: 64,
    ValueType.UINT32: 32,
    ValueType.UINT64: 64,
    ValueType.ABSTIME: 64,
    ValueType.RELTIME: 64,
    ValueType.PORT: 32,
}

_TIMES = frozenset({"evt.time", "evt.time.s", "evt.time.iso8601", "evt.datetime", "evt.datetime.s", "evt.outputtime"})
_ALWAYS_NUMBERS = frozenset(
    {
        "evt.rawtime",
        "evt.rawtime.s",
        "evt.rawtime.ns",
        "evt.reltime",
        "evt.reltime.s",
        "evt.reltime.ns",
        "evt.latency",
        "evt.latency.s",
        "evt.latency.ns",
        "evt.deltatime",
        "evt.deltatime.s",
        "evt.deltatime.ns",
        "evt.count",
    }
)


def number_text(value: int, type: ValueType, number_format: str) -> str | None:
    """Return an integer in its format; None when the type has no such form."""
    if number_format in ("dec", "id"):
        return str(value)
    width = _WIDTH.get(type, 64)
    if number_format == "hex":
        return f"{value & ((1 << width) - 1):X}"
    if number_format == "oct":
        return f"{value & ((1 << width) - 1):o}"
    if number_format == "padded" and width == 64:
        return f"{value:09d}"
    return str(value) if type is ValueType.INT64 else None


def _text(value: Value, type: ValueType, number_format: str) -> str:
    if type is ValueType.IPNET:
        return "<IPNET>"
    if isinstance(value, bytes):
        if type is ValueType.BYTEBUF:
            return dots(value if len(value) <= _BUFFER_MAX else value[: _BUFFER_MAX - 1]).decode()
        if type is ValueType.IPADDR:
            return address(value).decode() if len(value) in (4, 16) else NOT_AVAILABLE
        return sanitize(value).decode()
    if type is ValueType.BOOL:
        return "true" if value else "false"
    if type is ValueType.DOUBLE:
        return f"{value:.1f}"
    text = number_text(int(value), type, number_format)  # type: ignore[arg-type]
    return NOT_AVAILABLE if text is None else text


def _json(value: Value, type: ValueType, number_format: str) -> Json:
    if type is ValueType.BOOL:
        return bool(value)
    if isinstance(value, bytes) or type is ValueType.IPNET:
        return _text(value, type, number_format)
    if type is ValueType.DOUBLE:
        return int(value) if number_format == "dec" else float(value)  # type: ignore[arg-type]
    if number_format in ("dec", "id"):
        return int(value)  # type: ignore[arg-type]
    return number_text(int(value), type, number_format)  # type: ignore[arg-type]


def shape(field: Field, argument: str | int | None = None) -> tuple[ValueType, str]:
    """Return type and number format of a field's values.

    Those of ``evt.rawarg`` follow from the argument; its ``printed`` getter gives hexadecimal numbers as text.
    """
    if field.type is ValueType.DYNAMIC:
        return (raw_type(argument)[0] if isinstance(argument, str) else ValueType.INT64), "dec"
    return field.type, field.number_format


def to_text(field: Field, value: Value | None, argument: str | int | None = None) -> str:
    """Return a value as rule outputs show it."""
    if value is None:
        return NOT_AVAILABLE
    if field.verbatim and isinstance(value, bytes):
        return value.decode(errors="replace")
    type, number_format = shape(field, argument)
    if isinstance(value, list):
        items = ",".join(_text(item, type, number_format) for item in value)
        return f"({items})".encode()[:_LIST_MAX].decode(errors="ignore")
    return _text(value, type, number_format)


def to_json(field: Field, value: Value | None, argument: str | int | None = None, ts: int = 0) -> Json:
    """Return a value as alerts in JSON carry it.

    ``ts`` is the time of the event in ns: times of day are that number in JSON, whatever their text.
    """
    if field.name in _TIMES:
        return ts
    if value is None:
        return None
    if field.name in _ALWAYS_NUMBERS:
        return int(value)  # type: ignore[arg-type]
    if field.verbatim and isinstance(value, bytes):
        return value.decode(errors="replace")
    type, number_format = shape(field, argument)
    if isinstance(value, list):
        return [_json(item, type, number_format) for item in value] or None
    return _json(value, type, number_format)
