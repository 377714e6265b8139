"""Fields added to an alert that is already a line: what is only known while watching."""

from __future__ import annotations

import json
from collections.abc import Mapping


def with_fields(line: bytes, fields: Mapping[str, str]) -> bytes:
    """Return an alert's line with ``fields`` among its ``output_fields``.

    Lines of text, and JSON whose ``output_fields`` are switched off, stay as they are.
    """
    if not fields or not line.startswith(b"{"):
        return line
    alert = json.loads(line)
    if "output_fields" not in alert:
        return line
    alert["output_fields"] |= fields
    alert["output_fields"] = dict(sorted(alert["output_fields"].items()))
    return json.dumps(alert, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
