"""The formats by name, for whoever offers a choice of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tiercel.reconstruct.scene import Scene
from tiercel.report.exports.navigator import write_navigator
from tiercel.report.exports.ocsf import write_ocsf
from tiercel.report.exports.stix import write_stix
from tiercel.report.exports.timesketch import write_timesketch


@dataclass(frozen=True, slots=True)
class Format:
    """``write`` writes a scene to a file and returns how many ``unit`` it holds; ``ending`` is that of its name."""

    name: str
    ending: str
    unit: str
    about: str
    write: Callable[[Scene, Path], int]


FORMATS = {
    format.name: format
    for format in (
        Format("timesketch", ".jsonl", "events", "timeline for Timesketch", write_timesketch),
        Format("navigator", ".json", "techniques", "layer for the ATT&CK Navigator", write_navigator),
        Format("stix", ".json", "objects", "STIX 2.1 bundle", write_stix),
        Format("ocsf", ".jsonl", "events", "OCSF events", write_ocsf),
    )
}
