"""Values of the fields that give the arguments of an event."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from tiercel.fields.evt_arguments import PARAMS, SIGNED, SIZES, longest_name, raw_type
from tiercel.fields.evt_columns import (
    I64,
    Argument,
    Mask,
    both,
    interned,
    joined,
    numbers_at,
    per_event,
    spans,
)
from tiercel.fields.evt_distinct import argument_ids
from tiercel.fields.evt_flags import renderer
from tiercel.fields.evt_size import position_table
from tiercel.fields.model import Column, Value, ValueType
from tiercel.fields.params_render import AT_FDCWD
from tiercel.fields.params_text import join_path
from tiercel.fields.span_texts import intern_spans
from tiercel.model.batch import Batch
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.state.distinct import distinct
from tiercel.wire.event_table import BY_CONSTANT, EVENTS, Format, ParamType

_TEXT_TYPES = (ParamType.CHARBUF, ParamType.FSPATH, ParamType.FSRELPATH)


def _args(event: Event, argument: Argument) -> Value | None:
    return renderer(event.batch).args(event.index)


def args_texts(batch: Batch, indices: I64) -> list[bytes]:
    """Return ``evt.args`` of many events as outputs show it, printable UTF-8 throughout; nothing is interned."""
    arena, offsets = renderer(batch).texts(indices, True)
    return [arena[at:end] for at, end in pairwise(offsets.tolist())]


def _args_bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
    arena, offsets = renderer(batch).texts(indices, False)
    intern = batch.tables.strings.intern
    ends = offsets.tolist()
    texts = [intern(arena[at:end]) for at, end in pairwise(ends)]
    return Column(np.array(texts, np.int64), text=True)


@lru_cache
def _name_table(name: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    found = longest_name(name)
    return np.full(len(EVENTS), -1, np.int16) if found is None else position_table(found)


def _table(argument: Argument) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return which parameter of each event type the argument means, -1 for none."""
    if isinstance(argument, int) or (argument or "").isdecimal():
        k = int(argument or 0)
        return np.array([k if k < len(event.params) else -1 for event in EVENTS], np.int16)
    return _name_table(str(argument))


def _arg(event: Event, argument: Argument) -> Value | None:
    k = int(_table(argument)[event.batch.types[event.index]])
    if k < 0 or k >= event.params:
        return None
    return renderer(event.batch).argument(event.index, k)


def _arg_bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
    table = _table(argument)
    _, _, there = spans(batch, indices, table)
    values = np.full(len(indices), -1, np.int64)
    wanted = indices[there]
    values[there] = argument_ids(batch, wanted, table[batch.types[wanted]].astype(np.int64))
    return Column(values, text=True)


def charbufs(batch: Batch, start: I64, length: I64) -> I64:
    """Return the string numbers of texts up to their NUL; without bytes a text is ``<NA>``."""
    intern = batch.tables.strings.intern
    numbers = intern_spans(batch, start, length, cut=True)
    numbers[(length == 0) | ((length == 7) & (numbers == intern(b"(NULL)")))] = intern(b"<NA>")
    return numbers


@lru_cache
def _kinds(name: str) -> list[ParamType | None]:
    """Return the layout of the parameter of this name in each event type."""
    kinds: list[ParamType | None] = []
    for event in EVENTS:
        kinds.append(next((param.type for param in event.params if param.name == name), None))
    return kinds


def _rawarg(batch: Batch, indices: I64, argument: Argument) -> Column:
    """Values with the type the parameter has in each event; what is of another sort than its name says is left out."""
    name = longest_name(str(argument)) or ""
    text = name in PARAMS and raw_type(name)[0] in (ValueType.CHARBUF, ValueType.BYTEBUF, ValueType.IPADDR)
    start, length, there = spans(batch, indices, _name_table(name))
    values = np.full(len(indices), -1 if text else 0, np.int64)
    valid = np.zeros(len(indices), np.bool_)
    kinds = _kinds(name)
    types = batch.types[indices]
    for kind in {kinds[number] for number in distinct(types[there]).tolist()}:
        if kind is None:
            continue
        chosen = there & np.isin(types, [number for number, other in enumerate(kinds) if other is kind])
        if kind in SIZES and not text:
            chosen &= length == SIZES[kind]
            values[chosen] = numbers_at(batch, start[chosen], SIZES[kind], kind in SIGNED)
        elif kind in _TEXT_TYPES and text:
            values[chosen] = charbufs(batch, start[chosen], length[chosen])
        elif kind not in SIZES and text:
            chosen &= length > 0
            values[chosen] = interned(batch, start[chosen], length[chosen])
        else:
            chosen[:] = False
        valid |= chosen
    if text:
        return Column(values, text=True)
    if name in PARAMS and raw_type(name)[0] in (ValueType.UINT64, ValueType.RELTIME, ValueType.ABSTIME):
        return Column(values.view(np.uint64), valid=valid)
    return Column(values, valid=valid)


def rawarg_printed(event: Event, argument: Argument) -> Value | None:
    """Return the value as output shows it: numbers whose format is hexadecimal or octal are text."""
    name = longest_name(str(argument)) or ""
    k = int(_name_table(name)[event.batch.types[event.index]])
    data = event.param(k)
    if data is None:
        return None
    param = event.type.params[k]
    if param.type not in SIZES:
        return ROW["evt.rawarg"](event, argument)
    value = int.from_bytes(data, "little", signed=param.type in SIGNED)
    if param.format not in (Format.HEX, Format.OCT):
        return value
    value &= (1 << max(32, 8 * SIZES[param.type])) - 1
    return b"%X" % value if param.format is Format.HEX else b"%o" % value


