"""Lists put into conditions as text, before parsing, as Falco does.

A list's name counts where it stands between blanks, parentheses, commas, equal signs or the ends of the text; so it is
found inside quoted strings too. Items with a blank and no quotes are quoted on the way.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tiercel.rules.condition_text import ConditionError, ConditionText, Locate

MAX_LENGTH = 8_000_000
"""Characters a condition may have with its lists put in."""

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
        self._odd = {name for name in self.items if name and _WORDS.search(name)}

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
        """Return the condition with every list's name replaced by its items.

        Raises:
            ConditionError: lists that name each other make it too long.
        """
        words = set(_WORDS.split(written))
        waiting = words & self.items.keys()
        if not waiting and not self._odd:
            return ConditionText(written, locate)
        text = written
        origin: Sequence[int] = range(len(written) + 1)
        for name in self.items:
            if name in waiting or (name in self._odd and name in text):
                self._check_length(text, name, written, locate)
                new_text, new_origin = _replace(text, origin, name, self._inserted[name])
                if new_text is not text:
                    text, origin = new_text, new_origin
                    self.used.add(name)
                    waiting |= set(_WORDS.split(self._inserted[name])) & self.items.keys()
        return ConditionText(written, locate, text, None if text is written else origin)

    def _check_length(self, text: str, name: str, written: str, locate: Locate | None) -> None:
        if len(text) + text.count(name) * len(self._inserted[name]) > MAX_LENGTH:
            message = f"with its lists the condition is longer than {MAX_LENGTH} characters"
            raise ConditionError(message, ConditionText(written, locate), 0)


def _replace(text: str, origin: Sequence[int], name: str, insert: str) -> tuple[str, Sequence[int]]:
    """Replace a name where it stands between delimiters; return ``text`` itself when it nowhere does."""
    done = _Rewriting()
    taken = 0
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        left = at == 0 or at == taken or text[at - 1] in _DELIMITERS
        if not left or (end < len(text) and text[end] not in _DELIMITERS):
            at = text.find(name, at + 1)
            continue
        done.append(text[taken:at], origin[taken:at])
        done.trim_blanks()
        while end < len(text) and text[end] in _BLANKS:
            end += 1
        # An empty list takes a comma with it, the one before it first.
        if not insert and not done.trim_comma() and text[end : end + 1] == ",":
            end += 1
        begins = not done.length
        new = insert + " " if begins else " " + insert + " "
        done.append(new, [origin[at]] * len(new))
        taken = end
        # At the very beginning Falco goes on one character too late.
        at = text.find(name, taken + 1 if begins else taken)
    if not taken:
        return text, origin
    done.append(text[taken:], origin[taken:])
    return done.text(), done.origin()


class _Rewriting:
    """A text being written piece by piece, with the offset each character came from."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._origins: list[Sequence[int]] = []
        self.length = 0

    def append(self, piece: str, origin: Sequence[int]) -> None:
        # The end of the text is an offset too, so the last piece has one more.
        if piece or origin:
            self._pieces.append(piece)
            self._origins.append(origin)
            self.length += len(piece)

    def trim_blanks(self) -> None:
        """Drop blanks from the end."""
        while self._pieces:
            kept = self._pieces[-1].rstrip(_BLANKS)
            if kept:
                self._shorten(len(kept))
                return
            self._shorten(0)

    def trim_comma(self) -> bool:
        """Drop a comma from the end; return whether there was one."""
        if not self._pieces or self._pieces[-1][-1] != ",":
            return False
        self._shorten(len(self._pieces[-1]) - 1)
        return True

    def _shorten(self, length: int) -> None:
        self.length += length - len(self._pieces[-1])
        if length:
            self._pieces[-1] = self._pieces[-1][:length]
            self._origins[-1] = self._origins[-1][:length]
        else:
            del self._pieces[-1], self._origins[-1]

    def text(self) -> str:
        return "".join(self._pieces)

    def origin(self) -> Sequence[int]:
        whole = array("q")
        for part in self._origins:
            whole.extend(part)
        return whole
