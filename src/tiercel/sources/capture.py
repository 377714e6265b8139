"""A capture file: what it says of its host, and its events in batches."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from tiercel.model.batch import Batch, Tables
from tiercel.model.world import World
from tiercel.sources import blocks, metadata
from tiercel.sources.decode import Decoder, Stop
from tiercel.sources.feed import Feed
from tiercel.sources.records import FdRecord, ThreadRecord
from tiercel.sources.recycling import Buffers
from tiercel.sources.stream import Stream
from tiercel.wire.conversion import CONSTANTS

BATCH_EVENTS = 262_144
"""Enough that what is done once a batch counts little; twice as many take far more memory and about the same time."""

FIRST_EVENTS = 32_768
"""The first batch has no more events than this; each one after it up to twice as many as the one before."""

BATCH_BYTES = 32 << 20
"""A batch holds fewer events than asked for when their bytes would be more than about this."""

_HEADER = struct.Struct("<II")  # block type, block length
_LEAST_READ = 64 << 10
_LEAST_EVENT = 36  # bytes of the shortest event block
_USUAL_EVENT = 128  # bytes; only a first guess


class CaptureError(Exception):
    """The file cannot be opened or is no capture."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Where in the uncompressed file (bytes from its start) reading went wrong, and how."""

    offset: int
    reason: str


