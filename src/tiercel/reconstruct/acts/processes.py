"""Acts of processes: running programs, changing who they are, leaving namespaces, acting on other processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tiercel.fields.evt_args import number_param, text_param
from tiercel.fields.evt_columns import I64
from tiercel.fields.fd_rows import row_of_event
from tiercel.fields.params_names import SIGNALS
from tiercel.fields.params_text import join_path
from tiercel.fields.process_text import CAPABILITIES, items
from tiercel.model.batch import Batch
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.reconstruct.acts.found import DENIED, Found, constant, denied, error, made, of_types, result, texts, types
from tiercel.reconstruct.processes import NO_UID
from tiercel.wire.flag_table import FLAGS

EXECS = types("SYSCALL_EXECVE_19_X", "SYSCALL_EXECVEAT_X")
CLONES = types("SYSCALL_CLONE_20_X", "SYSCALL_CLONE3_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X")
_CREDENTIALS = types(
    "SYSCALL_SETUID_X",
    "SYSCALL_SETGID_X",
    "SYSCALL_SETRESUID_X",
    "SYSCALL_SETRESGID_X",
    "SYSCALL_SETREUID_X",
    "SYSCALL_SETREGID_X",
)
_CAPSET = types("SYSCALL_CAPSET_X")
_NAMESPACES = types("SYSCALL_SETNS_X", "SYSCALL_UNSHARE_X")
_SIGNALS = types("SYSCALL_KILL_X", "SYSCALL_TKILL_X", "SYSCALL_TGKILL_X")
_PTRACE = types("SYSCALL_PTRACE_X")
_MEMORY = types("SYSCALL_PROCESS_VM_READV_X", "SYSCALL_PROCESS_VM_WRITEV_X")
TYPES = EXECS | CLONES | _CREDENTIALS | _CAPSET | _NAMESPACES | _SIGNALS | _PTRACE | _MEMORY

_FILENAME = 30  # of execve; execveat has none
_CLONE_FLAGS = 15
_KINDS = [(name, bit) for name, bit in FLAGS["clone_flags"] if name.startswith("CLONE_NEW")]
_ALL_KINDS = sum(bit for _, bit in _KINDS)


def before(event: Event) -> int:
    """Return the row the caller had just before the event, -1 when it was not known."""
    lookup, index = event.batch.lookup, event.index
    return -1 if lookup is None else lookup.process(int(event.batch.tid[index]), index - 1)


def find(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield what processes did; failures where something was not allowed."""
    for numbers, finder in (
        (EXECS, _execs),
        (CLONES, _clones),
        (_CREDENTIALS, _credentials),
        (_CAPSET, _capsets),
        (_NAMESPACES, _namespaces),
        (_SIGNALS, _signals),
        (_PTRACE, _ptraces),
        (_MEMORY, _memory),
    ):
        chosen = of_types(batch, at, numbers)
        if len(chosen):
            yield from finder(batch, chosen)


def _execs(batch: Batch, at: I64) -> Iterator[Found]:
    res = result(batch, at)
    ran = at[res >= 0]
    if len(ran):
        paths = texts(batch, ran, "proc.exepath")
        asked = made(batch, [_asked(Event(batch, i)) for i in ran.tolist()])
        asked[asked == paths] = -1
        inodes = batch.tables.processes.array[batch.process[ran], P.EXE_INO]
        yield Found("exec", ran, object=paths, target=asked, detail=texts(batch, ran, "proc.cmdline"), inode=inodes)
        yield from _raised(batch, ran)
    refused = at[denied(res)]
    if len(refused):
        events = [Event(batch, i) for i in refused.tolist()]
        names = made(batch, [text_param(event, _FILENAME) or text_param(event, 1) for event in events])
        yield Found("exec", refused, object=names, res=res[denied(res)], ok=np.zeros(len(refused), np.bool_))


