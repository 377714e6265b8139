"""``tiercel watch`` from the outside."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sources.live.host import watchable

RULE = """
- rule: Marked file opened
  desc: a name nobody else uses
  condition: evt.type in (open, openat, openat2) and fd.name = FILE
  output: opened %fd.name by %proc.cmdline
  priority: NOTICE
"""


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    path = tmp_path / "marked"
    path.write_text("x")
    (tmp_path / "rules.yaml").write_text(RULE.replace("FILE", str(path)))
    return path


def start(marked: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tiercel", "watch", "-r", str(marked.parent / "rules.yaml"), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "watching" in line:
            return process
    raise AssertionError("tiercel watch ended")


@watchable
def test_an_alert_comes_at_once_and_ctrl_c_ends_with_totals(marked: Path) -> None:
    with start(marked, "--json", "--stats") as process:
        assert process.stdout is not None
        subprocess.run(["cat", str(marked)], check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        alert = json.loads(process.stdout.readline())  # while it is still running
        assert time.monotonic() - began < 5
        assert process.poll() is None
        assert alert["rule"] == "Marked file opened"
        assert alert["output_fields"]["proc.cmdline"] == f"cat {marked}"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "events in" in err
    assert "1 alerts, 0 events lost" in err
    assert "Marked file opened: 1" in err
    assert "Traceback" not in err
    assert out == ""


@watchable
def test_it_ends_by_itself_after_the_time_given(marked: Path) -> None:
    with start(marked, "--seconds", "0.5") as process:
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out == ""
    assert "0 alerts" in err


def test_rules_that_do_not_load_are_told(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("- rule: Broken\n  condition: no.such.field = 1\n")
    command = [sys.executable, "-m", "tiercel", "watch", "-r", str(tmp_path / "rules.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