_ABSPATHS: dict[int, tuple[tuple[str, str], ...]] = {
    BY_CONSTANT["SYSCALL_RENAMEAT_X"]: (("olddirfd", "oldpath"), ("newdirfd", "newpath")),
    BY_CONSTANT["SYSCALL_RENAMEAT2_X"]: (("olddirfd", "oldpath"), ("newdirfd", "newpath")),
    BY_CONSTANT["SYSCALL_SYMLINKAT_X"]: (("linkdirfd", "linkpath"),),
    BY_CONSTANT["SYSCALL_OPENAT_2_X"]: (("dirfd", "name"),),
    BY_CONSTANT["SYSCALL_OPENAT2_X"]: (("dirfd", "name"),),
    BY_CONSTANT["SYSCALL_LINKAT_2_X"]: (("olddir", "oldpath"), ("newdir", "newpath")),
    BY_CONSTANT["SYSCALL_UNLINKAT_2_X"]: (("dirfd", "name"),),
    BY_CONSTANT["SYSCALL_MKDIRAT_X"]: (("dirfd", "path"),),
    BY_CONSTANT["SYSCALL_FCHMODAT_X"]: (("dirfd", "filename"),),
    BY_CONSTANT["SYSCALL_FCHOWNAT_X"]: (("dirfd", "pathname"),),
}
_BY_HANDLE = BY_CONSTANT["SYSCALL_OPEN_BY_HANDLE_AT_X"]


def text_param(event: Event, k: int) -> bytes | None:
    """Return a text parameter up to its NUL: None when the event has none, ``<NA>`` when it is empty."""
    data = event.param(k)
    if data is None:
        return None
    text = data.partition(b"\0")[0]
    return b"<NA>" if not data or data == b"(NULL)\0" else text


def number_param(event: Event, k: int) -> int | None:
    """Return a descriptor or result parameter, None when it is missing or empty."""
    data = event.param(k)
    return int.from_bytes(data, "little", signed=True) if data is not None and len(data) == 8 else None


def _abspath(event: Event, argument: Argument) -> bytes | None:
    kind = event.type
    if event.process < 0:
        return None
    if kind.number == _BY_HANDLE:
        fd = number_param(event, 0)
        return join_path(b"", text_param(event, 3) or b"") if fd is not None and fd > 0 else None
    choices = _ABSPATHS.get(kind.number)
    if choices is None:
        return None
    dirname, pathname = choices[-1 if str(argument).endswith("dst") else 0]
    names = [param.name for param in kind.params]
    dirfd = number_param(event, names.index(dirname))
    path = event.param(names.index(pathname))
    if dirfd is None or not path:
        return None
    return join_path(_base(event, dirfd, path), text_param(event, names.index(pathname)) or b"")


def _base(event: Event, dirfd: int, path: bytes) -> bytes:
    if path[:1] == b"/":
        return b"."
    if dirfd == AT_FDCWD:
        return event.text(event.process_cell(P.CWD)) or b""
    row = event.file_at(event.process_cell(P.FDOWNER), dirfd)
    if row < 0:
        return b"<UNKNOWN>/"
    return (event.text(event.file_cell(F.NAME, row)) or b"") + b"/"


_INFRASTRUCTURE = BY_CONSTANT["INFRASTRUCTURE_EVENT_E"]


def _infrastructure(event: Event, key: bytes) -> bytes | None:
    """Return one entry of a Docker event's description, which reads ``Event:start; ID:4f…; …``."""
    if event.type.number != _INFRASTRUCTURE:
        return None
    for entry in (text_param(event, 2) or b"").split(b";"):
        name, _, value = entry.strip().partition(b":")
        if name.startswith(key):
            return value.strip()
    return None


def _docker_id(event: Event, argument: Argument) -> bytes | None:
    value = _infrastructure(event, b"ID")
    return None if value is None else value[:12]


def _docker_image(event: Event, argument: Argument) -> bytes | None:
    value = _infrastructure(event, b"Image")
    return None if value is None else value.partition(b"@")[0]


def _types(*numbers: int) -> Mask:
    mask = np.zeros(len(EVENTS), np.bool_)
    mask[list(numbers)] = True
    return mask


_DOCKER = _types(_INFRASTRUCTURE)

ROW, BULK = joined(
    {
        "evt.args": (_args, _args_bulk),
        "evt.info": (_args, _args_bulk),
        "evt.arg": (_arg, _arg_bulk),
        "evt.rawarg": both(_rawarg),
        "evt.abspath": per_event(_abspath, _types(_BY_HANDLE, *_ABSPATHS)),
        "evt.infra.docker.name": per_event(lambda event, argument: _infrastructure(event, b"Event"), _DOCKER),
        "evt.infra.docker.container.id": per_event(_docker_id, _DOCKER),
        "evt.infra.docker.container.name": per_event(lambda event, argument: _infrastructure(event, b"name"), _DOCKER),
        "evt.infra.docker.container.image": per_event(_docker_image, _DOCKER),
    }
)
"""Row and bulk getters by field name."""
