"""From acts to deeds: the acts that tell something, those about one thing taken together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tiercel.reconstruct.entry import is_runtime
from tiercel.reconstruct.executed import arguments, ran, resolve
from tiercel.reconstruct.knowledge import suspicious
from tiercel.reconstruct.knowledge.noise import is_no_file, is_noise
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.rows import Act, Ends

_WRITES = frozenset({"create", "open_write", "write"})
_READS = frozenset({"open_read", "read"})
_TALKS = frozenset({"connect", "send", "receive", "accept", "redirect"})
_ALWAYS = frozenset(
    {"delete", "rename", "link", "symlink", "chmod", "mount", "umount", "chroot", "pivot_root", "listen", "module"}
    | {"bpf", "ptrace", "memfd_create", "io_uring", "userfaultfd", "kernel", "mknod", "rmdir", "resolve"}
)
_NAMING = 53  # the port of name servers


@dataclass(slots=True)
class Deed:
    """Acts of one process about one thing, told in one sentence.

    ``kind`` is exec, write, read, talk, accept (and what was said then), resolve, or the kind of the one act.
    """

    kind: str
    process: int
    name: str
    acts: list[Act] = field(default_factory=list)

    @property
    def ts(self) -> int:
        return self.acts[0].ts

    @property
    def first(self) -> Act:
        return self.acts[0]

    @property
    def ok(self) -> bool:
        return any(act.ok for act in self.acts)

    def total(self, *kinds: str) -> int | None:
        """Return the bytes that acts of these kinds moved, None where none were recorded."""
        found = [act.bytes for act in self.acts if act.kind in kinds and act.bytes is not None]
        return sum(found) if found else None


def deeds(acts: Iterable[Act], lineage: Lineage, began: dict[int, int], alerted: Collection[int]) -> list[Deed]:
    """Return what processes did that is worth telling, by time.

    Left out are forks and exits, files that every program opens, reads of files nobody named, and what a container
    runtime did to set a session up. An act that an alert is about is never left out.

    Args:
        acts: in order of time.
        began: for the first process of a session: when it ran its first own program, ns since epoch. What it did
            before was setting up.
        alerted: numbers of acts that alerts are about.
    """
    found: dict[object, Deed] = {}
    acts = list(acts)
    accepted = {act.ends for act in acts if act.kind == "accept"}
    for act in acts:
        if act.process is None or (act.act not in alerted and not _tells(act, lineage, began)):
            continue
        kind, key = _kind(act, accepted)
        deed = found.get((act.process, act.name, kind, key))
        if deed is None:
            deed = found[act.process, act.name, kind, key] = Deed(kind, act.process, act.name)
        deed.acts.append(act)
    kept = [deed for deed in found.values() if not _only_tied(deed, alerted)]
    return sorted(kept, key=lambda deed: (deed.ts, deed.first.act))


def _kind(act: Act, accepted: Collection[Ends]) -> tuple[str, object]:
    """Return the kind of deed an act belongs to, and what the deed is about. ``accepted`` are ends of connections."""
    if act.kind in _WRITES:
        return "write", act.object
    if act.kind in _READS:
        return "read", act.object
    if act.kind in _TALKS:
        if act.proto == "unix":
            return "talk", act.object
        return ("accept", (act.raddr, act.lport)) if act.ends in accepted else ("talk", (act.raddr, act.rport))
    return act.kind, act.object if act.kind == "resolve" else act.act


def _tells(act: Act, lineage: Lineage, began: dict[int, int]) -> bool:
    assert act.process is not None
    if act.ts < began.get(act.process, act.ts) or is_runtime(act.name):
        return False
    path = act.object or ""
    if act.kind == "exec":
        return True
    if act.kind in _WRITES:
        return not is_no_file(path)
    if act.kind in _READS:
        return suspicious.is_secret(path) or (not is_noise(path) and _named(act, lineage))
    if act.kind in _TALKS:
        return _talk_tells(act)
    if act.kind in ("chown", "mkdir"):
        return act.kind == "mkdir" or not suspicious.is_history(path)
    if act.kind == "credential":
        return "unchanged" not in (act.detail or "") and (not act.ok or _rises(act.detail or ""))
    if act.kind == "namespace":
        return True
    if act.kind == "kill":
        return "SIGCHLD" not in (act.detail or "") and "SIGCONT" not in (act.detail or "")
    return act.kind in _ALWAYS and not (path and path[0] == "/" and is_no_file(path) and act.kind != "mount")


def _named(act: Act, lineage: Lineage) -> bool:
    """Tell whether a process was asked for a file by name, other than as the script it runs."""
    row = act.process
    if row is None or not act.object:
        return False
    cwd = lineage.cwd[row]
    if any(act.object in ran(step["exepath"], None, step["cmdline"], cwd) for step in lineage.execs[row]):
        return False
    words = [word for step in lineage.execs[row] for word in arguments(step["cmdline"])[1:]]
    return any(resolve(word, cwd) == act.object for word in words if "/" in word or "." in word)


def _rises(detail: str) -> bool:
    """Tell whether a change of credentials brought rights: to user 0 from another, or new capabilities."""
    return "gained" in detail or ("uid" in detail and detail.rstrip().endswith("-> 0"))


def _talk_tells(act: Act) -> bool:
    if act.proto == "unix":
        return act.kind == "connect" and (act.socket_path or "").endswith(".sock")
    return act.raddr is not None and act.rport != _NAMING


def _only_tied(deed: Deed, alerted: Collection[int]) -> bool:
    """Tell whether a process did no more with a connection than inherit or copy it."""
    return all(act.kind == "redirect" and act.act not in alerted for act in deed.acts)