class Capture:
    """A ``.scap`` file, plain or compressed with gzip or zstd; use it in a ``with`` statement.

    Opening reads the blocks before the first event into ``world``, ``threads`` and ``descriptors`` (thread id and its
    descriptors, in file order), and ``state``, where the writer put more than these lists can hold (else empty; see
    :mod:`tiercel.state.snapshot`). ``damage`` is the first fault found, None when the file is sound so far. A file can
    hold several captures in a row: ``section`` counts up when the next one begins, and its threads and descriptors
    then replace those before.

    Raises CaptureError when the file cannot be opened or is no capture.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.world = World()
        self.threads: list[ThreadRecord] = []
        self.descriptors: list[tuple[int, list[FdRecord]]] = []
        self.state = b""
        self.damage: Damage | None = None
        self.section = 0
        self._previous_ts = 0
        try:
            self._stream = Stream(self.path)
            self._feed = Feed(self._stream)
        except OSError as error:
            raise CaptureError(f"tiercel: {path}: {error.strerror}") from None
        try:
            self._open()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; batches already handed out stay valid."""
        self._stream.close()

    def batches(self, size: int = BATCH_EVENTS, tables: Tables | None = None, even: bool = False) -> Iterator[Batch]:
        """Yield the events in file order, up to ``size`` to a batch, once; later the tracking columns are filled in.

        The first batches are smaller, so that results begin to come sooner and caches are warm for the large ones;
        not so when they are to be ``even``, as is best for keeping them.
        A batch ends early when its bytes become too many and where another capture begins. Events of drivers newer than
        the event table are left out, as libs does.
        """
        tables = Tables() if tables is None else tables
        decoder = Decoder()
        buffers = Buffers()
        now = size if even else min(size, FIRST_EVENTS)
        most = max(BATCH_BYTES, size * _USUAL_EVENT) if even else BATCH_BYTES
        wanted = min(max(now * _USUAL_EVENT, _LEAST_READ), most)
        carried = bytearray(CONSTANTS)
        going = self._describe()
        while going:
            data = buffers.take(len(carried) + wanted)
            begin, limit = self._load(data, carried, wanted)
            room = min(now, limit // _LEAST_EVENT + 1)
            decoder.begin(room)
            end, stop = self._fill(decoder, data, begin, limit, room)
            with memoryview(data) as held:
                self._feed.put_back(held[end:limit])
            carried = bytearray(CONSTANTS)
            decoder.waiting.carry(data, carried)
            if decoder.count:
                yield self._batch(decoder, data, tables)
            # as much as the last batch took and a little more, or more than was too little
            grown = min(size, now * 2)
            wanted = wanted * 2 if stop == Stop.MORE else (end - begin) * 17 // 16 * grown // now
            now = grown
            wanted = max(min(wanted, most), _LEAST_READ, self._block_length())
            del data
            going = self._go_on(decoder, stop)

    def _open(self) -> None:
        if not self._feed.require(blocks.HEADER):
            reason = self._stream.error or "too short to be a capture"
            raise CaptureError(f"tiercel: {self.path}: {reason}")
        if self._feed.header()[0] != blocks.SECTION:
            raise CaptureError(f"tiercel: {self.path}: not a capture (it does not start with a section header)")
        fault = self._section_fault()
        if fault:
            raise CaptureError(f"tiercel: {self.path}: {fault}")
        self._describe()

    def _section_fault(self) -> str:
        """Return why the section header at hand cannot be read on from, empty when it can."""
        if not self._feed.require(16):
            return "the section header is cut off"
        magic = self._feed.peek(8, 12)
        if magic == blocks.SECTION_MAGIC[::-1]:
            return "written on a big-endian machine, which is not supported"
        if magic != blocks.SECTION_MAGIC:
            return "the section header holds no byte-order magic"
        major = int.from_bytes(self._feed.peek(12, 14), "little")
        if major > blocks.MAJOR_VERSION:
            return f"file format version {major} is newer than this reads (up to {blocks.MAJOR_VERSION})"
        return ""

    def _load(self, data: bytearray, carried: bytearray, size: int) -> tuple[int, int]:
        """Put ``carried`` and up to ``size`` bytes of the file into ``data``; returns where those begin and end."""
        begin = len(carried)
        with memoryview(data) as room:
            room[:begin] = carried
            return begin, begin + self._feed.fill(room[begin : begin + size])

    def _fill(self, decoder: Decoder, data: bytearray, begin: int, limit: int, size: int) -> tuple[int, Stop]:
        """Decode bytes ``begin`` to ``limit`` into the batch begun; returns where decoding stopped and why."""
        position = begin
        while True:
            decoder.attach(data, limit)
            try:
                position = decoder.run(position, size)
            finally:
                decoder.detach()
            stop = Stop(decoder.stop)
            if stop != Stop.OTHER:
                return position, stop
            position, after = self._between(data, position, limit)
            if after is not None:
                return position, after

    def _block_length(self) -> int:
        """Return the length of the block at hand, 0 when it cannot be."""
        _, length = self._feed.header()
        return length if length <= blocks.MAX_BLOCK else 0

    def _between(self, data: bytearray, position: int, limit: int) -> tuple[int, Stop | None]:
        """Handle the blocks between two events, from byte ``position`` of ``data`` on; ``limit`` is where it ends.

        Returns where it got to and why decoding cannot go on there, None when an event follows.
        """
        offset = self._feed.offset - limit  # of the start of the data in the file
        while position + blocks.HEADER <= limit:
            kind, length = _HEADER.unpack_from(data, position)
            if kind in blocks.EVENTS:
                return position, None
            if kind == blocks.SECTION or not blocks.FRAME <= length <= blocks.MAX_BLOCK:
                return position, Stop.OTHER
            if position + length > limit:
                break
            self._apply(kind, bytes(data[position + blocks.HEADER : position + length - 4]), offset + position)
            position += length
        return position, Stop.MORE

    def _go_on(self, decoder: Decoder, stop: Stop) -> bool:
        """Prepare for the next batch; False at the end."""
        if stop == Stop.FULL:
            return True
        if stop == Stop.DAMAGE:
            return self._stopped(f"event block of impossible length {self._feed.header()[1]}")
        if stop == Stop.MORE:
            return self._feed.require(len(self._feed) + 1) or self._ended()
        if self._feed.header()[0] == blocks.SECTION:
            fault = self._section_fault()
            if fault:
                return self._stopped(fault)
            self.section += 1
            self.threads, self.descriptors, self.state = [], [], b""
            decoder.restart()
        return self._describe()

    def _describe(self) -> bool:
        """Read blocks up to the next event; False when there is none."""
        while True:
            if not self._feed.require(blocks.HEADER):
                return self._ended()
            kind, length = self._feed.header()
            if kind in blocks.EVENTS:
                return True
            if not blocks.FRAME <= length <= blocks.MAX_BLOCK:
                return self._stopped(f"block of impossible length {length}")
            if not self._feed.require(length):
                return self._ended()
            if self._feed.peek(length - 4, length) != self._feed.peek(4, 8):
                return self._stopped("block whose two lengths differ")
            self._apply(kind, self._feed.peek(blocks.HEADER, length - 4), self._feed.offset)
            self._feed.skip(length)

    def _apply(self, kind: int, body: bytes, offset: int) -> None:
        """Take over what a block says of the host; a fault inside it is noted and reading goes on."""
        try:
            if kind in blocks.MACHINE:
                self.world.machine = metadata.machine(body)
            elif kind in blocks.PROCESSES:
                metadata.processes(body, blocks.PROCESSES[kind], self.threads)
            elif kind in blocks.DESCRIPTORS:
                metadata.descriptors(body, blocks.DESCRIPTORS[kind], self.descriptors)
            elif kind in blocks.INTERFACES:
                metadata.interfaces(body, blocks.INTERFACES[kind], self.world)
            elif kind in blocks.USERS:
                metadata.users(body, blocks.USERS[kind], self.world)
            elif kind == blocks.STATE:
                self.state = body
        except metadata.MetadataError as error:
            self._note(offset, str(error))

    def _ended(self) -> bool:
        """The file has no more bytes: note damage unless it ends between blocks."""
        if self._stream.error:
            self._note(self._feed.offset + len(self._feed), self._stream.error)
        elif len(self._feed):
            self._note(self._feed.offset, "the file ends inside a block")
        return False

    def _stopped(self, reason: str) -> bool:
        self._note(self._feed.offset, reason)
        return False

    def _note(self, offset: int, reason: str) -> None:
        if self.damage is None:
            self.damage = Damage(offset, reason)

    def _batch(self, decoder: Decoder, data: bytearray, tables: Tables) -> Batch:
        num, ts, tid, cpu, types, visible, first, start, length = decoder.columns()
        shown = visible.view(np.bool_)
        batch = Batch(
            tables=tables, data=data, count=decoder.count, num=num, ts=ts, tid=tid, cpu=cpu, types=types, visible=shown,
            first=first, start=start, length=length, previous_ts=self._previous_ts, first_ts=decoder.first_ts,
        )  # fmt: skip
        seen = np.flatnonzero(shown)
        if len(seen):
            self._previous_ts = int(ts[seen[-1]])
        return batch
