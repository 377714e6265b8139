"""Run many mutated inputs: ``python -m tests.fuzz.run --runs 1000000 --target capture --jobs 2``.

Without a target each of them gets that many inputs. Each job is a process of its own, so a crash or a hang costs one
input and says which. Every finding names the number of its input; ``--only N`` runs just that one here, with its
traceback. Ends with exit code 1 when there were findings.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.worker import STATE, make, report

TARGETS = ("capture", "capture-decode", "capture-track", "condition", "rules", "evaluate", "audit")


_PATIENCE = 12  # times the allowed time, on a machine busy with other things


def processor_time(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Job:
    """One worker process and the inputs it has: from ``next`` on, every ``step``-th."""

    next: int
    step: int
    shared: Path
    errors: Path
    process: subprocess.Popen[bytes] | None = None
    done: int = 0  # by processes that ended
    state: tuple[int, int, int, int] = (0, 0, 0, 0)


class Run:
    """A fuzzing run and its findings."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.findings = folder / "findings.jsonl"
        self.last = options.start + options.runs
        self.jobs = [
            Job(options.start + i, options.jobs, folder / f"state-{i}", folder / f"errors-{i}")
            for i in range(options.jobs)
        ]

    def go(self) -> int:
        """Run to the end; return how many inputs were run."""
        for job in self.jobs:
            self.begin(job)
        shown = time.monotonic()
        while any(job.process for job in self.jobs):
            time.sleep(0.1)
            for job in self.jobs:
                self.look_after(job)
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                print(f"{self.count():,} inputs", file=sys.stderr, flush=True)
        return self.count()

    def count(self) -> int:
        return sum(job.done + (job.state[1] if job.process else 0) for job in self.jobs)

    def begin(self, job: Job) -> None:
        if job.next >= self.last:
            job.process = None
            return
        job.shared.write_bytes(STATE.pack(job.next, 0, 0, 0))
        options = self.options
        numbers = [options.base, job.next, self.last, job.step]
        command = [sys.executable, "-m", "tests.fuzz.worker", options.target, *map(str, numbers)]
        command += [str(job.shared), str(self.findings), str(options.memory)]
        with job.errors.open("wb") as errors:
            job.process = subprocess.Popen(command, stderr=errors)

    def look_after(self, job: Job) -> None:
        if job.process is None:
            return
        code = job.process.poll()
        job.state = STATE.unpack(job.shared.read_bytes())
        number, done, begun, used = job.state
        if code is None:
            if begun and self.hangs(job.process.pid, begun, used):
                job.process.kill()
                job.process.wait()
                report(self.findings, number, "hang", f"longer than {self.options.timeout} s")
                self.after(job, number, done)
        elif code == 0:
            job.done += done
            job.process = None
        else:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            report(self.findings, number, "crash", how + "\n" + job.errors.read_text(errors="replace")[-3000:])
            if begun == 0 and done == 0:
                job.process = None  # it did not even start
            else:
                self.after(job, number, done)

    def hangs(self, pid: int, begun: int, used: int) -> bool:
        """Whether an input took too long: by its own processor time, or, when it waits for ever, by the clock."""
        allowed: float = self.options.timeout
        elapsed = (time.monotonic_ns() - begun) / 1e9
        if elapsed < allowed:
            return False
        busy = processor_time(pid) - used / 1e9
        return busy > allowed or elapsed > _PATIENCE * allowed

    def after(self, job: Job, number: int, done: int) -> None:
        job.done += done + 1
        job.next = number + job.step
        self.begin(job)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="how many inputs")
    parser.add_argument("--target", choices=(*TARGETS, "all"), default="all", help="all: each but the shortened ones")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--base", type=int, default=0, help="another base gives other inputs")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds that one input may take")
    parser.add_argument("--memory", type=int, default=2048, help="MB of address space of a worker")
    parser.add_argument("--only", type=int, help="run this input alone, in this process")
    parser.add_argument("--save", type=Path, help="with --only: also write the input to this file")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if options.only is not None:
        if options.target == "all":
            sys.exit("--only needs --target")
        target = make(options.target, options.base)
        data = target.input(options.only)
        if options.save:
            options.save.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
        target.run(options.only, data)
        print("no fault")
        return 0
    names = ("capture", "condition", "rules", "evaluate", "audit") if options.target == "all" else (options.target,)
    return max(fuzz(argparse.Namespace(**{**vars(options), "target": name})) for name in names)


def fuzz(options: argparse.Namespace) -> int:
    """Run one target, print its findings and its counts; return 1 when there were findings."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        run = Run(options, Path(folder))
        begun = time.monotonic()
        count = run.go()
        seconds = time.monotonic() - begun
        lines = run.findings.read_text().splitlines() if run.findings.exists() else []
    for line in lines:
        finding = json.loads(line)
        print(f"input {finding['input']}: {finding['kind']}: {finding['detail'].strip()}\n")
    print(f"{options.target}: {count:,} inputs in {seconds:.0f} s, {len(lines)} findings", flush=True)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
