"""Hashes of the pieces of a file: where the hash of the whole says that it was changed, they say where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blake3 import blake3

FINE, COARSE = 64 << 10, 1 << 20
"""Bytes of a piece, in files of up to and of more than ``LARGE`` bytes."""

LARGE = 1 << 30


@dataclass(frozen=True, slots=True)
class Pieces:
    """BLAKE3 (hex) of each ``piece`` bytes of a file of ``size`` bytes; the last piece may be shorter."""

    size: int
    piece: int
    hashes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"size": self.size, "piece": self.piece, "blake3": list(self.hashes)}

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Pieces:
        """Raises KeyError, TypeError or ValueError when it is none."""
        size, piece = int(value["size"]), int(value["piece"])
        hashes = tuple(str(digest) for digest in value["blake3"])
        if piece not in (FINE, COARSE) or len(hashes) != -(-size // piece):
            raise ValueError(f"{len(hashes)} pieces of {piece} bytes are not {size} bytes")
        return cls(size, piece, hashes)

    @classmethod
    def of_file(cls, path: Path) -> Pieces:
        """Read a file. Raises OSError."""
        making = Making(path.stat().st_size)
        with path.open("rb") as file:
            while data := file.read(COARSE):
                making.feed(data)
        return making.pieces()


class Making:
    """Makes the hashes of pieces from bytes fed in order; ``expected`` is the size the file is thought to have."""

    def __init__(self, expected: int) -> None:
        self._piece = FINE if expected <= LARGE else COARSE
        self._size = 0
        self._begun = blake3()
        self._hashes: list[str] = []

    def feed(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            part = view[: self._piece - self._size % self._piece]
            self._begun.update(part)
            self._size += len(part)
            view = view[len(part) :]
            if self._size % self._piece == 0:
                self._hashes.append(self._begun.hexdigest())
                self._begun = blake3()

    def pieces(self) -> Pieces:
        last = (self._begun.hexdigest(),) if self._size % self._piece else ()
        return Pieces(self._size, self._piece, (*self._hashes, *last))


def altered(path: Path, known: Pieces) -> list[tuple[int, int]]:
    """Return the byte ranges (first, last) whose pieces differ from ``known``, neighbours joined.

    What the file has beyond its former size counts as different, and so does what is missing.

    Raises:
        OSError: the file cannot be read.
    """
    ranges: list[tuple[int, int]] = []

    def add(first: int, last: int) -> None:
        if ranges and ranges[-1][1] + 1 == first:
            ranges[-1] = ranges[-1][0], last
        else:
            ranges.append((first, last))

    with path.open("rb") as file:
        for number, digest in enumerate(known.hashes):
            first, last = number * known.piece, min((number + 1) * known.piece, known.size) - 1
            if blake3(file.read(last - first + 1)).hexdigest() != digest:
                add(first, last)
    if (now := path.stat().st_size) > known.size:
        add(known.size, now - 1)
    return ranges
