"""Alerts in JSON, as Falco and falcosidekick write them."""

from __future__ import annotations

from datetime import UTC, tzinfo
from math import isfinite
from typing import Any

from tiercel.sources.alert_record import INTERNAL, AlertKind
from tiercel.sources.alert_text import PRIORITIES, text_alert
from tiercel.sources.alert_times import MAX_TIME, SECOND, iso_time

CUT_MARK = "[...]"
"""falcosidekick ends the text of a field with it that it cuts to 512 bytes, which it does to payloads above 4,096."""

_DEEPEST = 50
_CUT_SIZES = range(510, 522)  # bytes; a character cut in two becomes a longer one


def is_alert(value: dict[str, Any]) -> bool:
    """Whether a JSON object has the shape of an alert."""
    if isinstance(value.get("rule"), str):
        return any(key in value for key in ("output", "output_fields", "priority", "time", "source"))
    return isinstance(value.get("output"), str) and any(
        key in value for key in ("output_fields", "priority", "hostname")
    )


def alert_time(value: dict[str, Any], zone: tzinfo = UTC) -> int | None:
    """Return when the event of an alert happened, in ns since the epoch; None when nothing in it says so."""
    said = value.get("time")
    ts = iso_time(said, zone) if isinstance(said, str) else None
    fields = value.get("output_fields")
    event = fields.get("evt.time") if isinstance(fields, dict) else None
    if type(event) is int and 0 < event <= MAX_TIME and (ts is None or abs(event - ts) < SECOND):
        return event  # forwarders may write ``time`` with fewer digits
    if ts is None and isinstance(value.get("output"), str):
        shown = text_alert(value["output"], zone)
        ts = shown.ts if shown else None
    return ts


def alert_clock(value: dict[str, Any]) -> str | None:
    """Return the time of day at the beginning of the output, None without."""
    shown = text_alert(value["output"]) if isinstance(value.get("output"), str) else None
    return shown.clock if shown else None


def alert_parts(value: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an AlertRecord that the JSON alone decides; parts of a wrong type are left out."""
    fields = value.get("output_fields")
    fields = fields if isinstance(fields, dict) else {}
    tags = value.get("tags")
    rule, source, output = _text(value, "rule"), _text(value, "source"), _text(value, "output")
    if output is None:
        output = _text(value, "message") or ""
    own = source == "internal" or (rule or "").startswith(INTERNAL)
    kind: AlertKind = "internal" if own else "alert"
    return {
        "rule": rule,
        "priority": _priority(value, output),
        "source": source,
        "output": output,
        "output_fields": fields,
        "tags": tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        "hostname": _text(value, "hostname") or None,
        "kind": kind,
        "uuid": _text(value, "uuid") or None,
        "truncated": any(isinstance(text, str) and is_cut(text) for text in fields.values()),
    }


def is_cut(text: str) -> bool:
    """Whether falcosidekick cut this value."""
    return text.endswith(CUT_MARK) and len(text.encode("utf-8", "surrogatepass")) in _CUT_SIZES


def plain(value: Any, depth: int = 0) -> Any:
    """Return a JSON value without what cannot be written again.

    Halves of surrogate pairs are replaced, numbers beyond all bounds and what is nested deeper than 50 become None.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if depth > _DEEPEST or (isinstance(value, float) and not isfinite(value)):
        return None
    if isinstance(value, dict):
        return {plain(key): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner, depth + 1) for inner in value]
    return value


def _text(value: dict[str, Any], key: str) -> str | None:
    text = value.get(key)
    return text if isinstance(text, str) else None


def _priority(value: dict[str, Any], output: str) -> str | None:
    said = _text(value, "priority")
    if said is None:
        shown = text_alert(output)
        return shown.priority if shown else None
    return PRIORITIES.get(said.lower(), said)
