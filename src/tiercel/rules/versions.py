"""Versions that rules files require: of the engine, and of Falco's plugins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_FORM = re.compile(r"\s*\+?(\d+)\.\s*\+?(\d+)\.\s*\+?(\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """Read ``major.minor.patch``; whatever follows is ignored, as Falco ignores it."""
        found = _FORM.match(text)
        return cls(*(int(part) for part in found.groups())) if found else None

    def satisfies(self, required: Version) -> bool:
        """Say whether this version can stand in for a required one: same major number, and no older."""
        return self.major == required.major and self >= required

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


ENGINE = Version(0, 62, 0)
"""The engine version whose rules language is spoken here, that of Falco 0.44."""

FALCO = "0.44.1"
"""The version of Falco whose part is played here."""

PROVIDED: Mapping[str, Version] = {"container": Version(0, 7, 1)}
"""Plugins whose fields are built in, with the version they equal."""


def engine_version(number: int) -> Version:
    """Return the version meant by the plain number of older rules files."""
    return Version(ENGINE.major, number, ENGINE.patch)


@dataclass(frozen=True, slots=True)
class Requirement:
    plugin: str
    version: str


def unmet(required: Iterable[tuple[Requirement, ...]], provided: Mapping[str, Version] = PROVIDED) -> str | None:
    """Return why the first unmet requirement is not met, or None. Each entry is one requirement's alternatives."""
    for alternatives in required:
        for wanted in alternatives:
            if wanted.plugin not in provided:
                continue
            have, version = provided[wanted.plugin], Version.parse(wanted.version)
            if version is None or not have.satisfies(version):
                return (
                    f"Plugin '{wanted.plugin}' version '{have}' is not compatible with required plugin version "
                    f"'{wanted.version}'"
                )
            break
        else:
            listed = ", ".join(f"{wanted.plugin} (>= {wanted.version})" for wanted in alternatives)
            return f"Plugin requirement not satisfied, must load one of: {listed}"
    return None
