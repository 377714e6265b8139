"""Times tiercel on long captures, each figure as a ratio to `sysdig -r` reading the same file in the same run.

    python bench/scan.py [--events 3100000] [--runs 3] [--json]

Needs the reference captures (see tests/reference.py). Whole processes are timed, start-up included; medians are
printed. Without sysdig only seconds are printed. Nothing fails on a time.
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
sys.path.insert(0, str(ROOT))

from tests.reference import SHARED  # noqa: E402

UPSTREAM = [
    SHARED / "rules/upstream" / name
    for name in ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
]
FLOOD = """
- rule: every open
  desc: an alert for each openat
  condition: evt.type in (open, openat, openat2)
  output: file opened (file=%fd.name process=%proc.cmdline user=%user.name)
  priority: INFO
"""
NOTHING = "proc.name = no-such-program"


@dataclass(frozen=True)
class Figure:
    """Median wall seconds and peak resident memory (MiB) of one command, and its ratio to the peer."""

    work: str
    seconds: float
    peak: float
    ratio: float | None = None
    events: int | None = None


def measure(command: list[str], runs: int) -> tuple[float, float]:
    """Run a command several times; return the median wall time in seconds and the highest peak memory in MiB."""
    seconds, peaks = [], []
    # An installed package has its bytecode; a checkout gets it in the first run, which is not counted.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for run in range(runs + 1):
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if run:
            seconds.append(time.perf_counter() - began)
            peaks.append(usage.ru_maxrss / 1024)
        if os.waitstatus_to_exitcode(status) not in (0,):
            error = process.stderr.read().decode() if process.stderr else ""
            raise SystemExit(f"bench: {' '.join(command)} failed: {error}")
    return statistics.median(seconds), max(peaks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_100_000, help="event blocks in the long captures")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="only work whose name contains this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit(f"bench: no reference captures at {SHARED}")
    with tempfile.TemporaryDirectory(prefix="tiercel-bench-") as folder:
        figures = run(Path(folder), options.events, options.runs, options.only)
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
        return
    print(f"{'work':48} {'seconds':>8} {'x peer':>7} {'M events/s':>10} {'MiB':>6}")
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        rate = "" if figure.events is None else f"{figure.events / figure.seconds / 1e6:.2f}"
        print(f"{figure.work:48} {figure.seconds:8.3f} {ratio:>7} {rate:>10} {figure.peak:6.0f}")


def run(folder: Path, events: int, runs: int, only: str) -> list[Figure]:
    long = {"sfc": folder / "sfc.scap", "noisy": folder / "noisy.scap"}
    # In processes of their own: peak memory is inherited, and this one has to stay small.
    for name, source in {
        "sfc": "captures/sfc_full_capture/sfc_full_capture.scap",
        "noisy": "captures/modern/e-noisy-mixture/e-noisy-mixture.scap",
    }.items():
        maker = [sys.executable, str(ROOT / "bench/repeat_capture.py"), str(SHARED / source), str(long[name])]
        subprocess.run([*maker, "--events", str(events)], check=True, stdout=subprocess.DEVNULL)
    flood = folder / "flood.yaml"
    flood.write_text(FLOOD)
    every = folder / "every.yaml"
    every.write_text("- rule: '*'\n")
    tiercel = [sys.executable, "-m", "tiercel"]
    stock = ["-r", str(UPSTREAM[0])]
    full = [part for path in UPSTREAM for part in ("-r", str(path))]
    enable = ["-o", "rules[].enable.rule=*"]
    figures = []
    for name, path in long.items():
        peer: float | None = None
        if shutil.which("sysdig"):
            peer, peak = measure(["sysdig", "-r", str(path), NOTHING], runs)
            figures.append(Figure(f"{name}: sysdig -r, a filter that matches nothing", peer, peak, 1.0, events))
        for work, arguments in {
            "decode and state alone": ["scan", str(path), "--no-rules"],
            "stock rules, JSON": ["scan", str(path), *stock, "--json"],
            "all upstream rules on, JSON": ["scan", str(path), *full, *enable, "--json"],
            "all upstream rules on, all matches": ["scan", str(path), *full, *enable, "--json", "--all-matches"],
            "an alert for every open, JSON": ["scan", str(path), "-r", str(flood), "--json"],
            "print every event": ["events", str(path)],
        }.items():
            if only in f"{name}: {work}":
                seconds, peak = measure([*tiercel, *arguments], runs)
                ratio = None if peer is None else seconds / peer
                figures.append(Figure(f"{name}: {work}", seconds, peak, ratio, events))
    small = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"
    if only in "webshell":
        seconds, peak = measure([*tiercel, "scan", str(small), *full, "--json"], max(runs, 5))
        figures.append(Figure("webshell (18 k events): upstream rules, start-up", seconds, peak, None, 18_685))
    return figures


if __name__ == "__main__":
    main()
