"""What a watch has to tell of itself in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Part(StrEnum):
    """What a value is about; Falco's names begin with it."""

    FALCO = "falco"
    SCAP = "scap"
    EVT = "evt"
    OWN = "tiercel"


class Unit(StrEnum):
    """The unit of a value: how names of metrics for Prometheus end."""

    COUNT = "total"
    RATIO = "ratio"
    BYTES = "bytes"
    SECONDS = "seconds"
    SECONDS_COUNT = "seconds_total"
    TIMESTAMP = "timestamp_nanoseconds"
    INFO = "info"
    NONE = ""


class Group(StrEnum):
    """What can be left out by the configuration."""

    ALWAYS = ""
    RULES = "rules"
    RESOURCES = "resources"
    STATE = "state"
    KERNEL = "kernel"
    PER_CPU = "per_cpu"


@dataclass(frozen=True, slots=True)
class Value:
    """One number. ``name`` is without its unit; an info has the value 1 and says everything in its labels.

    ``counter`` says that it only grows. ``help`` is one line.
    """

    part: Part
    name: str
    unit: Unit
    value: float
    help: str = ""
    counter: bool = False
    group: Group = Group.ALWAYS
    labels: Mapping[str, str] = field(default_factory=dict)


def counter(part: Part, name: str, value: float, help: str, group: Group = Group.ALWAYS, /, **labels: str) -> Value:
    """Return a number of things so far."""
    return Value(part, name, Unit.COUNT, value, help, True, group, labels)


def gauge(
    part: Part,
    name: str,
    value: float,
    help: str,
    unit: Unit = Unit.NONE,
    group: Group = Group.ALWAYS,
    /,
    **labels: str,
) -> Value:
    """Return how much there is of something at this moment."""
    return Value(part, name, unit, value, help, False, group, labels)


def info(part: Part, name: str, /, **labels: str) -> Value:
    """Return a text as the labels of a value that is always 1."""
    return Value(part, name, Unit.INFO, 1, "Said by its labels.", labels=labels)
