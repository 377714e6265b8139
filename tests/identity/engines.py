"""A docker and a podman in a temporary folder of their own, with an image made from busybox, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest

BUSYBOX = "/bin/busybox"
IMAGE = "registry.test/shop/box:2.1"
PASSWD = "root:x:0:0:root:/root:/bin/sh\nshop:x:4242:4242:the shop:/srv:/bin/sh\n"
_PATIENCE = 30.0


@cache
def why_not(program: str) -> str:
    """Return why this engine cannot be run here, empty if it can."""
    if os.geteuid() != 0:
        return "takes root"
    missing = [name for name in (program, "runc") if shutil.which(name) is None]
    if missing or not os.path.exists(BUSYBOX):
        return f"takes {', '.join([*missing, 'busybox'])}"
    return ""


def with_engine(program: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test that takes an engine; it is skipped elsewhere, with the reason."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        why = why_not(program)
        marked: Callable[..., None] = pytest.mark.skipif(bool(why), reason=f"no {program} here: {why}")(test)
        return pytest.mark.privileged(pytest.mark.slow(marked))

    return mark


class Engine:
    """A running engine. ``socket`` is where its API is, ``home`` the folder everything lies in."""

    def __init__(self, home: Path, socket: Path, *command: str) -> None:
        self.home, self.socket, self.command = home, socket, command

    def run(self, *arguments: str) -> str:
        """Run the engine's command; return what it printed."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, timeout=_PATIENCE)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def load(self) -> None:
        """Make the image."""
        archive = self.home / "image.tar"
        with tarfile.open(archive, "w") as file:
            for name in ("bin", "etc", "host"):
                folder = tarfile.TarInfo(name)
                folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                file.addfile(folder)
            file.add(BUSYBOX, "bin/busybox")
            for name in ("sh", "sleep", "cat"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                file.addfile(link)
            (self.home / "passwd").write_text(PASSWD)
            file.add(self.home / "passwd", "etc/passwd")
        self.run("import", "--change", "LABEL maintainer=me", str(archive), IMAGE)


@contextmanager
def docker() -> Iterator[Engine]:
    """Start dockerd without a network; when left, its containers, processes, mounts and files are gone."""
    home = Path(tempfile.mkdtemp(prefix="tiercel-docker-"))
    socket = home / "docker.sock"
    options = (
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        "--storage-driver=vfs",
        f"--host=unix://{socket}",
    )
    folders = (f"--data-root={home}/data", f"--exec-root={home}/exec", f"--pidfile={home}/pid")
    with (home / "log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd", *options, *folders], stdout=log, stderr=log)
    engine = Engine(home, socket, "docker", "--host", f"unix://{socket}")
    try:
        _wait_for(engine, daemon, "version")
        engine.load()
        yield engine
    except BaseException:
        print((home / "log").read_text()[-4000:])
        raise
    finally:
        with suppress(Exception):
            engine.run("rm", "-f", *engine.run("ps", "-aq").split())
        _end(daemon)
        _remove(home)


@contextmanager
def podman() -> Iterator[Engine]:
    """Start the API service of podman; when left, its containers, processes, mounts and files are gone."""
    home = Path(tempfile.mkdtemp(prefix="tiercel-podman-"))
    socket = home / "podman.sock"
    command = (
        "podman", f"--root={home}/root", f"--runroot={home}/run", f"--tmpdir={home}/tmp",
               "--cgroup-manager=cgroupfs", "--runtime=runc", "--storage-driver=vfs", "--events-backend=file",
    )  # fmt: skip
    with (home / "log").open("wb") as log:
        service = subprocess.Popen(
            [*command, "system", "service", "--time=0", f"unix://{socket}"], stdout=log, stderr=log
        )
    engine = Engine(home, socket, *command)
    try:
        _wait_for(engine, service, "ps")
        engine.load()
        yield engine
    finally:
        with suppress(Exception):
            engine.run("rm", "-af", "-t", "0")
        _end(service)
        _remove(home)


def _wait_for(engine: Engine, process: subprocess.Popen[bytes], command: str) -> None:
    until = time.monotonic() + _PATIENCE
    while not engine.socket.exists() or subprocess.run([*engine.command, command], capture_output=True).returncode:
        assert time.monotonic() < until, "the engine does not start"
        assert process.poll() is None, "the engine ended"
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove(home: Path) -> None:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    for mount in sorted((path for line in lines if (path := line.split()[4]).startswith(f"{home}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], capture_output=True)
    until = time.monotonic() + 5
    while home.exists() and time.monotonic() < until:  # what cleans up after a container may still write
        shutil.rmtree(home, ignore_errors=True)
        time.sleep(0.2)
