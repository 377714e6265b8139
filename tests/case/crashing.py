"""A process that works on cases in children of its own, so that they can be killed and none has to start anew.

Started by :class:`Worker`; reads the directories of cases from stdin, each with the seconds after which to kill the
child that is forked for it, and says how it ended. A child writes number and hash of each ledger entry it was told of
into ``acknowledged`` beside the case.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import tiercel.store.ingest
from tests.cli.command import SOURCE
from tiercel.case import Case
from tiercel.case.ingesting import Reading
from tiercel.custody.entry import Entry, line_hash
from tiercel.custody.keys import signer

NOTES = 6


def work(directory: Path, key: Path, captures: list[Path]) -> None:
    """Add captures in small segments and write notes in between."""
    tiercel.store.ingest.SEGMENT_EVENTS = 8
    told = os.open(directory.with_name("acknowledged"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def acknowledge(entry: Entry) -> None:
        os.write(told, f"{entry.seq} {line_hash(entry.line())}\n".encode())

    case = Case.open(directory, signer("A. Name", key))
    reading = Reading.of()
    for capture in captures:
        for number in range(NOTES):
            acknowledge(case.note(f"{number} before {capture.name}"))
        case.add(capture, rules=reading)
        acknowledge(list(case.ledger.entries())[-1])


def main(key: Path, captures: list[Path]) -> None:
    Reading.of()  # from here on the compiled rules come from the cache
    print("ready", flush=True)
    for line in sys.stdin:
        directory, delay = line.rstrip("\n").split("\t")
        begun = time.perf_counter()
        pid = os.fork()
        if not pid:
            work(Path(directory), key, captures)
            os._exit(0)
        if delay:
            time.sleep(float(delay))
            os.kill(pid, signal.SIGKILL)  # ours until it is waited for
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), time.perf_counter() - begun, flush=True)


class Worker:
    """Runs children one at a time, in a ``with`` statement."""

    def __init__(self, key: Path, captures: list[Path]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.case.crashing", str(key), *map(str, captures)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=SOURCE.parent,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )
        assert self._line() == "ready"

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, directory: Path, kill_after: float | None = None) -> tuple[int, float]:
        """Work on a case, killed after so many seconds if given; returns the exit code and the seconds it took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{directory}\t{'' if kill_after is None else kill_after}\n")
        self._process.stdin.flush()
        code, seconds = self._line().split()
        return int(code), float(seconds)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
