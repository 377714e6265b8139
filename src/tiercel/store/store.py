"""A store: a directory of segments, partitioned by host and day."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from tiercel.errors import InputError
from tiercel.store import durable
from tiercel.store.manifest import Manifest
from tiercel.store.segment import Segment

MARK = "store.json"
"""The file that makes a directory a store."""

UNKNOWN = "__HIVE_DEFAULT_PARTITION__"
"""Name of the partition of what has no host or no time."""

_DAY = 86_400 * 1_000_000_000
_LONGEST = 200


class Store:
    """A store. Use :meth:`open` or :meth:`create`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """Open a store, or the one of a case.

        Raises:
            InputError: there is none.
        """
        root = Path(path)
        for candidate in (root, root / "store"):
            if (candidate / MARK).is_file():
                return cls(candidate)
        if not root.exists():
            raise InputError(f"{root}: no such directory")
        raise InputError(f"{root}: neither a store nor a case (there is no {MARK} in it)")

    @classmethod
    def create(cls, path: str | Path) -> Store:
        """Make a store in a directory that does not exist or is empty; one that is a store already is opened.

        Raises:
            InputError: the directory holds something else or cannot be made.
        """
        root = Path(path)
        try:
            if (root / MARK).is_file():
                return cls(root)
            durable.make_directories(root)
            if any(not entry.name.startswith(durable.TEMPORARY) for entry in root.iterdir()):
                raise InputError(f"{root}: not empty, and not a store")
            durable.write(root / MARK, b'{"format": "tiercel store"}\n')
        except OSError as error:
            raise InputError(f"{root}: {durable.reason(error)}") from None
        return cls(root)

    def segments(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        host: str | None = None,
        container: str | None = None,
        pod: str | None = None,
        types: Collection[int] | None = None,
        evidence: str | None = None,
        where: Callable[[Manifest], bool] | None = None,
    ) -> list[Segment]:
        """Return the segments that can hold what is asked for; only manifests are read.

        Args:
            since, until: ns since the epoch; events from ``since`` on and before ``until``.
            host: name of the host.
            container: id of a container, or how it begins, or its name.
            pod: name of a pod.
            types: event type numbers.
            evidence: id of the evidence.
            where: whether a segment with this manifest is wanted.

        Returns:
            the segments in the order of host, first time, name.

        Raises:
            InputError: a manifest cannot be used.
        """
        found = []
        for path in self._directories(host, until):
            try:
                segment = Segment(path)
            except InputError:
                if not path.exists():  # removed meanwhile, to keep the store in its bounds
                    continue
                raise
            manifest = segment.manifest
            if not _fits(manifest, since, until, host, container, pod, types, evidence):
                continue
            if where is None or where(manifest):
                found.append(segment)
        found.sort(key=_place)
        return found

    def _directories(self, host: str | None, until: int | None) -> Iterator[Path]:
        """Yield the directories of the segments of a host, or of all, that begin before a time."""
        last = None if until is None else _day(until)
        for partition in _folders(self.path, "host="):
            if host is not None and partition.name != _partition("host", host):
                continue
            for day in _folders(partition.path, "day="):
                # a segment lies under the day of its first event
                if last is not None and last != UNKNOWN and UNKNOWN not in day.name and day.name > f"day={last}":
                    continue
                yield from (Path(entry.path) for entry in _folders(day.path, ""))

    def clean(self) -> None:
        """Remove what writers that are gone left unfinished."""
        durable.clean(self.path, "host=*/day=*/")

    def place(self, manifest: Manifest) -> Path:
        """Return the directory that a segment belongs in."""
        return self.directory(manifest.host, manifest.first_ts, manifest.name)

    def directory(self, host: str, first_ts: int | None, name: str) -> Path:
        """Return the directory of a segment of a host that begins at ``first_ts`` (ns since the epoch)."""
        return self.path / _partition("host", host) / _partition("day", _day(first_ts)) / name


def _folders(path: str | Path, prefix: str) -> Iterator[os.DirEntry[str]]:
    """Yield the directories in a directory, those in the making left out."""
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(prefix) and not entry.name.startswith(durable.TEMPORARY) and entry.is_dir():
                    yield entry
    except FileNotFoundError:  # removed meanwhile
        return


def _partition(key: str, value: str) -> str:
    """Return the name of a partition's directory, safe whatever the value is."""
    quoted = quote(value, safe="", errors="replace") if key == "host" else value
    return f"{key}={quoted[:_LONGEST] or UNKNOWN}"


def _day(ts: int | None) -> str:
    if ts is None or not 0 <= ts // _DAY < 2_932_896:  # the year 9999
        return UNKNOWN
    return f"{datetime.fromtimestamp(ts // 1_000_000_000, UTC):%Y-%m-%d}"


def _place(segment: Segment) -> tuple[str, int, str]:
    manifest = segment.manifest
    return manifest.host, manifest.first_ts or 0, manifest.name


def _fits(
    manifest: Manifest,
    since: int | None,
    until: int | None,
    host: str | None,
    container: str | None,
    pod: str | None,
    types: Collection[int] | None,
    evidence: str | None,
) -> bool:
    if host is not None and manifest.host != host:
        return False
    if evidence is not None and manifest.source.id != evidence:
        return False
    if since is not None and (manifest.last_ts is None or manifest.last_ts < since):
        return False
    if until is not None and (manifest.first_ts is None or manifest.first_ts >= until):
        return False
    if types is not None and manifest.types.keys().isdisjoint(types):
        return False
    if container is not None and not _named(manifest, "container.name", container):
        ids = [known.id for known in manifest.containers]
        if not any(id.startswith(container) or (id and container.startswith(id)) for id in ids):
            return False
    return pod is None or _named(manifest, "k8s.pod.name", pod)


def _named(manifest: Manifest, field: str, name: str) -> bool:
    """Return whether a container of the segment may be called so at any of its events."""
    values = manifest.values.get(field)
    if values is not None:
        return name.encode("utf-8", "surrogateescape") in values
    names = (known.name if field == "container.name" else known.pod for known in manifest.containers)
    return name in names
