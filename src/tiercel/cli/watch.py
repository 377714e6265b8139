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
    from tiercel.watching.loop import Watch
    from tiercel.watching.source import Source

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
    from tiercel.cli.results import results
    from tiercel.cli.scan import statistics, tell
    from tiercel.errors import InputError
    from tiercel.scanning import STOPPED, prepare
    from tiercel.watching.ebpf import LiveSource
    from tiercel.watching.loop import Watch
    from tiercel.watching.wanted import events_for

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
            print(f"tiercel: watching {source.hostname}", file=sys.stderr)
            seen = Watch(source, scan.detection, results() if scan.config.stdout_output else None, outputs)
            _run(seen, source)
        for message in undelivered(outputs, patience=2.0):
            print(f"tiercel: {message}", file=sys.stderr)
    if stats:
        statistics(seen.detection)
    if seen.stopped:
        raise InputError(STOPPED)


def _run(seen: Watch, source: Source) -> None:
    """Watch until the source ends, then tell the totals."""
    began, spent = time.monotonic(), time.process_time()
    seen.run()
    seconds, used = time.monotonic() - began, time.process_time() - spent
    print(
        f"tiercel: {source.events:,} events in {seconds:.1f} s, {seen.detection.counts.total():,} alerts, "
        f"{source.lost.total:,} events lost, {used / max(seconds, 0.001):.1%} of a processor",
        file=sys.stderr,
    )
    for remark in source.remarks():
        print(f"tiercel: {remark}", file=sys.stderr)
