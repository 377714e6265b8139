"""Makes a large store and times questions to it: what they take, how much memory, and how much is read.

    python bench/large_store.py [--size 200M] [--days 15] [--keep DIR] [--json]

A capture is stored once. For each day its events are written anew with their times moved there; for each host the
files of the day are copied byte for byte, the name of the host and the text of one process name (the rarest, wherever
the text is used) changed, and the manifest adapted. So every byte is there to be read, and times, hosts and names
differ, but one segment's events are otherwise those of another: they compress and count alike. One process name,
`needle`, is in one segment alone. Times within processes (start, exec) stay as they were recorded.

Each question is asked twice in a process of its own, with the store out of the page cache, then in it. Memory is the
most that all of its processes held at once, shared pages counted once (PSS, sampled); bytes are what they had to be
given from the disk the first time. Needs a reference capture (see tests/reference.py).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.reference import SHARED  # noqa: E402

from bench.scan import UPSTREAM  # noqa: E402

if TYPE_CHECKING:
    from tiercel.store.manifest import FileEntry
    from tiercel.store.segment import Segment
    from tiercel.store.store import Store

DAY = 86_400 * 1_000_000_000
NEEDLE = "needle"
CAPTURE = "captures/modern/e-noisy-mixture/e-noisy-mixture.scap"
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Figure:
    """What a question took: wall seconds cold and warm, processor seconds warm, bytes of memory and from the disk."""

    work: str
    cold: float
    warm: float
    processor: float
    memory: int
    read: int
    answer: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--capture", default="captures/modern/e-noisy-mixture/e-noisy-mixture.scap", help="below shared/"
    )
    parser.add_argument("--size", default="200M", help="about how large the store is to be: 200M, 10G")
    parser.add_argument("--days", type=int, default=15)
    parser.add_argument("--keep", type=Path, help="make the store there, or use the one that is there, and leave it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit(f"bench: no reference captures at {SHARED}")
    size = int(float(options.size[:-1]) * UNITS[options.size[-1]]) if options.size[-1] in UNITS else int(options.size)
    with tempfile.TemporaryDirectory(prefix="tiercel-bench-") as folder:
        place = options.keep or Path(folder) / "store"
        if not place.exists():
            make(SHARED / options.capture, place, size, options.days)
        figures = list(measure(place))
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
        return
    print(f"{'work':46} {'cold s':>7} {'warm s':>7} {'cpu s':>7} {'MiB':>6} {'read MiB':>9}  answer")
    for figure in figures:
        print(
            f"{figure.work:46} {figure.cold:7.2f} {figure.warm:7.2f} {figure.processor:7.2f}"
            f" {figure.memory >> 20:6} {figure.read / (1 << 20):9.1f}  {figure.answer}"
        )


def make(capture: Path, place: Path, size: int, days: int) -> None:
    """Make a store of about ``size`` bytes, spread over some days and as many hosts as that takes."""
    from tiercel.store.ingest import ingest, replay
    from tiercel.store.manifest import Source
    from tiercel.store.segment import Segment
    from tiercel.store.store import Store

    base = Store.create(place.with_name(place.name + "-base"))
    ingest(base, replay(capture), Source("E1", capture.name))
    store, templates = Store.create(place), []
    for segment in base.segments():
        for day in range(days):
            path = base.path / "moved" / f"{day}-{segment.path.name}"
            moved(segment, path, day * DAY)
            templates.append((Segment(path), day))
    each = sum(path.stat().st_size for template, _ in templates for path in template.path.iterdir())
    hosts = max(1, round(size / each))
    for host in range(hosts):
        for template, day in templates:
            last = (host, day) == (hosts // 2, days // 2)
            name = NEEDLE if last else f"own-{host:04}-{day:02}"
            copied(store, template, f"host-{host:04}", name)
    shutil.rmtree(base.path)


def moved(segment: Segment, path: Path, by: int) -> None:
    """Write a segment anew with its times moved by some ns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from tiercel.store import manifest as manifests
    from tiercel.store import parquet
    from tiercel.store.schema import TABLES

    path.mkdir(parents=True)
    for file in segment.path.iterdir():
        shutil.copyfile(file, path / file.name)
    events = segment.table("events")
    at = events.schema.get_field_index("ts")
    times = pc.add(events.column("ts"), pa.scalar(by))
    metadata = segment.file("events").file.metadata
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    parquet.write(
        path / "events.parquet", TABLES["events"], events.set_column(at, events.schema.field(at), times), groups
    )
    old = segment.manifest
    assert old.first_ts is not None
    assert old.last_ts is not None
    manifest = replace(
        old,
        first_ts=old.first_ts + by,
        last_ts=old.last_ts + by,
        capture_ts=old.capture_ts + by,
        previous_ts=old.previous_ts and old.previous_ts + by,
        files={**old.files, "events.parquet": entry(path / "events.parquet")},
    )
    (path / manifests.NAME).write_text(manifest.to_json(), encoding="ascii")


