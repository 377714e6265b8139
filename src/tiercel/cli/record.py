"""``tiercel record``: what this host does, into capture files."""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tiercel.cli.sourcing import From, SourceKind, say, take_precedence

if TYPE_CHECKING:
    from tiercel.identity.identity import Identity
    from tiercel.recording.record import Recording
    from tiercel.rules.model import Rule
    from tiercel.rules.syntax import Node
    from tiercel.watching.source import Source

_MB = 1_000_000


def register(app: typer.Typer) -> None:
    """Add ``record``."""
    app.command()(record)


def record(
    condition: Annotated[
        str | None, typer.Argument(metavar="FILTER", help="A condition, as in a rule; all events without one.")
    ] = None,
    path: Annotated[
        Path, typer.Option("-w", "--write", metavar="FILE", help="The capture; FILE.gz and FILE.zst are compressed.")
    ] = ...,  # type: ignore[assignment]
    size: Annotated[
        float | None, typer.Option("-C", "--size", min=0.001, metavar="MB", help="Begin another file after so many MB.")
    ] = None,
    every: Annotated[
        float | None,
        typer.Option("-G", "--every", min=0.1, metavar="SECONDS", help="Begin another file after so many seconds."),
    ] = None,
    files: Annotated[
        int | None, typer.Option("-W", "--files", min=1, metavar="COUNT", help="Keep so many files: a ring.")
    ] = None,
    snaplen: Annotated[
        int | None,
        typer.Option("-s", "--snaplen", min=0, max=32767, metavar="BYTES", help="Data to keep of each call: 80."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Reads, writes and memory too: many, and seldom needed.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0, help="How long to record; until interrupted without it.")
    ] = None,
    origin: From = SourceKind.AUTO,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell of the files as JSON, one a line.")] = False,
) -> None:
    """Record what this host does into capture files; takes root.

    Each file begins with the processes there are and can be read on its own, by other tools too. FILE.sha256 lists the
    hashes of the files that are complete. What FILTER does not hold for is left out, or kept hidden where processes,
    files and sockets are known from it. Ends on Ctrl-C.
    """
    from tiercel.cli.progress import counting
    from tiercel.errors import InputError
    from tiercel.identity.identity import Identity
    from tiercel.identity.settings import IdentitySettings
    from tiercel.recording.kept import Kept
    from tiercel.recording.record import Recording
    from tiercel.recording.rotation import Rotation
    from tiercel.watching.ebpf import LiveSource

    if files is not None and size is None and every is None:
        raise InputError("-W counts the files that -C or -G begin: give one of them")
    node = None if condition is None else _compiled(condition)
    take_precedence()
    rotation = Rotation(int((size or 0) * _MB), every or 0.0, files or 0)
    with (
        closing(Identity(IdentitySettings())) as identity,
        closing(_opened(origin, condition, _wanted(node, everything), seconds, identity)) as source,
    ):
        if snaplen is not None and isinstance(source, LiveSource):
            source.stream.probe.snaplen = snaplen
        recording = Recording(source, path, rotation, Kept(node), overwrite)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: source.stop())
        print(f"tiercel: recording {source.hostname} into {path}", file=sys.stderr)
        try:
            with counting(str(path), results=False) as progress:
                recording.run(progress)
        finally:
            _tell(recording, as_json)
            print(f"tiercel: {recording.events:,} events, {source.lost.total:,} lost", file=sys.stderr)


def _opened(
    kind: SourceKind, condition: str | None, events: frozenset[int], seconds: float | None, identity: Identity
) -> Source:
    """Open the source: eBPF, or audit where that is asked for or there is no other."""
    from tiercel.watching.audit import AuditSource
    from tiercel.watching.choice import first_of
    from tiercel.watching.ebpf import LiveSource

    return first_of(
        kind.value,
        lambda: LiveSource(events, seconds, identity=identity),
        lambda: AuditSource(_rules(condition), seconds, identity=identity),
        say,
    )


def _rules(condition: str | None) -> list[Rule]:
    """Return a rule of the filter, or without one the rules that come with tiercel: audit is told of what to tell."""
    import json

    from tiercel.rules.load import load
    from tiercel.rules.yaml_source import Source
    from tiercel.scanning import prepare

    if condition is None:
        detection = prepare([]).detection
        return [] if detection is None else list(detection.rules)
    rule = {"rule": "filter", "desc": "-", "condition": condition, "output": "-", "priority": "DEBUG"}
    return load([Source("filter", json.dumps([rule]).encode())]).rules  # JSON is YAML, too


def _compiled(condition: str) -> Node:
    from tiercel.errors import InputError
    from tiercel.rules.condition import ConditionCompiler, ConditionError, parse

    try:
        return ConditionCompiler().compile(parse(condition)).node
    except ConditionError as error:
        raise InputError(f"filter:{error.located()}") from None


def _wanted(node: Node | None, everything: bool) -> frozenset[int]:
    """Return the events to trace: what the filter names, else all that are worth it."""
    from tiercel.rules.event_types import event_types, too_many_types
    from tiercel.watching.wanted import all_events, calls_asked, events_for, every_event

    if everything:
        return every_event()
    if node is None or too_many_types(node):
        return all_events()
    return events_for(()) | event_types(node) | calls_asked(node)


def _tell(recording: Recording, as_json: bool) -> None:
    """Print the files that are complete."""
    import json

    for file in recording.files:
        if as_json:
            about = {"path": str(file.path), "size": file.size, "sha256": file.sha256, "events": file.events}
            print(json.dumps(about))
        else:
            print(f"{file.path}  {file.events:,} events  {file.size:,} bytes  SHA-256 {file.sha256}")
