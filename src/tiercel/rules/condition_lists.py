"""Lists put into conditions as text, before parsing, as Falco does.

A list's name counts where it stands between blanks, parentheses, commas, equal signs or the ends of the text; so it is
found inside quoted strings too. Items with a blank and no quotes are quoted on the way. A long list is read once and
shared by the conditions that name it between parentheses: putting its text into each of them would take time and
memory for every use.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from tiercel.rules.condition_text import ConditionError, ConditionText, Locate, LongList
from tiercel.rules.parse_tree import Parsed
from tiercel.rules.parser import Parser, parse_text

MAX_LENGTH = 8_000_000
"""Characters a condition may have with its lists put in."""

MAX_INSERTED = 32_000_000
"""Characters that lists may add to the conditions of a rule set."""

LONG = 1_000
"""Characters of a list's items from which on conditions share them."""

_SPELLED_OUT = 100_000  # characters of lists worth putting in for an error that reads as Falco's
_DEEPEST = 50

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

    Args:
        definitions: the lists.
        earlier: the lists as they were before; what did not change is shared with them.

    Attributes:
        items: the items of each list by name, other lists already put in.
        used: names of the lists that a condition or another list referred to.
    """

    def __init__(self, definitions: Iterable[ListDefinition] = (), earlier: ConditionLists | None = None) -> None:
        known = {definition.name: definition for definition in definitions}
        self.items: dict[str, tuple[str, ...]] = {}
        self.used: set[str] = set()
        for definition in known.values():
            self.items[definition.name] = self._expand(definition, known)
        self._order = {name: number for number, name in enumerate(self.items)}
        self._inserted = {name: ", ".join(map(quote_item, items)) for name, items in self.items.items()}
        # Names with a delimiter in them are never words of a text and must be searched for.
        self._odd = {name for name in self.items if name and _WORDS.search(name)}
        self._shared: dict[str, LongList | None] = {}
        self._earlier = {} if earlier is None else {known.name: known for known in earlier._shared.values() if known}
        self._inserted_so_far = 0

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

    def insert(self, written: str, locate: Locate | None = None, whole: bool = False) -> ConditionText:
        """Return the condition with every list's name replaced by its items.

        Names of long lists stay, where only constants can be meant; ``whole`` replaces them too.

        Raises:
            ConditionError: lists that name each other make it too long.
        """
        waiting = set(_WORDS.split(written)) & self.items.keys()
        if not waiting and not self._odd:
            return ConditionText(written, locate)
        text = written
        origin: Sequence[int] = range(len(written) + 1)
        long: list[LongList] = []
        queue = sorted([(self._order[name], name) for name in waiting | self._odd])
        last = -1
        while queue:
            order, name = heappop(queue)
            if order == last or (name in self._odd and name not in text):
                continue
            last = order
            shared = None if whole else self._long(name)
            if shared is not None:
                long.append(shared)
                continue
            self._check_length(text, name, written, locate)
            new_text, new_origin = _replace(text, origin, name, self._inserted[name])
            if new_text is not text:
                text, origin = new_text, new_origin
                self.used.add(name)
                inner = self._words(name)
                if any(shared.name in inner for shared in long):  # Falco is past that name
                    return self.insert(written, locate, whole=True)
                for word in inner:
                    if self._order[word] > order:
                        heappush(queue, (self._order[word], word))
        source = ConditionText(written, locate, text, None if text is written else origin)
        for shared in long:
            if not _place(shared, source):
                return self.insert(written, locate, whole=True)
            self.used |= shared.lists
        return source

    def parse(self, source: ConditionText, locate: Locate | None = None) -> Parsed:
        """Parse what :meth:`insert` returned.

        Raises:
            ConditionError: the text is not a condition.
        """
        if not source.long:
            return parse_text(source)
        parser = Parser(source)
        problem: ConditionError | None = None
        try:
            parsed = parser.parse()
            missed = source.long.keys() - parser.long_met
            if not missed:
                return parsed
        except ConditionError as error:
            problem, missed = error, set()
        if sum(len(shared.text) for shared in source.long.values()) <= _SPELLED_OUT:
            return parse_text(self.insert(source.written, locate, whole=True))
        if problem is None:
            at = min(missed)
            problem = ConditionError(f"the list '{source.long[at].name}' cannot stand here", source, at)
        raise problem

    def _words(self, name: str) -> set[str]:
        return set(_WORDS.split(self._inserted[name])) & self.items.keys()

    def _long(self, name: str) -> LongList | None:
        """Return a list to be shared; None for one that is short, or has to be put in as text."""
        if name not in self._shared:
            self._shared[name] = self._share(name)
        return self._shared[name]

    def _share(self, name: str) -> LongList | None:
        if len(self._inserted[name]) < LONG or self._odd:
            return None
        used = {name}
        text = self._inserted[name]
        if any(self._order[word] > self._order[name] for word in self._words(name)):
            items = self._flat(name, used, [])
            if items is None:
                return None
            text = ", ".join(map(quote_item, items))
        earlier = self._earlier.get(name)
        if earlier is not None and earlier.text == text and earlier.lists == used:
            return earlier
        values = Parser(ConditionText(f"({text})")).constants()
        return None if values is None else LongList(name, text, values, frozenset(used))

    def _flat(self, name: str, used: set[str], path: list[str]) -> list[str] | None:
        """Return the items with the lists defined further down put in; None when there are too many."""
        found: list[str] = []
        for item in self.items[name]:
            if self._order.get(item, -1) > self._order[name]:
                inner = self._flat(item, used, [*path, name]) if len(path) < _DEEPEST else None
                if inner is None:
                    return None
                used.add(item)
                found.extend(inner)
            elif any(self._order.get(word, -1) > self._order[name] for word in _WORDS.split(item)):
                return None  # inside quotes
            else:
                found.append(item)
            if len(found) > MAX_LENGTH // 2:
                return None
        return found

    def _check_length(self, text: str, name: str, written: str, locate: Locate | None) -> None:
        more = text.count(name) * len(self._inserted[name])
        if len(text) + more > MAX_LENGTH:
            message = f"with its lists the condition is longer than {MAX_LENGTH:,} characters"
            raise ConditionError(message, ConditionText(written, locate), max(written.find(name), 0))
        self._inserted_so_far += more + len(text) // 8  # what is there already is copied
        if self._inserted_so_far > MAX_INSERTED:
            message = f"with their lists the conditions are longer than {MAX_INSERTED:,} characters altogether"
            raise ConditionError(message, ConditionText(written, locate), max(written.find(name), 0))


def _place(shared: LongList, source: ConditionText) -> bool:
    """Note where a list's name stands among constants; return False when it stands anywhere else."""
    text, name = source.text, shared.name
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if (at == 0 or text[at - 1] in _DELIMITERS) and (end == len(text) or text[end] in _DELIMITERS):
            if text[:at].rstrip(_BLANKS)[-1:] not in ("(", ","):
                return False
            after = end
            while after < len(text) and text[after] in _BLANKS:
                after += 1
            if text[after : after + 1] not in (",", ")"):
                return False
            source.long[at] = shared
        at = text.find(name, end)
    return True


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
