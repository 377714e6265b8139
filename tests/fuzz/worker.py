"""One fuzzing process: runs inputs by number and keeps the parent informed through a shared file."""

from __future__ import annotations

import faulthandler
import json
import mmap
import resource
import struct
import sys
import time
import traceback
from pathlib import Path
from typing import Protocol

STATE = struct.Struct("<QQQQ")
"""Number at hand, inputs done, time it was begun (ns, monotonic), processor time used until then (ns)."""
MEMORY_STEP = 96 << 10
"""KB of peak memory that one input may add once warm."""
WARM = 2000


class Target(Protocol):
    """What is fuzzed: makes input ``number`` and runs it, raising when something is wrong."""

    name: str

    def input(self, number: int) -> bytes | str: ...

    def run(self, number: int, data: bytes | str) -> None: ...


def make(name: str, base: int) -> Target:
    """Return a target by name."""
    if name.startswith("capture"):
        from tests.fuzz.capture_target import CaptureTarget

        return CaptureTarget(base, name.partition("-")[2] or "all")  # type: ignore[return-value]
    if name == "evaluate":
        from tests.fuzz.evaluate_target import EvaluateTarget

        return EvaluateTarget(base)  # type: ignore[return-value]
    if name == "audit":
        from tests.fuzz.audit_target import AuditTarget

        return AuditTarget(base)  # type: ignore[return-value]
    from tests.fuzz.text_targets import ConditionTarget, RulesTarget

    return {"condition": ConditionTarget, "rules": RulesTarget}[name](base)  # type: ignore[return-value]


def work(target: Target, first: int, last: int, step: int, shared: mmap.mmap, findings: Path) -> None:
    """Run inputs ``first``, ``first + step`` … below ``last``."""
    done = 0
    seen: set[str] = set()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, last, step):
        STATE.pack_into(shared, 0, number, done, time.monotonic_ns(), time.process_time_ns())
        try:
            target.run(number, target.input(number))
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{type(error).__name__} {place.filename}:{place.lineno}"
            if key not in seen:
                seen.add(key)
                report(findings, number, "exception", traceback.format_exc())
        done += 1
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if done > WARM and grown - peak > MEMORY_STEP:
            report(findings, number, "memory", f"peak memory grew by {(grown - peak) >> 10} MB")
        peak = grown
    STATE.pack_into(shared, 0, last, done, 0, 0)


def report(findings: Path, number: int, kind: str, detail: str) -> None:
    """Append a finding, one JSON object a line."""
    with findings.open("a") as file:
        file.write(json.dumps({"input": number, "kind": kind, "detail": detail}) + "\n")


def main() -> None:
    name, base, first, last, step, shared_path, findings, limit = sys.argv[1:]
    faulthandler.enable()
    sys.setrecursionlimit(1000)
    resource.setrlimit(resource.RLIMIT_AS, (int(limit) << 20, int(limit) << 20))
    with open(shared_path, "r+b") as file, mmap.mmap(file.fileno(), STATE.size) as shared:
        work(make(name, int(base)), int(first), int(last), int(step), shared, Path(findings))


if __name__ == "__main__":
    main()
