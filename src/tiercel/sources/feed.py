"""The bytes of a capture with look-ahead: what was read too far can be put back without moving the rest."""

from __future__ import annotations

import struct

from tiercel.sources import blocks
from tiercel.sources.stream import Stream

_HEADER = struct.Struct("<II")  # block type, block length
_LEAST_READ = 64 << 10


class Feed:
    """Hands out the bytes of ``stream`` in order; ``offset`` is where the next one is in the uncompressed file."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.offset = 0
        self._held = bytearray()
        self._at = 0  # of the next byte in what is held
        self._own = True  # whether the last fill came from there alone

    def __len__(self) -> int:
        """How many bytes are held."""
        return len(self._held) - self._at

    def require(self, size: int) -> bool:
        """Read until ``size`` bytes are held; False when the file has fewer."""
        missing = size - len(self)
        if missing > 0:
            room = bytearray(max(missing, _LEAST_READ))
            got = self.stream.readinto(memoryview(room))
            del self._held[: self._at]
            self._at = 0
            self._held += memoryview(room)[:got]
        return len(self) >= size

    def peek(self, start: int, stop: int) -> bytes:
        """Return held bytes without using them up."""
        return bytes(self._held[self._at + start : self._at + stop])

    def header(self) -> tuple[int, int]:
        """Return type and length of the block at hand, zeros when its header is not held."""
        kind, length = _HEADER.unpack_from(self._held, self._at) if len(self) >= blocks.HEADER else (0, 0)
        return kind, length

    def skip(self, size: int) -> None:
        """Use up held bytes."""
        self._at += size
        self.offset += size

    def fill(self, room: memoryview) -> int:
        """Copy bytes into ``room``, reading as needed; returns how many, fewer than asked for only at the end."""
        held = min(len(room), len(self))
        room[:held] = memoryview(self._held)[self._at : self._at + held]
        self.skip(held)
        read = self.stream.readinto(room[held:]) if held < len(room) else 0
        self.offset += read
        self._own = read == 0
        return held + read

    def put_back(self, tail: memoryview) -> None:
        """Take back the last bytes of the last :meth:`fill`."""
        self.offset -= len(tail)
        if self._own:  # still there
            self._at -= len(tail)
        else:
            self._held = bytearray(tail)
            self._at = 0
