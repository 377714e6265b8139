"""The rules and the configuration of a watch, read as its options say; also ahead of time, in a process of its own.

Compiling rules takes a processor for a while, and within this process it would keep the loop from its turn. So a
process of ordinary priority compiles them first; they are then in the cache, and reading them here is quick. Where
there is no cache they are compiled here after all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tiercel.errors import InputError
from tiercel.rules import cache
from tiercel.scanning import Scan, prepare

_NICE = 0  # as any other program; the watch itself is above
_POLL = 0.02  # seconds
_LONGEST = 60.0  # seconds that reading ahead may take


@dataclass(frozen=True, slots=True)
class Preparing:
    """What :func:`tiercel.scanning.prepare` is given; paths as texts."""

    rules: Sequence[str] = ()
    config: str | None = None
    options: Sequence[str] = ()
    json: bool | None = None
    every: bool = False
    strict: bool = False

    def scan(self) -> Scan:
        """Read everything as it is now.

        Raises:
            InputError: the configuration cannot be used, or there are no rules files.
        """
        return prepare(
            [],
            self.rules,
            config=self.config,
            options=self.options,
            json=self.json,
            every=self.every,
            strict=self.strict,
        )

    def ahead(self, given_up: Callable[[], bool] = lambda: False) -> None:
        """Have a process of its own read everything, so that :meth:`scan` finds rules compiled; faults are let pass."""
        command = [sys.executable, "-P", "-m", "tiercel.watching.preparing"]
        until = time.monotonic() + _LONGEST
        quiet = subprocess.DEVNULL
        with suppress(OSError), subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as process:
            assert process.stdin is not None
            with suppress(BrokenPipeError), process.stdin as pipe:
                pipe.write(json.dumps(asdict(self)).encode())
            while process.poll() is None:
                if given_up() or time.monotonic() >= until:
                    process.kill()
                time.sleep(_POLL)

    def paths(self, scan: Scan) -> list[str]:
        """Return the files and folders that a scan is made of."""
        return [*self.rules, *scan.config.named]


class OwnCache:
    """A folder for compiled rules where the usual one cannot be written; there until :meth:`close`."""

    def __init__(self) -> None:
        self.folder = ""
        with suppress(OSError, RuntimeError):
            usual = cache.folder()
            usual.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(usual, os.W_OK):
                return
        with suppress(OSError):
            self.folder = tempfile.mkdtemp(prefix="tiercel-rules-")
            os.environ["XDG_CACHE_HOME"] = self.folder

    def close(self) -> None:
        if self.folder:
            shutil.rmtree(Path(self.folder), ignore_errors=True)


def main() -> None:
    """Read what the arguments on stdin say."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    with suppress(InputError):
        Preparing(**json.load(sys.stdin)).scan()


if __name__ == "__main__":
    main()
