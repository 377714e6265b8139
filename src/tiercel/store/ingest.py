"""Taking evidence into a store: tracked batches, with the alerts their events raise, and alert logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

import tiercel
from tiercel.detect import Detection
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.model.world import World
from tiercel.outputs.alert import Alert
from tiercel.replay import Replay
from tiercel.sources.capture import Damage
from tiercel.store.alerts import alerts_table
from tiercel.store.arrow import array, taken
from tiercel.store.extract import Extract, extract, nothing
from tiercel.store.manifest import ContainerName, Gap, Manifest, Source
from tiercel.store.people import named, readable
from tiercel.store.schema import ALERTS
from tiercel.store.store import Store
from tiercel.store.writer import Draft, segment_name
from tiercel.wire.event_table import EVENTS

SEGMENT_EVENTS = 1 << 19
"""Events of a segment: enough that what is kept once a segment counts little, few enough to share among processors."""

_DROPS = [event.number for event in EVENTS if event.name == "drop"]
_DAY = 86_400 * 1_000_000_000


@dataclass(slots=True)
class Ingested:
    """What was taken in. ``segments`` are all that the evidence has now, ``kept`` of them were there before."""

    segments: list[Path] = field(default_factory=list)
    kept: int = 0
    events: int = 0
    alerts: int = 0
    gaps: list[Gap] = field(default_factory=list)


def replay(path: str | Path) -> Replay:
    """Return the batches of a capture as segments are made of."""
    return Replay(path, SEGMENT_EVENTS, even=True)


def ingest(
    store: Store,
    batches: Iterable[Batch],
    source: Source,
    detection: Detection | None = None,
    progress: Callable[[int], None] | None = None,
    alerts: Callable[[Batch], Iterable[tuple[int | None, Alert]]] | None = None,
) -> Ingested:
    """Write a segment for each batch, in the order of the batches.

    A segment is written while the next batch is read. What was read before an error is stored all the same. Where
    ``batches`` is a :class:`Replay`, damage of its capture becomes a gap.

    Args:
        source: the evidence; segments are named after its id, so that they are recognised when it is taken in again.
        detection: raises the alerts stored with the events.
        progress: told the number of events so far.
        alerts: returns the alerts of a batch, each with the number of its event, in place of ``detection``.

    Raises:
        InputError: the disk refuses, or the source does.
    """
    store.clean()
    done = Ingested()
    if detection is not None:
        detection.begin()
    with ThreadPoolExecutor(1, "segments") as pool:
        pending = _Pending(done)
        try:
            for ordinal, batch in enumerate(batches):
                found = _contents(batch)
                found.tables["alerts"] = alerts_table(alerts(batch)) if alerts else _alerts(batch, detection)
                manifest = _manifest(segment_name(source.id, ordinal), source, batch, found)
                draft = Draft(store, manifest, found.tables, [rows for _, rows in found.groups])
                pending.follow(draft, pool.submit(draft.write))
                done.events += sum(found.types.values())
                if progress is not None:
                    progress(done.events)
        except BaseException:
            pending.finish()
            raise
        last_ts = None if pending.draft is None else pending.draft.manifest.last_ts
        gaps = list(_damage(batches, last_ts))
        if pending.draft is None and not done.segments:
            manifest = Manifest(segment_name(source.id, 0), "", source, tiercel.__version__)
            draft = Draft(store, manifest, nothing(), [])
            pending.follow(draft, pool.submit(draft.write))
        pending.finish(gaps)
    return done


def ingest_alerts(store: Store, source: Source, rows: pa.Table) -> Ingested:
    """Write segments of alerts alone, one for each host and day.

    Args:
        rows: the columns of the table ``alerts``; ``alert`` is numbered anew.

    Raises:
        InputError: the disk refuses.
        KeyError, pyarrow.ArrowInvalid: ``rows`` has other columns.
    """
    store.clean()
    done = Ingested(alerts=rows.num_rows)
    rows = rows.select(ALERTS.names).cast(ALERTS.arrow)
    times = rows.column("ts").to_numpy()
    hosts, host = np.unique(np.array(rows.column("hostname").to_pylist(), object).astype(str), return_inverse=True)
    days, day = np.unique(times // _DAY, return_inverse=True)
    group = host.reshape(-1) * max(1, len(days)) + day.reshape(-1)
    for ordinal, number in enumerate(np.unique(group).tolist()):
        at = np.flatnonzero(group == number)
        part = taken(rows, at)
        part = part.set_column(0, ALERTS.arrow.field(0), array(np.arange(len(at))))
        tables = nothing() | {"alerts": part}
        manifest = Manifest(
            segment_name(source.id, ordinal),
            str(hosts[number // max(1, len(days))]),
            source,
            tiercel.__version__,
            first_ts=int(times[at].min()),
            last_ts=int(times[at].max()),
        )
        draft = Draft(store, manifest, tables, [])
        draft.write()
        done.kept += draft.kept
        done.segments.append(draft.finish())
    return done


class _Pending:
    """The segment that is being written while the next batch is read."""

    def __init__(self, done: Ingested) -> None:
        self.done = done
        self.draft: Draft | None = None
        self._written: Future[None] | None = None

    def follow(self, draft: Draft, written: Future[None]) -> None:
        """Finish the segment at hand; ``draft`` is the next one."""
        try:
            self.finish()
        except BaseException:
            written.cancel()
            raise
        finally:
            self.draft, self._written = draft, written

    def finish(self, gaps: Iterable[Gap] = ()) -> None:
        """Make the segment appear, with more gaps."""
        draft, written, gaps = self.draft, self._written, list(gaps)
        if draft is None or written is None:
            return
        self.draft = self._written = None
        written.result()
        self.done.segments.append(draft.finish(gaps))
        self.done.kept += draft.kept
        self.done.alerts += draft.manifest.rows.get("alerts", 0)
        self.done.gaps += [*draft.manifest.gaps]


def _contents(batch: Batch) -> Extract:
    try:
        return extract(batch)
    except ValueError as error:
        raise InputError(f"a batch cannot be stored: {error}") from None


def _alerts(batch: Batch, detection: Detection | None) -> pa.Table:
    if detection is None:
        return ALERTS.arrow.empty_table()
    matches = detection.match(batch)
    detection.count(matches.counts())
    return alerts_table(
        (None if rule < 0 else alert.event, alert) for _, rule, alert in detection.alerts(batch, matches)
    )


def _manifest(name: str, source: Source, batch: Batch, found: Extract) -> Manifest:
    seen = np.flatnonzero(batch.visible)
    nums, times = batch.num[seen].astype(np.int64), batch.ts[seen].view(np.int64)
    untimed = int(np.count_nonzero(times <= 0))  # 0 stands for no time
    times = times[times > 0]
    world = batch.world or World()
    return Manifest(
        name,
        world.machine.hostname,
        source,
        tiercel.__version__,
        machine=world.machine,
        interfaces=tuple(world.interfaces),
        first_ts=int(times.min()) if len(times) else None,
        last_ts=int(times.max()) if len(times) else None,
        first_num=int(nums[0]) if len(seen) else None,
        last_num=int(nums[-1]) if len(seen) else None,
        previous_ts=batch.previous_ts,
        capture_ts=batch.first_ts,
        untimed=untimed,
        types=found.types,
        groups=tuple(types for types, _ in found.groups),
        containers=tuple(_containers(world, found.containers)),
        values=found.values,
        gaps=tuple(_drops(batch)),
    )


def _containers(world: World, ids: set[bytes]) -> Iterator[ContainerName]:
    """Yield the containers that the events of a batch may be about, with the names told last."""
    for id in sorted(ids):
        told = [version for version in world.containers.get(id, ()) if version.info]
        yield named(told[-1]) if told else ContainerName(readable(id))


def _drops(batch: Batch) -> Iterator[Gap]:
    """Yield a gap for the stretch in which the recorder says that it dropped events."""
    at = np.flatnonzero(np.isin(batch.types, _DROPS) & batch.visible)
    if len(at):
        times = batch.ts[at].view(np.int64)
        yield Gap("dropped", "the recorder dropped events", int(times.min()), int(times.max()), None)


def _damage(batches: Iterable[Batch], last_ts: int | None) -> Iterator[Gap]:
    damage = batches.damage if isinstance(batches, Replay) else None
    if isinstance(damage, Damage):
        kind = "truncated" if "ends" in damage.reason else "damage"
        yield Gap(kind, f"byte {damage.offset}: {damage.reason}", last_ts, None, None)
