"""The systemd unit: as systemd reads it, as systemd rates it, and running under a systemd."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.booted import UNIT, booted, why_not
from tests.deploy.lines import line_with
from tests.sources.live.host import watchable
from tiercel.sources.live.privileges import AUDIT, AUDIT_DAEMON, NUMBERS, PROBE, PROCESSES

needs_analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="takes systemd-analyze")

MOST = 30
"""Tenths of the exposure that systemd-analyze computes, of 10.0."""

RULE = """\
- rule: looked at
  desc: a file of the test is opened
  condition: evt.type in (open, openat) and fd.name = {path}
  output: it was opened (file=%fd.name parent=%proc.ppid)
  priority: WARNING
"""
CONFIG = """\
rules_files: [{rules}]
json_output: true
webserver: {{enabled: true, listen_address: 127.0.0.1, listen_port: 0}}
http_output: {{enabled: true, url: "http://127.0.0.1:1/"}}
"""


@needs_analyze
def test_systemd_understands_everyline_with(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_analyze
def test_systemd_rates_it_as_well_protected() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST}", UNIT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_it_may_do_what_watching_takes_and_no_more() -> None:
    line = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", UNIT.read_text())
    assert line is not None
    assert set(line[1].split()) == {*PROBE, *PROCESSES, *AUDIT, *AUDIT_DAEMON}


@pytest.mark.slow
@pytest.mark.skipif(bool(why_not()), reason=f"systemd cannot be booted here: {why_not()}")
@watchable
def test_it_watches_reloads_and_ends_under_systemd(tmp_path: Path) -> None:
    looked_at, rules = tmp_path / "looked-at", tmp_path / "rules.yaml"
    looked_at.touch()
    rules.write_text(RULE.format(path=looked_at))
    with booted(tmp_path, CONFIG.format(rules=rules)) as system:
        assert system.wait("ActiveState", "active", "failed") == "active", (tmp_path / "err").read_text()

        looked_at.read_bytes()
        alert = line_with(system.folder / "out", "looked at")
        assert json.loads(alert)["output_fields"]["fd.name"] == str(looked_at)

        pid = system.show("MainPID")
        status = dict(line.split(":\t", 1) for line in system.do("cat", f"/proc/{pid}/status").splitlines())
        bits = sum(1 << NUMBERS[name] for name in (*PROBE, *PROCESSES, *AUDIT, *AUDIT_DAEMON))
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == bits
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert system.do("ls", "/var/lib/tiercel/outputs").endswith("lock")  # alerts wait there
        assert system.do("stat", "--format=%a", "/var/lib/tiercel/outputs") == "700"

        rules.write_text(rules.read_text().replace("looked at", "seen again"))
        system.do("systemctl", "reload", "tiercel.service")
        assert line_with(tmp_path / "err", "rules reloaded")
        looked_at.read_bytes()
        assert line_with(system.folder / "out", "seen again")
        assert system.show("MainPID") == pid

        system.do("systemctl", "stop", "tiercel.service")
        assert system.show("ActiveState") == "inactive"
        assert system.show("Result") == "success", (tmp_path / "err").read_text()
