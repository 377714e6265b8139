"""Captures go straight into a case, one after the other, in a process of their own: reading one takes seconds."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

log = logging.getLogger(__name__)

_NICE = 10


class IntoCase:
    """Takes captures into the case in a directory, made when it is not there.

    Args:
        rules: rules files and folders to read them with.
    """

    def __init__(self, case: Path, rules: Sequence[Path] = ()) -> None:
        self.case, self.rules = case, list(rules)
        self.added = self.failed = 0
        self._paths: SimpleQueue[Path | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="tiercel-case", daemon=True)
        self._thread.start()

    def add(self, path: Path) -> None:
        """Take in a capture; does not wait."""
        self._paths.put(path)

    def close(self) -> None:
        """Wait until everything is in the case."""
        self._paths.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (path := self._paths.get()) is not None:
            if not self.case.exists() and not self._tiercel("new", self.case):
                self.failed += 1
                continue
            rules = [word for rule in self.rules for word in ("-r", rule)]
            if self._tiercel("add", *rules, self.case, path):
                self.added += 1
            else:
                self.failed += 1

    def _tiercel(self, *words: str | Path) -> bool:
        command = [sys.executable, "-P", "-m", "tiercel", "case", *map(str, words)]
        nothing = subprocess.DEVNULL
        with subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=subprocess.PIPE, text=True) as process:
            with suppress(OSError):  # it may have ended
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
            _, said = process.communicate()
        if process.returncode:
            reason = said.strip().rpartition("\n")[2].removeprefix("tiercel: ")
            log.error("%s: %s", self.case, reason or f"exit code {process.returncode}")
        return process.returncode == 0
