"""An install without a C compiler finds the same, and says once that it is slower."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tiercel
from tests.capture.stories import break_in
from tiercel import kernels

NOTICE = "the kernels are not compiled"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as it is without a compiler."""
    root = tmp_path_factory.mktemp("plain")
    ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    shutil.copytree(Path(tiercel.__file__).parent, root / "tiercel", ignore=ignored)
    return root


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captures") / "break-in.scap"
    break_in().write(path)
    return path


def run(root: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tiercel", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root), "TZ": "UTC"},
    )


def test_same_alerts_and_one_notice(plain: Path, capture: Path) -> None:
    slow = run(plain, "scan", capture, capture, "--json")
    usual = run(Path(tiercel.__file__).parents[1], "scan", capture, capture, "--json")
    assert usual.stdout.count("\n") > 0
    assert slow.stdout == usual.stdout
    assert slow.stderr.count(NOTICE) == 1
    assert len(slow.stderr.splitlines()) == 1


def test_same_events_and_one_notice(plain: Path, capture: Path) -> None:
    template = "%evt.num %evt.type %evt.args %proc.cmdline %proc.aname[2] %fd.name"
    slow = run(plain, "events", capture, "-p", template)
    usual = run(Path(tiercel.__file__).parents[1], "events", capture, "-p", template)
    assert usual.stdout.count("\n") > 20
    assert slow.stdout == usual.stdout
    assert slow.stderr.count(NOTICE) == 1


def test_the_notice_is_given_only_when_due(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for runs_compiled, said in ((True, 0), (False, 1)):
        kernels.tell_if_slow.cache_clear()
        caplog.clear()
        monkeypatch.setattr(kernels, "compiled", lambda answer=runs_compiled: answer)
        with caplog.at_level(logging.WARNING, "tiercel"):
            kernels.tell_if_slow()
            kernels.tell_if_slow()
        assert len(caplog.records) == said
    kernels.tell_if_slow.cache_clear()
