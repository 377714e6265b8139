"""``tiercel record`` on this host."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import tiercel
from tests.recording.host import replayed
from tests.sources.live.host import watchable
from tiercel.replay import Replay

RULES = """
- rule: Mine
  desc: acts of a test
  condition: evt.type in (open, openat, openat2) and fd.name startswith FOLDER/
  output: "%evt.time %fd.name %proc.cmdline %proc.exepath %proc.pname %proc.acmdline[2] %proc.pid.ts"
  priority: NOTICE
"""


class Record:
    """A recording in a process of its own."""

    def __init__(self, *options: str | Path) -> None:
        command = [sys.executable, "-m", "tiercel", "record", *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        assert "recording" in said, said

    def end(self) -> tuple[list[str], str]:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, err
        assert "Traceback" not in err
        return out.splitlines(), err


def touch(path: Path) -> None:
    subprocess.run(["/usr/bin/touch", str(path)], check=True)


def rules(folder: Path) -> Path:
    path = folder / "rules.yaml"
    path.write_text(RULES.replace("FOLDER", str(folder)))
    return path


def checked(folder: Path, sums: str) -> list[str]:
    """Return the files that ``sha256sum`` finds as listed."""
    ran = subprocess.run(["sha256sum", "-c", sums], cwd=folder, capture_output=True, text=True, check=True)
    return [line.removesuffix(": OK") for line in ran.stdout.splitlines()]


@watchable
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_acts_are_in_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"host.scap{suffix}"
    record = Record("-w", path, "--json")
    touch(tmp_path / "marked")
    lines, err = record.end()
    about = json.loads(lines[0])
    assert about["path"] == str(path)
    assert about["size"] == path.stat().st_size
    assert about["events"] == sum(int(batch.visible.sum()) for batch in Replay(path))
    assert " lost" in err
    assert checked(tmp_path, f"{path.name}.sha256") == [path.name]
    (told,) = [line for line in replayed(path, rules(tmp_path)) if "marked" in line]
    assert f"{tmp_path}/marked touch {tmp_path}/marked /usr/bin/touch" in told
    assert path.stat().st_mode & 0o777 == 0o600


@watchable
def test_a_filter_leaves_others_out_and_keeps_names(tmp_path: Path) -> None:
    path = tmp_path / "host.scap"
    with open(tmp_path / "open before", "w") as before:
        record = Record("-w", path, "evt.type in (close, fchmod) and fd.name contains " + str(tmp_path))
        subprocess.run(["/bin/sh", "-c", "exec 5>&1"], stdout=before, check=True)
        touch(tmp_path / "marked")
        record.end()
    shown = tiercel("events", path, "-p", "%evt.type %proc.cmdline %fd.name").lines
    assert any(line.endswith(f"close touch {tmp_path}/marked {tmp_path}/marked") for line in shown), shown
    assert {line.split()[0] for line in shown} <= {"close", "fchmod", "drop"}


@watchable
def test_a_ring_of_files_each_readable_alone(tmp_path: Path) -> None:
    record = Record("-w", tmp_path / "host.scap", "-C", "0.3", "-W", "3", "--json")
    with open(tmp_path / "held open", "w") as held:
        sleeping = subprocess.Popen(["/bin/sleep", "60"], stdout=held)
    try:
        for k in range(40):
            touch(tmp_path / f"marked-{k:02d}")
            subprocess.run(["/bin/ls", "-l", "/usr/bin", "/etc"], stdout=subprocess.DEVNULL, check=True)
            time.sleep(0.05)
        lines, _ = record.end()
    finally:
        sleeping.kill()
        sleeping.wait()
    files = sorted(tmp_path.glob("host.scap[0-9]*"))
    assert [path.name for path in files] == ["host.scap0", "host.scap1", "host.scap2"]
    assert sorted(checked(tmp_path, "host.scap.sha256")) == [path.name for path in files]
    assert sorted(json.loads(line)["path"] for line in lines) == [str(path) for path in files]
    alerts = []
    for path in sorted(files, key=lambda path: path.stat().st_mtime_ns):
        alerts += [line for line in replayed(path, rules(tmp_path)) if "/marked-" in line]
        assert all("/usr/bin/touch" in line for line in alerts)
        if shutil.which("sysdig"):
            command = ["sysdig", "-r", str(path), "-p", "%evt.type", "-n", "100"]
            read = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (read.returncode, read.stderr) == (0, "")
    names = [line.split()[3].rpartition("/")[2] for line in alerts]
    assert names == [f"marked-{k:02d}" for k in range(40 - len(names), 40)]  # the last ones, none twice, none missing
    assert names


@watchable
def test_another_file_every_second(tmp_path: Path) -> None:
    record = Record("-w", tmp_path / "%Y-%H%M%S.scap", "-G", "1")
    for k in range(8):
        touch(tmp_path / f"marked-{k}")
        time.sleep(0.4)
    record.end()
    files = sorted(tmp_path.glob("2*.scap"))
    assert len(files) >= 3
    names = [line.split()[3] for path in files for line in replayed(path, rules(tmp_path)) if "/marked-" in line]
    assert names == [f"{tmp_path}/marked-{k}" for k in range(8)]


@watchable
def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "host.scap"
    path.write_text("mine")
    ran = tiercel("record", "-w", path, "--seconds", "1")
    assert ran.code == 1
    assert "is there already" in ran.stderr
    assert path.read_text() == "mine"
    assert tiercel("record", "-w", path, "--seconds", "0.5", "--overwrite").code == 0
    assert path.stat().st_size > 1000


@watchable
def test_what_a_kill_leaves_is_readable_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "host.scap.gz"
    record = Record("-w", path)
    touch(tmp_path / "marked")
    time.sleep(2.5)
    record.process.kill()
    record.process.communicate()
    part = tmp_path / "host.scap.gz.part"
    assert any(
        line.endswith(f"{tmp_path}/marked") for line in tiercel("events", part, "-p", "%evt.type %fd.name").lines
    )
    left = part.read_bytes()
    ran = tiercel("record", "-w", path, "--seconds", "1")
    assert (ran.code, part.read_bytes()) == (1, left)
    assert f"{part}: is there already" in ran.stderr


@watchable
@pytest.mark.slow
def test_audit_in_place_of_ebpf(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tiercel", "record", "--source", "audit", "-w", str(tmp_path / "host.scap")]
    condition = f"evt.type in (open, openat) and fd.name startswith {tmp_path}/marked"
    process = subprocess.Popen([*command, condition], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "recording" in line:
            break
    else:
        pytest.skip(f"this host cannot be audited: {said}")
    touch(tmp_path / "marked")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    shown = tiercel("events", tmp_path / "host.scap", "-p", "%proc.cmdline %fd.name").lines
    assert f"touch {tmp_path}/marked {tmp_path}/marked" in shown


@watchable
def test_data_can_be_cut(tmp_path: Path) -> None:
    path = tmp_path / "host.scap"
    record = Record("-w", path, "-s", "4", "evt.type = write and proc.name = printf")
    subprocess.run(["/usr/bin/printf", "secret passphrase"], stdout=subprocess.DEVNULL, check=True)
    record.end()
    data = path.read_bytes()
    assert b"secr" in data
    written = tiercel("events", path, "-p", "%evt.type %evt.arg.data").lines
    assert written == ["write secr"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-w", "x.scap", "evt.typo = open"], "filter:1:1"),
        (["-w", "x.scap", "-W", "3"], "-W counts the files"),
        (["-w", "no/such/folder/x.scap", "--seconds", "1"], "no/such/folder"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, options: list[str], message: str) -> None:
    ran = tiercel("record", *options, cwd=tmp_path)
    assert ran.code == 1
    assert message in ran.stderr or "takes root" in ran.stderr
