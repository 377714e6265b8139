"""Writes captures that Falco, sysdig and Stratoshark read.

Plain and gzip files are read by all of them, zstd by tiercel alone (libscap opens captures through zlib).
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

import numpy as np
import zstandard
from numpy.typing import NDArray

from tiercel.capture import blocks
from tiercel.capture.parameters import encode
from tiercel.model.batch import Batch
from tiercel.model.world import Container, World
from tiercel.sources.records import FdRecord, ThreadRecord
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

Compression = Literal["none", "gzip", "zstd"]

_HEADER = struct.Struct("<QqIHI")  # time, tid, length, type, number of parameters
_SMALL = struct.Struct("<IIH")  # block type, block length, cpu
_FLAGGED = struct.Struct("<IIHI")
_LENGTH = struct.Struct("<I")
_SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_CONTAINER_EVENTS = frozenset(
    BY_CONSTANT[name] for name in ("ASYNCEVENT_E", "CONTAINER_E", "CONTAINER_JSON_E", "CONTAINER_JSON_2_E")
)
_INITIAL = ("CONTAINER_JSON_2_E", "USER_ADDED_E", "USER_DELETED_E", "GROUP_ADDED_E", "GROUP_DELETED_E", "ASYNCEVENT_E")
_HIDDEN = frozenset(  # by their type: readers need no flag to hide them
    event.number for event in EVENTS if event.constant in _INITIAL or (event.is_enter and event.source == "SYSCALL")
)
_STATE_ONLY = 1
_LARGE = frozenset(event.number for event in EVENTS if event.large)
_LIMIT = 0x10000  # bytes of an event block without wide lengths
_BUFFER = 1 << 20


class CaptureWriter:
    """Writes a capture block by block.

    Parameters
    ----------
    target
        A path, or a binary stream that is left open.
    world
        Machine, users, groups and interfaces of the host.
    threads, descriptors
        Process list and descriptor lists as they were before the first event.
    compression
        By default what the suffix of the path says (``.gz``, ``.zst``), else none.

    Use it as a context manager, or call :meth:`close`.
    """

    def __init__(
        self,
        target: str | Path | IO[bytes],
        world: World | None = None,
        threads: Iterable[ThreadRecord] = (),
        descriptors: Iterable[tuple[int, Iterable[FdRecord]]] = (),
        compression: Compression | None = None,
    ) -> None:
        self._file: IO[bytes] | None = None
        if isinstance(target, (str, Path)):
            path = Path(target)
            compression = compression or _SUFFIXES.get(path.suffix, "none")
            self._file = target = path.open("wb")
        self._stream = _compressed(target, compression or "none")
        self._own_stream = self._stream is not target
        self._buffer = bytearray()
        self._announced: dict[bytes, int] = {}
        self.events = 0
        """How many events were written."""
        self._head(world or World(), list(threads), descriptors)

    def _head(
        self, world: World, threads: list[ThreadRecord], descriptors: Iterable[tuple[int, Iterable[FdRecord]]]
    ) -> None:
        out = self._buffer
        out += blocks.section_header()
        out += blocks.machine_info(world.machine)
        out += blocks.interface_list(world.interfaces)
        users = [user for (container, _), user in world.users.items() if not container]
        groups = [group for (container, _), group in world.groups.items() if not container]
        out += blocks.user_list(users, groups)
        if threads:
            out += blocks.process_list(threads)
        for tid, records in descriptors:
            out += blocks.descriptor_list(tid, records)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is buffered and end the file. Calling it again does nothing."""
        if self._stream.closed:
            return
        self.flush()
        if self._own_stream:
            self._stream.close()
        if self._file is not None:
            self._file.close()

    def flush(self) -> None:
        """Hand what is buffered to the stream."""
        self._stream.write(self._buffer)
        self._buffer = bytearray()

    def write(self, ts: int, tid: int, type: int, parameters: Sequence[bytes], *, cpu: int = 0, flags: int = 0) -> None:
        """Write one event.

        ``ts`` is in ns since the epoch, ``type`` an event number, ``parameters`` their bytes in the order of the event
        table; there may be fewer than the table has. ``flags`` other than 0 need their own kind of block.

        Raises ValueError when a parameter or the event is too long for its block.
        """
        event = EVENTS[type]
        if len(parameters) > len(event.params):
            raise ValueError(f"{event.constant} has {len(event.params)} parameters, not {len(parameters)}")
        payload = b"".join(parameters)
        if not event.large and len(payload) > 0xFFFF:
            raise _too_long(type, len(payload))
        lengths = struct.pack(f"<{len(parameters)}{'I' if event.large else 'H'}", *map(len, parameters))
        self._event(ts, tid, type, len(parameters), lengths, payload, cpu, flags)

    def _event(
        self, ts: int, tid: int, type: int, count: int, lengths: bytes, payload: bytes | bytearray, cpu: int, flags: int
    ) -> None:
        large = type in _LARGE
        size = 26 + len(lengths) + len(payload)
        length = (14 + (4 if flags else 0) + size + 3) & ~3
        if not large and length > _LIMIT:
            raise _too_long(type, length)
        out = self._buffer
        before = len(out)
        if flags:
            kind = blocks.EVENT_WITH_FLAGS_LARGE if large else blocks.EVENT_WITH_FLAGS
            out += _FLAGGED.pack(kind, length, cpu, flags)
        else:
            out += _SMALL.pack(blocks.EVENT_LARGE if large else blocks.EVENT, length, cpu)
        out += _HEADER.pack(ts, tid, size, type, count)
        out += lengths
        out += payload
        out += bytes(length - 4 - (len(out) - before))
        out += _LENGTH.pack(length)
        self.events += 1
        if len(out) >= _BUFFER:
            self.flush()

    def write_container(self, ts: int, info: dict[str, object], tid: int = 1) -> None:
        """Announce a container as the container plugin does; ``info`` is the ``container`` object of its JSON."""
        parameters = encode("ASYNCEVENT_E", plugin_id=0, name="container", data=announcement(info))
        self.write(ts, tid, BY_CONSTANT["ASYNCEVENT_E"], parameters)

    def write_batch(self, batch: Batch, indices: NDArray[np.integer] | Sequence[int] | None = None) -> None:
        """Copy events of a decoded batch: all of them, or those at ``indices`` (ascending).

        Events that readers do not see, but that say how the state came about, stay hidden. Containers that
        ``batch.world`` knows by then and that no copied event tells are announced before the first event that could
        need them.
        """
        chosen = range(batch.count) if indices is None else [int(index) for index in indices]
        spans = _Spans(batch)
        first, narrow, wide = spans.first, spans.narrow, spans.wide
        types, times, tids, cpus = batch.types.tolist(), batch.ts.tolist(), batch.tid.tolist(), batch.cpu.tolist()
        numbers, visible = batch.num.tolist(), batch.visible.tolist()
        pending = self._unannounced(batch.world)
        for i in chosen:
            type = types[i]
            while pending and pending[-1].since <= numbers[i]:
                container = pending.pop()
                self._announced[container.id] = self._announced.get(container.id, 0) + 1
                if container.since < numbers[i] or type not in _CONTAINER_EVENTS:
                    self.write_container(times[i], container.info)
            low, high = first[i], first[i + 1]
            lengths = wide[4 * low : 4 * high] if type in _LARGE else narrow[2 * low : 2 * high]
            flags = 0 if not visible or visible[i] or type in _HIDDEN else _STATE_ONLY
            self._event(times[i], tids[i], type, high - low, lengths, spans.payload(low, high), cpus[i], flags)

    def _unannounced(self, world: World | None) -> list[Container]:
        if world is None:
            return []
        known = self._announced
        versions = [v for id, all in world.containers.items() for v in all[known.get(id, 0) :]]
        return sorted(versions, key=lambda version: version.since, reverse=True)


