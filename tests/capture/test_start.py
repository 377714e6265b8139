"""A capture that begins anywhere in another one raises the same alerts from there on."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recording.host import WEBSHELL, Recorded, detection, replayed
from tests.reference import SHARED, needs_reference
from tiercel.capture.event_blocks import event_blocks
from tiercel.capture.notes import CAPTURE, read_notes
from tiercel.capture.start import start
from tiercel.model.batch import Tables
from tiercel.model.columns import P
from tiercel.model.event import Event
from tiercel.model.world import Group, Machine, User, World
from tiercel.replay import Replay
from tiercel.state.track import Tracker

_ENOUGH = 200  # batches

RULES = """
- rule: Executed
  desc: a program
  condition: evt.type in (execve, execveat) and evt.arg.res = 0
  output: >
    %evt.time %proc.cmdline %proc.exepath %proc.pname %proc.aname[2] %proc.cwd %proc.env %proc.tty %user.name
    %group.name %proc.pid.ts %proc.ppid.ts %proc.sid.exe %proc.is_exe_upper_layer %container.id %container.name
    %container.image.repository %k8s.pod.name %k8s.ns.name
  priority: NOTICE
- rule: Descriptor
  desc: what it is about
  condition: fd.num >= 0 and evt.type in (open, openat, close, connect, accept4, dup, dup2, dup3, fcntl, sendto, read)
  output: "%evt.time %evt.type %fd.num %fd.name %fd.nameraw %fd.typechar %fd.cip %fd.sip %fd.sport %fd.ino %proc.name"
  priority: NOTICE
- rule: Gone
  desc: at the end
  condition: evt.type in (unlink, unlinkat, rename, procexit, chdir, setuid, kill)
  output: "%evt.time %evt.type %evt.args %proc.cmdline %proc.acmdline[1] %proc.duration %thread.tid"
  priority: NOTICE
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return path


def beginning_at(source: Path, target: Path, rules: Path, size: int, at: int) -> list[str]:
    """Write what comes after batch ``at`` of a capture into another; return the alerts from there on."""
    recorded, running, lines = Recorded(source, size), detection(rules, json=False), []
    with target.open("wb") as file:
        for k, batch in enumerate(recorded):
            if k > at + _ENOUGH:
                break
            if k > at:
                blocks, _ = event_blocks(batch, np.arange(batch.count, dtype=np.int64), ~batch.visible)
                file.write(blocks)
                lines += running.lines(batch, running.match(batch)).decode().splitlines()
            elif k == at:
                file.write(start(recorded.tracker, int(batch.ts[-1])).blocks({"of": source.name}))
    recorded.close()
    return lines


CAPTURES = sorted((SHARED / "captures").rglob("*.scap")) if SHARED.is_dir() else []


@needs_reference
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_raises_the_same_alerts(path: Path, rules: Path, tmp_path: Path) -> None:
    total = 0
    for size, at in ((40, 0), (500, 1)):
        lines = beginning_at(path, tmp_path / "rest.scap", rules, size, at)
        assert not lines or replayed(tmp_path / "rest.scap", rules) == lines
        total += len(lines)
    assert total


@needs_reference
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(100, 3000), at=st.integers(0, 20))
def test_wherever_it_begins(size: int, at: int, rules: Path, tmp_path: Path) -> None:
    lines = beginning_at(WEBSHELL, tmp_path / "rest.scap", rules, size, at)
    assert not lines or replayed(tmp_path / "rest.scap", rules) == lines


def test_users_and_groups_of_containers_are_told(tmp_path: Path) -> None:
    world = World(machine=Machine(hostname="web-1"))
    world.users[b"", 0] = User(0, 0, b"root", b"/root", b"/bin/bash")
    world.users[b"3ad7b26ded6d", 1000] = User(1000, 1001, b"app", b"/srv", b"/bin/sh")
    world.groups[b"3ad7b26ded6d", 1001] = Group(1001, b"apps")
    tracker = Tracker(Tables(), world)
    path = tmp_path / "start.scap"
    path.write_bytes(start(tracker, 1_700_000_000_000_000_000).blocks({"rule": "r"}))
    (batch,) = Replay(path)
    assert batch.world is not None
    assert batch.world.users == world.users
    assert batch.world.groups == world.groups
    assert batch.world.machine == world.machine
    assert not batch.visible.any()
    assert [(about, content) for _, about, content in read_notes(path)] == [(CAPTURE, {"rule": "r"})]


@needs_reference
@pytest.mark.skipif(shutil.which("sysdig") is None, reason="sysdig is not installed")
@pytest.mark.parametrize("path", [path for path in CAPTURES if "modern" not in path.parts], ids=lambda path: path.stem)
def test_sysdig_reads_it(path: Path, rules: Path, tmp_path: Path) -> None:
    """sysdig 0.29 ends with a fault on recordings of today's drivers, their own as well: those are left out."""
    target = tmp_path / "rest.scap"
    beginning_at(path, target, rules, 50, 1)
    command = ["sysdig", "-r", str(target), "-p", "%evt.type %proc.name", "evt.type in (close, execve)"]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    told = Counter(read.stdout.splitlines())
    ours: Counter[str] = Counter()
    for batch in Replay(target):
        for index in np.flatnonzero(batch.visible).tolist():
            event = Event(batch, index)
            if event.type.constant in ("SYSCALL_CLOSE_X", "SYSCALL_EXECVE_19_X") and event.process >= 0:
                ours[f"{event.type.name} {(event.text(event.process_cell(P.COMM)) or b'').decode()}"] += 1
    assert told == ours
