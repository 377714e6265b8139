"""Runs the command line as a user does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Ran:
    """What a command printed and its exit code."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


def tiercel(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Ran:
    """Run ``tiercel``; no input, however wrong, may end it with a traceback."""
    ran = subprocess.run(
        [sys.executable, "-m", "tiercel", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "TZ": "UTC", **environment},
        timeout=120,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    return Ran(ran.returncode, ran.stdout, ran.stderr)
