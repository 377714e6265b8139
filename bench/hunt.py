"""Times hunting through a store, as a ratio to `sysdig -r` reading the same events and to `tiercel scan`.

    python bench/hunt.py [--events 3100000] [--runs 5] [--workers N] [--json]

All upstream rules, every rule on, are hunted over the stored capture. Needs the reference captures (see
tests/reference.py). The hunt is timed from rules that are loaded to the last alert; start-up (interpreter, imports,
rules) is printed beside it, and whole processes too. Cold figures are with the page cache dropped, which needs root;
without sysdig only seconds are printed. Nothing fails on a time, but alerts that differ from those of scan do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.reference import SHARED  # noqa: E402

from bench.scan import NOTHING, UPSTREAM, measure  # noqa: E402

ENABLE = "rules[].enable.rule=*"


@dataclass(frozen=True)
class Figure:
    """Wall seconds of one piece of work, least and median, and its ratio (of least times) to the peer's."""

    work: str
    seconds: float
    median: float
    ratio: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capture", default="captures/sfc_full_capture/sfc_full_capture.scap", help="below shared/")
    parser.add_argument("--events", type=int, default=3_100_000, help="event blocks in the long capture")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="0 for as many as there are processors")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT / "src")
    if options.once is not None:
        hunt_once(options.once, options.workers or None)
        return
    if not SHARED.is_dir():
        raise SystemExit(f"bench: no reference captures at {SHARED}")
    with tempfile.TemporaryDirectory(prefix="tiercel-bench-") as folder:
        figures = run(Path(folder), options)
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
        return
    print(f"{'work':52} {'least s':>8} {'median':>8} {'x peer':>7}")
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        print(f"{figure.work:52} {figure.seconds:8.3f} {figure.median:8.3f} {ratio:>7}")


def run(folder: Path, options: argparse.Namespace) -> list[Figure]:
    from tiercel.store.ingest import ingest, replay
    from tiercel.store.manifest import Source
    from tiercel.store.store import Store

    capture, place = folder / "long.scap", folder / "store"
    maker = [sys.executable, str(ROOT / "bench/repeat_capture.py"), str(SHARED / options.capture), str(capture)]
    subprocess.run([*maker, "--events", str(options.events)], check=True, stderr=subprocess.DEVNULL)
    began = time.perf_counter()
    taken = ingest(Store.create(place), replay(capture), Source("E1", capture.name))
    figures = [Figure(f"ingest, {taken.events:,} visible events", *[time.perf_counter() - began] * 2)]
    rules = [part for path in UPSTREAM for part in ("-r", str(path))]
    arguments = [*rules, "-o", ENABLE, "--json"]
    same(capture, place, arguments)
    peer = None
    if shutil.which("sysdig"):
        reading = [wall(["sysdig", "-r", str(capture), NOTHING]) for _ in range(options.runs + 1)][1:]
        peer = min(reading)
        figures.append(Figure("sysdig -r, a filter that matches nothing", peer, statistics.median(reading), 1.0))

    def add(work: str, times: list[float]) -> None:
        figures.append(Figure(work, min(times), statistics.median(times), min(times) / peer if peer else None))

    command = [sys.executable, str(Path(__file__)), "--once", str(place), "--workers", str(options.workers)]
    warm = [once(command) for _ in range(options.runs + 1)][1:]
    add("hunt, all upstream rules on, warm", [hunted for _, hunted in warm])
    add("  its start-up: interpreter, imports, rules", [started for started, _ in warm])
    if drop_caches(place):
        cold = []
        for _ in range(options.runs):
            drop_caches(place)
            cold.append(once(command)[1])
        add("hunt, cold", cold)
    tiercel = [sys.executable, "-m", "tiercel"]
    whole = ["--workers", str(options.workers)] if options.workers else []
    seconds, _ = measure([*tiercel, "hunt", str(place), *arguments, *whole], options.runs)
    add("tiercel hunt, whole process", [seconds])
    name = [*tiercel, "hunt", str(place), "evt.type = execve and proc.name = sh", "--count"]
    add("tiercel hunt, a process name, whole process", [measure(name, options.runs)[0]])
    add("tiercel scan, whole process", [measure([*tiercel, "scan", str(capture), *arguments], options.runs)[0]])
    return figures


def same(capture: Path, store: Path, arguments: list[str]) -> None:
    """Make sure that hunt and scan say the same."""
    outputs = [
        subprocess.run([sys.executable, "-m", "tiercel", *command, *arguments], check=True, capture_output=True).stdout
        for command in (["scan", str(capture)], ["hunt", str(store)])
    ]
    if outputs[0] != outputs[1]:
        raise SystemExit("bench: hunt and scan do not raise the same alerts")
    print(f"bench: {outputs[0].count(10):,} alerts, the same of hunt and scan", file=sys.stderr)


def wall(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def once(command: list[str]) -> tuple[float, float]:
    """Hunt in a process of its own; return the seconds until it could begin, and those of the hunt."""
    began = time.time()
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    ready, hunted = map(float, ran.stdout.split())
    return ready - began, hunted


def hunt_once(place: Path, workers: int | None) -> None:
    """Load everything, then hunt; print when it was loaded (seconds since the epoch), and the seconds of the hunt."""
    from tiercel.hunt.hunting import Hunt
    from tiercel.hunt.search import RuleSearch
    from tiercel.scanning import prepare
    from tiercel.store import stored_batch  # noqa: F401  what a hunt would import
    from tiercel.store.store import Store

    detection = prepare([], UPSTREAM, options=[ENABLE], json=True).detection
    assert detection is not None
    search = RuleSearch(detection)
    ready, began = time.time(), time.perf_counter()
    size = sum(map(len, Hunt(Store.open(place), search, workers=workers).lines()))
    print(ready, time.perf_counter() - began)
    assert size


def drop_caches(place: Path) -> bool:
    """Drop the store from the page cache; return whether that is possible."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in place.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


if __name__ == "__main__":
    main()
