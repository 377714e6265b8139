"""What a segment says of itself: ``manifest.json``, the file that is written last and makes the segment whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from tiercel.errors import InputError
from tiercel.model.world import Interface, Machine
from tiercel.store.convert import converted
from tiercel.store.schema import SCHEMA_VERSION
from tiercel.store.values import Values, of_document, to_document

NAME = "manifest.json"
MAX_BYTES = 64 << 20
_BOUND = 1 << 63
_CONTAINER = ("id", "name", "image", "pod", "namespace")


@dataclass(frozen=True, slots=True)
class Source:
    """The evidence that events come from. ``kind`` is scap, alerts, audit …; ``sha256`` in hex, None when unknown."""

    id: str
    name: str
    kind: str = "scap"
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is missing. Times in ns since the epoch, None when unknown; ``what`` says it in words.

    ``kind``: dropped (events that the recorder lost), damage (the rest of the source cannot be read), truncated (the
    source ends in the middle of something).
    """

    kind: str
    what: str
    from_ts: int | None = None
    to_ts: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerName:
    """A container that the segment knows; empty texts where nothing was told."""

    id: str
    name: str = ""
    image: str = ""
    pod: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size in bytes and SHA-256 (hex) of a file of the segment."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a segment holds.

    Times are ns since the epoch, None without events. ``rows`` counts the rows of each table, ``types`` the events of
    each type number. ``groups`` lists, for each row group of ``events``, the type numbers in it. ``previous_ts`` is the
    time of the event before the first one (0: none), ``capture_ts`` that of the first event of the source. ``untimed``
    counts the events whose time is not known, None in segments that do not tell. ``values`` are described in
    :mod:`tiercel.store.values`.
    """

    name: str
    host: str
    source: Source
    tiercel: str
    schema: int = SCHEMA_VERSION
    machine: Machine = field(default_factory=Machine)
    interfaces: tuple[Interface, ...] = ()
    first_ts: int | None = None
    last_ts: int | None = None
    first_num: int | None = None
    last_num: int | None = None
    previous_ts: int = 0
    capture_ts: int = 0
    untimed: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    types: Mapping[int, int] = field(default_factory=dict)
    groups: tuple[tuple[int, ...], ...] = ()
    containers: tuple[ContainerName, ...] = ()
    values: Values = field(default_factory=dict)
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()

    def to_json(self) -> str:
        """Return the text of the file."""
        document = {
            "schema": self.schema,
            "tiercel": self.tiercel,
            "name": self.name,
            "host": self.host,
            "source": asdict(self.source),
            "first_ts": self.first_ts,
            "last_ts": self.last_ts,
            "first_num": self.first_num,
            "last_num": self.last_num,
            "previous_ts": self.previous_ts,
            "capture_ts": self.capture_ts,
            "untimed": self.untimed,
            "machine": asdict(self.machine),
            "interfaces": [
                {
                    "name": interface.name.hex(),
                    "address": interface.address.hex(),
                    "netmask": interface.netmask.hex(),
                    "broadcast": interface.broadcast.hex(),
                    "speed": interface.speed,
                }
                for interface in self.interfaces
            ],
            "rows": dict(self.rows),
            "types": {str(number): count for number, count in self.types.items()},
            "groups": [list(group) for group in self.groups],
            "containers": [asdict(container) for container in self.containers],
            "values": to_document(self.values),
            "gaps": [asdict(gap) for gap in self.gaps],
            "files": {name: asdict(entry) for name, entry in self.files.items()},
        }
        return json.dumps(document, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read ``manifest.json``.

        Raises:
            InputError: it cannot be read, is of a version that this tiercel does not know, or says what cannot be.
        """
        try:
            with open(path, "rb", buffering=0) as file:  # no buffer of the size asked for: there may be thousands
                if os.fstat(file.fileno()).st_size > MAX_BYTES:
                    raise ValueError(f"more than {MAX_BYTES} bytes")
                text = file.readall()
            return cls.of(converted(json.loads(text), path))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError(f"{path}: not a manifest of a segment: {error}") from None

    @classmethod
    def of(cls, document: dict[str, Any]) -> Manifest:
        """Return the manifest that a document of the current version says.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it lacks something or holds what cannot be.
        """
        types = dict(zip(map(int, document["types"]), _counts(document["types"].values()), strict=True))
        groups = tuple(map(tuple, document["groups"]))
        _counts(chain.from_iterable(groups))
        evidence = document["source"]
        return cls(
            name=_text(document["name"]),
            host=_text(document["host"]),
            source=Source(
                _text(evidence["id"]),
                _text(evidence["name"]),
                _text(evidence["kind"]),
                None if evidence["sha256"] is None else _text(evidence["sha256"]),
            ),
            tiercel=_text(document["tiercel"]),
            machine=Machine(**_cells(document["machine"])),
            interfaces=tuple(_interface(**entry) for entry in document["interfaces"]),
            first_ts=_optional(document["first_ts"]),
            last_ts=_optional(document["last_ts"]),
            first_num=_optional(document["first_num"]),
            last_num=_optional(document["last_num"]),
            previous_ts=_unsigned(document["previous_ts"]),
            capture_ts=_unsigned(document["capture_ts"]),
            untimed=_optional(document.get("untimed")),
            rows=dict(zip(document["rows"], _counts(document["rows"].values()), strict=True)),
            types=types,
            groups=groups,
            containers=tuple(
                ContainerName(*(_text(entry[key]) for key in _CONTAINER)) for entry in document["containers"]
            ),
            files={
                _text(name): FileEntry(_count(entry["size"]), _text(entry["sha256"]))
                for name, entry in document["files"].items()
            },
            values=of_document(document.get("values", {})),
            gaps=tuple(_gap(entry) for entry in document["gaps"]),
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -_BOUND <= value < 2 * _BOUND:
        raise TypeError(f"{value!r} is not a number")
    return value


def _optional(value: object) -> int | None:
    if value is None:
        return None
    number = _int(value)
    if number >= _BOUND:
        raise ValueError(f"{number} is out of range")
    return number


def _unsigned(value: object) -> int:
    number = _int(value)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number


def _count(value: object) -> int:
    number = _unsigned(value)
    if number >= _BOUND:
        raise ValueError(f"{number} is out of range")
    return number


def _counts(values: Iterable[Any]) -> tuple[int, ...]:
    counts = tuple(values)
    if counts:
        if set(map(type, counts)) != {int}:
            raise TypeError("a count is not a number")
        if not 0 <= min(counts) <= max(counts) < _BOUND:
            raise ValueError("a count is out of range")
    return counts


def _cells(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _text(value) if key == "hostname" else _unsigned(value) for key, value in entry.items()}


@lru_cache(1024)  # the segments of a host have the same ones
def _interface(name: str, address: str, netmask: str, broadcast: str, speed: int) -> Interface:
    hexed = bytes.fromhex
    return Interface(hexed(name), hexed(address), hexed(netmask), hexed(broadcast), _unsigned(speed))


def _gap(entry: Mapping[str, Any]) -> Gap:
    return Gap(
        _text(entry["kind"]),
        _text(entry["what"]),
        _optional(entry["from_ts"]),
        _optional(entry["to_ts"]),
        _optional(entry["count"]),
    )
