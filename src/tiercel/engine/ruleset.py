"""A set of rules ready to run: indexed by event type, evaluated batch by batch.

``first`` reports, for each event, the first rule in load order whose condition holds; ``all`` reports every one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercel.engine.bulk import Compiler, Context, Evaluator, flatten
from tiercel.engine.columns import Indices
from tiercel.engine.fuse import grouped
from tiercel.engine.row import Predicate, evaluator
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.rules.model import Rule
from tiercel.rules.syntax import And
from tiercel.state.distinct import distinct

_MANY = 16  # a selection of more than one event in so many is picked out, a smaller one sorted
_REORDER_AT = (1, 2, 4, 16, 64)  # after how many batches the order of evaluation is settled anew


@dataclass(frozen=True, slots=True)
class Matches:
    """Which rules matched which events of one batch, in the order of the events, then of the rules.

    ``indices`` (event index in the batch) and ``rules`` (position in ``RuleSet.rules``) have equal length.
    """

    indices: Indices
    rules: NDArray[np.int64]

    def by_rule(self) -> Iterator[tuple[int, Indices]]:
        """Yield (rule position, event indices) for each rule that matched."""
        for rule in distinct(self.rules).tolist():
            yield rule, self.indices[self.rules == rule]

    def counts(self) -> dict[int, int]:
        """Return how many events each rule matched, by position."""
        rules, counts = np.unique(self.rules, return_counts=True)
        return dict(zip(rules.tolist(), counts.tolist(), strict=True))


class RuleSet:
    """Compiled rules.

    Args:
        rules: in load order; only those to run.
        every: report every matching rule for an event instead of the first.

    Raises:
        ValueError: a condition holds a right-hand value that cannot be used.
    """

    def __init__(self, rules: Sequence[Rule], every: bool = False) -> None:
        self.rules = list(rules)
        self.every = every
        self.compiler = Compiler()
        self.plans = [self._plan(rule) for rule in self.rules]
        self.type_sets = [frozenset(rule.event_types) for rule in self.rules]
        self.batches = 0

    def _plan(self, rule: Rule) -> list[Evaluator]:
        """Return the conjuncts of a rule's condition."""
        return [self.compiler.compile(child) for child in grouped(flatten([rule.condition], And), And)]

    def match(self, batch: Batch, only: Collection[int] | None = None) -> Matches:
        """Evaluate all rules, or only those at some positions, over all visible events of a batch."""
        context, bases = Context(batch), _Bases(batch)
        found: list[tuple[int, Indices]] = []
        for position, plan in enumerate(self.plans):
            if only is not None and position not in only:
                continue
            selected = bases.select(self.type_sets[position])
            for condition in plan:
                if not len(selected):
                    break
                selected = condition.narrow(context, selected)
            if len(selected):
                found.append((position, selected))
        self._learn()
        return self._merge(found)

    def _learn(self) -> None:
        """Settle the order of evaluation from what the batches so far have measured."""
        self.batches += 1
        if self.batches in _REORDER_AT:
            self.compiler.reorder()
            for plan in self.plans:
                plan.sort(key=Evaluator.rank_and)
        if self.batches == 1:
            self.compiler.forget_measures()

    def _merge(self, found: list[tuple[int, Indices]]) -> Matches:
        if not found:
            none = np.zeros(0, np.int64)
            return Matches(none, none)
        indices = np.concatenate([selected for _, selected in found])
        rules = np.repeat(np.array([position for position, _ in found]), [len(selected) for _, selected in found])
        order = np.lexsort((rules, indices))
        indices, rules = indices[order], rules[order]
        if not self.every:
            firsts = np.concatenate(([True], indices[1:] != indices[:-1]))
            indices, rules = indices[firsts], rules[firsts]
        return Matches(indices, rules)


class RowRuleSet:
    """The same rules as closures, for events looked at one at a time."""

    def __init__(self, rules: Sequence[Rule], every: bool = False) -> None:
        self.rules = list(rules)
        self.every = every
        predicates = [evaluator(rule.condition) for rule in self.rules]
        self.by_type: dict[int, list[tuple[int, Predicate]]] = {}
        for position, rule in enumerate(self.rules):
            for number in rule.event_types:
                self.by_type.setdefault(number, []).append((position, predicates[position]))

    def match(self, event: Event) -> list[int]:
        """Return the positions of the rules that match an event, in load order."""
        matched = []
        for position, predicate in self.by_type.get(int(event.batch.types[event.index]), ()):
            if predicate(event):
                matched.append(position)
                if not self.every:
                    break
        return matched


class _Bases:
    """Selections of a batch's visible events by sets of event types, each made once."""

    def __init__(self, batch: Batch) -> None:
        visible = np.flatnonzero(batch.visible)
        types = batch.types[visible]
        order = np.argsort(types, kind="stable")
        self.visible, self.types = visible, types
        self.sorted = visible[order]
        numbers, starts = np.unique(types[order], return_index=True)
        ends = np.append(starts, len(order))[1:]
        self.spans = {
            int(number): (int(start), int(end)) for number, start, end in zip(numbers, starts, ends, strict=True)
        }
        self.made: dict[frozenset[int], Indices] = {}

    def select(self, types: frozenset[int]) -> Indices:
        made = self.made.get(types)
        if made is None:
            made = self.made[types] = self._make(sorted(types & self.spans.keys()))
        return made

    def _make(self, types: Collection[int]) -> Indices:
        parts = [self.sorted[start:end] for start, end in (self.spans[number] for number in types)]
        if not parts:
            return np.zeros(0, np.int64)
        if len(parts) == 1:
            return parts[0]
        if _MANY * sum(map(len, parts)) > len(self.types):
            member = np.zeros(1 << 16, bool)
            member[list(types)] = True
            return self.visible[member[self.types]]
        merged = np.concatenate(parts)
        merged.sort()
        return merged
