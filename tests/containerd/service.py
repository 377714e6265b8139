"""Being a service of the host, wherever the tests run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


@contextmanager
def service(name: str) -> Iterator[None]:
    """Put this process, and what it starts, into a cgroup below its own that looks like that of a systemd service.

    The group of whoever runs the tests may look like that of a container: what is done from there would be taken for
    something done in it.
    """
    own = _groups()
    below = [group / f"{name}.service" for group in own]
    for group in below:
        _enter(group)
    try:
        yield
    finally:
        for group in own:
            _enter(group)
        until = time.monotonic() + 5
        for group in below:
            while group.is_dir() and time.monotonic() < until:  # what it started may not have ended quite yet
                with suppress(OSError):
                    group.rmdir()
                    break
                time.sleep(0.02)


def _groups() -> list[Path]:
    """Return the folders of this process's cgroups other than the first of a hierarchy."""
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        folder = _ROOT / names.removeprefix("name=") if names else _ROOT
        if path != "/" and (folder / path[1:]).is_dir():
            found.append(folder / path[1:])
    return found


def _enter(group: Path) -> None:
    with suppress(OSError):
        group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text(str(os.getpid()))
