"""Acts on paths: removing, renaming, linking, making directories, changing permissions and owners, mounting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tiercel.fields.evt_args import number_param, text_param
from tiercel.fields.evt_columns import I64, Mask
from tiercel.fields.fd_name import directory_of
from tiercel.fields.fd_rows import TextMap
from tiercel.fields.params_render import AT_FDCWD
from tiercel.fields.params_text import join_path
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.reconstruct.acts.found import Found, denied, each, made, numbers, of_types, result, texts, types
from tiercel.wire.event_table import BY_CONSTANT
from tiercel.wire.flag_table import FLAGS

Details = Callable[[Batch, I64], I64]


@dataclass(frozen=True, slots=True)
class _Calls:
    """System calls that do one kind of act, and where their paths are.

    ``object`` and ``target`` name fields that hold them once the call succeeded.
    """

    kind: str
    types: frozenset[int]
    object: str = "fs.path.name"
    target: str = ""
    detail: Details | None = None


def mode_words(mode: int) -> str:
    """Return a mode as people write it: what stands out, then the number, as in ``u+s 04755`` or ``+x 0755``."""
    parts = [word for bit, word in ((0o4000, "u+s"), (0o2000, "g+s"), (0o1000, "+t")) if mode & bit]
    if not parts and mode & 0o111:
        parts = ["+x"]
    return " ".join([*parts, f"0{mode & 0o7777:o}"])


def _modes(batch: Batch, at: I64) -> I64:
    return each(batch, numbers(batch, at, "mode"), mode_words)


def _bare_modes(batch: Batch, at: I64) -> I64:
    return each(batch, numbers(batch, at, "mode"), lambda mode: f"0{mode & 0o7777:o}")


def _owners(batch: Batch, at: I64) -> I64:
    nobody = 0xFFFFFFFF

    def words(uid: int, gid: int) -> str:
        told = [f"{name}={number}" for name, number in (("uid", uid), ("gid", gid)) if number != nobody]
        return " ".join(told) or "unchanged"

    uids, gids = (numbers(batch, at, name) & nobody for name in ("uid", "gid"))
    return made(batch, map(words, uids.tolist(), gids.tolist()))


def _mounts(batch: Batch, at: I64) -> I64:
    flags = FLAGS["mount_flags"]

    def words(event: Event) -> str:
        bits = int.from_bytes(event.param(4) or b"", "little")
        names = [name for name, bit in flags if bits & bit]
        kind = text_param(event, 3) or b""
        return " ".join([kind.decode(errors="replace") if kind != b"<NA>" else "", "|".join(names)]).strip()

    return made(batch, [words(Event(batch, i)) or None for i in at.tolist()])


_UNLINKAT = BY_CONSTANT["SYSCALL_UNLINKAT_2_X"]
_AT_REMOVEDIR = 512

_CALLS = (
    _Calls("delete", types("SYSCALL_UNLINK_2_X", "SYSCALL_UNLINKAT_2_X")),
    _Calls("rmdir", types("SYSCALL_RMDIR_2_X")),
    _Calls("mkdir", types("SYSCALL_MKDIR_2_X", "SYSCALL_MKDIRAT_X"), detail=_bare_modes),
    _Calls("chmod", types("SYSCALL_CHMOD_X", "SYSCALL_FCHMOD_X", "SYSCALL_FCHMODAT_X"), detail=_modes),
    _Calls(
        "chown",
        types("SYSCALL_CHOWN_X", "SYSCALL_LCHOWN_X", "SYSCALL_FCHOWN_X", "SYSCALL_FCHOWNAT_X"),
        detail=_owners,
    ),
    _Calls(
        "rename",
        types("SYSCALL_RENAME_X", "SYSCALL_RENAMEAT_X", "SYSCALL_RENAMEAT2_X"),
        "fs.path.source",
        "fs.path.target",
    ),
    # for links the fields are the other way round: their source is what the call made
    _Calls("link", types("SYSCALL_LINK_2_X", "SYSCALL_LINKAT_2_X"), "fs.path.target", "fs.path.source"),
    _Calls("symlink", types("SYSCALL_SYMLINK_X", "SYSCALL_SYMLINKAT_X"), "fs.path.source", "fs.path.targetraw"),
    _Calls("mount", types("SYSCALL_MOUNT_X"), "fs.path.target", "fs.path.sourceraw", _mounts),
    _Calls("umount", types("SYSCALL_UMOUNT_1_X", "SYSCALL_UMOUNT2_X")),
    # fields of class fs.path do not know these
    _Calls("mknod", types("SYSCALL_MKNOD_X", "SYSCALL_MKNODAT_X"), "", detail=_bare_modes),
    _Calls("chroot", types("SYSCALL_CHROOT_X"), ""),
)
TYPES = frozenset[int]().union(*(calls.types for calls in _CALLS))

# parameters that hold the object of a call, with the directory it starts from, and its target
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "": ("path", "name", "filename", "pathname"),
    "rename": ("oldpath",),
    "link": ("oldpath",),
    "symlink": ("linkpath",),
    "mount": ("dir",),
}
_TARGETS = {"rename": "newpath", "link": "newpath", "symlink": "target", "mount": "dev"}


def _written(event: Event, name: str) -> bytes | None:
    """Return a path as the call was given it, put after the directory it starts from."""
    params = event.type.params
    k = next((k for k, param in enumerate(params) if param.name == name), -1)
    path = text_param(event, k)
    if path is None or path == b"<NA>":
        return None
    dirfd = number_param(event, params[k].dirfd) if params[k].dirfd >= 0 else AT_FDCWD
    return join_path(directory_of(event, AT_FDCWD if dirfd is None else dirfd, path), path)


def _object(event: Event, kind: str) -> bytes | None:
    known = {param.name for param in event.type.params}
    names = _ARGUMENTS.get(kind, _ARGUMENTS[""])
    return next((_written(event, name) for name in names if name in known), None)


def _target(event: Event, kind: str) -> bytes | None:
    name = _TARGETS.get(kind)
    if name is None:
        return None
    if kind in ("rename", "link"):
        return _written(event, name)
    k = [param.name for param in event.type.params].index(name)
    return text_param(event, k)


def find(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield what succeeded or was not allowed."""
    for calls in _CALLS:
        chosen = of_types(batch, at, calls.types)
        if not len(chosen):
            continue
        res = result(batch, chosen)
        kept = (res == 0) | denied(res)
        chosen, res = chosen[kept], res[kept]
        if calls.kind == "delete":
            directory = batch.types[chosen] == _UNLINKAT
            directory &= (numbers(batch, chosen, "flags") & _AT_REMOVEDIR) != 0
            yield from _found(batch, calls, "delete", chosen[~directory], res[~directory])
            yield from _found(batch, calls, "rmdir", chosen[directory], res[directory])
        else:
            yield from _found(batch, calls, calls.kind, chosen, res)


