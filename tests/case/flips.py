"""Changing one byte of a case and looking whether verifying finds it where it is."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiercel.case.checking import Fault
from tiercel.case.verify import verify

PIECE = 64 << 10


def random_changes(root: Path, seed: int) -> Iterator[tuple[Path, int, int]]:
    """Yield a file, a byte of it and what to change of it, for ever; small files come as often as large ones."""
    source = random.Random(seed)
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.stat().st_size)
    while True:
        path = source.choice(files)
        yield path, source.randrange(path.stat().st_size), source.randrange(1, 256)


@contextmanager
def changed(path: Path, at: int, by: int) -> Iterator[None]:
    """Change a byte while the block runs; the file's times stay as they were."""
    status = path.stat()
    path.chmod(0o600)
    content = path.read_bytes()
    assert 1 <= by <= 255
    path.write_bytes(content[:at] + bytes([content[at] ^ by]) + content[at + 1 :])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    try:
        yield
    finally:
        path.write_bytes(content)
        path.chmod(status.st_mode)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def located(root: Path, path: Path, at: int) -> str | None:
    """Return what is wrong with how verifying finds a change of byte ``at`` of ``path``, None when nothing is."""
    faults = [fault for fault in verify(root).faults if fault.serious]
    name = path.relative_to(root).as_posix()
    if not faults:
        return f"{name}, byte {at}: not found"
    if name == "ledger.jsonl":
        line = path.read_bytes()[:at].count(b"\n") + 1
        # a changed line end makes one line of two, or two of one
        if any(fault.what.startswith((f"line {line}:", f"line {line + 1}:", f"line {line - 1}:")) for fault in faults):
            return None
    elif name.startswith("keys/") or name == "ledger.head":
        if any(fault.path.partition("/")[0] == name.partition("/")[0] for fault in faults):
            return None
    elif any(_names(fault, name, at) for fault in faults):
        return None
    return f"{name}, byte {at}: found as {'; '.join(map(str, faults))}"


def _names(fault: Fault, name: str, at: int) -> bool:
    if fault.path != name or fault.kind != "altered":
        return False
    if name.startswith(("evidence/", "store/host")):
        return any(first <= at <= last and last - first < PIECE for first, last in fault.ranges)
    return True
