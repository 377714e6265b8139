"""``tiercel scan``: captures in, alerts out."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tiercel.cli.delivery import delivery, undelivered
from tiercel.cli.progress import counting
from tiercel.cli.results import results
from tiercel.detect import Detection
from tiercel.engine.ruleset import Matches
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.outputs.drops import internal_line
from tiercel.outputs.explained import explanation_text, with_explanation
from tiercel.outputs.overlap import Overlap
from tiercel.replay import Replay
from tiercel.scanning import STOPPED, Scan, prepare

if TYPE_CHECKING:
    from tiercel.outputs.channels.front import Outputs


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """The options of ``tiercel scan``."""

    paths: list[Path]
    rules: list[Path]
    config: Path | None
    options: list[str]
    json: bool | None
    every: bool
    explain: bool
    stats: bool
    strict: bool
    no_rules: bool


def run(options: ScanOptions) -> None:
    """Scan and print; see :func:`tiercel.scanning.prepare`."""
    if options.no_rules:
        _read(options.paths)
        return
    scan = prepare(
        options.paths,
        options.rules,
        config=options.config,
        options=options.options,
        json=options.json,
        every=options.every,
        strict=options.strict,
    )
    tell(scan)
    logging.getLogger("tiercel.drops").setLevel(scan.config.log_level)
    if scan.detection is None:
        raise InputError(scan.report.failure or "the rules do not load: mend the errors above")
    if not scan.paths:
        raise InputError("no capture given: name one, or set engine.replay.capture_file")
    failures = []
    with delivery(scan.config, scan.detection.style.json) as outputs:
        for path in scan.paths:
            if message := _scan(path, scan, scan.detection, options, outputs):
                failures.append(message)
            if scan.detection.stopped:
                break
        sys.stdout.flush()
        failures += undelivered(outputs)
    if options.stats:
        statistics(scan.detection)
    if failures:
        raise InputError("\ntiercel: ".join(failures))


def tell(scan: Scan) -> None:
    """Print notes on the configuration, and errors and warnings about the rules."""
    for note in scan.config.notes:
        print(f"tiercel: {note}", file=sys.stderr)
    for verdict in scan.report.loaded.verdicts:
        if verdict.errors or verdict.warnings:
            print(scan.report.as_text(), file=sys.stderr)
            break
    if scan.detection is not None and not scan.detection.rules:
        print("tiercel: no rule is enabled: there is nothing to find", file=sys.stderr)


def _scan(path: Path, scan: Scan, detection: Detection, options: ScanOptions, outputs: Outputs | None) -> str | None:
    """Print the alerts of one capture and send them; return what is wrong with it."""
    replay = Replay(path)
    detection.begin()
    # Simulated drops are about the whole of a capture and can end it; outputs have threads, which a fork would not.
    in_turn = detection.drops.settings.simulate or outputs is not None
    try:
        with counting(path.name) as progress, Overlap(results(), detection.count, not in_turn) as overlap:
            for batch in replay:
                overlap.submit(partial(_alerts, scan, detection, options.explain, outputs, batch))
                if detection.stopped:
                    break
                progress(replay.events)
    except InputError as error:
        return str(error)
    if detection.drops.detected:
        print(detection.drops.summary(), file=sys.stderr)
    return STOPPED if detection.stopped else replay.damage_message()


def _alerts(
    scan: Scan, detection: Detection, explain: bool, outputs: Outputs | None, batch: Batch
) -> tuple[Iterable[bytes], Mapping[int, int]]:
    """Return the alerts of a batch, and how many each rule has raised."""
    matches = detection.match(batch)
    if outputs is not None:
        for _, _, line, alert in detection.pairs(batch, matches):
            outputs.send(line, alert)
    if not scan.config.stdout_output:
        return [], matches.counts()
    lines = _explained(detection, batch, matches) if explain else [detection.lines(batch, matches)]
    return lines, matches.counts()


def _explained(detection: Detection, batch: Batch, matches: Matches) -> Iterator[bytes]:
    """Yield each alert of a batch with the conditions that decided the match: under it, or in JSON as a key of it."""
    notices = deque(detection.notices)
    as_json = detection.style.json
    for index, rule in zip(matches.indices.tolist(), matches.rules.tolist(), strict=True):
        while notices and notices[0][0] <= index:
            yield internal_line(notices.popleft()[1], as_json)
        line, condition, event = (
            detection.line(batch, index, rule),
            detection.rules[rule].condition,
            Event(batch, index),
        )
        if as_json:
            yield with_explanation(line, condition, event)
        else:
            yield line
            yield explanation_text(condition, event).encode("utf-8", "replace")
    yield from (internal_line(alert, as_json) for _, alert in notices)


def _read(paths: list[Path]) -> None:
    failures = []
    for path in paths:
        replay = Replay(path)
        with counting(path.name) as progress:
            for _ in replay:
                progress(replay.events)
        print(f"{path}: {replay.events:,} events")
        if message := replay.damage_message():
            failures.append(message)
    if failures:
        raise InputError("\ntiercel: ".join(failures))


class Counted(Protocol):
    """What counts alerts: a detection, or the totals of a watch."""

    def by_rule(self) -> Mapping[str, int]: ...

    def by_priority(self) -> Mapping[str, int]: ...


def statistics(counted: Counted) -> None:
    """Print totals as Falco does at its end, on stderr."""
    print(f"Events detected: {sum(counted.by_rule().values())}", file=sys.stderr)
    print("Rule counts by severity:", file=sys.stderr)
    for priority, count in counted.by_priority().items():
        print(f"   {'INFO' if priority == 'Informational' else priority.upper()}: {count}", file=sys.stderr)
    print("Triggered rules by rule name:", file=sys.stderr)
    for rule, count in counted.by_rule().items():
        print(f"   {rule}: {count}", file=sys.stderr)
