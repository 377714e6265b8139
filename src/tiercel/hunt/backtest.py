"""Back-tests: what rules would have raised over a store, and what a change of rules adds and removes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tiercel.detect import Detection
from tiercel.engine.ruleset import Matches
from tiercel.hunt.hunting import SharedTables
from tiercel.hunt.noise import Noise, Share
from tiercel.hunt.pool import Failed, in_order, processors
from tiercel.hunt.search import Aim, RuleSearch
from tiercel.hunt.selection import Selection
from tiercel.model.batch import Batch
from tiercel.rules.model import Rule
from tiercel.store.manifest import Manifest
from tiercel.store.segment import Segment
from tiercel.store.store import Store

_SAME = "same"


@dataclass(slots=True)
class Tested:
    """What became of one rule.

    ``alerts`` are those of the new rules, ``before`` those of the old ones (None without old rules); an alert is the
    same when rule and event are. ``change`` is added, removed, changed or same; ``changed`` names what changed.
    Samples are lines as `tiercel scan` prints them.
    """

    rule: str
    priority: str
    alerts: int = 0
    before: int | None = None
    added: int = 0
    removed: int = 0
    change: str = _SAME
    changed: tuple[str, ...] = ()
    samples: list[str] = field(default_factory=list)
    added_samples: list[str] = field(default_factory=list)
    removed_samples: list[str] = field(default_factory=list)
    noise: list[Share] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        """Alerts that both the old and the new rules raise."""
        return self.alerts - self.added


@dataclass(slots=True)
class _Part:
    """What one segment adds to one rule."""

    alerts: int = 0
    before: int = 0
    added: int = 0
    removed: int = 0
    samples: list[bytes] = field(default_factory=list)
    added_samples: list[bytes] = field(default_factory=list)
    removed_samples: list[bytes] = field(default_factory=list)
    noise: Noise = field(default_factory=Noise)


class Backtest:
    """A back-test of rules over the selected part of a store.

    Args:
        rules: the rules to test.
        against: the rules they replace.
        samples: how many alerts to show of each kind and rule.

    ``failures`` says, after :meth:`run`, what could not be looked at and why.

    Raises:
        InputError: the store cannot be read.
    """

    def __init__(
        self,
        store: Store,
        rules: Detection,
        against: Detection | None = None,
        selection: Selection | None = None,
        samples: int = 3,
        workers: int | None = None,
    ) -> None:
        self.selection = Selection() if selection is None else selection
        self.samples = samples
        self.workers = processors() if workers is None else workers
        narrow = self.selection.node()
        self.new = RuleSearch(rules, narrow)
        self.old = None if against is None else RuleSearch(against, narrow)
        types = self.new.types
        if self.old is not None:
            types = None if types is None or self.old.types is None else types | self.old.types
        self.types = types
        self.segments = self.selection.segments(store, types, lambda manifest: any(self._aims(manifest)))
        self.failures: list[str] = []
        self._tables = SharedTables()

    def run(self, progress: Callable[[int], None] | None = None) -> list[Tested]:
        """Return every rule of either set, in load order, rules that are gone last.

        ``progress`` is told the number of events looked through so far.
        """
        tested = _compared(self.new.detection.rules, None if self.old is None else self.old.detection.rules)
        noise = {name: Noise() for name in tested}
        events = 0
        for segment, parts in in_order(self.segments, self._look, self.workers):
            if isinstance(parts, Failed):
                self.failures.append(parts.at(segment.path))
                continue
            for name, part in parts.items():
                self._add(tested[name], part)
                noise[name].add(part.noise)
            events += segment.manifest.rows.get("events", 0)
            if progress is not None:
                progress(events)
        for name, entry in tested.items():
            entry.noise = noise[name].shares()
        return list(tested.values())

    def _aims(self, manifest: Manifest) -> tuple[Aim | None, Aim | None]:
        """Return what of a segment the new rules and the old ones have to look at."""
        return self.new.aim(manifest), None if self.old is None else self.old.aim(manifest)

    def _add(self, entry: Tested, part: _Part) -> None:
        entry.alerts += part.alerts
        entry.added += part.added
        entry.removed += part.removed
        if entry.before is not None:
            entry.before += part.before
        for mine, more in (
            (entry.samples, part.samples),
            (entry.added_samples, part.added_samples),
            (entry.removed_samples, part.removed_samples),
        ):
            mine += [line.decode("utf-8", "replace").rstrip("\n") for line in more[: self.samples - len(mine)]]

    def _look(self, segment: Segment) -> dict[str, _Part]:
        """Evaluate both sets of rules over a segment. Raises InputError when it cannot be read."""
        mine, its = self._aims(segment.manifest)
        sets = [aim.types for aim in (mine, its) if aim is not None]
        if not sets:
            return {}
        wide = any(types is None for types in sets)
        types = None if wide else frozenset().union(*(types for types in sets if types is not None))
        batch = segment.batch(self._tables.current(), types)
        if not batch.count:
            return {}
        inside = self.selection.inside(batch)
        if inside is not None:
            batch.visible = batch.visible & inside
        new = {} if mine is None else _by_name(self.new, batch, mine)
        old = {} if its is None or self.old is None else _by_name(self.old, batch, its)
        parts: dict[str, _Part] = {}
        for name in new.keys() | old.keys():
            part = parts[name] = _Part()
            now, then = new.get(name, _NONE), old.get(name, _NONE)
            part.alerts, part.before = len(now.indices), len(then.indices)
            part.samples = self._lines(self.new, batch, now)
            part.noise.count(batch, now.indices)
            if self.old is not None:
                added, removed = _without(now, then), _without(then, now)
                part.added, part.removed = len(added.indices), len(removed.indices)
                part.added_samples = self._lines(self.new, batch, added)
                part.removed_samples = self._lines(self.old, batch, removed)
        batch.derived.clear()
        return parts

    def _lines(self, search: RuleSearch, batch: Batch, matches: Matches) -> list[bytes]:
        first = slice(0, max(0, self.samples))
        pairs = zip(matches.indices[first].tolist(), matches.rules[first].tolist(), strict=True)
        return [search.line(batch, index, rule) for index, rule in pairs]


_NONE = Matches(np.zeros(0, np.int64), np.zeros(0, np.int64))


def _by_name(search: RuleSearch, batch: Batch, aim: Aim) -> dict[str, Matches]:
    """Return the alerts of a batch by the name of their rule."""
    matches = search.match(batch, aim.rules)
    return {
        search.detection.rules[rule].name: Matches(indices, np.full(len(indices), rule))
        for rule, indices in matches.by_rule()
    }


def _without(matches: Matches, others: Matches) -> Matches:
    """Return the alerts about events that the others are not about."""
    kept = ~np.isin(matches.indices, others.indices)
    return Matches(matches.indices[kept], matches.rules[kept])


def _compared(new: Sequence[Rule], old: Sequence[Rule] | None) -> dict[str, Tested]:
    """Return an entry for each rule of either set, with how it changed."""
    before = {rule.name: rule for rule in old or ()}
    tested: dict[str, Tested] = {}
    for rule in new:
        entry = tested[rule.name] = Tested(rule.name, rule.priority.label)
        if old is not None:
            entry.before = 0
            was = before.get(rule.name)
            entry.changed = () if was is None else tuple(_changes(rule, was))
            entry.change = "added" if was is None else "changed" if entry.changed else _SAME
    for name, rule in before.items():
        if name not in tested:
            tested[name] = Tested(name, rule.priority.label, before=0, change="removed")
    return tested


def _changes(new: Rule, old: Rule) -> Iterator[str]:
    """Yield what differs between two versions of a rule."""
    if new.condition != old.condition:
        yield "condition"
    if new.output_text != old.output_text:
        yield "output"
    if new.priority != old.priority:
        yield "priority"
    if new.source != old.source:
        yield "source"
    if sorted(set(new.tags)) != sorted(set(old.tags)):
        yield "tags"
