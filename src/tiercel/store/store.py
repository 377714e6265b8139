"""A store: a directory of segments, partitioned by host and day."""

from __future__ import annotations

from collections.abc import Collection
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
    ) -> list[Segment]:
        """Return the segments that can hold what is asked for; only manifests are read.

        Args:
            since, until: ns since the epoch; events from ``since`` on and before ``until``.
            host: name of the host.
            container: id of a container, or how it begins, or its name.
            pod: name of a pod.
            types: event type numbers.
            evidence: id of the evidence.

        Returns:
            the segments in the order of host, first time, name.

        Raises:
            InputError: a manifest cannot be used.
        """
        hosts = "host=*" if host is None else _partition("host", host)
        found = []
        for path in self.path.glob(f"{hosts}/day=*/*"):
            if path.name.startswith(durable.TEMPORARY) or not path.is_dir():
                continue
            segment = Segment(path)
            if _fits(segment.manifest, since, until, host, container, pod, types, evidence):
                found.append(segment)
        found.sort(key=_place)
        return found

    def clean(self) -> None:
        """Remove what writers that are gone left unfinished."""
        durable.clean(self.path, "host=*/day=*/")

    def place(self, manifest: Manifest) -> Path:
        """Return the directory that a segment belongs in."""
        return self.directory(manifest.host, manifest.first_ts, manifest.name)

    def directory(self, host: str, first_ts: int | None, name: str) -> Path:
        """Return the directory of a segment of a host that begins at ``first_ts`` (ns since the epoch)."""
        return self.path / _partition("host", host) / _partition("day", _day(first_ts)) / name


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
    if container is not None and not any(
        known.id.startswith(container) or known.name == container for known in manifest.containers
    ):
        return False
    return pod is None or any(known.pod == pod for known in manifest.containers)