def copied(store: Store, segment: Segment, host: str, name: str) -> None:
    """Copy a segment as one of another host, its rarest process name replaced."""
    import numpy as np
    import pyarrow as pa

    from tiercel.store import manifest as manifests
    from tiercel.store import parquet
    from tiercel.store.schema import TABLES

    old = segment.manifest
    path = store.directory(host, old.first_ts, f"{old.name}-{host}")
    path.mkdir(parents=True)
    for file in segment.path.glob("*.parquet"):
        if file.name != "strings.parquet":
            shutil.copyfile(file, path / file.name)
    used, counts = np.unique(segment.table("processes", ["comm"]).column(0).drop_null().to_numpy(), return_counts=True)
    rarest = int(used[np.argmin(counts)])
    strings = segment.table("strings").to_pydict()
    names = old.values["proc.name"] - {strings["text"][rarest].encode()} | {name.encode()}
    strings["text"][rarest], strings["bytes"][rarest] = name, None
    schema = TABLES["strings"]
    parquet.write(path / "strings.parquet", schema, pa.table(strings, schema.arrow))
    manifest = replace(
        old,
        name=path.name,
        host=host,
        machine=replace(old.machine, hostname=host),
        values={**old.values, "proc.name": names},
        files={**old.files, "strings.parquet": entry(path / "strings.parquet")},
    )
    (path / manifests.NAME).write_text(manifest.to_json(), encoding="ascii")


def entry(path: Path) -> FileEntry:
    """Return what a manifest says of a file."""
    from tiercel.store.manifest import FileEntry

    data = path.read_bytes()
    return FileEntry(len(data), hashlib.sha256(data).hexdigest())


def measure(place: Path) -> Iterator[Figure]:
    """Yield what each question takes."""
    from tiercel.store.store import Store

    segments = Store.open(place).segments()
    events = sum(segment.manifest.rows["events"] for segment in segments)
    size = sum(file.size for segment in segments for file in segment.manifest.files.values())
    manifests = sum((segment.path / "manifest.json").stat().st_size for segment in segments)
    print(
        f"bench: {len(segments):,} segments, {events:,} events, {size:,} bytes, {manifests:,} bytes of manifests",
        file=sys.stderr,
    )
    first = min(segment.manifest.first_ts or 0 for segment in segments)
    days = [datetime.fromtimestamp(first // 1_000_000_000 + 86_400 * day, UTC).date() for day in (0, 1)]
    rules = [part for path in UPSTREAM for part in ("-r", str(path))]
    hunt, sql = ["hunt", str(place)], ["sql", str(place)]
    del segments
    by_type = f"SELECT type, count(*) AS n FROM events WHERE day = '{days[0]}' GROUP BY type ORDER BY n"
    for work, command in (
        ("hunt, a process name that is in one segment", [*hunt, f"proc.name = {NEEDLE}"]),
        ("hunt, a process name that is in none", [*hunt, "proc.name = nowhere"]),
        ("hunt, an execve of the one", [*hunt, f"evt.type = execve and proc.name = {NEEDLE}"]),
        ("hunt, execve of a name that is in all, --count", [*hunt, "evt.type = execve and proc.name = sh", "--count"]),
        ("hunt, upstream rules, one host", [*hunt, *rules, "--host", "host-0000", "--count"]),
        ("hunt, upstream rules, one day", [*hunt, *rules, f"--since={days[0]}", f"--until={days[1]}", "--count"]),
        ("sql, events by day", [*sql, "SELECT day, count(*) FROM events GROUP BY day ORDER BY day"]),
        ("sql, events by type of one day", [*sql, by_type]),
        ("sql, one process name", [*sql, f"SELECT count(*) FROM events WHERE proc_name = '{NEEDLE}'"]),
    ):
        forget(place)
        cold, _, memory, read, _ = asked(command)
        warm, processor, more, _, answer = asked(command)
        lines = answer.splitlines()
        shown = f"{len(lines)} lines, the last: {lines[-1].strip()[:60]}" if lines else "nothing"
        yield Figure(work, cold, warm, processor, max(memory, more), read, shown)


def forget(place: Path) -> None:
    """Have the store read from the disk next time; what was just made has to be on it first."""
    if not hasattr(os, "posix_fadvise"):
        return
    os.sync()
    for folder, _, names in os.walk(place):
        for name in names:
            descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def asked(command: list[str]) -> tuple[float, float, int, int, str]:
    """Run a command; return wall and processor seconds, the most memory, bytes from the disk, and what it printed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    before, began = os.times(), time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, "-m", "tiercel", *command], stdout=output, env=environment)
        sampler = Sampler(process.pid)
        status = process.wait()
        seconds, after = time.perf_counter() - began, os.times()
        sampler.stop()
        if status:
            raise SystemExit(f"bench: {' '.join(command)} ended with {status}")
        output.seek(0)
        answer = output.read().decode(errors="replace")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, used, sampler.memory, sum(sampler.read.values()), answer


class Sampler:
    """Watches a process and its children."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.memory = 0
        self.read: dict[str, int] = {}
        self._end = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            held = 0
            for number in [str(self.process), *self._children(str(self.process))]:
                try:
                    held += _value(Path(f"/proc/{number}/smaps_rollup"), "Pss:") << 10
                    self.read[number] = _value(Path(f"/proc/{number}/io"), "read_bytes:")
                except (OSError, ValueError):  # it has ended
                    continue
            self.memory = max(self.memory, held)

    def _children(self, process: str) -> list[str]:
        try:
            return Path(f"/proc/{process}/task/{process}/children").read_text().split()
        except OSError:
            return []


def _value(path: Path, key: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
