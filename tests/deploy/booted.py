"""systemd, booted in namespaces of its own, with one unit and what is said to it.

Nothing of it reaches the host: /etc, /run and what is below /var are copies that are gone with it, and its cgroups are
below one that is removed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

UNIT = Path(__file__).parents[2] / "deploy/systemd/tiercel.service"
SOURCE = Path(__file__).parents[2] / "src"

_SYSTEMD = "/lib/systemd/systemd"
_BOOT = r"""
set -e
mount --make-rprivate /
mount -t proc proc /proc
umount -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/layers /run/systemd/system
for folder in /etc /var/cache /var/lib /var/log; do
  upper=/run/layers/upper$folder work=/run/layers/work$folder
  mkdir -p "$upper" "$work"
  mount -t overlay overlay -o "lowerdir=$folder,upperdir=$upper,workdir=$work" "$folder"
done
mkdir -p /etc/tiercel
cp "$FOLDER/tiercel.yaml" /etc/tiercel/
cp -r "$FOLDER/units/." /run/systemd/system/
export container=test
exec "$SYSTEMD" --system --unit=test.target --log-target=console --show-status=no
"""


@cache
def why_not() -> str:
    """Return why systemd cannot be booted here, empty when it can."""
    if os.geteuid() != 0:
        return "takes root"
    missing = [name for name in (_SYSTEMD, "unshare", "nsenter", "systemctl") if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} missing"
    return "" if _unified() else "takes a cgroup hierarchy of version 2"


def _unified() -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None


@dataclass
class Booted:
    """A running systemd; ``pid`` is its process as the host sees it."""

    pid: int
    folder: Path

    def do(self, *command: str) -> str:
        """Run a command beside it and return what it prints."""
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--uts", "--ipc", "--cgroup", *command],
            capture_output=True, text=True, check=False, timeout=30,
        ).stdout.strip()  # fmt: skip

    def show(self, name: str) -> str:
        """Return a property of the service, see systemctl(1)."""
        return self.do("systemctl", "show", "tiercel.service", f"--property={name}", "--value")

    def wait(self, name: str, *values: str, seconds: float = 20) -> str:
        """Wait until a property is one of these values; return what it is then."""
        until = time.monotonic() + seconds
        while (value := self.show(name)) not in values and time.monotonic() < until:
            time.sleep(0.1)
        return value


@contextmanager
def booted(folder: Path, config: str) -> Iterator[Booted]:
    """Boot systemd, which starts the service with a configuration. What the service prints is in ``folder/out``."""
    command = shlex.join([sys.executable, "-m", "tiercel", "watch", "--config", "/etc/tiercel/tiercel.yaml"])
    units = folder / "units/tiercel.service.d"
    units.mkdir(parents=True)
    shutil.copy(UNIT, folder / "units")
    places = " ".join(dict.fromkeys((sys.prefix, sys.base_prefix, str(SOURCE.parent), str(folder))))
    (units / "here.conf").write_text(f"""\
[Unit]
DefaultDependencies=no
[Service]
ExecStart=
ExecStart={command}
Environment=PYTHONPATH={SOURCE}
ProtectHome=tmpfs
BindReadOnlyPaths={places}
StandardOutput=file:{folder}/out
StandardError=file:{folder}/err
Restart=no
""")
    (folder / "units/test.target").write_text("[Unit]\nDefaultDependencies=no\nWants=tiercel.service\n")
    (folder / "tiercel.yaml").write_text(config)
    root = _unified()
    assert root is not None
    group = root / f"tiercel-test-{os.getpid()}"
    group.mkdir()
    enter = f'echo $$ > "{group}/cgroup.procs" && exec unshare -m -p -i -u -C --fork --kill-child sh -c "$BOOT"'
    process = subprocess.Popen(
        ["/bin/sh", "-c", enter], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BOOT": _BOOT, "FOLDER": str(folder), "SYSTEMD": _SYSTEMD},
    )  # fmt: skip
    try:
        system = Booted(_child(process.pid), folder)
        yield system
    finally:
        process.send_signal(signal.SIGKILL)  # and with it, all of the namespace
        process.wait()
        _remove(group)


def _child(pid: int) -> int:
    """Return the process that unshare made, once systemd runs in it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(200):
        for child in children.read_text().split():
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
        time.sleep(0.05)
    raise TimeoutError("systemd did not boot")


def _remove(group: Path) -> None:
    for _ in range(100):
        try:
            for place, _, _ in os.walk(group, topdown=False):
                os.rmdir(place)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)  # the kernel has not emptied it yet
