"""All checks made, and what they come to: whether, and how, this host can be watched."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from tiercel.doctor.model import CHECKS, GROUPS, Check, Finding, Subject, Verdict, Way, warn

LOG = logging.getLogger("tiercel")

for _group in GROUPS:
    import_module(f"tiercel.doctor.{_group}")  # registers its checks


@dataclass(frozen=True)
class Examination:
    """What all checks found, in their order, and the ways in which this process can watch, the best one first."""

    findings: tuple[tuple[Check, Finding], ...]
    ways: tuple[Way, ...]

    @property
    def can_watch(self) -> bool:
        return bool(self.ways)

    def of(self, group: str, name: str) -> Finding:
        """Return what one check found. Raises KeyError when there is no such check."""
        for check, finding in self.findings:
            if (check.group, check.name) == (group, name):
                return finding
        raise KeyError(f"{group}: {name}")

    def as_json(self) -> Mapping[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "can_watch": self.can_watch,
            "ways": [str(way) for way in self.ways],
            "checks": [
                {"group": check.group, "name": check.name, "verdict": str(finding.verdict), "found": finding.found,
                 "advice": finding.advice}
                for check, finding in self.findings
            ],
        }  # fmt: skip


def examine(subject: Subject) -> Examination:
    """Make all checks. A check that itself goes wrong is a warning, and closes its ways of watching."""
    made = [(check, *_look(check, subject)) for check in sorted(CHECKS, key=lambda check: GROUPS.index(check.group))]
    closed = {way for check, finding, broken in made if broken or finding.verdict is Verdict.FAIL for way in check.ways}
    ways = tuple(way for way in Way if way not in closed)
    return Examination(tuple((check, _weigh(check, finding, ways)) for check, finding, _ in made), ways)


def _look(check: Check, subject: Subject) -> tuple[Finding, bool]:
    """Return what a check found, and whether it broke down."""
    try:
        return check.look(subject), False
    except Exception as error:
        LOG.info("%s, %s: %s", check.group, check.name, error, exc_info=True)
        return warn(f"could not be looked at: {error}", "run tiercel -v doctor for more, and tell us"), True


def _weigh(check: Check, finding: Finding, ways: tuple[Way, ...]) -> Finding:
    """A way that is closed is no failure as long as another is open."""
    if finding.verdict is Verdict.FAIL and check.ways and ways:
        return replace(finding, verdict=Verdict.WARN)
    return finding