class _Spans:
    """The parameters of a batch, ready to be copied: lengths as they stand in an event, and runs without gaps."""

    def __init__(self, batch: Batch) -> None:
        self.data = batch.data
        self.first: list[int] = batch.first.tolist()
        self.narrow = batch.length.astype("<u2").tobytes()
        self.wide = batch.length.astype("<u4").tobytes()
        ends = batch.start + batch.length
        gaps = np.zeros(len(ends) + 1, dtype=np.int64)
        np.cumsum(batch.start[1:] != ends[:-1], out=gaps[2:])
        self.start: list[int] = batch.start.tolist()
        self.end: list[int] = ends.tolist()
        self.gaps: list[int] = gaps.tolist()  # how many parameters up to one do not follow on the one before

    def payload(self, low: int, high: int) -> bytes | bytearray:
        """Return parameters ``low`` to ``high`` joined."""
        if low == high:
            return b""
        if self.gaps[high] == self.gaps[low + 1]:
            return self.data[self.start[low] : self.end[high - 1]]
        return b"".join(self.data[self.start[j] : self.end[j]] for j in range(low, high))


def _too_long(type: int, length: int) -> ValueError:
    return ValueError(f"{EVENTS[type].constant} is too long: {length} bytes, at most {_LIMIT} fit in its block")


def announcement(info: dict[str, object]) -> bytes:
    """Return the data of the event that announces a container: JSON and a NUL byte."""
    return json.dumps({"container": info}, separators=(",", ":")).encode() + b"\0"


def _compressed(stream: IO[bytes], compression: Compression) -> IO[bytes]:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=6, mtime=0)  # type: ignore[return-value]
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=3).stream_writer(stream, closefd=False)
    return stream
