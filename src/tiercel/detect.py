"""Detection: a rule set over the batches of a source, and the alerts it raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tiercel.engine.ruleset import Matches, RuleSet
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.outputs.alert import Alert
from tiercel.outputs.alerts import AlertLines, AlertStyle, AlertValues
from tiercel.outputs.drops import DropMonitor, DropSettings, internal_line
from tiercel.outputs.weave import Woven, interleave
from tiercel.rules.model import Rule


class Detection:
    """Runs rules over batches.

    ``counts`` holds the alerts counted so far by position in ``rules``; ``notices`` the alerts about the
    detection itself in the batch matched last, each with the index of the event before which it is due; ``stopped``
    says that the settings about drops ended it.

    Args:
        rules: the rules to run, in load order.
        every: alert for every rule that matches an event instead of the first.
        drops: what to do about dropped events.

    Raises:
        InputError: a rule holds a value that cannot be used.
    """

    def __init__(
        self, rules: Sequence[Rule], style: AlertStyle, every: bool = False, drops: DropSettings | None = None
    ) -> None:
        try:
            self.ruleset = RuleSet(rules, every)
        except ValueError as error:
            raise InputError(str(error)) from error
        self.rules = self.ruleset.rules
        self.style = style
        self.counts: Counter[int] = Counter()
        self._lines: dict[tuple[int, str], AlertLines] = {}
        self._values: dict[tuple[int, str], AlertValues] = {}
        self.drops = DropMonitor(drops or DropSettings())
        self.notices: list[tuple[int, Alert]] = []
        self.stopped = False

    def begin(self) -> None:
        """Begin another capture: its times have nothing to do with those of the one before."""
        self.drops = DropMonitor(self.drops.settings)

    def match(self, batch: Batch, only: Collection[int] | None = None) -> Matches:
        """Evaluate the rules over a batch, or only those at some positions."""
        matches = self.ruleset.match(batch, only)
        self.notices, end = self.drops.watch(batch, self._hostname(batch))
        if end is not None:
            self.stopped = True
            before = matches.indices < end
            matches = Matches(matches.indices[before], matches.rules[before])
        return matches

    def count(self, counts: Mapping[int, int]) -> None:
        """Add alerts that were raised, by rule position, to the totals."""
        self.counts.update(counts)

    def lines(self, batch: Batch, matches: Matches) -> bytes:
        """Return the alerts of a batch as lines, in the order of the events."""
        parts = [(indices, self._writer(rule, batch)(batch, indices)) for rule, indices in matches.by_rule()]
        if self.notices:
            at = np.array([index for index, _ in self.notices], np.int64)
            lines = [internal_line(alert, self.style.json) for _, alert in self.notices]
            parts.insert(0, (at, Woven(b"".join(lines), np.cumsum([len(line) for line in lines]))))
        return interleave(parts)

    def line(self, batch: Batch, index: int, rule: int) -> bytes:
        """Return one rule's alert about one event, as a line."""
        return self._writer(rule, batch)(batch, np.array([index], np.int64)).data

    def _writer(self, rule: int, batch: Batch) -> AlertLines:
        key = rule, self._hostname(batch)
        if key not in self._lines:
            self._lines[key] = AlertLines(self.rules[rule], replace(self.style, hostname=key[1]))
        return self._lines[key]

    def alerts(self, batch: Batch, matches: Matches) -> Iterator[tuple[int, int, Alert]]:
        """Yield (event index, rule position, alert) in the order of the events; notices have the position -1."""
        found: list[tuple[int, int, Alert]] = [(index, -1, alert) for index, alert in self.notices]
        for rule, indices in matches.by_rule():
            alerts = self._valuer(rule, batch)(batch, indices)
            found.extend((index, rule, alert) for index, alert in zip(indices.tolist(), alerts, strict=True))
        found.sort(key=lambda entry: entry[:2])
        yield from found

    def pairs(self, batch: Batch, matches: Matches) -> Iterator[tuple[int, int, bytes, Alert]]:
        """Yield (event index, rule position, line, alert) in the order of the events; notices have the position -1.

        A line is the alert as it is printed, its end included.
        """
        lines = {(index, -1): internal_line(alert, self.style.json) for index, alert in self.notices}
        for rule, indices in matches.by_rule():
            woven = self._writer(rule, batch)(batch, indices).lines()
            lines.update(zip(((index, rule) for index in indices.tolist()), woven, strict=True))
        for index, rule, alert in self.alerts(batch, matches):
            yield index, rule, lines[index, rule], alert

    def _valuer(self, rule: int, batch: Batch) -> AlertValues:
        key = rule, self._hostname(batch)
        if key not in self._values:
            self._values[key] = AlertValues(self.rules[rule], replace(self.style, hostname=key[1]))
        return self._values[key]

    def _hostname(self, batch: Batch) -> str:
        """Return the host to name in alerts: the one asked for, else the one the capture was taken on."""
        if self.style.hostname or batch.world is None:
            return self.style.hostname
        return batch.world.machine.hostname

    def by_priority(self) -> dict[str, int]:
        """Return how many alerts each priority has raised, gravest first."""
        totals: Counter[str] = Counter()
        for rule, count in sorted(self.counts.items(), key=lambda item: self.rules[item[0]].priority):
            totals[self.rules[rule].priority.label] += count
        return dict(totals)

    def by_rule(self) -> dict[str, int]:
        """Return how many alerts each rule has raised, in load order."""
        totals: Counter[str] = Counter()
        for rule, count in sorted(self.counts.items()):
            totals[self.rules[rule].name] += count
        return dict(totals)
