"""``tiercel watch``: the running host in, alerts out, as they happen."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tiercel.cli.capturing import Before, CaptureDir, CaseDir, flight_recorder
from tiercel.cli.sourcing import From, SourceKind, live_source
from tiercel.cli.storing import Every, MaxAge, MaxSize, Store, storing

if TYPE_CHECKING:
    from tiercel.serving.service import Service
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


_NAMES = {"ebpf": "eBPF", "audit": "the audit subsystem"}


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
    origin: From = SourceKind.AUTO,
    before: Before = None,
    capture_dir: CaptureDir = None,
    case: CaseDir = None,
    store: Store = None,
    store_max_size: MaxSize = None,
    store_max_age: MaxAge = None,
    store_every: Every = None,
    strict: Annotated[bool, typer.Option("--strict", help="Accept exactly what Falco accepts.")] = False,
) -> None:
    """Watch this host and print an alert whenever a rule matches; takes root.

    Events come from the kernel through eBPF (Linux 5.17 or newer), or else from its audit subsystem. Without -r the
    rules that come with tiercel are used. Ends on Ctrl-C with what was seen and lost, on stderr.
    """
    from functools import partial

    from tiercel.cli.delivery import delivery, undelivered
    from tiercel.cli.results import results
    from tiercel.cli.scan import statistics, tell
    from tiercel.errors import InputError
    from tiercel.scanning import STOPPED
    from tiercel.serving.service import Service
    from tiercel.watching.delivering import Delivering
    from tiercel.watching.heap import Heap
    from tiercel.watching.loop import Watch
    from tiercel.watching.metrics import flight_values
    from tiercel.watching.preparing import Preparing
    from tiercel.watching.sight_values import identity_values, left_out_values

    given = rule_files or []
    preparing = Preparing([*map(os.fspath, given)], None if config is None else os.fspath(config), options or [],
                          json_lines, all_matches, strict)  # fmt: skip
    scan = preparing.scan()
    tell(scan)
    if scan.detection is None:
        raise InputError(scan.report.failure or "the rules do not load: mend the errors above")
    stores = storing(store, store_max_size, store_max_age, store_every)
    whole = scan.config.capture.enabled or any(option is not None for option in (before, capture_dir, case, store))
    with closing(Delivering(partial(delivery, live=True), scan.config, scan.detection.style.json)) as delivering:
        with (
            live_source(origin, scan.detection.rules, seconds, scan.config, whole) as (source, identity),
            flight_recorder(
                scan.config.capture, source, before, capture_dir, case, given, scan.detection.rules
            ) as recorders,
        ):
            out = results()
            shown = out if scan.config.stdout_output else None
            seen = Watch(source, scan.detection, shown, delivering.outputs, [*recorders, *stores])
            seen.due.append(Heap().tidy)
            for recorder in recorders:
                recorder.tell = seen.tell
            for made in stores:
                made.tell = seen.tell
                made.begin(source.tracker, source.hostname)
            with Service(seen, scan, preparing, delivering, out) as service:
                service.metrics.providers += [partial(identity_values, identity.metrics),
                                              partial(left_out_values, source),
                                              *(partial(flight_values, recorder) for recorder in recorders),
                                              *(made.values for made in stores)]  # fmt: skip
                end_on_signals(source, service)
                print(f"tiercel: watching {source.hostname} through {_NAMES[source.name]}", file=sys.stderr)
                _run(seen, source)
        for message in undelivered(delivering.outputs, patience=2.0):
            print(f"tiercel: {message}", file=sys.stderr)
    if stats:
        statistics(seen.totals)
    if seen.stopped:
        raise InputError(STOPPED)


def end_on_signals(source: Source, service: Service) -> None:
    """End when asked to: with totals, or at the second time at once. Read everything again on SIGHUP."""

    def end(number: int, _: object) -> None:
        for known in (signal.SIGINT, signal.SIGTERM):
            signal.signal(known, signal.SIG_DFL)
        source.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    signal.signal(signal.SIGHUP, lambda *_: service.reload())


def _run(seen: Watch, source: Source) -> None:
    """Watch until the source ends, then tell the totals."""
    began, spent = time.monotonic(), time.process_time()
    seen.run()
    seconds, used = time.monotonic() - began, time.process_time() - spent
    print(
        f"tiercel: {source.events:,} events in {seconds:.1f} s, {seen.totals.total:,} alerts, "
        f"{source.lost.total:,} events lost, {used / max(seconds, 0.001):.1%} of a processor",
        file=sys.stderr,
    )
    for remark in source.remarks():
        print(f"tiercel: {remark}", file=sys.stderr)
