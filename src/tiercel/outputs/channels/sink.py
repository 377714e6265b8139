"""What a channel is: something that takes alerts in order, and says when it could not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tiercel.outputs.queue_record import Record


class SinkError(Exception):
    """The peer did not take alerts; they are tried again later.

    ``done`` of the batch were taken for sure. ``after`` is for how many seconds the peer asks not to be tried.
    """

    def __init__(self, message: str, done: int = 0, after: float = 0.0) -> None:
        super().__init__(message)
        self.done, self.after = done, after


class Sink(Protocol):
    """A channel. All but :meth:`stop` is called by one thread.

    ``most`` is how many bytes of alerts it is given at a time. ``refused`` counts the alerts the peer will never take:
    they are logged and left out.
    """

    most: int
    refused: int

    def send(self, records: Sequence[Record]) -> None:
        """Give alerts to the peer, in order.

        Raises:
            SinkError: not all of them could be given.
            OSError: the same, and none of them is sure to have arrived.
        """

    def settle(self) -> None:
        """Return when the peer has what was given to it, as far as can be known.

        Raises:
            SinkError, OSError: what was given since this last returned may be lost, and is to be given again.
        """

    def reopen(self) -> None:
        """Open files and connections anew: a file may have been moved away."""

    def stop(self) -> None:
        """Make what blocks return soon; called by another thread."""

    def close(self) -> None:
        """Give back what is held."""
