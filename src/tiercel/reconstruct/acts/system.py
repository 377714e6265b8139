"""Acts on the kernel: modules, bpf, io_uring, keys, files that exist in memory alone, settings of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tiercel.fields.evt_args import text_param
from tiercel.fields.evt_columns import I64, spans
from tiercel.fields.fd_rows import row_of_event
from tiercel.model.batch import Batch
from tiercel.model.columns import F
from tiercel.model.event import Event
from tiercel.reconstruct.acts.found import Found, denied, error, made, of_types, result, types
from tiercel.wire.event_table import EVENTS
from tiercel.wire.flag_table import FLAGS
from tiercel.wire.syscall_table import NAMES

Words = tuple[str | bytes | None, str | bytes | None]
"""Object and detail of an act."""

_BPF = {number: name for name, number in FLAGS["bpf_commands"]}
_KEYCTL = {number: name for name, number in FLAGS["keyctl_operations"]}


def _number(event: Event, k: int) -> int:
    return int.from_bytes(event.param(k) or b"", "little")


def _text(event: Event, k: int) -> bytes | None:
    text = text_param(event, k)
    return None if text in (b"<NA>", b"") else text


def _file(event: Event) -> bytes | None:
    row = row_of_event(event)
    return event.text(event.file_cell(F.NAME, row)) if row >= 0 else None


def _module(event: Event) -> Words:
    call = event.type.name
    if call == "finit_module":
        return _file(event), b" ".join(filter(None, (call.encode(), _text(event, 2))))
    if call == "delete_module":
        return _text(event, 1), call
    return f"image of {_number(event, 2)} bytes", b" ".join(filter(None, (call.encode(), _text(event, 3))))


def _bpf(event: Event) -> Words:
    command = _number(event, 1)
    return None, _BPF.get(command, f"command {command}")


def _keyctl(event: Event) -> Words:
    operation = _number(event, 1)
    return None, _KEYCTL.get(operation, f"operation {operation}")


def _memfd(event: Event) -> Words:
    return b"memfd:" + (_text(event, 1) or b""), None


def _nothing(event: Event) -> Words:
    return None, None


_KINDS: tuple[tuple[str, frozenset[int], Callable[[Event], Words]], ...] = (
    ("module", types("SYSCALL_INIT_MODULE_X", "SYSCALL_FINIT_MODULE_X", "SYSCALL_DELETE_MODULE_X"), _module),
    ("bpf", types("SYSCALL_BPF_2_X"), _bpf),
    ("keyctl", types("SYSCALL_KEYCTL_X"), _keyctl),
    ("memfd_create", types("SYSCALL_MEMFD_CREATE_X"), _memfd),
    ("io_uring", types("SYSCALL_IO_URING_SETUP_X"), _nothing),
    ("userfaultfd", types("SYSCALL_USERFAULTFD_X"), _nothing),
)

_GENERIC = types("GENERIC_X")
_NAMED = {
    "pivot_root": "pivot_root",
    "kexec_load": "kernel",
    "kexec_file_load": "kernel",
    "reboot": "kernel",
    "swapoff": "kernel",
    "settimeofday": "kernel",
    "clock_settime": "kernel",
    "sethostname": "kernel",
    "setdomainname": "kernel",
    "acct": "kernel",
    "iopl": "kernel",
    "ioperm": "kernel",
    "move_mount": "mount",
}
_BY_CODE = {code: (name, _NAMED[name]) for code, name in NAMES.items() if name in _NAMED}
"""Calls of which an event tells the name and nothing else."""

TYPES = _GENERIC.union(*(numbers for _, numbers, _ in _KINDS))


def find(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield what succeeded or was not allowed."""
    for kind, numbers, words in _KINDS:
        chosen = of_types(batch, at, numbers)
        if not len(chosen):
            continue
        res = result(batch, chosen)
        kept = (res >= 0) | denied(res)
        chosen, res = chosen[kept], np.minimum(res[kept], 0)
        told = [words(Event(batch, i)) for i in chosen.tolist()]
        details = [
            detail
            if not returned
            else f"{detail.decode() if isinstance(detail, bytes) else detail or ''} ({error(returned)})".strip()
            for (_, detail), returned in zip(told, res.tolist(), strict=True)
        ]
        if told:
            objects = made(batch, [name for name, _ in told])
            yield Found(
                kind, chosen, object=objects, detail=made(batch, details), res=res, ok=res >= 0, merge=kind != "module"
            )
    yield from _generic(batch, of_types(batch, at, _GENERIC))


_CODE = np.where(np.array([event.constant == "GENERIC_X" for event in EVENTS]), 0, -1).astype(np.int16)


def _generic(batch: Batch, at: I64) -> Iterator[Found]:
    if not len(at):
        return
    start, length, there = spans(batch, at, _CODE)
    data = np.frombuffer(batch.data, np.uint8)
    there &= length == 2
    codes = np.full(len(at), -1, np.int64)
    codes[there] = data[start[there]].astype(np.int64) | data[start[there] + 1].astype(np.int64) << 8
    for code in np.unique(codes).tolist():
        if code not in _BY_CODE:
            continue
        name, kind = _BY_CODE[code]
        chosen = at[codes == code]
        yield Found(kind, chosen, detail=made(batch, [name] * len(chosen)), merge=True)
