"""What is hunted for, evaluated batch by batch: rules, or one condition."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tiercel.detect import Detection
from tiercel.engine.bulk import Compiler, Context, Evaluator
from tiercel.engine.ruleset import Matches
from tiercel.errors import InputError
from tiercel.hunt.reach import needs_all_events
from tiercel.hunt.verdicts import Reach, bits, numbers, possible_types
from tiercel.model.batch import Batch
from tiercel.outputs.alert import Alert
from tiercel.outputs.events import EventLines
from tiercel.rules.mentioned import fields_of, fields_of_rule, fields_shown
from tiercel.rules.output_template import Template
from tiercel.rules.syntax import And, Node
from tiercel.store.manifest import Manifest
from tiercel.wire.event_table import EVENTS


@dataclass(frozen=True, slots=True)
class Hit:
    """An event that a condition holds for.

    ``time`` is ns since the epoch, ``event`` the event's number in its capture, ``fields`` maps each field of the
    template to its value (None where the event has none).
    """

    time: int
    event: int
    type: str
    hostname: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aim:
    """What of a segment to look at: events of some types (None: a batch has to hold all), for some rules (None: all).

    ``rules`` are positions.
    """

    types: frozenset[int] | None = None
    rules: frozenset[int] | None = None


class Search(Protocol):
    """Something to look for in batches."""

    types: frozenset[int] | None
    """The event types it can be found among; None when a batch has to hold all events."""

    def aim(self, manifest: Manifest) -> Aim | None:
        """Return where in a segment it may be found, None when nowhere."""

    def match(self, batch: Batch, rules: frozenset[int] | None = None) -> Matches:
        """Return the events found, each with the position of its rule (0 without rules); if given, of these alone."""

    def lines(self, batch: Batch, matches: Matches) -> bytes:
        """Return a line for each event found."""

    def line(self, batch: Batch, index: int, rule: int) -> bytes:
        """Return the line of one event found."""

    def items(self, batch: Batch, matches: Matches) -> Iterator[Alert | Hit]:
        """Yield each event found as a value."""

    def counts(self, found: Mapping[int, int]) -> dict[str, int]:
        """Return how many were found by rule name, of how many by rule position."""


class RuleSearch:
    """Alerts of rules.

    Args:
        detection: the rules.
        narrow: a condition the alerts' events have to meet as well.

    Raises:
        InputError: a condition holds a value that cannot be used.
    """

    def __init__(self, detection: Detection, narrow: Node | None = None) -> None:
        self.detection = detection
        self._narrow = None if narrow is None else _compiled(narrow)
        fields = [ref for rule in detection.rules for ref in fields_of_rule(rule)]
        fields += [] if narrow is None else fields_of(narrow)
        self.types: frozenset[int] | None = None
        if not needs_all_events(iter(fields)):
            self.types = frozenset[int]().union(*(rule.event_types for rule in detection.rules))
            if narrow is not None:
                self.types &= possible_types(narrow)
        self._reach: Reach | None = None
        self._types = [bits(rule.event_types) for rule in detection.rules]
        if self.types is not None and not detection.drops.settings.simulate:  # drops made up belong to no rule
            conditions = [rule.condition for rule in detection.rules]
            self._reach = Reach([*conditions, narrow] if narrow is not None else conditions)

    def aim(self, manifest: Manifest) -> Aim | None:
        """Return where in a segment alerts may be found."""
        if self._reach is None:
            return Aim(self.types)
        types = self._reach.types(manifest)
        there = bits(manifest.types) if self._narrow is None else bits(manifest.types) & types[-1]
        rules, united = [], 0
        for position, own in enumerate(self._types):
            if possible := own & there & types[position]:
                rules.append(position)
                united |= possible
        return Aim(numbers(united), frozenset(rules)) if united else None

    def match(self, batch: Batch, rules: frozenset[int] | None = None) -> Matches:
        """Return the alerts: events, and positions of rules."""
        matches = self.detection.match(batch, rules)
        if self._narrow is None or not len(matches.indices):
            return matches
        events = np.unique(matches.indices)
        kept = np.isin(matches.indices, self._narrow.narrow(Context(batch), events))
        return Matches(matches.indices[kept], matches.rules[kept])

    def lines(self, batch: Batch, matches: Matches) -> bytes:
        """Return the alerts as lines, in the order of the events."""
        return self.detection.lines(batch, matches)

    def line(self, batch: Batch, index: int, rule: int) -> bytes:
        """Return one alert as a line."""
        return self.detection.line(batch, index, rule)

    def items(self, batch: Batch, matches: Matches) -> Iterator[Alert | Hit]:
        """Yield the alerts."""
        for _, _, alert in self.detection.alerts(batch, matches):
            yield alert

    def counts(self, found: Mapping[int, int]) -> dict[str, int]:
        """Return the alerts of each rule by name, in load order, those of equal names added up."""
        totals: dict[str, int] = {}
        for position, count in sorted(found.items()):
            name = self.detection.rules[position].name
            totals[name] = totals.get(name, 0) + count
        return totals


class EventSearch:
    """Events for which a condition holds, all of them without one.

    Args:
        condition: the condition.
        template: what to print of each event.
        as_json: its fields as a JSON object instead of the text.
        narrow: a second condition to be met.

    Raises:
        InputError: a condition holds a value that cannot be used.
    """

    def __init__(
        self, condition: Node | None, template: Template, as_json: bool = False, narrow: Node | None = None
    ) -> None:
        nodes = [node for node in (condition, narrow) if node is not None]
        whole = And(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None
        self._evaluator = None if whole is None else _compiled(whole)
        self._lines = EventLines(template, as_json)
        self._fields = EventLines(template, True)
        self.types: frozenset[int] | None = None
        refs = [*fields_shown(template), *([] if whole is None else fields_of(whole))]
        if whole is not None and not needs_all_events(iter(refs)):
            self.types = possible_types(whole)
        self._reach = Reach([whole]) if whole is not None and self.types is not None else None

    def aim(self, manifest: Manifest) -> Aim | None:
        """Return where in a segment events may be found."""
        if self._reach is None:
            return Aim(self.types)
        types = bits(manifest.types) & self._reach.types(manifest)[0]
        return Aim(numbers(types)) if types else None

    def match(self, batch: Batch, rules: frozenset[int] | None = None) -> Matches:
        """Return the events; there are no rules, so their positions are 0."""
        indices = np.flatnonzero(batch.visible)
        if self._evaluator is not None:
            indices = self._evaluator.narrow(Context(batch), indices)
        return Matches(indices, np.zeros(len(indices), np.int64))

    def lines(self, batch: Batch, matches: Matches) -> bytes:
        """Return the events as lines."""
        return b"".join(self._lines.chunks(batch, matches.indices))

    def line(self, batch: Batch, index: int, rule: int) -> bytes:
        """Return one event as a line."""
        return self._lines(batch, np.array([index], np.int64)).data

    def items(self, batch: Batch, matches: Matches) -> Iterator[Alert | Hit]:
        """Yield the events."""
        hostname = "" if batch.world is None else batch.world.machine.hostname
        lines = self._fields(batch, matches.indices).lines()
        for index, line in zip(matches.indices.tolist(), lines, strict=True):
            kind = EVENTS[int(batch.types[index])].name
            yield Hit(int(batch.ts[index]), int(batch.num[index]), kind, hostname, json.loads(line))

    def counts(self, found: Mapping[int, int]) -> dict[str, int]:
        """Return how many events were found, under the empty name."""
        return {"": sum(found.values())}


def _compiled(node: Node) -> Evaluator:
    try:
        return Compiler().compile(node)
    except ValueError as error:
        raise InputError(str(error)) from None
