"""Writing so that a crash at any instant leaves a whole thing or nothing.

A directory is filled under a temporary name; its files and itself are brought to the disk before it gets its name.
Temporary names begin with :data:`TEMPORARY`: readers ignore them, the next writer removes them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

TEMPORARY = ".writing-"


def sync(path: Path) -> None:
    """Bring a file or a directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(path: Path) -> None:
    """Create a directory and its parents, each durable in the one above."""
    if path.is_dir():
        return
    make_directories(path.parent)
    with suppress(FileExistsError):
        path.mkdir()
    sync(path.parent)


class Unfinished:
    """A directory in the making: ``path`` is where to write; :meth:`finish` gives it its name."""

    def __init__(self, target: Path) -> None:
        self.target = target
        make_directories(target.parent)
        self.path = target.parent / f"{TEMPORARY}{os.getpid()}-{target.name}"
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()

    def finish(self) -> None:
        """Bring everything to the disk, then rename. OSError when the name is taken or the disk refuses."""
        for name in sorted(os.listdir(self.path)):
            sync(self.path / name)
        sync(self.path)
        os.rename(self.path, self.target)
        sync(self.target.parent)

    def discard(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.path, ignore_errors=True)


def write(path: Path, text: bytes) -> None:
    """Write a small file in place of another, whole or not at all."""
    with _replacing(path) as temporary:
        temporary.write_bytes(text)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{path.name}"
    try:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def clean(root: Path, *patterns: str) -> None:
    """Remove what writers that are gone left unfinished in a directory and in those below it that fit the patterns."""
    for path in chain(*(root.glob(f"{pattern}{TEMPORARY}*") for pattern in ("", *patterns))):
        pid = path.name.removeprefix(TEMPORARY).partition("-")[0]
        if pid.isdecimal() and _runs(int(pid)):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def reason(error: OSError) -> str:
    """Return in words why the system refused; pyarrow gives the number alone."""
    return os.strerror(error.errno) if error.errno else str(error)
