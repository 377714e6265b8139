"""Audit logs for tests: composing records, and reading what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tiercel.capture.from_audit import AuditReplay, audit_batches
from tiercel.engine.bulk import Compiler, Context
from tiercel.outputs.events import EventLines
from tiercel.rules.condition import ConditionCompiler, parse
from tiercel.rules.output_template import compile_output

RECORDED = Path(__file__).parent.parent / "sources" / "data" / "audit.log"

START = 1_700_000_000
CREDENTIALS = "uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0"


def stamp(serial: int, seconds: int | None = None, milliseconds: int = 0) -> str:
    """Return what stands between ``msg=`` and the fields."""
    return f"msg=audit({START + serial if seconds is None else seconds}.{milliseconds:03}:{serial}):"


def call(
    serial: int,
    number: int,
    *parts: str,
    result: int | None = 0,
    args: Iterable[int] = (),
    pid: int = 100,
    ppid: int = 1,
    credentials: str = CREDENTIALS,
    comm: str = "sh",
    exe: str = "/usr/bin/dash",
    arch: str = "c000003e",
    auid: int = 1000,
    tty: str = "pts0",
) -> str:
    """Return a SYSCALL record and the records that go with it, given as ``CWD cwd="/"``; the title ends the event."""
    registers = list(args) + [0] * (4 - len(list(args)))
    words = " ".join(f"a{i}={value & 0xFFFFFFFFFFFFFFFF:x}" for i, value in enumerate(registers))
    outcome = "" if result is None else f"success={'yes' if result >= 0 else 'no'} exit={result} "
    lines = [
        f"type=SYSCALL {stamp(serial)} arch={arch} syscall={number} {outcome}{words} items=0 ppid={ppid} pid={pid} "
        f'auid={auid} {credentials} tty={tty} ses=1 comm="{comm}" exe="{exe}" key=(null)'
    ]
    for part in parts:
        kind, _, body = part.partition(" ")
        lines.append(f"type={kind} {stamp(serial)} {body}")
    lines.append(f"type=PROCTITLE {stamp(serial)} proctitle={comm.encode().hex().upper()}")
    return "\n".join(lines)


def path(name: str, kind: str = "NORMAL", item: int = 0) -> str:
    """Return a PATH record."""
    return f'PATH item={item} name="{name}" inode=42 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype={kind}'


def write(folder: Path, *records: str, name: str = "audit.log") -> Path:
    """Write a log."""
    target = folder / name
    target.write_text("\n".join(records) + "\n")
    return target


def shown(source: AuditReplay | Path, *fields: str, filter: str | None = None) -> list[tuple[object, ...]]:
    """Return these fields of each visible event, those for which ``filter`` holds."""
    compiler = ConditionCompiler(strict=False)
    lines = EventLines(compile_output(" ".join("%" + field for field in fields), compiler).template, True)
    evaluator = None if filter is None else Compiler().compile(compiler.compile(parse(filter)).node)
    found: list[tuple[object, ...]] = []
    for batch in audit_batches([source]) if isinstance(source, Path) else source:
        indices = np.flatnonzero(batch.visible)
        if evaluator is not None:
            indices = evaluator.narrow(Context(batch), indices)
        for line in bytes(lines(batch, indices).data).splitlines():
            values = json.loads(line)
            found.append(tuple(values[field] for field in fields))
    return found
