"""A folder as it is handed to a responder: recordings, logs, things of no use, and traps."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

from tests.capture.stories import break_in
from tiercel.capture.scenario import Scenario

AUDIT = Path(__file__).parents[1] / "sources" / "data" / "audit.log"

ESCAPES = "\x1b[31mred\u202egnp.exe"
"""Colours a terminal and turns the direction of writing."""


def recording(path: Path) -> None:
    """The break-in on web-1."""
    story = break_in()
    for _ in range(400):  # so that half of the file is some of the story
        story.init.open("/etc/hosts")
    story.write(path)


def hostile(path: Path) -> None:
    """Names that would be markup in a report and commands in a terminal."""
    story = Scenario("web-2")
    web = story.container("w\x1b[2J<b>", image="evil/<img src=x onerror=alert(1)>:1")
    server = story.process("/usr/sbin/httpd", container=web)
    shell = server.spawn("/bin/bash", "-c", "id\nALL IS WELL\r<script>alert(1)</script>\x9b2J")
    script = shell.spawn("/tmp/<script>", "<script>alert(2)</script>", "{{7*7}}", "|x|")
    opened = script.open(f"/tmp/{ESCAPES}", "O_CREAT|O_WRONLY")
    script.write(opened, b"x")
    script.chmod(f"/tmp/{ESCAPES}", 0o4755)
    shadow = script.open("/etc/shadow")
    script.read(shadow, b"root:*:")
    script.exit()
    story.write(path)


def alerts(ts: str = "2026-01-01T00:00:00") -> list[bytes]:
    """Lines of a Falco log: its own lines, alerts, one cut by a forwarder, one of bytes that are no text, drops."""
    rule = "Terminal shell in container"
    told = [
        {
            "hostname": "web-9",
            "output": f"00:00:0{second}.000000000: Notice A shell | user=root process=sh command=sh -c {second}",
            "output_fields": {"evt.time": 1767225600000000000 + second * 1000000000, "proc.name": "sh"},
            "priority": "Notice",
            "rule": rule,
            "source": "syscall",
            "tags": ["T1059"],
            "time": f"{ts[:-1]}{second}.000000000Z",
        }
        for second in range(4)
    ]
    drop = {
        "hostname": "web-9",
        "output": "Falco internal: syscall event drop. 230 system calls dropped in last second.",
        "output_fields": {"n_drops": "230", "n_evts": "58201"},
        "priority": "Debug",
        "rule": "Falco internal: syscall event drop",
        "source": "internal",
        "time": f"{ts[:-1]}5.000000000Z",
    }
    lines = [json.dumps(alert).encode() for alert in told]
    return [
        b"Thu Jan  1 00:00:00 2026: Falco version: 0.41.0 (x86_64)",
        b"Thu Jan  1 00:00:00 2026: Enabled event sources: syscall",
        lines[0],
        lines[1].replace(b"process=sh", b"process=\xff\xfesh"),
        lines[2],
        lines[3][:150],
        json.dumps(drop).encode(),
        b"Events detected: 4",
    ]


def folder(path: Path) -> Path:
    """Write the folder."""
    path.mkdir()
    recording(path / "unpacked.scap")
    whole = (path / "unpacked.scap").read_bytes()
    (path / "web-1.scap").write_bytes(gzip.compress(whole))
    (path / "cut.scap").write_bytes(whole[: len(whole) // 2])
    hostile(path / "hostile.scap")
    (path / "falco.log").write_bytes(b"\n".join(alerts()) + b"\n")
    lines = AUDIT.read_bytes().splitlines(keepends=True)
    third = len(lines) // 3
    (path / "audit.log.2.gz").write_bytes(gzip.compress(b"".join(lines[:third])))
    (path / "audit.log.1").write_bytes(b"".join(lines[third : 2 * third]))
    (path / "audit.log").write_bytes(b"".join(lines[2 * third :]))
    event = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "verb": "create", "auditID": "1"}
    (path / "k8s.log").write_text(json.dumps(event) + "\n")
    (path / "random.bin").write_bytes(bytes(range(256)) * 20)
    (path / "empty").touch()
    (path / f"notes {ESCAPES}.txt").write_text("seized at noon\n")
    (path / "sub").mkdir()
    (path / "sub" / "more.txt").write_text("more\n")
    for file in path.rglob("*"):
        if file.is_file():
            file.chmod(0o640)
    os.mkfifo(path / "pipe")
    (path / "link").symlink_to("web-1.scap")
    untouched(path)
    return path


def untouched(folder: Path) -> None:
    """Give the files times that show when they are read: a last access before the last change."""
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            os.utime(file, (1_700_000_000, 1_700_000_001))
