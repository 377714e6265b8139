"""Alerts on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from tiercel.outputs.queue_record import Record


class StdoutSink:
    """Writes lines to a stream, and flushes it after each batch."""

    most = 256 << 10

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.refused = 0

    def send(self, records: Sequence[Record]) -> None:
        self.stream.write(b"".join([record.line + b"\n" for record in records]))
        self.stream.flush()

    def settle(self) -> None:
        """A stream has no answers."""

    def reopen(self) -> None:
        """There is nothing to open anew."""

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass
