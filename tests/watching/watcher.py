"""``tiercel watch`` in a process of its own, as tests talk to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

SOURCE = Path(__file__).parents[2] / "src"

RULE = """
- rule: {name}
  desc: a word that only one test says
  condition: evt.type in (execve, execveat) and proc.args contains {word}
  output: ran %proc.cmdline
  priority: NOTICE
  tags: [test]
"""


def until(true: Callable[[], object], what: str = "", seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"did not happen: {what}"
        time.sleep(0.05)


class Watcher:
    """A running watch: ``out`` and ``err`` are its lines so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        for stream, lines in ((process.stdout, self.out), (process.stderr, self.err)):
            assert stream is not None
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()

    @staticmethod
    def _read(stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            lines.append(line)

    def says(self, text: str) -> None:
        """Wait until this is on stderr."""
        until(lambda: self.process.poll() is not None or text in self.said, f"{text!r} in {self.said}")
        assert text in self.said, self.said

    @property
    def said(self) -> str:
        return "".join(self.err)

    @property
    def port(self) -> int:
        """Where its web server listens."""
        self.says("webserver on")
        found = re.findall(r"webserver on \S+ port (\d+)", self.said)
        return int(found[-1])

    def alerts(self, rule: str = "") -> list[dict[str, Any]]:
        """Return the alerts printed so far, of one rule or of all."""
        found = [json.loads(line) for line in list(self.out) if line.startswith("{") and line.endswith("\n")]
        return [alert for alert in found if not rule or alert["rule"] == rule]

    def alerted(self, rule: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for alerts of a rule."""
        until(lambda: len(self.alerts(rule)) >= count, f"{count} alerts of {rule}: {self.alerts()} {self.said}")
        return self.alerts(rule)

    def end(self, number: int = signal.SIGTERM) -> str:
        """End it; return all it said."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(60)
        time.sleep(0.1)  # for the readers
        return self.said


@contextmanager
def watching(folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Watcher]:
    """Run ``tiercel watch --json`` with its state and cache in a folder, and end it."""
    state = {"STATE_DIRECTORY": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tiercel", "watch", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **state, **(environment or {})},
    )
    watcher = Watcher(process)
    try:
        watcher.says("tiercel: watching")
        yield watcher
    finally:
        watcher.end()
        if process.poll() is None:
            process.kill()


def run(word: str) -> None:
    """Run a program with a word among its arguments."""
    subprocess.run(["/bin/true", word], check=True)