def _found(batch: Batch, calls: _Calls, kind: str, at: I64, res: I64) -> Iterator[Found]:
    if not len(at):
        return
    none = np.full(len(at), -1, np.int64)
    objects = texts(batch, at, calls.object) if calls.object else none.copy()
    targets = texts(batch, at, calls.target) if calls.target else none.copy()
    unknown = np.flatnonzero(
        (res != 0) | (objects < 0) | ~_absolute(batch, at, calls.object) | ~_absolute(batch, at, calls.target)
    )
    events = [Event(batch, i) for i in at[unknown].tolist()]
    again = made(batch, [_object(event, kind) for event in events])
    objects[unknown] = np.where(again >= 0, again, objects[unknown])
    targets[unknown] = made(batch, [_target(event, kind) for event in events])
    details = calls.detail(batch, at) if calls.detail else none
    kept = objects > 0  # what has no name, such as a pipe, is no file
    yield Found(
        kind,
        at[kept],
        object=objects[kept],
        target=targets[kept],
        detail=details[kept],
        res=res[kept],
        ok=res[kept] == 0,
    )


_IS_ABSOLUTE = TextMap(lambda path: b"" if path[:1] == b"/" else None)


def _absolute(batch: Batch, at: I64, field: str) -> Mask:
    """Return where a call was given an absolute path, or no such path is asked for.

    What fields make of relative ones follows Falco, which does not always start from the call's own directory.
    """
    if not field:
        return np.ones(len(at), np.bool_)
    written = texts(batch, at, field.removesuffix("raw") + "raw")
    found: Mask = _IS_ABSOLUTE.many(batch.tables, written) >= 0
    return found
