"""The rules an ingest ran with, kept in the case as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiercel.case.intake import shown, stored_name
from tiercel.case.record import RulesFile
from tiercel.case.staging import Staging
from tiercel.content import rules_path
from tiercel.detect import Detection
from tiercel.errors import InputError
from tiercel.outputs.alerts import AlertStyle
from tiercel.rules.cache import load_cached
from tiercel.rules.check import Report
from tiercel.rules.load import RulesFileError, expand
from tiercel.rules.selection import select
from tiercel.rules.yaml_source import Source

_MOST = 64 << 20
"""Bytes of the largest rules file that is taken in."""


@dataclass(frozen=True, slots=True)
class RulesContent:
    """A rules file read once: what is kept and what runs are the same bytes. ``name`` is its path as given."""

    name: str
    file: RulesFile
    content: bytes


def read_rules(paths: Sequence[str | Path] = ()) -> list[RulesContent]:
    """Read rules files and those in folders, in the order they are loaded; without paths those that come with tiercel.

    Raises:
        InputError: there are none, or one cannot be read.
    """
    try:
        names = expand(paths or [rules_path()])
    except RulesFileError as error:
        raise InputError(str(error)) from None
    if not names:
        raise InputError(f"no rules files (.yaml, .yml) in {', '.join(map(str, paths))}")
    found = []
    for name in names:
        try:
            with open(name, "rb") as file:
                content = file.read(_MOST + 1)
        except OSError as error:
            raise InputError(f"{name}: {error.strerror}") from None
        if len(content) > _MOST:
            raise InputError(f"{name}: larger than any rules file")
        digest = hashlib.sha256(content).hexdigest()
        stored = f"rules/{stored_name(digest[:16], Path(name))}"
        found.append(RulesContent(name, RulesFile(shown(Path(name).name), stored, digest), content))
    return found


def keep(rules: Sequence[RulesContent], known: Collection[str], staging: Staging) -> None:
    """Put rules files that the case does not hold yet into the waiting room; ``known`` are the paths of its files.

    Raises:
        OSError: one cannot be written.
    """
    for rule in rules:
        if rule.file.path not in known:
            staging.write(rule.file.path, rule.content)


def detection(rules: Sequence[RulesContent], every: bool) -> Detection:
    """Return a detection that runs rules files in their order; it depends on nothing but them.

    Raises:
        InputError: the rules do not load; says what is wrong, line by line.
    """
    loaded = load_cached([Source(rule.name, rule.content) for rule in rules])
    report = Report(loaded, loaded.unmet)
    if report.exit_code:
        raise InputError(report.failure or f"the rules do not load: mend these errors\n{report.as_text()}")
    return Detection(select(loaded.rules), AlertStyle(json=True), every)
