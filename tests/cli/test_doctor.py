"""``tiercel doctor``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import SOURCE, tiercel
from tests.sources.live.host import watchable


def checks(text: str) -> dict[str, Any]:
    return {f"{check['group']}: {check['name']}": check for check in json.loads(text)["checks"]}


def under(*command: str) -> subprocess.CompletedProcess[str]:
    """Run the doctor under a command that takes rights away."""
    return subprocess.run(
        [*command, sys.executable, "-m", "tiercel", "doctor", "--json"], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip


@watchable
def test_a_host_that_can_be_watched() -> None:
    ran = tiercel("doctor")
    assert ran.code == 0, ran.stdout
    assert ran.stdout.startswith("kernel\n")
    assert "This process can watch the host with eBPF" in ran.lines[-1]


@watchable
def test_without_capabilities_it_says_which() -> None:
    done = under("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["ways"] == []
    found = checks(done.stdout)
    assert found["probe: capabilities"]["verdict"] == "fail"
    assert "CAP_BPF and CAP_PERFMON missing" in found["probe: capabilities"]["found"]
    assert "sudo" in found["probe: capabilities"]["advice"]
    assert found["settings: rules"]["verdict"] == "ok"


@watchable
def test_with_those_of_the_service_it_can() -> None:
    given = "-all,+bpf,+perfmon"
    done = under("setpriv", f"--bounding-set={given}", f"--inh-caps={given}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ways"] == ["ebpf"]
    assert checks(done.stdout)["audit: subsystem"]["verdict"] == "warn"  # not needed


@watchable
def test_a_rootless_container_is_told_why_it_cannot() -> None:
    done = under("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
    if "unshare" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 1, done.stderr
    found = checks(done.stdout)
    assert "rootless" in found["probe: user namespace"]["found"]
    assert "HOST_ROOT" in found["kernel: processes of the host"]["advice"]


def test_configuration_and_rules_are_tried(tmp_path: Path, rules: Callable[[str], Path]) -> None:
    config = tmp_path / "falco.yaml"
    config.write_text("json_output: true\nlibs_logger: {enabled: true}\n")
    broken = rules("- rule: r\n  desc: d\n  condition: proc.nmae = x\n  output: o\n  priority: INFO\n")
    found = checks(tiercel("doctor", "--json", "-c", config, "-r", broken).stdout)
    assert found["settings: configuration"]["verdict"] == "warn"
    assert "libs_logger" in found["settings: configuration"]["found"]
    assert found["settings: rules"]["verdict"] == "fail"


def test_a_configuration_that_is_no_yaml(tmp_path: Path) -> None:
    config = tmp_path / "falco.yaml"
    config.write_text("a: [")
    found = checks(tiercel("doctor", "--json", "-c", config).stdout)
    assert found["settings: configuration"]["verdict"] == "fail"
    assert found["settings: configuration"]["found"].startswith(f"{config}:")


def test_folders_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    options = ["-o", "http_output.enabled=true", "-o", "http_output.url=http://127.0.0.1:1/", "-o",
               "file_output.enabled=true", "-o", f"file_output.filename={tmp_path}/missing/alerts.log"]  # fmt: skip
    found = checks(tiercel("doctor", "--json", *options, STATE_DIRECTORY=str(tmp_path / "state")).stdout)
    assert found["storage: queue of alerts"]["verdict"] == "fail"
    assert "is no folder" in found["storage: queue of alerts"]["found"]
    assert "does not exist" in found["storage: file of alerts"]["found"]
    found = checks(tiercel("doctor", "--json", *options, STATE_DIRECTORY=str(tmp_path / "other")).stdout)
    assert f"{tmp_path}/other/outputs, made when needed" in found["storage: queue of alerts"]["found"]
    assert found["storage: captures"]["found"] == "capture is off"
    options += ["-o", "capture.enabled=true", "-o", f"capture.path_prefix={tmp_path}/captures/alert"]
    found = checks(tiercel("doctor", "--json", *options).stdout)
    assert "does not exist" in found["storage: captures"]["found"]
    (tmp_path / "captures").mkdir()
    found = checks(tiercel("doctor", "--json", *options).stdout)
    assert found["storage: captures"]["found"].startswith(f"{tmp_path}/captures; ")


def test_what_a_host_chose_as_names_cannot_move_the_cursor(tmp_path: Path) -> None:
    ran = tiercel("doctor", "-c", tmp_path / "a\x1b[2Jb.yaml")
    assert "\x1b" not in ran.stdout
