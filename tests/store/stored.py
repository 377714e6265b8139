"""Captures and stores to compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reference import SHARED
from tiercel.capture.scenario import Scenario
from tiercel.errors import InputError
from tiercel.fields.catalogue import FIELDS
from tiercel.fields.model import Argument
from tiercel.model.batch import Batch
from tiercel.outputs.events import DEFAULT_TEMPLATE, EventLines
from tiercel.rules.condition import ConditionCompiler
from tiercel.rules.output_template import compile_output
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store

SOURCE = Source("E1", "capture.scap")

_ARGUMENTS = {
    "evt.arg": ["0", "1", "fd", "name", "flags", "res", "data", "tuple", "exe", "args", "uid", "ratio"],
    "evt.rawarg": ["fd", "res", "flags", "name", "size"],
    "evt.around": ["1588237800000000000"],
    "evt.type.is": ["open"],
    "proc.aname": ["1", "2", "3"],
    "proc.apid": ["1", "2"],
    "proc.env": ["PATH", "HOME"],
    "proc.aenv": ["PATH"],
    "fd.types": ["0", "3"],
}
_OTHERWISE = ["1", "x"]


def fields() -> list[str]:
    """Return every field that can be printed, with some arguments."""
    names = []
    for field in FIELDS.values():
        if field.filter_only:
            continue
        if field.argument is not Argument.REQUIRED:
            names.append(field.name)
        if field.argument is not Argument.NONE:
            known = _ARGUMENTS.get(field.name) or _OTHERWISE
            names += [f"{field.name}[{argument}]" if "." in field.name else "" for argument in known]
    return [name for name in names if _compiles(name)]


def _compiles(name: str) -> bool:
    try:
        compile_output(f"%{name}", ConditionCompiler())
    except Exception:
        return False
    return True


def captures() -> Iterator[Any]:
    """Yield every reference capture that can be read."""
    for folder in ("captures", "golden/trace_files"):
        for path in sorted((SHARED / folder).glob("**/*.scap")):
            yield pytest.param(path, id=str(path.relative_to(SHARED)).replace("/", "-"))


def lines(batches: Iterable[Batch], template: str = DEFAULT_TEMPLATE) -> list[bytes]:
    """Return what is printed of the events of batches by a template."""
    writer = EventLines(compile_output(template, ConditionCompiler()).template)
    found = []
    for batch in batches:
        found += b"".join(writer.chunks(batch, np.flatnonzero(batch.visible))).splitlines()
    return found


def store_of(path: Path, batches: Iterable[Batch]) -> Store:
    """Return a new store of batches."""
    store = Store.create(path)
    ingest(store, batches, SOURCE)
    return store


def story(path: Path, rounds: int = 20, hostname: str = "web-1") -> Path:
    """Write a made-up capture: forks, execs, descriptors, a pod, threads, odd texts; return its path."""
    told = Scenario(hostname)
    web = told.container("web", image="nginx:1.25", pod=told.pod("shop", "prod"))
    server = told.process("/usr/sbin/nginx", container=web)
    for number in range(rounds):
        shell = server.spawn("/bin/sh", "-c", f"echo {number}")
        file = shell.open(f"/tmp/file-{number % 3}")
        shell.write(file, bytes([number % 256, 0, 255]))
        copy = shell.dup(file)
        shell.close(file)
        child = shell.fork()
        child.read(copy, b"\xff\xfe")
        child.setuid(33)
        child.chdir("/var")
        child.exit()
        shell.exit(number % 2)
    told.write(path)
    return path


__all__ = ["SOURCE", "InputError", "captures", "fields", "lines", "store_of", "story"]
