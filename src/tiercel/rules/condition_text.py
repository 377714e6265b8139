"""The text of a condition, where its characters stand in the rules file, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tiercel.rules.syntax import Span

Locate = Callable[[int], Span]
"""Gives the place in the rules file of an offset in a condition as it was written."""


@dataclass(frozen=True, slots=True, eq=False)
class LongList:
    """A list that conditions share: ``values`` as a condition reads them from ``text``, which holds ``lists``."""

    name: str
    text: str
    values: tuple[str, ...]
    lists: frozenset[str]


class ConditionText:
    """A condition as written, and as it reads once lists have been put in.

    Attributes:
        written: the condition as it stands in the rules file.
        text: the text that is parsed; lists have been replaced by their items.
        origin: for each offset in ``text`` (its end included) the offset in ``written``; ``None`` when they are equal.
        long: lists too long to be put in as text: they stay names, found here by their offset in ``text``.
    """

    __slots__ = ("_last", "_locate", "long", "origin", "text", "written")

    def __init__(
        self,
        written: str,
        locate: Locate | None = None,
        text: str | None = None,
        origin: Sequence[int] | None = None,
    ) -> None:
        self.written = written
        self.text = written if text is None else text
        self.origin = origin
        self.long: dict[int, LongList] = {}
        self._locate = locate
        self._last: tuple[int, Span] = (-1, Span())

    def offset(self, at: int) -> int:
        """Return the offset in ``written`` of an offset in ``text``."""
        return at if self.origin is None else self.origin[min(at, len(self.origin) - 1)]

    def position(self, at: int) -> tuple[int, int, int]:
        """Return (offset from 0, line from 1, column from 1) in the condition as written."""
        return _position(self.written, self.offset(at))

    def parsed_position(self, at: int) -> tuple[int, int, int]:
        """Return the same in the text with all lists put in, which is what Falco reports for syntax errors."""
        index, line, column = _position(self.text, at)
        for place, long in self.long.items():
            if place < at:
                growth = len(long.text) + 2 - len(long.name)
                index += growth
                column += growth if "\n" not in self.text[place:at] else 0
        return index, line, column

    def span(self, at: int) -> Span:
        """Return the place in the rules file, or in the condition itself when the file is not known."""
        # A check, its field and its slot start at the same place and ask one after the other.
        if self._last[0] != at:
            if self._locate is not None:
                self._last = at, self._locate(self.offset(at))
            else:
                _, line, column = self.position(at)
                self._last = at, Span("", line, column)
        return self._last[1]


def _position(text: str, at: int) -> tuple[int, int, int]:
    line_start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    return at, text.count("\n", 0, at) + text.count("\r", 0, at) + 1, at - line_start + 1


class ConditionError(ValueError):
    """A condition or an output that cannot be used.

    Attributes:
        code: Falco's name for the kind of error, for example ``LOAD_ERR_COMPILE_CONDITION``.
        message: what is wrong, without the place.
        text, at: the text that is wrong and the offset in ``text.text``. It may be a macro's text.
        focus: the offset of the very word, where Falco gives that of the whole comparison in ``at``.
        unknown: a field or an event type is not known; ``skip-if-unknown-filter`` turns that into a warning.
    """

    def __init__(
        self,
        message: str,
        text: ConditionText,
        at: int,
        *,
        unknown: bool = False,
        code: str = "LOAD_ERR_COMPILE_CONDITION",
        focus: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.at = at
        self.focus = at if focus is None else focus
        self.unknown = unknown
        self.code = code

    @property
    def position(self) -> tuple[int, int, int]:
        """(offset from 0, line from 1, column from 1) in the text as written."""
        return self.text.position(self.at)

    @property
    def span(self) -> Span:
        """The place in the rules file."""
        return self.text.span(self.focus)

    def located(self) -> str:
        """Return the message after its place, with the line it stands in and a caret under the place."""
        _, line, column = self.position
        written = self.text.written.splitlines() or [""]
        return f"{line}:{column}: {self.message}\n  {written[line - 1]}\n  {' ' * (column - 1)}^"


class ConditionWarning:
    """Something doubtful in a condition or an output.

    Attributes:
        code: Falco's name for the kind of warning, for example ``LOAD_UNSAFE_NA_CHECK``.
        message: what is doubtful; empty when the code says it all.
        text, at: as in :class:`ConditionError`; ``at`` is ``None`` when the warning is about the whole text.
    """

    __slots__ = ("at", "code", "message", "text")

    def __init__(self, code: str, message: str, text: ConditionText, at: int | None = None) -> None:
        self.code = code
        self.message = message
        self.text = text
        self.at = at

    @property
    def span(self) -> Span:
        """The place in the rules file."""
        return self.text.span(self.at or 0)

    def __repr__(self) -> str:
        return f"ConditionWarning({self.code!r}, {self.message!r}, at={self.at})"
