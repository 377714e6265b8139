"""What was seen live, written as a capture: well-formed for other readers, and with the same alerts on replay."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.sources.live.host import watchable
from tiercel.capture.writer import CaptureWriter
from tiercel.model.columns import FdKind
from tiercel.replay import Replay
from tiercel.scanning import prepare
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.wanted import events_for

RULES = """
- rule: A file of mine is opened
  desc: opened by name
  condition: evt.type in (open, openat, openat2) and fd.name startswith FOLDER
  output: "%proc.cmdline %proc.pcmdline %fd.name %evt.arg.flags %proc.exepath %user.name %proc.aname[2]"
  priority: NOTICE
- rule: Executed from the folder
  desc: a program of mine
  condition: evt.type in (execve, execveat) and evt.arg.res = 0 and proc.exepath startswith FOLDER
  output: "%proc.cmdline %proc.env %proc.pname %proc.cwd %proc.is_exe_writable %proc.pid %proc.sid %proc.tty"
  priority: WARNING
- rule: Connected
  desc: an end of a connection
  condition: evt.type = connect and evt.arg.addr endswith :9 and proc.name startswith python
  output: "%proc.cmdline %evt.arg.addr %evt.res %evt.rawres"
  priority: NOTICE
- rule: Removed
  desc: gone
  condition: evt.type in (unlink, unlinkat, rename, rmdir) and evt.arg.path contains FOLDER
  output: "%evt.type %evt.args %proc.cmdline"
  priority: NOTICE
"""

SCRIPT = """
import os, shutil, socket, subprocess, sys
folder = sys.argv[1]
shutil.copy("/bin/true", folder + "/program")
subprocess.run([folder + "/program", "an argument"], cwd=folder, env={"A": "b"})
open(folder + "/text", "w").close()
s = socket.socket()
try: s.connect(("127.0.0.1", 9))
except OSError: pass
os.unlink(folder + "/text")
os.unlink(folder + "/program")
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """Return the rules, a capture of what was watched, and the alerts raised live."""
    folder = tmp_path_factory.mktemp("acts")
    rules, capture = tmp_path_factory.mktemp("seen") / "rules.yaml", folder.parent / "seen.scap"
    rules.write_text(RULES.replace("FOLDER", str(folder)))
    detection = prepare([], [rules]).detection
    assert detection is not None
    lines: list[str] = []
    with LiveSource(events_for(detection.rules), seconds=30) as source:
        stream = source.stream
        # sysdig of 2022 refuses descriptors of kinds it does not know
        known = [
            (tid, [record for record in records if record.type <= FdKind.NETLINK])
            for tid, records in stream.descriptors
        ]
        with CaptureWriter(capture, stream.world, stream.threads, known) as writer:

            def run() -> None:
                subprocess.run([sys.executable, "-I", "-c", SCRIPT, str(folder)], check=True)
                source.stop()

            thread = threading.Thread(target=run)
            thread.start()
            for batch in source:
                writer.write_batch(batch)
                lines += detection.lines(batch, detection.match(batch)).decode().splitlines()
            thread.join()
    return rules, capture, lines


@watchable
def test_the_rules_match_live(recorded: tuple[Path, Path, list[str]]) -> None:
    _, _, lines = recorded
    told = "\n".join(lines)
    for text in ("program an argument A=b python", "127.0.0.1:9", "ECONNREFUSED", "unlink ", "O_CREAT"):
        assert text in told, (text, told)


@watchable
def test_a_replay_raises_the_same_alerts(recorded: tuple[Path, Path, list[str]]) -> None:
    rules, capture, lines = recorded
    detection = prepare([], [rules]).detection
    assert detection is not None
    replayed: list[str] = []
    replay = Replay(capture)
    for batch in replay:
        replayed += detection.lines(batch, detection.match(batch)).decode().splitlines()
    assert replay.damage is None
    assert replayed == lines


@watchable
@pytest.mark.skipif(shutil.which("sysdig") is None, reason="sysdig is not installed")
def test_sysdig_reads_the_recording(recorded: tuple[Path, Path, list[str]]) -> None:
    _, capture, _ = recorded
    command = ["sysdig", "-r", str(capture), "-p", "%evt.type %proc.cmdline %evt.args"]
    read = subprocess.run(command, capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    assert "program an argument" in read.stdout
