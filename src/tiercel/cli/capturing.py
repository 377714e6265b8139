"""The flight recorder of ``tiercel watch``: its options, and how it is set up."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tiercel.capture.settings import CaptureSettings
    from tiercel.recording.flight import FlightRecorder
    from tiercel.rules.model import Rule
    from tiercel.watching.source import Source

Before = Annotated[
    float | None,
    typer.Option(
        "--before",
        min=0,
        metavar="SECONDS",
        help="Write captures for rules with capture: true, and keep what was this long before their alerts.",
    ),
]
CaptureDir = Annotated[
    Path | None, typer.Option("--capture-dir", metavar="DIR", help="Write such captures, and into this directory.")
]
CaseDir = Annotated[
    Path | None, typer.Option("--case", metavar="CASE", help="Write such captures, and take them into this case.")
]

_NAME = "tiercel"


@contextmanager
def flight_recorder(
    settings: CaptureSettings,
    source: Source,
    before: float | None = None,
    folder: Path | None = None,
    case: Path | None = None,
    rules: Sequence[Path] = (),
    loaded: Sequence[Rule] = (),
) -> Iterator[list[FlightRecorder]]:
    """Give the recorder that the configuration or an option asks for, in a list; an empty one without.

    Args:
        rules: rules files and folders to read captures with in the case.
        loaded: the rules of the watch.
    """
    if before is not None:
        settings = replace(settings, enabled=True, before=before)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = replace(settings, enabled=True, path_prefix=str(folder.absolute() / _NAME))
    if case is not None:
        settings = replace(settings, enabled=True)
    if not settings.enabled:
        yield []
        return
    from tiercel.recording.casing import IntoCase
    from tiercel.recording.flight import FlightRecorder

    if not settings.all_rules and not any(rule.capture for rule in loaded):
        hint = "-o capture.mode=all_rules takes every alert"
        print(f"tiercel: no rule has capture: true, so no alert will be captured; {hint}", file=sys.stderr)
    into = None if case is None else IntoCase(case, rules)
    recorder = FlightRecorder(settings, source.tracker, source.hostname, source.name)
    if into is not None:
        recorder.done = into.add
    recorder.recover()
    try:
        yield [recorder]
    finally:
        if into is not None:
            into.close()


def print_alerts(path: Path) -> None:
    """Print the alerts that a capture carries, as JSON, one a line."""
    import json

    from tiercel.capture.notes import ALERT, read_notes
    from tiercel.cli.results import results

    out = results()
    for _, about, content in read_notes(path):
        if about == ALERT:
            out.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n")
    out.flush()
