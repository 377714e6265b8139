"""Events that wait for an answer: none is lost meanwhile, and they come in order."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sources.live.host import watchable
from tiercel.identity.identity import Identity
from tiercel.identity.model import Found, Subject
from tiercel.identity.shape import blank
from tiercel.scanning import prepare
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.wanted import events_for

RULES = """
- rule: Mine
  desc: a program in a container made up for this test
  condition: evt.type = execve and evt.arg.res = 0 and container.name = NAME
  output: "%proc.cmdline of %container.name"
  priority: NOTICE
- rule: Opened
  desc: what the load opens
  condition: evt.type in (open, openat) and fd.name = FILE
  output: "%fd.name"
  priority: NOTICE
"""

LOAD = """
import os, sys, time
until = time.monotonic() + 1.2
while time.monotonic() < until:
    for _ in range(60):
        os.close(os.open(sys.argv[1], os.O_RDONLY))
    time.sleep(0.002)
"""


RING = 2 << 20
"""Bytes of each ring: less than the load makes while events wait."""


class Slow:
    """A resolver that knows one container, after a while."""

    name = "slow"
    engines = frozenset(("docker", "containerd", "cri-o", "podman"))

    def __init__(self, id: str, name: str, seconds: float) -> None:
        self.id, self.known_as, self.seconds = id, name, seconds

    def resolve(self, subject: Subject) -> Found | None:
        if subject.full_id != self.id:
            return None
        time.sleep(self.seconds)
        return Found(blank(subject, "docker") | {"name": self.known_as}, "docker")

    def close(self) -> None:
        pass


@contextmanager
def urgent() -> Iterator[None]:
    """Run as the command does, before others."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, -15)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


@contextmanager
def cgroup(id: str) -> Iterator[Path]:
    """Make a cgroup as docker does; it is gone afterwards."""
    top = next(
        path for path in (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")) if (path / "cgroup.procs").exists()
    )
    folder = top / f"tiercel-{id[:8]}" / id
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        for path in (folder, folder.parent):
            path.rmdir()


@watchable
def test_nothing_is_lost_while_events_wait(tmp_path: Path) -> None:
    id, name = secrets.token_hex(32), f"box-{secrets.token_hex(4)}"
    (tmp_path / "file").touch()
    (tmp_path / "rules.yaml").write_text(RULES.replace("NAME", name).replace("FILE", str(tmp_path / "file")))
    detection = prepare([], [tmp_path / "rules.yaml"]).detection
    assert detection is not None
    identity = Identity(None, [], [Slow(id, name, 0.45)])
    lines: list[str] = []
    numbers: list[int] = []
    source = LiveSource(events_for(detection.rules), seconds=20, ring_bytes=RING, identity=identity)
    with urgent(), cgroup(id) as folder, source:

        def act() -> None:
            load = subprocess.Popen(["nice", "-n", "15", sys.executable, "-I", "-c", LOAD, str(tmp_path / "file")])
            time.sleep(0.3)
            subprocess.run(["sh", "-c", f"echo $$ > {folder}/cgroup.procs; exec /bin/true first"], check=True)
            load.wait()
            source.stop()

        thread = threading.Thread(target=act)
        thread.start()
        for batch in source:
            numbers += batch.num.tolist()
            lines += detection.lines(batch, detection.match(batch)).decode().splitlines()
        thread.join()
        assert source.lost.total == 0
    identity.close()
    assert sum(f"true first of {name}" in line for line in lines) == 1
    assert numbers == list(range(1, len(numbers) + 1))
    assert identity.metrics.waited > 0.4e9
