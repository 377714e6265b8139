"""Which of the loaded rules run: ``enabled``, the ``rules:`` list of falco.yaml, and the priority threshold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tiercel.rules.model import Priority, Rule


@dataclass(frozen=True, slots=True)
class Selection:
    """One entry of the ``rules:`` list: enable or disable rules by name, by tag, or both one after the other.

    ``rule`` is a name in which ``*`` stands for any text; ``containing`` is part of a name.
    """

    enable: bool
    rule: str = ""
    tag: str = ""
    containing: str = ""

    def applies(self, rule: Rule) -> bool:
        return (
            (bool(self.rule) and matches(self.rule, rule.name))
            or (bool(self.tag) and self.tag in rule.tags)
            or (bool(self.containing) and self.containing in rule.name)
        )


def matches(pattern: str, name: str) -> bool:
    """Match a name against a pattern as Falco does.

    Pieces between stars are looked for from left to right, each at its first occurrence; what follows the last one must
    be empty, so ``*a`` does not match ``banana``.
    """
    star = pattern.find("*")
    while star >= 0:
        if pattern[:star] != name[:star]:
            return False
        pattern, name = pattern[star:].lstrip("*"), name[star:]
        if not pattern:
            return True
        piece = pattern.partition("*")[0]
        at = name.find(piece)
        if at < 0:
            return False
        pattern, name = pattern[len(piece) :], name[at + len(piece) :]
        star = pattern.find("*")
    return pattern == name


def select(
    rules: Sequence[Rule], selections: Iterable[Selection] = (), priority: Priority = Priority.DEBUG
) -> list[Rule]:
    """Return the rules to run, in load order.

    Rules less grave than ``priority`` never run. The entries apply one after the other to what the files enabled, so
    later ones win.
    """
    loaded = [rule for rule in rules if rule.priority <= priority]
    running = {rule.name for rule in loaded if rule.enabled}
    for selection in selections:
        for rule in loaded:
            if selection.applies(rule):
                if selection.enable:
                    running.add(rule.name)
                else:
                    running.discard(rule.name)
    return [rule for rule in loaded if rule.name in running]
