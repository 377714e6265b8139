"""The flight recorder of ``tiercel watch`` on this host."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import tiercel
from tests.recording.host import replayed
from tests.sources.live.host import watchable
from tiercel.capture.notes import ALERT, read_notes
from tiercel.replay import Replay

RULES = """
- rule: Trigger
  desc: asks for a capture
  condition: evt.type in (open, openat, openat2) and fd.name startswith FOLDER/trigger
  output: "%evt.time %fd.name %proc.cmdline %proc.pcmdline %proc.aname[2] %proc.exepath %proc.pid.ts %proc.env"
  priority: WARNING
  capture: true
  capture_duration: 1500
- rule: Act
  desc: does not
  condition: evt.type in (open, openat, openat2, unlink, unlinkat) and evt.args contains FOLDER/act
  output: "%evt.time %evt.type %evt.args %proc.cmdline %proc.cwd %user.name %proc.duration"
  priority: NOTICE
"""


@dataclass
class Watch:
    """A watch in a process of its own, with acts beside it."""

    folder: Path
    process: subprocess.Popen[str]

    def act(self, name: str) -> None:
        """Have another process make a file."""
        subprocess.run(["/usr/bin/touch", str(self.folder / name)], check=True)

    def end(self) -> tuple[list[str], str]:
        """Interrupt it; return its alerts, and what it said."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        assert "Traceback" not in err, err
        return out.splitlines(), err

    def captures(self, suffix: str = "") -> list[Path]:
        return sorted((self.folder / "captures").glob(f"*.scap{suffix}"))


def begin(folder: Path, *options: str, rules: str = RULES) -> Watch:
    file = folder / "rules.yaml"
    file.write_text(rules.replace("FOLDER", str(folder)))
    command = [sys.executable, "-m", "tiercel", "watch", "-r", str(file), "--capture-dir", str(folder / "captures")]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "watching" in line:
            return Watch(folder, process)
    raise AssertionError("tiercel watch ended")


@dataclass(frozen=True)
class Flight:
    folder: Path
    lines: list[str]
    path: Path
    beside: dict[str, Any]

    @property
    def rules(self) -> Path:
        return self.folder / "rules.yaml"


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Flight:
    """Return what a watch recorded of acts before, during and after the time of two alerts."""
    folder = tmp_path_factory.mktemp("flight")
    watch = begin(folder, "--text", "-o", "capture.default_duration=200")
    try:
        time.sleep(0.5)
        watch.act("act-before")
        time.sleep(3)
        watch.act("trigger-1")
        time.sleep(1)
        watch.act("act-during")
        watch.act("trigger-2")  # puts the end off
        time.sleep(1)
        watch.act("act-thanks-to-the-second")
        time.sleep(1.5)
        watch.act("act-after")
        time.sleep(2)
        lines, _ = watch.end()
    finally:
        watch.process.kill()
    (path,) = watch.captures()
    return Flight(folder, lines, path, json.loads(Path(f"{path}.json").read_text()))


@watchable
def test_acts_before_and_after_are_in_it(flight: Flight) -> None:
    told = "\n".join(replayed(flight.path, flight.rules))
    for name in ("act-before", "trigger-1", "act-during", "trigger-2", "act-thanks-to-the-second"):
        assert f"{flight.folder}/{name}" in told, name
    assert "act-after" not in told
    assert any(f"{flight.folder}/act-after" in line for line in flight.lines)


@watchable
def test_it_replays_to_the_same_lines(flight: Flight) -> None:
    again = replayed(flight.path, flight.rules)
    live = [line for line in flight.lines if "Tiercel internal" not in line]
    assert live[: len(again)] == again
    assert len(live) > len(again)


@watchable
def test_the_alert_about_it_tells_its_hash(flight: Flight) -> None:
    digest = hashlib.sha256(flight.path.read_bytes()).hexdigest()
    (told,) = [line for line in flight.lines if "Tiercel internal: capture written" in line]
    assert digest in told
    assert str(flight.path) in told
    assert (flight.beside["sha256"], flight.beside["size"]) == (digest, flight.path.stat().st_size)
    assert flight.beside["ended"] == "time"


@watchable
def test_it_carries_its_alerts(flight: Flight) -> None:
    again = replayed(flight.path, flight.rules)
    notes = [content for _, about, content in read_notes(flight.path) if about == ALERT]
    assert len(notes) == len(again) == flight.beside["alerts"]
    assert {entry["rule"] for entry in flight.beside["listed"] if entry["trigger"]} == {"Trigger"}
    assert [json.loads(line) for line in tiercel("events", "--alerts", flight.path).lines] == notes
    first = next(content for content in notes if content["rule"] == "Trigger")
    assert first["output_fields"]["capture.path"] == str(flight.path)
    assert flight.path.name.partition(".")[0] == first["output_fields"]["capture.id"]


