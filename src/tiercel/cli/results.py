"""Where results go: stdout, as bytes."""

from __future__ import annotations

import codecs
import io
import sys
from typing import TYPE_CHECKING, BinaryIO, cast

from tiercel.reconstruct.wording.printable import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def results() -> BinaryIO:
    """Return stdout as a buffered stream; flush it in the end.

    On a terminal, what would move its cursor, change its colours or turn the direction of writing is shown as escapes:
    evidence chooses its own names. A raw stdout, as under PYTHONUNBUFFERED, may write only a part of what it is given
    and not say so.
    """
    return cast(BinaryIO, _Terminal(_whole())) if sys.stdout.isatty() else _whole()


def _whole() -> BinaryIO:
    stream = sys.stdout.buffer
    return open(stream.fileno(), "wb", closefd=False) if isinstance(stream, io.RawIOBase) else stream


class _Terminal(io.BufferedIOBase):
    """A stream to a terminal that only lets through what can be seen, and ends of lines.

    It has no descriptor, so nobody writes past it.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        text = self._decoder.decode(bytes(data)).replace("\r\n", "\n")  # ends of lines in CSV
        self._stream.write("\n".join(map(printable, text.split("\n"))).encode("utf-8", "backslashreplace"))
        return len(memoryview(data))

    def flush(self) -> None:
        self._stream.flush()
