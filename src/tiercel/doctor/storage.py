"""Folders that are written to: rights and room."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tiercel.doctor.model import Finding, Subject, check, fail, ok, warn

_MB = 1 << 20
_LEAST = 64 * _MB


def _folder(path: str, needed: int, who: str) -> Finding:
    """Return whether files can be made in a folder, or the folder itself, and whether there is room."""
    place = Path(path).absolute()
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    if not existing.is_dir():
        return fail(f"{existing} is no folder", f"name another one for {who}")
    if not os.access(existing, os.W_OK | os.X_OK):
        return warn(f"{existing} may not be written to", f"run it with sudo, or name another folder for {who}")
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return warn(f"{existing}: {error.strerror}", f"name another folder for {who}")
    made = "" if existing == place else ", made when needed"
    told = f"{path}{made}; {free // _MB:,} MB free"
    if free < needed:
        return warn(f"{told}, up to {needed // _MB:,} MB may be needed", f"make room, or bound {who}")
    return ok(told)


@check("queue of alerts")
def queue(subject: Subject) -> Finding:
    """Alerts wait on the disk for outputs that are not reached."""
    settings = subject.config.outputs
    if not settings.names:
        return ok("no output but stdout: nothing waits")
    path = settings.queue.path or os.path.join(subject.state, "outputs")
    return _folder(path, settings.queue.max_bytes, "outputs_queue.path")


@check("file of alerts")
def file(subject: Subject) -> Finding:
    """The folder of ``file_output`` must exist."""
    settings = subject.config.outputs.file
    if settings is None:
        return ok("file_output is off")
    folder = Path(settings.filename).absolute().parent
    if not folder.is_dir():
        return fail(f"{folder} does not exist", "make the folder that file_output.filename is in")
    return _folder(str(folder), settings.rotate_bytes * max(settings.keep, 1) or _LEAST, "file_output")


@check("captures")
def captures(subject: Subject) -> Finding:
    """The folder that captures around alerts go to."""
    settings = subject.config.capture
    if not settings.enabled:
        return ok("capture is off")
    folder = Path(settings.path_prefix).absolute().parent
    if not folder.is_dir():
        return fail(f"{folder} does not exist", "make the folder that capture.path_prefix is in")
    return _folder(str(folder), settings.max_file_bytes * max(settings.max_files, 1) or _LEAST, "capture.path_prefix")
