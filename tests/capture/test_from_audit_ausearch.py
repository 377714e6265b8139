"""What auditd's own tool says of a log, against the events made of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.capture.audit_logs import RECORDED, shown

pytestmark = pytest.mark.skipif(shutil.which("ausearch") is None, reason="needs ausearch")

SPECIAL = {"exit_group": "procexit"}


@dataclass
class Interpreted:
    """One event as ``ausearch -i`` tells it."""

    serial: int
    syscall: str = ""
    pid: int = 0
    result: str = "SUCCESS"
    comm: str = ""
    exe: str = ""
    user: str = ""
    paths: list[str] = field(default_factory=list)
    address: str = ""


def word(name: str, line: str) -> str:
    found = re.search(rf" {name}=(.*?)(?= [a-z_0-9]+=|$)", line)
    return found[1].strip() if found else ""


def interpreted(log: Path) -> list[Interpreted]:
    output = subprocess.run(["ausearch", "-i", "-if", str(log)], capture_output=True, text=True, check=True).stdout
    events = []
    for block in output.split("----\n"):
        found = re.search(r"audit\([^)]*:(\d+)\)", block)
        if not found or "type=SYSCALL" not in block:
            continue
        event = Interpreted(int(found[1]))
        for line in block.splitlines():
            if line.partition(" ")[0] == "node=web01":
                line = line.partition(" ")[2]
            if line.startswith("type=SYSCALL"):
                event.syscall, event.pid = word("syscall", line), int(word("pid", line))
                event.comm, event.exe, event.user = word("comm", line), word("exe", line), word("euid", line)
                if word("success", line) == "no":
                    event.result = word("exit", line).partition("(")[0]
            elif line.startswith("type=PATH") and word("nametype", line) != "PARENT":
                event.paths.append(word("name", line))
            elif line.startswith("type=SOCKADDR"):
                event.address = word("laddr", line)
        events.append(event)
    return events


def test_every_system_call_is_told_as_ausearch_tells_it() -> None:
    expected = interpreted(RECORDED)
    fields = ("evt.type", "proc.pid", "evt.res", "proc.name", "proc.exepath", "user.name", "evt.info")
    found = shown(RECORDED, *fields)
    assert len(expected) == len(found) > 100
    for event, (type, pid, result, comm, exe, user, info) in zip(expected, found, strict=True):
        what = f"event {event.serial}: {event}"
        assert SPECIAL.get(event.syscall, event.syscall) == type, what
        assert (event.pid, event.comm) == (pid, comm), what
        assert event.exe.removesuffix(" (deleted)") == exe, what
        if event.syscall not in ("exit_group", "truncate"):
            assert event.result == result, what
        if event.syscall != "setreuid":  # to -1, which leaves the user as it was
            assert event.user == user, what
        if event.syscall not in ("execve", "execveat", "truncate"):
            assert all(path in str(info) for path in event.paths if path != "null"), what
        assert event.address in str(info), what
