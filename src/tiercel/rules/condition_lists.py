"""Lists put into conditions as text, before parsing, as Falco does.

A list's name counts where it stands between blanks, parentheses, commas, equal signs or the ends of the text; so it is
found inside quoted strings too. Items with a blank and no quotes are quoted on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tiercel.rules.condition_text import ConditionText, Locate

_BLANKS = " \t\n\r"
_DELIMITERS = _BLANKS + "(),="
_WORDS = re.compile("[ \t\n\r(),=]+")


@dataclass(frozen=True, slots=True)
class ListDefinition:
    """A list as collected from the rules files.

    ``index`` is the place of its first definition among all items, ``visibility`` that of its last change: an item of
    a list stands for another list when that one's index is lower than this one's visibility.
    """

    name: str
    items: tuple[str, ...]
    index: int
    visibility: int


def quote_item(item: str) -> str:
    """Return an item as it goes into a condition."""
    return f'"{item}"' if " " in item and item[0] not in "\"'" else item


class ConditionLists:
    """The lists of a rule set, and which of them were used.

    Attributes:
        items: the items of each list by name, other lists already put in.
        used: names of the lists that a condition or another list referred to.
    """

    def __init__(self, definitions: Iterable[ListDefinition] = ()) -> None:
        known = {definition.name: definition for definition in definitions}
        self.items: dict[str, tuple[str, ...]] = {}
        self.used: set[str] = set()
        for definition in known.values():
            self.items[definition.name] = self._expand(definition, known)
        self._order = {name: number for number, name in enumerate(self.items)}
        self._inserted = {name: ", ".join(map(quote_item, items)) for name, items in self.items.items()}
        # Names with a delimiter in them are never words of a text and must be searched for.
        self._odd = [name for name in self.items if not name or _WORDS.search(name)]

    def _expand(self, definition: ListDefinition, known: dict[str, ListDefinition]) -> tuple[str, ...]:
        items: list[str] = []
        for item in definition.items:
            other = known.get(item)
            if other is not None and other.index < definition.visibility:
                # One level, as Falco: a list inside the inner list stays a name here.
                items.extend(other.items)
                self.used.add(item)
            else:
                items.append(item)
        return tuple(items)

    def insert(self, written: str, locate: Locate | None = None) -> ConditionText:
        """Return the condition with every list's name replaced by its items."""
        words = set(_WORDS.split(written))
        waiting = words & self.items.keys()
        if not waiting and not self._odd:
            return ConditionText(written, locate)
        text = written
        origin: Sequence[int] = range(len(written) + 1)
        for name in self.items:
            if name in waiting or (name in self._odd and name and name in text):
                new_text, new_origin = _replace(text, origin, name, self._inserted[name])
                if new_text is not text:
                    text, origin = new_text, new_origin
                    self.used.add(name)
                    waiting |= set(_WORDS.split(self._inserted[name])) & self.items.keys()
        return ConditionText(written, locate, text, None if text is written else origin)


def _replace(text: str, origin: Sequence[int], name: str, insert: str) -> tuple[str, Sequence[int]]:
    """Replace a name where it stands between delimiters; return ``text`` itself when it nowhere does."""
    at = text.find(name)
    while at >= 0:
        start, end = at, at + len(name)
        if (start == 0 or text[start - 1] in _DELIMITERS) and (end >= len(text) or text[end] in _DELIMITERS):
            named_at = origin[start]
            while start > 0 and text[start - 1] in _BLANKS:
                start -= 1
            while end < len(text) and text[end] in _BLANKS:
                end += 1
            if not insert:
                # An empty list takes a comma with it, the one before it first.
                if start > 0 and text[start - 1] == ",":
                    start -= 1
                elif end < len(text) and text[end] == ",":
                    end += 1
            before = text[:start] + " " if start > 0 else ""
            text = before + insert + " " + text[end:]
            middle = [named_at] * (len(before) - start + len(insert) + 1)
            origin = [*origin[:start], *middle, *origin[end:]]
            at = start + len(insert) + 1
        at = text.find(name, at + 1)
    return text, origin
