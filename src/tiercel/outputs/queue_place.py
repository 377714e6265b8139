"""How far an output has come in the queue, and what it lost on the way."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tiercel.outputs.queue_cursor import Cursor
from tiercel.outputs.queue_reader import LogReader

log = logging.getLogger("tiercel.outputs")


@dataclass(slots=True)
class Place:
    """The place of one output; guarded by the queue.

    ``next`` is read next; all up to ``settled`` is done; all below ``floor`` is gone. ``lost`` counts what was gone
    before it was done, ``told`` how much of that was made known. What was in hand when it was lost, up to ``held``, may
    yet be done.
    """

    next: int
    settled: int
    floor: int = 0
    lost: int = 0
    told: int = 0
    held: int = 0
    unsaved: bool = False
    reader: LogReader | None = None
    cursor: Cursor | None = None

    @property
    def first(self) -> int:
        """The number of the first record that is not done and not gone."""
        return max(self.settled + 1, self.floor)

    def lose(self, last: int) -> None:
        """Note that all up to ``last`` is gone."""
        if self.settled >= last:
            return
        if self.floor <= max(self.settled, self.held) + 1:  # what is in hand follows what is settled
            self.held = self.next - 1
        self.lost += last + 1 - self.first
        self.floor = last + 1
        self.next = max(self.next, self.floor)

    def settle(self, number: int) -> None:
        """Note that all up to ``number`` is done."""
        regained = min(number, self.held, self.floor - 1) - self.settled
        if regained > 0:
            self.lost -= regained
            self.told = min(self.told, self.lost)
        self.settled = number

    def rewind(self) -> None:
        """Go back to what is not done."""
        self.next = self.first
        self.held = 0

    def save(self) -> None:
        """Write down how far it has come; when that fails, what is done may be done again after a restart."""
        if self.cursor is None:
            return
        try:
            self.cursor.save(self.settled)
            self.unsaved = False
        except OSError as error:
            if not self.unsaved:
                log.warning("%s: after a restart alerts may come twice: %s", self.cursor.path, error.strerror)
            self.unsaved = True
