"""Scanning captures: what to run, gathered from options and configuration, and the alerts that come of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tiercel.config import Config, ConfigError, load_config
from tiercel.content import rules_path
from tiercel.detect import Detection
from tiercel.errors import InputError
from tiercel.outputs.alert import Alert
from tiercel.outputs.alerts import AlertStyle
from tiercel.replay import Replay
from tiercel.rules.check import Report, check
from tiercel.rules.selection import select

StrPath = str | os.PathLike[str]

STOPPED = "Drop manager internal error"
"""What Falco says when an action of ``syscall_event_drops`` is to exit."""


@dataclass(slots=True)
class Scan:
    """A scan ready to run; ``detection`` is None when the rules do not load, ``report`` then says why."""

    config: Config
    report: Report
    detection: Detection | None = None
    paths: list[Path] = field(default_factory=list)


def prepare(
    paths: Sequence[StrPath],
    rules: Sequence[StrPath] = (),
    *,
    config: StrPath | None = None,
    options: Iterable[str] = (),
    json: bool | None = None,
    every: bool = False,
    strict: bool = False,
) -> Scan:
    """Load configuration and rules.

    Args:
        paths: captures; when none are given, the one ``engine.replay.capture_file`` names.
        rules: rules files or folders; else ``rules_files`` of the configuration, else the rules that come with tiercel.
        config: a falco.yaml.
        options: ``key=value`` settings that override it.
        json: alerts as JSON or text; None leaves it to ``json_output``.
        every: alert for every rule that matches; False leaves it to ``rule_matching``.
        strict: accept exactly what Falco accepts.

    Raises:
        InputError: the configuration cannot be used, or there are no rules files.
    """
    try:
        settings = load_config(config, options)
    except ConfigError as error:
        raise InputError(str(error)) from None
    captures = [Path(path) for path in paths] or [Path(name) for name in [settings.capture_file] if name]
    files: list[StrPath] = list(rules) or list(settings.rules_files) or [rules_path()]
    report = check(files, strict=strict, extra=settings.extra_output, folders=True, cached=True)
    if report.failure is None and not report.loaded.verdicts:
        raise InputError(f"no rules files (.yaml, .yml) in {', '.join(os.fspath(file) for file in files)}")
    scan = Scan(settings, report, None, captures)
    if report.exit_code == 0:
        style = AlertStyle(
            json=settings.json_output if json is None else json,
            time_iso_8601=settings.time_format_iso_8601,
            include_output=settings.json_include_output_property,
            include_message=settings.json_include_message_property,
            include_output_fields=settings.json_include_output_fields_property,
            include_tags=settings.json_include_tags_property,
            hostname=os.environ.get("FALCO_HOSTNAME") or (socket.gethostname() if strict else ""),
        )
        chosen = select(report.loaded.rules, settings.rules, settings.priority)
        scan.detection = Detection(chosen, style, every or settings.match_all, settings.drops)
    return scan


def scan(
    paths: StrPath | Sequence[StrPath],
    rules: StrPath | Sequence[StrPath] = (),
    *,
    config: StrPath | None = None,
    options: Iterable[str] = (),
    every: bool = False,
    strict: bool = False,
) -> Iterator[Alert]:
    """Replay captures through rules and yield the alerts in the order of the events.

    The arguments are those of :func:`prepare`.

    Raises:
        InputError: a file cannot be read, a rule does not load, or a capture is damaged; the alerts from before the
            damage have been yielded by then.

    Example:
        >>> for alert in scan("incident.scap", "falco_rules.yaml"):  # doctest: +SKIP
        ...     print(alert.time, alert.rule, alert.output_fields["proc.cmdline"])
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    files = [rules] if isinstance(rules, str | os.PathLike) else list(rules)
    prepared = prepare(several, files, config=config, options=options, every=every, strict=strict)
    if prepared.detection is None:
        raise InputError(prepared.report.failure or "the rules do not load\n" + prepared.report.as_text())
    for path in prepared.paths:
        replay = Replay(path)
        prepared.detection.begin()
        for batch in replay:
            matches = prepared.detection.match(batch)
            for _, _, alert in prepared.detection.alerts(batch, matches):
                yield alert
            if prepared.detection.stopped:
                raise InputError(STOPPED)
        if message := replay.damage_message():
            raise InputError(message)
