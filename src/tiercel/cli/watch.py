"""``tiercel watch``: the running host in, alerts out, as they happen."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tiercel.detect import Detection
    from tiercel.outputs.channels.front import Outputs
    from tiercel.scanning import Scan
    from tiercel.watching import LiveSource

Rules = Annotated[
    list[Path] | None,
    typer.Option("-r", "--rules", help="A rules file or a folder of them; repeat for more, later ones override."),
]
Config = Annotated[Path | None, typer.Option("-c", "--config", help="A falco.yaml.")]
Options = Annotated[
    list[str] | None, typer.Option("-o", "--option", metavar="KEY=VALUE", help="Set one key of falco.yaml; repeatable.")
]


_PRIORITY = -15
"""What is watched must not keep the watcher from its turn: a busy host loses no events then."""


def register(app: typer.Typer) -> None:
    """Add ``watch``."""
    app.command()(watch)


def watch(
    rule_files: Rules = None,
    config: Config = None,
    options: Options = None,
    json_lines: Annotated[bool | None, typer.Option("--json/--text", help="Alerts as JSON or text.")] = None,
    all_matches: Annotated[
        bool, typer.Option("--all-matches", help="Every rule that matches an event, not only the first.")
    ] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Totals by rule and priority, on stderr.")] = False,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0, help="How long to watch; until interrupted without it.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Accept exactly what Falco accepts.")] = False,
) -> None:
    """Watch this host and print an alert whenever a rule matches; takes root and Linux 5.17 or newer.

    Without -r the rules that come with tiercel are used. Ends on Ctrl-C with what was seen and lost, on stderr.
    """
    from tiercel.cli.delivery import delivery, undelivered
    from tiercel.cli.scan import tell
    from tiercel.errors import InputError
    from tiercel.scanning import prepare
    from tiercel.watching import LiveSource, events_for

    scan = prepare([], rule_files or [], config=config, options=options or [], json=json_lines, every=all_matches,
                   strict=strict)  # fmt: skip
    tell(scan)
    if scan.detection is None:
        raise InputError(scan.report.failure or "the rules do not load: mend the errors above")
    with delivery(scan.config, scan.detection.style.json, live=True) as outputs:
        with LiveSource(events_for(scan.detection.rules), seconds) as source:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: source.stop())
            if outputs is not None:
                signal.signal(signal.SIGHUP, lambda *_: outputs.reload())
            print(f"tiercel: watching {source.stream.world.machine.hostname}", file=sys.stderr)
            _run(source, scan, scan.detection, stats, outputs)
        for message in undelivered(outputs, patience=2.0):
            print(f"tiercel: {message}", file=sys.stderr)


def _run(source: LiveSource, scan: Scan, detection: Detection, stats: bool, outputs: Outputs | None) -> None:
    """Print and send alerts until the source ends, then totals."""
    from tiercel.cli.results import results
    from tiercel.cli.scan import statistics
    from tiercel.errors import InputError
    from tiercel.outputs.drops import internal_line
    from tiercel.scanning import STOPPED
    from tiercel.watching_losses import Losses

    out = results()
    losses = Losses(detection.drops.settings, source.stream.world.machine.hostname)
    began, spent = time.monotonic(), time.process_time()
    for batch in source:
        matches = detection.match(batch)
        detection.count(matches.counts())
        if scan.config.stdout_output and (lines := detection.lines(batch, matches)):
            out.write(lines)
            out.flush()  # whoever reads is to know now
        if outputs is not None:
            for line, alert in detection.pairs(batch, matches):
                outputs.send(line, alert)
        if notice := losses.look(int(batch.ts[-1]), source.events, source.lost.total):
            line = internal_line(notice, detection.style.json)
            if scan.config.stdout_output:
                out.write(line)
                out.flush()
            if outputs is not None:
                outputs.send(line, notice)
        if detection.stopped or losses.stopped:
            break
    seconds, used = time.monotonic() - began, time.process_time() - spent
    lost = source.lost
    print(
        f"tiercel: {source.events:,} events in {seconds:.1f} s, {detection.counts.total():,} alerts, "
        f"{lost.total:,} events lost, {used / max(seconds, 0.001):.1%} of a processor",
        file=sys.stderr,
    )
    if source.foreign:
        print(f"tiercel: {source.foreign:,} system calls of 32-bit programs were not followed", file=sys.stderr)
    if stats:
        statistics(detection)
    if detection.stopped or losses.stopped:
        raise InputError(STOPPED)
