"""The command as a whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.command import SOURCE, tiercel


@pytest.mark.parametrize("command", [[], ["scan"], ["events"], ["rules"], ["rules", "check"], ["rules", "fields"]])
def test_help(command: list[str]) -> None:
    ran = tiercel(*command, "--help")
    assert ran.code == 0
    assert ran.stdout.startswith("Usage: ")
    assert "[[" not in ran.stdout


def test_help_is_quick() -> None:
    """Less than 0.3 s, counted as time on the processor: the machine may be busy with something else."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    best = 9.0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-m", "tiercel", "--help"], stdout=subprocess.PIPE, env=environment
        ) as run:
            assert run.stdout is not None
            run.stdout.read()
            _, _, used = os.wait4(run.pid, 0)
            run.returncode = 0
        best = min(best, used.ru_utime + used.ru_stime)
    assert best < 0.3


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, tiercel.cli.main; print([m for m in ('numpy', 'yaml', 'rich') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout == "[]\n"


def test_version() -> None:
    assert tiercel("--version").stdout.startswith("tiercel ")


@pytest.mark.parametrize("arguments", [["bogus"], ["rules", "bogus"], ["events"], ["rules", "show"]])
def test_wrong_usage(arguments: list[str]) -> None:
    ran = tiercel(*arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert "Usage: " in ran.stderr