def _asked(event: Event) -> bytes | None:
    """Return the file that was to be run: a script that names the executable as its interpreter, a link to it."""
    path = text_param(event, _FILENAME)
    if not path or path == b"<NA>":
        # an interpreter gets the script among its first arguments, and the process the script's name
        name = event.text(event.process_cell(P.COMM)) or b""
        arguments = items(event.text(event.process_cell(P.ARGS)))[:2]
        path = next((word for word in arguments if name and word.rpartition(b"/")[2][:15] == name[:15]), None)
        if path is None or name == (event.text(event.process_cell(P.EXEPATH)) or b"").rpartition(b"/")[2][:15]:
            return None
    return join_path(event.text(event.process_cell(P.CWD)) or b"", path)


def _raised(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield the changes of user that came with running a set-user-ID program."""
    found, words = [], []
    for i in at.tolist():
        event = Event(batch, i)
        row = before(event)
        if row < 0 or event.process < 0:
            continue
        old, new = (event.process_cell(P.UID, r) & NO_UID for r in (row, event.process))
        if old != new and NO_UID not in (old, new):
            found.append(i)
            words.append((f"uid={new}", f"set-user-ID program: uid {old} -> {new}"))
    if found:
        objects, details = (made(batch, column) for column in zip(*words, strict=True))
        yield Found("credential", np.array(found, np.int64), object=objects, detail=details)


def _namespace_words(bits: int) -> str:
    return "|".join(name for name, bit in _KINDS if bits & bit)


def _clones(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield the namespaces that new processes were put into; the processes themselves are told of elsewhere."""
    found, words = [], []
    for i in at.tolist():
        event = Event(batch, i)
        flags = int.from_bytes(event.param(_CLONE_FLAGS) or b"", "little") & _ALL_KINDS
        if flags and (number_param(event, 0) or 0) > 0:
            found.append(i)
            words.append(f"clone: {_namespace_words(flags)}")
    if found:
        yield Found("namespace", np.array(found, np.int64), detail=made(batch, words))


def _credentials(batch: Batch, at: I64) -> Iterator[Found]:
    res = result(batch, at)
    kept = (res == 0) | denied(res)
    at, res = at[kept], res[kept]
    objects, details = [], []
    for i, returned in zip(at.tolist(), res.tolist(), strict=True):
        event = Event(batch, i)
        name = event.type.name
        group = "gid" in name
        word, column = ("gid", P.GID) if group else ("uid", P.UID)
        effective = event.param(1 if name in ("setuid", "setgid") else 2) or b""
        new = int.from_bytes(effective, "little")
        row = before(event)
        old = event.process_cell(column, row) & NO_UID if row >= 0 else NO_UID
        if new == NO_UID:  # leaves it as it is
            new = old
        change = f"{word} {new}" if old == NO_UID else f"{word} {old} -> {new}"
        if old == new:
            change = f"{word} {new} (unchanged)"
        objects.append(f"{word}={new}")
        details.append(f"{name}: {change}" if returned == 0 else f"{name}: {change}, {error(returned)}")
    if len(at):
        yield Found(
            "credential", at, object=made(batch, objects), detail=made(batch, details), res=res, ok=res == 0, merge=True
        )


def _capability_words(bits: int) -> str:
    return ",".join(name for number, name in enumerate(CAPABILITIES) if bits >> number & 1)


def _capsets(batch: Batch, at: I64) -> Iterator[Found]:
    res = result(batch, at)
    at, res = at[res == 0], res[res == 0]
    details = []
    for i in at.tolist():
        event = Event(batch, i)
        row = before(event)
        new = int.from_bytes(event.param(3) or b"", "little")
        old = event.process_cell(P.CAP_EFFECTIVE, row) & 0xFFFFFFFFFFFFFFFF if row >= 0 else new
        parts = [
            f"{word} {_capability_words(bits)}" for word, bits in (("gained", new & ~old), ("dropped", old & ~new))
        ]
        parts = [part for part in parts if not part.endswith(" ")]
        details.append("capset: " + ("; ".join(parts) or "effective capabilities unchanged"))
    if len(at):
        objects = constant(batch, len(at), "capabilities")
        yield Found("credential", at, object=objects, detail=made(batch, details), res=res, ok=res == 0, merge=True)


def _namespaces(batch: Batch, at: I64) -> Iterator[Found]:
    res = result(batch, at)
    kept = (res == 0) | denied(res)
    at, res = at[kept], res[kept]
    objects, details, told = [], [], []  # unshare also serves to part from files and directories alone
    for i in at.tolist():
        event = Event(batch, i)
        entered = event.type.name == "setns"
        row = row_of_event(event) if entered else -1
        objects.append(event.text(event.file_cell(F.NAME, row)) if row >= 0 else None)
        flags = int.from_bytes(event.param(2 if entered else 1) or b"", "little") & _ALL_KINDS
        told.append(entered or flags != 0)
        details.append(": ".join(filter(None, (event.type.name, _namespace_words(flags)))))
    if len(at):
        which = np.flatnonzero(told)
        names, words, res = made(batch, objects)[which], made(batch, details)[which], res[which]
        yield Found("namespace", at[which], object=names, detail=words, res=res, ok=res == 0, merge=True)


def other(event: Event, pid: int | None) -> tuple[str | None, int | None]:
    """Return a process as ``pid 7 (name)`` and its pid on the host, None where a pid namespace hides which it is."""
    if pid is None:
        return None, None
    own = event.process
    if own < 0 or event.process_cell(P.TID) != event.process_cell(P.VTID):
        return f"pid {pid}", None
    row = event.process_at(pid)
    if row < 0:
        return f"pid {pid}", pid
    name = (event.text(event.process_cell(P.COMM, row)) or b"").decode(errors="replace")
    return f"pid {pid} ({name})", event.process_cell(P.PID, row)


def _itself(event: Event, pid: int | None, host: int | None) -> bool:
    if event.process < 0:
        return False
    return event.process_cell(P.PID) == host or (host is None and event.process_cell(P.VPID) == pid)


def _signals(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield signals to other processes; 0 only asks whether there is one."""
    found, objects, details, results = [], [], [], []
    for i, returned in zip(at.tolist(), result(batch, at).tolist(), strict=True):
        event = Event(batch, i)
        signal = (event.param(3 if event.params > 3 else 2) or b"\0")[0]
        if not signal or (returned < 0 and returned not in DENIED):
            continue
        pid = number_param(event, 1)
        name, host = other(event, pid)
        if _itself(event, pid, host):
            continue
        found.append(i)
        objects.append(name)
        details.append(SIGNALS.get(signal, b"signal %d" % signal))
        results.append(returned)
    yield from _about(batch, "kill", found, objects, details, results)


_REQUESTS = {number: name for name, number in FLAGS["ptrace_requests"]}


def _ptraces(batch: Batch, at: I64) -> Iterator[Found]:
    found, objects, details, results = [], [], [], []
    for i, returned in zip(at.tolist(), result(batch, at).tolist(), strict=True):
        event = Event(batch, i)
        if returned < 0 and returned not in DENIED:
            continue
        request = int.from_bytes(event.param(3) or b"", "little")
        found.append(i)
        name = _REQUESTS.get(request, f"request {request}")
        objects.append(None if name == "PTRACE_TRACEME" else other(event, number_param(event, 4))[0])
        details.append(name)
        results.append(min(returned, 0))
    yield from _about(batch, "ptrace", found, objects, details, results)


def _memory(batch: Batch, at: I64) -> Iterator[Found]:
    found, objects, details, results = [], [], [], []
    for i, returned in zip(at.tolist(), result(batch, at).tolist(), strict=True):
        if returned < 0 and returned not in DENIED:
            continue
        event = Event(batch, i)
        found.append(i)
        objects.append(other(event, number_param(event, 1))[0])
        details.append(event.type.name)
        results.append(min(returned, 0))
    yield from _about(batch, "ptrace", found, objects, details, results)


def _about(
    batch: Batch,
    kind: str,
    found: list[int],
    objects: list[str | None],
    details: list[str] | list[bytes],
    results: list[int],
) -> Iterator[Found]:
    """Yield acts on other processes; those that are alike are one."""
    if found:
        res = np.array(results, np.int64)
        yield Found(
            kind,
            np.array(found, np.int64),
            object=made(batch, objects),
            detail=made(batch, details),
            res=res,
            ok=res >= 0,
            merge=True,
        )
