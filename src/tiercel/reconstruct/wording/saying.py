"""One act in words."""

from __future__ import annotations

from typing import Any

from tiercel.reconstruct.kinds import ASKED
from tiercel.reconstruct.wording.shown import short_size

Row = dict[str, Any]

_VERBS = {
    "fork": ("started", "start"),
    "exec": ("ran", "run"),
    "exit": ("ended:", "end:"),
    "open_read": ("read", "read"),
    "open_write": ("wrote to", "write to"),
    "create": ("created", "create"),
    "read": ("read", "read"),
    "write": ("wrote to", "write to"),
    "delete": ("deleted", "delete"),
    "rename": ("renamed", "rename"),
    "link": ("linked", "link"),
    "symlink": ("made symbolic link", "make symbolic link"),
    "mkdir": ("made directory", "make directory"),
    "rmdir": ("removed directory", "remove directory"),
    "mknod": ("made special file", "make special file"),
    "chmod": ("changed mode of", "change mode of"),
    "chown": ("changed owner of", "change owner of"),
    "mount": ("mounted", "mount"),
    "umount": ("unmounted", "unmount"),
    "chroot": ("changed root to", "change root to"),
    "pivot_root": ("exchanged the root file system", "exchange the root file system"),
    "credential": ("changed credentials:", "change credentials:"),
    "connect": ("connected", "connect to"),
    "accept": ("accepted connection", "accept connection"),
    "listen": ("listened on", "listen on"),
    "bind": ("took address", "take address"),
    "send": ("sent to", "send to"),
    "receive": ("received from", "receive from"),
    "resolve": ("looked up", "look up"),
    "redirect": ("tied", "tie"),
    "module": ("kernel module", "kernel module"),
    "bpf": ("used bpf:", "use bpf:"),
    "ptrace": ("traced", "trace"),
    "kill": ("signalled", "signal"),
    "namespace": ("changed namespaces:", "change namespaces:"),
    "memfd_create": ("made in-memory file", "make in-memory file"),
    "io_uring": ("set up io_uring", "set up io_uring"),
    "userfaultfd": ("made userfaultfd", "make userfaultfd"),
    "keyctl": ("used key storage:", "use key storage:"),
    "kernel": ("set for the machine:", "set for the machine:"),
}
"""What was done, and what was tried."""

_TO = {"rename": "to", "link": "as", "symlink": "->", "mount": "from"}
_ALONE = {"pivot_root", "io_uring", "userfaultfd"}
_ELSEWHERE = ("/tmp/", "/var/tmp/", "/dev/shm/", "memfd:")
_SHOWN = {"fork", "exit", "credential", "namespace", "bpf", "keyctl", "kernel", "module", "ptrace", "kill", "mkdir"} | {
    "mknod",
    "chmod",
    "chown",
    "mount",
}
"""Kinds whose detail is part of what is said."""


def sentence(act: Row) -> str:
    """Return what an act says, for example ``changed mode of /tmp/.b (u+s 04755)``; not escaped.

    Args:
        act: kind, object, target, detail, ok, bytes and the like, as in ACTS or a timeline.
    """
    kind = act["kind"]
    done, tried = _VERBS.get(kind, (kind, kind))
    verb = done if act["ok"] else f"tried to {tried}"
    if kind == "exec":
        return f"{verb} {_program(act)}"
    if kind == "resolve":
        return looked_up(act["object"], act["target"], act["detail"])
    if kind == "redirect":
        return f"{verb} {act['detail']} to {act['object']}"
    if kind in ("credential", "namespace", "exit", "kernel", "bpf", "keyctl"):
        object = act["object"] if kind == "namespace" else None
        return " ".join(filter(None, (verb, act["detail"], object)))
    words = [
        verb,
        act["object"] or "something unknown" if kind not in ("pivot_root", "io_uring", "userfaultfd") else "",
    ]
    if act["target"]:
        words += [_TO.get(kind, ""), act["target"]]
    notes = [act["detail"] if kind in _SHOWN or not act["ok"] else None, _amount(act)]
    told = ", ".join(filter(None, notes))
    return " ".join(filter(None, [*words, f"({told})" if told else ""]))


def looked_up(name: str | None, addresses: str | None, detail: str | None) -> str:
    """Return a lookup in words: ``looked up example.org: 93.184.216.34``, ``looked up example.org (NXDOMAIN)``."""
    what = f"looked up {name or 'a name'}"
    if detail == ASKED:
        return f"{what} (no answer was seen)"
    if addresses:
        what += f": {addresses}"
    return what if not detail or (addresses and detail in ("A", "AAAA")) else f"{what} ({detail})"


def _program(act: Row) -> str:
    """Return a command line, with the executable where it is another than the first word or in an odd place."""
    path, line = act["object"] or "", act["detail"]
    if not line:
        return path or "a program"
    named = path.rpartition("/")[2] == line.partition(" ")[0]
    return f"{line} ({path})" if path and (not named or path.startswith(_ELSEWHERE)) else str(line)


def _amount(act: Row) -> str | None:
    if act.get("sent") or act.get("received"):
        parts = ((act.get("sent"), "sent"), (act.get("received"), "received"))
        return ", ".join(f"{short_size(count)} {word}" for count, word in parts if count)
    return short_size(act["bytes"]) if act["bytes"] else None
