"""A check, what it is given, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from tiercel.config import Config, ConfigError, load_config


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Way(StrEnum):
    """A way of watching."""

    EBPF = "ebpf"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, in plain words, and what to do about it (empty when nothing is to be done)."""

    verdict: Verdict
    found: str
    advice: str = ""


def ok(found: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(Verdict.OK, found)


def warn(found: str, advice: str) -> Finding:
    """Return a finding of something that works less well than it could."""
    return Finding(Verdict.WARN, found, advice)


def fail(found: str, advice: str) -> Finding:
    """Return a finding of something that does not work."""
    return Finding(Verdict.FAIL, found, advice)


@dataclass
class Subject:
    """What is examined: this host, for being watched with this configuration and these rules.

    ``state`` is the folder that the watcher would keep its state in.
    """

    state: str
    config_path: str | None = None
    rules: Sequence[str] = ()
    options: Sequence[str] = ()

    @cached_property
    def config(self) -> Config:
        """The configuration, an empty one where it does not load; a check of its own tells why."""
        try:
            return load_config(self.config_path, self.options)
        except ConfigError:
            return Config()


@dataclass(frozen=True)
class Check:
    """One thing looked at. Where it fails, the ``ways`` of watching are not open."""

    group: str
    name: str
    look: Callable[[Subject], Finding]
    ways: frozenset[Way] = field(default_factory=frozenset)


GROUPS = ("kernel", "probe", "audit", "containers", "resources", "storage", "settings", "clock")
"""In the order in which they are looked at and shown; each is a module of this package."""

CHECKS: list[Check] = []
"""All checks; within a group they are in order."""


def check(name: str, *ways: Way) -> Callable[[Callable[[Subject], Finding]], Callable[[Subject], Finding]]:
    """Make a function a check of the group that its module is."""

    def register(look: Callable[[Subject], Finding]) -> Callable[[Subject], Finding]:
        CHECKS.append(Check(look.__module__.rpartition(".")[2], name, look, frozenset(ways)))
        return look

    return register