@watchable
def test_its_name_is_of_its_first_trigger(flight: Flight) -> None:
    ts = int(flight.path.name.split("_")[-2])
    seen = [int(t) for batch in Replay(flight.path) for t in batch.ts[batch.visible]]
    assert seen[0] < ts - 2_500_000_000
    assert ts in seen
    assert seen[-1] >= ts + 2_500_000_000  # the second alert came a second later


@watchable
@pytest.mark.skipif(shutil.which("sysdig") is None, reason="sysdig is not installed")
def test_sysdig_reads_it(flight: Flight) -> None:
    command = ["sysdig", "-r", str(flight.path), "-p", "%proc.name %fd.name", f"fd.name startswith {flight.folder}/"]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    assert f"touch {flight.folder}/act-before" in read.stdout
    assert f"touch {flight.folder}/trigger-2" in read.stdout
    assert "act-after" not in read.stdout


@watchable
def test_json_alerts_say_where_the_capture_is(tmp_path: Path) -> None:
    watch = begin(tmp_path, "--json", "-o", "capture.default_duration=100")
    try:
        watch.act("act-1")
        watch.act("trigger")
        assert watch.process.stdout is not None
        alerts = [json.loads(watch.process.stdout.readline()) for _ in range(2)]
        assert "capture.path" not in alerts[0]["output_fields"]
        path = Path(alerts[1]["output_fields"]["capture.path"])
        assert path.with_name(path.name + ".part").exists() or path.exists()  # at once
        lines, _ = watch.end()
    finally:
        watch.process.kill()
    done = [json.loads(line) for line in lines if "Tiercel internal" in line]
    assert [alert["output_fields"]["capture.path"] for alert in done] == [str(path)]
    assert done[0]["output_fields"]["capture.ended"] == "the watch ended"
    assert path.exists()


@watchable
def test_nothing_is_captured_unless_asked_for(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("FOLDER", str(tmp_path)))
    command = [sys.executable, "-m", "tiercel", "watch", "-r", str(rules), "--seconds", "2", "--json"]
    process = subprocess.Popen(
        [*command, "-o", f"capture.path_prefix={tmp_path}/c"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert any("watching" in line for line in process.stderr)
    subprocess.run(["/usr/bin/touch", str(tmp_path / "trigger")], check=True)
    out, _ = process.communicate(timeout=30)
    assert "capture.path" not in out
    assert json.loads(out.splitlines()[0])["rule"] == "Trigger"
    assert not list(tmp_path.glob("c_*"))


@watchable
def test_what_a_kill_leaves_behind_is_readable_and_completed(tmp_path: Path) -> None:
    watch = begin(tmp_path, "--text", rules=RULES.replace("capture_duration: 1500", "capture_duration: 60000"))
    watch.act("trigger")
    time.sleep(2.5)
    watch.process.kill()
    watch.process.communicate()
    (part,) = watch.captures(".part")
    alerts = [content for _, about, content in read_notes(part) if about == ALERT]
    assert f"{tmp_path}/trigger" in [alert["output_fields"]["fd.name"] for alert in alerts]
    bytes_left = part.read_bytes()

    watch = begin(tmp_path, "--json")
    time.sleep(2)
    lines, _ = watch.end()
    assert watch.captures(".part") == []
    (path,) = watch.captures()
    assert path.read_bytes() == bytes_left
    told = next(json.loads(line) for line in lines if "Tiercel internal: capture written" in line)["output_fields"]
    assert told["capture.ended"] == "interrupted"
    assert told["capture.sha256"] == hashlib.sha256(bytes_left).hexdigest()
    assert int(told["capture.alerts"]) >= 1
    assert json.loads(Path(f"{path}.json").read_text())["listed"][0]["rule"] == "Trigger"


@watchable
@pytest.mark.slow
def test_captures_go_into_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.setenv("TIERCEL_KEY", str(tmp_path / "key.pem"))
    watch = begin(tmp_path, "--text", "--case", str(tmp_path / "case"))
    watch.act("trigger")
    time.sleep(0.5)
    _, err = watch.end()
    command = [sys.executable, "-m", "tiercel", "case", "status", str(tmp_path / "case")]
    status = subprocess.run(command, capture_output=True, text=True, check=True)
    (path,) = watch.captures()
    assert path.name in status.stdout, (status.stdout, err)
