"""Values as Prometheus reads them.

References: https://prometheus.io/docs/instrumenting/exposition_formats/ (the text format, version 0.0.4);
userspace/libsinsp/metrics_collector.cpp of libs 0.25 for names and labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tiercel.watching.values import Part, Unit, Value

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NAME = re.compile(r"[^a-zA-Z0-9_]+")


def exposition(values: Iterable[Value]) -> str:
    """Return values as text, those of one name together."""
    families: dict[str, list[Value]] = {}
    for value in values:
        families.setdefault(name_of(value), []).append(value)
    lines: list[str] = []
    for name, members in families.items():
        first = members[0]
        lines.append(f"# HELP {name} {_escaped(first.help, '')}")
        lines.append(f"# TYPE {name} {'counter' if first.counter else 'gauge'}")
        lines.extend(f"{name}{_labels(value.labels)} {_number(value.value)}" for value in members)
    return "\n".join([*lines, ""])


def name_of(value: Value) -> str:
    """Return the name of a value, its unit at the end."""
    prefix = value.part.value if value.part is Part.OWN else f"falcosecurity_{value.part}"
    name = _NAME.sub("_", f"{prefix}_{value.name}")
    return name if value.unit is Unit.NONE else f"{name}_{value.unit}"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    named: dict[str, str] = {}  # two tags may come to the same name
    for key, text in sorted(labels.items()):
        named.setdefault(re.sub("_+", "_", _NAME.sub("_", key)), text)
    return "{" + ",".join(f'{key}="{_escaped(text)}"' for key, text in named.items()) + "}"


def _escaped(text: str, quote: str = '\\"') -> str:
    text = text.encode("utf-8", "replace").decode().replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', quote or '"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
