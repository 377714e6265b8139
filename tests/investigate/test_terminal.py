"""Nothing that evidence holds steers the terminal of whoever looks at it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import SOURCE
from tests.investigate.conftest import Investigation

pytestmark = pytest.mark.slow

STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def on_a_terminal(*arguments: str, cwd: Path) -> str:
    """Run ``tiercel`` with a terminal for its output, one that knows no colours."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "dumb", "COLUMNS": "150", "HOME": str(cwd / "home")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tiercel", *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=cwd,
        env=environment,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # nobody holds the other end any more
            break
        if not data:
            break
        shown += data
    process.wait(60)
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("case", "timeline", "case", "--host", "web-2"),
        ("case", "tree", "case"),
        ("case", "files", "case", "--all"),
        ("case", "graph", "case"),
        ("case", "status", "case", "--json"),
        ("sql", "case", "--csv", "select distinct container_name, proc_cmdline from events"),
        ("hunt", "case", "-p", "%proc.cmdline %container.name %fd.name", "evt.type in (execve, openat)"),
        ("events", "seized/hostile.scap"),
        ("scan", "--json", "seized/hostile.scap"),
        ("investigate", "seized/pipe", "seized/none\x1b[31m"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]).replace("\x1b", ""),
)
def test_a_terminal_is_not_steered(investigation: Investigation, arguments: tuple[str, ...]) -> None:
    shown = on_a_terminal(*arguments, cwd=investigation.case.parent)
    assert len(shown) > 100
    found = STEERING.search(shown)
    assert found is None, shown[max(0, found.start() - 80) : found.end() + 20]


def test_names_are_whole_in_a_pipe(investigation: Investigation) -> None:
    ran = investigation.run("sql", "case", "--json", "select distinct container_name from events where host = 'web-2'")
    assert '{"container_name": "w\\u001b[2J<b>"}' in ran.lines
