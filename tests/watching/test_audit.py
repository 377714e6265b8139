"""The host watched through its audit subsystem: alerts, identity, losses, and recordings that replay alike."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.reference import SHARED, needs_reference
from tests.sources.audit_live.host import WITHIN, acting, auditable
from tests.sources.live.rule_acts import BOX, HOST, act
from tests.watching.test_same_alerts import groups
from tiercel.capture.audit_identity import EXECUTIONS
from tiercel.capture.writer import CaptureWriter
from tiercel.content import rules_path
from tiercel.detect import Detection
from tiercel.model.columns import FdKind, P
from tiercel.model.event import Event
from tiercel.replay import Replay
from tiercel.rules.model import Rule
from tiercel.scanning import prepare
from tiercel.sources.audit_live.netlink import LIST_RULES, AuditSocket
from tiercel.sources.audit_live.rules import mark_of
from tiercel.sources.audit_live.status import read_status, set_status
from tiercel.watching.audit import AuditSource
from tiercel.watching.audit_wanted import rule_needs

RULES = """
- rule: A file of mine is opened
  desc: opened by name
  condition: evt.type in (open, openat, openat2) and fd.name startswith FOLDER
  output: "%proc.cmdline %proc.pcmdline %fd.name %evt.arg.flags %proc.exepath %user.name %proc.aname[2] %user.loginuid"
  priority: NOTICE
- rule: Executed from the folder
  desc: a program of mine
  condition: evt.type in (execve, execveat) and evt.arg.res = 0 and proc.exepath startswith FOLDER
  output: "%proc.cmdline %proc.pname %proc.cwd %proc.pid %proc.sid %proc.tty %proc.env"
  priority: WARNING
- rule: Connected
  desc: an end of a connection
  condition: evt.type = connect and fd.sport = 9 and proc.name startswith python
  output: "%proc.cmdline %fd.name %evt.res %fd.l4proto"
  priority: NOTICE
- rule: Removed
  desc: gone
  condition: evt.type in (unlink, unlinkat, rename, rmdir) and evt.arg.path contains FOLDER
  output: "%evt.type %evt.args %proc.cmdline"
  priority: NOTICE
