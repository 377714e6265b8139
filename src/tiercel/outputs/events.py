"""Events as lines, by an output template."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tiercel.model.batch import Batch
from tiercel.outputs.alerts import Line
from tiercel.outputs.shown import json_bytes
from tiercel.outputs.weave import Woven
from tiercel.rules.output_template import Template

DEFAULT_TEMPLATE = "*%evt.num %evt.time %evt.cpu %proc.name (%proc.pid.%thread.tid) %evt.dir %evt.type %evt.info"
"""What is printed of an event without a template, as sysdig does."""

_CHUNK = 1 << 15  # events woven at once: what they show stays in the processor's cache


class EventLines:
    """Prints events by a template, as text or as one JSON object a line with the template's fields."""

    def __init__(self, template: Template, as_json: bool = False) -> None:
        self.line = Line()
        if not as_json:
            self.line.template(template, escape=False)
            self.line.constant(b"\n")
            return
        opening = b"{"
        for key, ref in sorted(template.fields, key=lambda item: item[0].encode()):
            self.line.constant(opening + json_bytes(key) + b":")
            self.line.json(ref)
            opening = b","
        self.line.constant(b"}\n" if template.fields else b"{}\n")

    def __call__(self, batch: Batch, indices: NDArray[np.int64]) -> Woven:
        """Return a line for each of the events at ``indices``."""
        return self.line.weave(batch, indices)

    def chunks(self, batch: Batch, indices: NDArray[np.int64]) -> Iterator[bytes]:
        """Yield the lines of all these events, some thousand at a time."""
        for start in range(0, len(indices), _CHUNK):
            yield self(batch, indices[start : start + _CHUNK]).data
