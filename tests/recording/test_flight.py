"""The flight recorder over a recording in place of a live source."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.recording.host import WEBSHELL, Recorded, detection, replayed
from tests.reference import SHARED, needs_reference
from tiercel.capture.notes import ALERT, CAPTURE, read_notes
from tiercel.capture.settings import CaptureSettings
from tiercel.outputs.alert import Alert
from tiercel.recording.flight import FlightRecorder, path_of
from tiercel.replay import Replay
from tiercel.watching.loop import Watch

RULES = """
- rule: A shell is started
  desc: a trigger
  condition: evt.type = execve and evt.arg.res = 0 and proc.name in (sh, bash) and proc.pname != ""
  output: "%evt.time %proc.cmdline %proc.pcmdline %proc.aname[2] %proc.exepath %proc.pid.ts %proc.ppid.duration"
  priority: WARNING
  capture: true
  capture_duration: 50
- rule: A file is opened
  desc: no trigger
  condition: evt.type in (open, openat) and fd.num >= 0
  output: "%evt.time %proc.cmdline %fd.name %fd.nameraw %fd.typechar %container.name %k8s.pod.name %user.name"
  priority: NOTICE
"""


Flown = tuple[list[str], list[Alert]]


def flown(folder: Path, settings: CaptureSettings, rules: str = RULES, size: int = 200) -> Flown:
    """Watch the recording with a flight recorder; return the alerts as lines, and those about captures."""
    file = folder / "rules.yaml"
    file.write_text(rules)
    source = Recorded(WEBSHELL, size)
    recorder = FlightRecorder(settings, source.tracker, source.hostname, "recorded")
    lines: list[str] = []
    about: list[Alert] = []

    class Lines:
        def send(self, line: bytes, alert: Alert) -> None:
            lines.append(line.decode().rstrip("\n"))

    watch = Watch(source, detection(file, json=False), None, Lines(), [recorder])  # type: ignore[arg-type]
    recorder.tell = about.append
    watch.tick = lambda: None  # type: ignore[method-assign]  # the recording has another time
    watch.run()
    return lines, about


def beside(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_name(path.name + ".json").read_text())
    return found


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], list[Alert], list[Path]]:
    folder = tmp_path_factory.mktemp("flight")
    lines, about = flown(folder, CaptureSettings(enabled=True, path_prefix=f"{folder}/c", before=5))
    return folder, lines, about, sorted(folder.glob("c_*.scap"))


@needs_reference
def test_there_are_captures(flight: tuple[Path, list[str], list[Alert], list[Path]]) -> None:
    _, lines, about, paths = flight
    assert paths
    assert [alert.output_fields["capture.path"] for alert in about] == [str(path) for path in paths]
    assert len(lines) > 100


@needs_reference
def test_they_replay_to_the_same_alerts(flight: tuple[Path, list[str], list[Alert], list[Path]]) -> None:
    folder, lines, _, paths = flight
    for path in paths:
        again = replayed(path, folder / "rules.yaml")
        assert again
        at = lines.index(again[0])
        assert lines[at : at + len(again)] == again


@needs_reference
def test_they_are_as_told(flight: tuple[Path, list[str], list[Alert], list[Path]]) -> None:
    folder, _, about, paths = flight
    for path, alert in zip(paths, about, strict=True):
        told = beside(path)
        assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == alert.output_fields["capture.sha256"]
        assert told["size"] == path.stat().st_size
        replay = Replay(path)
        times = [int(ts) for batch in replay for ts in batch.ts[batch.visible]]
        assert told["events"] == len(times)
        assert told["first_time"] == Alert(times[0], "", "", "", "", "", "").iso_time
        assert told["last_time"] == Alert(times[-1], "", "", "", "", "", "").iso_time
        assert told["ended"] in ("time", "the watch ended")
        assert path.stat().st_mode & 0o777 == 0o600
        assert not list(folder.glob("*.part"))


@needs_reference
def test_they_carry_their_alerts(flight: tuple[Path, list[str], list[Alert], list[Path]]) -> None:
    folder, _, _, paths = flight
    for path in paths:
        notes = list(read_notes(path))
        assert notes[0][1] == CAPTURE
        assert notes[0][2]["rule"] == "A shell is started"
        alerts = [content for _, about, content in notes if about == ALERT]
        assert len(alerts) == len(replayed(path, folder / "rules.yaml")) == beside(path)["alerts"]
        triggers = [alert for alert in alerts if alert["rule"] == "A shell is started"]
        assert triggers[-1]["output_fields"]["capture.path"] == str(path)
        assert beside(path)["listed"][0]["alert"] == alerts[0]


@needs_reference
def test_what_was_before_is_in_it(flight: tuple[Path, list[str], list[Alert], list[Path]]) -> None:
    _, _, _, paths = flight
    for path in paths:
        ts = int(path.name.split("_")[-2])
        times = [int(t) for batch in Replay(path) for t in batch.ts[batch.visible]]
        assert times[-1] >= ts
        source_first = next(int(b.ts[b.visible][0]) for b in Replay(WEBSHELL))
        assert times[0] <= max(ts - 5_000_000_000, source_first)


@needs_reference
@pytest.mark.parametrize("size", [1, 37, 5000])
def test_batches_do_not_matter(tmp_path: Path, size: int) -> None:
    if size == 1:
        size = 11
    lines, about = flown(tmp_path, CaptureSettings(enabled=True, path_prefix=f"{tmp_path}/c", before=0.5), size=size)
    for alert in about:
        again = replayed(Path(alert.output_fields["capture.path"]), tmp_path / "rules.yaml")
        at = lines.index(again[0])
        assert lines[at : at + len(again)] == again


@needs_reference
def test_every_rule_when_asked(tmp_path: Path) -> None:
    settings = CaptureSettings(enabled=True, path_prefix=f"{tmp_path}/c", all_rules=True, default_duration=10)
    _, about = flown(tmp_path, settings, RULES.replace("capture: true", "capture: false"))
    assert about


@needs_reference
def test_a_folder_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    lines, about = flown(tmp_path, CaptureSettings(enabled=True, path_prefix=f"{tmp_path}/none/c"))
    assert [alert.rule for alert in about] == ["Tiercel internal: capture not written"]
    assert "No such file" in about[0].output
    assert len(lines) > 100


@needs_reference
@pytest.mark.skipif(os.geteuid() != 0, reason="takes root: a small file system is mounted")
def test_a_full_disk_is_told_and_the_watch_goes_on(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        lines, about = flown(tmp_path, CaptureSettings(enabled=True, path_prefix=f"{disk}/c"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert [alert.rule for alert in about] == ["Tiercel internal: capture not written"]
    assert "No space left on device" in about[0].output
    assert len(lines) > 100


@needs_reference
def test_a_capture_that_grows_too_large_ends(tmp_path: Path) -> None:
    rules = RULES.replace("capture_duration: 50", "capture_duration: 3600000")
    settings = CaptureSettings(enabled=True, path_prefix=f"{tmp_path}/c", max_file_bytes=40_000, before=1)
    _, about = flown(tmp_path, settings, rules, 20)
    told = {alert.rule for alert in about}
    assert "Falco internal: capture size limit reached" in told
    for path in tmp_path.glob("c_*.scap"):
        assert path.stat().st_size < 400_000


@needs_reference
def test_memory_is_bounded(tmp_path: Path) -> None:
    noisy = SHARED / "captures" / "modern" / "e-noisy-mixture" / "e-noisy-mixture.scap"
    source = Recorded(noisy, 1000)
    memory = 2 << 20
    recorder = FlightRecorder(
        CaptureSettings(enabled=True, path_prefix=f"{tmp_path}/c", memory_bytes=memory), source.tracker, "x"
    )
    sizes = []
    for k, batch in enumerate(source):
        recorder.see(batch, ())
        sizes.append(recorder.window.size)
        if k == 300:
            break
    assert max(sizes) < 1.5 * memory
    assert max(sizes) > 0.5 * memory
    recorder.close()


@needs_reference
def test_a_clock_that_is_set_back(tmp_path: Path) -> None:
    source = Recorded(WEBSHELL, 50)
    recorder = FlightRecorder(CaptureSettings(enabled=True, path_prefix=f"{tmp_path}/c"), source.tracker, "x")
    for k, batch in enumerate(source):
        if k >= 20:
            batch.ts = batch.ts - np.uint64(3_600_000_000_000)
        recorder.see(batch, ())
        if k == 100:
            break
    assert recorder.window.snapshots < 5
    assert recorder.window.newest(0)[-1].events > 0
    recorder.close()


def test_names_are_falcos() -> None:
    path = path_of("/tmp/falco", 1234567890, 42)
    assert str(path) == "/tmp/falco_00000000001234567890_00000000000000000042.scap"
