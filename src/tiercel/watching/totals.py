"""How many alerts each rule has raised since the watch began, whichever rules were in force when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tiercel.rules.model import Rule


class Totals:
    """Counts alerts by the name of their rule; a rule that was edited goes on counting.

    Written by one thread; others may read meanwhile.
    """

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._counts: Counter[str] = Counter()

    def add(self, rules: Sequence[Rule], counts: Mapping[int, int]) -> None:
        """Add alerts by the position of their rule in ``rules``."""
        for position, count in counts.items():
            rule = rules[position]
            self._rules[rule.name] = rule
            self._counts[rule.name] += count

    @property
    def total(self) -> int:
        return sum(count for _, count in self.rules())

    def rules(self) -> list[tuple[Rule, int]]:
        """Return each rule that has raised alerts, as it was last, with their number."""
        return [(rule, self._counts[name]) for name, rule in list(self._rules.items())]

    def by_rule(self) -> dict[str, int]:
        """Return how many alerts each rule has raised, in load order."""
        return {rule.name: count for rule, count in sorted(self.rules(), key=lambda found: found[0].index)}

    def by_priority(self) -> dict[str, int]:
        """Return how many alerts each priority has raised, gravest first."""
        found: Counter[str] = Counter()
        for rule, count in sorted(self.rules(), key=lambda found: found[0].priority):
            found[rule.priority.label] += count
        return dict(found)
