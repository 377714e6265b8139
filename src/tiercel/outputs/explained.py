"""Why a rule matched, for people and as part of an alert in JSON."""

from __future__ import annotations

from tiercel.engine.explain import check_text, explain
from tiercel.fields.model import Value
from tiercel.model.event import Event
from tiercel.outputs.shown import json_bytes
from tiercel.rules.syntax import Check, Node


def explanation_text(condition: Node, event: Event) -> str:
    """Return the conditions that decided a match, a line each, with the values they saw."""
    lines = []
    for depth, part in explain(condition, event).decisive():
        indent = "  " * (depth + 2)
        if isinstance(part.node, Check):
            values = " | ".join(_text(value) for value in part.values)
            lines.append(f"{indent}{check_text(part.node)}   {'held' if part.held else 'did not hold'}: {values}\n")
        else:
            lines.append(f"{indent}not:\n")
    return "".join(lines)


def with_explanation(line: bytes, condition: Node, event: Event) -> bytes:
    """Return an alert's line of JSON with the same under the key ``explanation``."""
    checks = [
        {"condition": check_text(part.node), "held": part.held, "values": [_text(value) for value in part.values]}
        for _, part in explain(condition, event).decisive()
        if isinstance(part.node, Check)
    ]
    return line.removesuffix(b"}\n") + b',"explanation":' + json_bytes(checks) + b"}\n"


def _text(value: Value | None) -> str:
    if value is None:
        return "<NA>"
    if isinstance(value, list):
        return "(" + ", ".join(_text(item) for item in value) + ")"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or '""'
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