"""

SCRIPT = """
import os, shutil, socket, subprocess, sys, time
folder = sys.argv[1]
shutil.copy("/bin/sleep", folder + "/program")
subprocess.run([folder + "/program", "0.2"], cwd=folder, env={"A": "b"})
open(folder + "/text", "w").close()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 9))
os.unlink(folder + "/text")
os.unlink(folder + "/program")
time.sleep(1)  # the near end of a connection is looked for while it is there
"""

_SHORT = ("program 0.2 python", "A=b")


def detection_of(files: Sequence[Path]) -> Detection:
    found = prepare([], list(files), every=True).detection
    assert found is not None
    return found


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """Return the rules, a capture of what was watched, and the alerts raised live."""
    folder = tmp_path_factory.mktemp("acts")
    rules, capture = tmp_path_factory.mktemp("seen") / "rules.yaml", folder.parent / "audited.scap"
    rules.write_text(RULES.replace("FOLDER", str(folder)))
    detection = detection_of([rules])
    lines: list[str] = []
    with AuditSource(detection.rules, seconds=60, within=WITHIN) as source:
        known = [  # sysdig of 2022 refuses descriptors of kinds it does not know
            (tid, [record for record in records if record.type <= FdKind.NETLINK])
            for tid, records in source.descriptors
        ]
        with CaptureWriter(capture, source.world, source.threads, known) as writer:
            command = [sys.executable, "-I", "-c", SCRIPT, str(folder)]
            with acting(lambda: subprocess.run(command, check=True), source.stop):
                for batch in source:
                    writer.write_batch(batch)
                    lines += detection.lines(batch, detection.match(batch)).decode().splitlines()
    return rules, capture, lines


@auditable
def test_rules_match_on_what_records_and_the_host_tell(recorded: tuple[Path, Path, list[str]]) -> None:
    _, _, lines = recorded
    told = "\n".join(lines)
    for text in (*_SHORT, "->127.0.0.1:9 SUCCESS udp", "unlink ", "O_CREAT", " root "):
        assert text in told, (text, told)
    assert re.search(r"127\.0\.0\.1:[1-9][0-9]*->127\.0\.0\.1:9 ", told)  # the near end, too
    (executed,) = (line for line in lines if "program 0.2" in line and "sleep" not in line and "A=b" in line)
    assert f" {os.getsid(0)} " in executed


@auditable
def test_a_replay_raises_the_same_alerts(recorded: tuple[Path, Path, list[str]]) -> None:
    rules, capture, lines = recorded
    detection = detection_of([rules])
    replayed: list[str] = []
    replay = Replay(capture)
    for batch in replay:
        replayed += detection.lines(batch, detection.match(batch)).decode().splitlines()
    assert replay.damage is None
    assert replayed == lines


@auditable
@pytest.mark.skipif(shutil.which("sysdig") is None, reason="sysdig is not installed")
def test_sysdig_reads_the_recording(recorded: tuple[Path, Path, list[str]]) -> None:
    _, capture, _ = recorded
    command = ["sysdig", "-r", str(capture), "-p", "%evt.type %proc.cmdline %evt.args"]
    read = subprocess.run(command, capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    assert "program 0.2" in read.stdout


@auditable
def test_nothing_of_it_stays(recorded: tuple[Path, Path, list[str]]) -> None:
    with AuditSocket() as control:
        marks = [mark_of(data) for data in control.ask(LIST_RULES)]
        assert os.getpid() not in [mark.pid for mark in marks if mark]
        assert read_status(control).pid != os.getpid()


@auditable
def test_processes_have_parents_though_forks_are_not_audited(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES.replace("FOLDER", str(tmp_path)))
    shutil.copy("/bin/sleep", tmp_path / "mine")
    detection = detection_of([tmp_path / "rules.yaml"])
    found: list[tuple[str, ...]] = []
    script = f"(bash -c '({tmp_path}/mine 0.1; true); true'; true)"
    with AuditSource(detection.rules, seconds=60, within=WITHIN) as source:
        assert not any("fork" in rule.text or "clone" in rule.text for rule in source.auditing.rules)
        with acting(lambda: subprocess.run(["bash", "-c", script], check=True), source.stop):
            for batch in source:
                rows = batch.tables.processes.array
                for index in range(batch.count):
                    event = Event(batch, index)
                    if (
                        batch.visible[index]
                        and event.process >= 0
                        and event.text(event.process_cell(P.COMM)) == b"mine"
                    ):
                        parent = int(rows[event.process, P.PTID])
                        found.append((event.type.constant, str(parent)))
    assert any(constant.startswith("SYSCALL_EXECVE") for constant, _ in found)
    assert {parent for _, parent in found} & {"0", "1", "-1"} == set(), found


STORM = "import os\nfor _ in range(30_000): os.close(os.open('/etc/hostname', os.O_RDONLY))"


@auditable
@pytest.mark.slow
def test_what_is_lost_is_told_with_its_number(tmp_path: Path) -> None:
    """Without waiting for the reader, a storm outruns it: the kernel counts, and so do we."""
    (tmp_path / "rules.yaml").write_text(RULES.replace("FOLDER", "/etc/hostname"))
    detection = detection_of([tmp_path / "rules.yaml"])
    told = opened = 0
    with AuditSource(detection.rules, seconds=60, within=WITHIN) as source:
        if not source.reading.owner:
            pytest.skip("somebody else is the audit daemon of this host")
        control = source.auditing.control
        before = read_status(control)
        set_status(control, "wait_time", 0)
        try:
            lost = before.lost
            with acting(lambda: subprocess.run([sys.executable, "-I", "-c", STORM], check=True), source.stop):
                for batch in source:
                    for index in range(batch.count):
                        event = Event(batch, index)
                        if event.type.constant == "DROP_E":
                            told += int.from_bytes(event.param(0) or b"", "little")
                        elif event.type.name in ("open", "openat"):
                            opened += event.param(1 if event.type.name == "open" else 2) == b"/etc/hostname\0"
            lost = read_status(control).lost - lost
        finally:
            set_status(control, "wait_time", before.wait_time)
        assert told == source.lost.total >= lost > 0
        assert told >= 30_000 - opened
        assert opened < 30_000


_BLIND = {"Drop and execute new binary in container", "New program executed in container"}
"""Rules that ask for what audit does not tell; see :mod:`tiercel.watching.audit_sight`."""

_SOMETIMES = {
    "Potential Local Privilege Escalation via Environment Variables Misuse",
    "Program run with disallowed http proxy env",
}
"""Rules that ask for the environment of a program, whose act here ends at once."""


def kind(rule: Rule) -> str:
    """Return what a rule is about; auditing every opened file for all of them would take long."""
    calls = rule_needs(rule).keys()
    return "opens" if calls & {"open", "openat"} else "programs" if calls == EXECUTIONS else "others"


@auditable
@needs_reference
@pytest.mark.slow
@pytest.mark.parametrize("inside", [False, True], ids=["host", "container"])
@pytest.mark.parametrize("about", ["programs", "opens", "others"])
def test_rules_that_audit_can_see_are_triggered(tmp_path: Path, inside: bool, about: str) -> None:
    detection = detection_of([*sorted((SHARED / "rules/upstream").glob("falco*_rules.yaml")), rules_path()])
    rules = {rule.name: rule for rule in detection.rules}
    tarry = '; __import__("time").sleep(0.5)'  # the near end of a connection is looked for while it is there
    lasting, tarrying = f"s.connect((address, port)){tarry}; ", f"connection((address, port)){tarry}"
    acts = {
        name: script.replace("s.connect((address, port)); ", lasting).replace("connection((address, port))", tarrying)
        for name, script in (BOX if inside else HOST).items()
        if name not in _BLIND | _SOMETIMES and kind(rules[name]) == about
    }
    if (system := "System procs network activity") in acts:
        acts[system] = acts[system].replace("echo > /dev/tcp", "sleep 1 3> /dev/tcp")
    only = [place for place, rule in enumerate(detection.rules) if rule.name in acts]
    raised: set[str] = set()
    with (
        AuditSource([rules[name] for name in acts], seconds=120, within=WITHIN) as source,
        groups() as (word, box, host),
    ):

        def run() -> None:
            for again in range(3):  # a record may be lost where others audit this host too
                for number, (name, script) in enumerate(acts.items()):
                    if name not in raised:
                        act(script, box if inside else host, tmp_path / f"{again}-{number}")
                caught_up = time.monotonic() + 10
                while acts.keys() - raised and time.monotonic() < caught_up:
                    time.sleep(0.1)

        with acting(run, source.stop):
            for batch in source:
                cgroups = batch.tables.processes.array[batch.process, P.CGROUPS]
                for index, _, alert in detection.alerts(batch, detection.match(batch, only)):
                    if word.encode() in (batch.tables.strings.get(int(cgroups[index])) or b""):
                        raised.add(alert.rule)
    assert sorted(acts.keys() - raised) == [], f"{source.lost.total} lost; {source.remarks()}"
