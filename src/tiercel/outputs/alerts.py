"""Alerts of one rule as lines of text or JSON, or as typed values.

The JSON has Falco's keys in Falco's order; which of them depends on the ``json_include_*`` options.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercel.model.batch import Batch
from tiercel.outputs.alert import Alert
from tiercel.outputs.shown import (
    CLOCK,
    ISO_OFFSET,
    ISO_UTC,
    Shower,
    ShownTime,
    arguments,
    as_nanoseconds,
    escaped_bytes,
    is_arguments,
    json_bytes,
    show_json,
    show_text,
)
from tiercel.outputs.weave import Woven, weave
from tiercel.rules.model import Rule
from tiercel.rules.output_template import Slot, Template
from tiercel.rules.syntax import FieldRef

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AlertStyle:
    """How alerts are printed, after the keys of ``falco.yaml`` with the same meaning."""

    json: bool = False
    time_iso_8601: bool = False
    include_output: bool = True
    include_message: bool = False
    include_output_fields: bool = True
    include_tags: bool = True
    hostname: str = ""


class Line:
    """A line under construction: constants and columns in turn."""

    def __init__(self) -> None:
        self.pieces = [b""]
        self.columns: list[Shower] = []

    def constant(self, text: bytes) -> None:
        self.pieces[-1] += text

    def column(self, shower: Shower | ShownTime) -> None:
        if isinstance(shower, ShownTime):
            self.column(shower.heads)
            self.column(shower.digits)
            self.constant(shower.tail.encode())
            return
        self.columns.append(shower)
        self.pieces.append(b"")

    def json(self, ref: FieldRef) -> None:
        """Append a field as a JSON value."""
        if is_arguments(ref):
            self.constant(b'"')
            self.column(arguments(escape=True))
            self.constant(b'"')
        else:
            self.column(show_json(ref))

    def template(self, template: Template, escape: bool) -> None:
        """Append an output template, as it stands inside a JSON string when ``escape``."""
        for part in template.parts:
            if isinstance(part, Slot):
                self.column(show_text(part.operand, part.width, escape, part.shown))
            else:
                self.constant(escaped_bytes(part.decode("utf-8", "replace")) if escape else part)

    def weave(self, batch: Batch, indices: Indices) -> Woven:
        """Return one line for each event."""
        return weave(self.pieces, [column(batch, indices) for column in self.columns], len(indices))


class AlertLines:
    """The alerts of one rule."""

    def __init__(self, rule: Rule, style: AlertStyle) -> None:
        self.rule, self.style = rule, style
        self.line = self._json() if style.json else self._text()

    def __call__(self, batch: Batch, indices: Indices) -> Woven:
        """Return a line for each of the events at ``indices``."""
        return self.line.weave(batch, indices)

    def _output(self, line: Line, escape: bool) -> None:
        line.column(ISO_OFFSET if self.style.time_iso_8601 else CLOCK)
        line.constant(f": {self.rule.priority.label} ".encode())
        line.template(self.rule.output, escape)

    def _text(self) -> Line:
        line = Line()
        self._output(line, escape=False)
        line.constant(b"\n")
        return line

    def _json(self) -> Line:
        rule, style = self.rule, self.style
        line = Line()
        line.constant(b'{"hostname":' + json_bytes(style.hostname))
        if style.include_message:
            line.constant(b',"message":"')
            line.template(rule.output, escape=True)
            line.constant(b'"')
        if style.include_output:
            line.constant(b',"output":"')
            self._output(line, escape=True)
            line.constant(b'"')
        if style.include_output_fields:
            line.constant(b',"output_fields":{')
            self._fields(line)
            line.constant(b"}")
        line.constant(b',"priority":' + json_bytes(rule.priority.label))
        line.constant(b',"rule":' + json_bytes(rule.name))
        line.constant(b',"source":' + json_bytes(rule.source))
        if style.include_tags:
            line.constant(b',"tags":' + json_bytes(sorted(set(rule.tags))))
        line.constant(b',"time":"')
        line.column(ISO_UTC)
        line.constant(b'"}\n')
        return line

    def _fields(self, line: Line) -> None:
        time_key = "evt.time.iso8601" if self.style.time_iso_8601 else "evt.time"
        columns: dict[str, FieldRef | Template | None] = dict(self.rule.output.fields)
        columns[time_key] = None
        for name, (template, raw) in self.rule.output_fields.items():
            if not raw:
                columns[name] = template
            elif template.fields:
                columns[name] = template.fields[0][1]
        comma = b""
        for name in sorted(columns, key=lambda key: key.encode()):
            line.constant(comma + json_bytes(name) + b":")
            value = columns[name]
            if value is None:
                line.column(as_nanoseconds)
            elif isinstance(value, Template):
                line.constant(b'"')
                line.template(value, escape=True)
                line.constant(b'"')
            else:
                line.json(value)
            comma = b","


class AlertValues:
    """The alerts of one rule as :class:`Alert` values."""

    def __init__(self, rule: Rule, style: AlertStyle) -> None:
        self.rule = rule
        complete = AlertStyle(True, style.time_iso_8601, True, True, True, True, style.hostname)
        self.lines = AlertLines(rule, complete)

    def __call__(self, batch: Batch, indices: Indices) -> list[Alert]:
        """Return an alert for each of the events at ``indices``."""
        alerts = []
        for line, index in zip(self.lines(batch, indices).lines(), indices.tolist(), strict=True):
            parsed = json.loads(line)
            alerts.append(
                Alert(
                    time=int(batch.ts[index]),
                    rule=self.rule.name,
                    priority=self.rule.priority.label,
                    source=self.rule.source,
                    hostname=parsed["hostname"],
                    output=parsed["output"],
                    message=parsed["message"],
                    output_fields=parsed["output_fields"],
                    tags=tuple(parsed["tags"]),
                    event=int(batch.num[index]),
                )
            )
        return alerts
