"""Rules, macros and lists as they are once loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from tiercel.rules.syntax import Node, Span

if TYPE_CHECKING:
    from tiercel.rules.output_template import Template


class Priority(IntEnum):
    """How grave an alert is; lower is graver."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6
    DEBUG = 7

    @classmethod
    def parse(cls, text: str) -> Priority | None:
        """Read a name in any case; ``info`` is Informational."""
        name = text.upper()
        return cls.INFORMATIONAL if name == "INFO" else cls.__members__.get(name)

    @property
    def label(self) -> str:
        """The name as alerts spell it."""
        return self.name.capitalize()


@dataclass(frozen=True, slots=True)
class RuleException:
    """An exception of a rule: its name and the fields and operators it compares."""

    name: str
    fields: tuple[str, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule ready to run.

    ``condition`` has its exceptions, macros and lists put in; ``condition_text`` and ``output_text`` are as written,
    with what was appended. ``output`` and ``output_fields`` have what the configuration appends. ``event_types`` are
    the event numbers for which the condition is evaluated. ``capture_duration`` is in milliseconds; 0 leaves it to the
    configuration. ``index`` is the place in load order.
    """

    name: str
    desc: str
    condition: Node
    condition_text: str
    output: Template
    output_text: str
    priority: Priority
    tags: tuple[str, ...]
    source: str
    event_types: frozenset[int]
    where: Span
    index: int
    enabled: bool = True
    output_fields: Mapping[str, tuple[Template, bool]] = field(default_factory=dict)  # name -> (template, as raw value)
    exceptions: tuple[RuleException, ...] = ()
    capture: bool = False
    capture_duration: int = 0
    warn_evttypes: bool = True


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro; ``text`` is as written, with what was appended."""

    name: str
    text: str
    used: bool
    where: Span


@dataclass(frozen=True, slots=True)
class RuleList:
    """A list; ``items`` as written, ``values`` with the lists it names put in."""

    name: str
    items: tuple[str, ...]
    values: tuple[str, ...]
    used: bool
    where: Span
