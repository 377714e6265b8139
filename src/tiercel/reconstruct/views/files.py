"""Files that were changed or put to use: what was done, by whom, whether it is still there, and why it may matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from tiercel.reconstruct.entry import entry
from tiercel.reconstruct.executed import ran
from tiercel.reconstruct.kinds import CHANGES
from tiercel.reconstruct.knowledge import suspicious
from tiercel.reconstruct.knowledge.modes import is_executable, set_id
from tiercel.reconstruct.knowledge.noise import is_no_file
from tiercel.reconstruct.knowledge.suspicious import Reason
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.rows import Act, each, of_kinds
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.columns import FLAG, INTEGER, INTEGERS, TEXT, TEXTS, column

FILES = pa.schema(
    [
        column("host", TEXT),
        column("container", TEXT, "container id, empty on the host"),
        column("path", TEXT),
        column("what", TEXTS, "created, modified, emptied, deleted, moved here, moved away …"),
        column("reasons", TEXTS, "why it may matter, gravest first, in plain words"),
        column("weight", INTEGER, "how grave: 0 ordinary to 5"),
        column("chains", TEXTS, "processes that did it, as in bash → evil.sh → cp"),
        column("users", TEXTS),
        column("first_ts", INTEGER, "ns since epoch"),
        column("last_ts", INTEGER, "ns since epoch"),
        column("count", INTEGER, "events"),
        column("bytes", INTEGER, "bytes written, null when none were recorded"),
        column("moved_from", TEXT),
        column("moved_to", TEXT),
        column("mode", TEXT, "permissions last set, null when none were"),
        column("owner", TEXT, "owner last set, null when none was"),
        column("exists", FLAG, "still there at the end, null when that was not seen"),
        column("failed", INTEGER, "attempts that failed"),
        column("processes", INTEGERS, "rows of the processes that did it"),
        column("acts", INTEGERS, "rows of the acts, at most 1000"),
    ]
)
"""What :func:`files` returns, one row for each path in each container."""

_MOST_ACTS, _MOST_CHAINS = 1000, 5
_WORDS = {
    "create": "created",
    "write": "modified",
    "open_write": "opened for writing",
    "delete": "deleted",
    "link": "linked",
    "symlink": "created",
    "mkdir": "created",
    "rmdir": "deleted",
    "chmod": "permissions",
    "chown": "owner",
    "mknod": "created",
}
_GONE = frozenset({"delete", "rmdir"})
_MADE = frozenset({"create", "write", "open_write", "symlink", "link", "mkdir", "mknod"})


@dataclass(slots=True)
class _File:
    """What is known of one path."""

    what: dict[str, None] = field(default_factory=dict)  # a set that keeps the order
    reasons: dict[Reason, None] = field(default_factory=dict)
    chains: dict[str, None] = field(default_factory=dict)
    users: dict[str, None] = field(default_factory=dict)
    processes: dict[int, None] = field(default_factory=dict)
    acts: list[int] = field(default_factory=list)
    first_ts: int = 0
    last_ts: int = 0
    count: int = 0
    bytes: int | None = None
    moved_from: str | None = None
    moved_to: str | None = None
    mode: str | None = None
    owner: str | None = None
    exists: bool | None = None
    failed: int = 0
    written: bool = False
    run: bool = False

    @property
    def weight(self) -> int:
        return max((reason.weight for reason in self.reasons), default=0)


class _Files:
    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self.found: dict[tuple[str, str, str], _File] = {}
        self._chains: dict[tuple[int, str], str] = {}
        self._tops: dict[int, int] = {}

    def add(self, act: Act) -> None:
        if act.kind == "exec":
            cwd = None if act.process is None else self.lineage.cwd[act.process]
            for path in ran(act.object, act.target, act.detail, cwd):
                self._run(act, path)
            return
        if act.object is None or is_no_file(act.object):
            return
        if act.kind == "rename":
            self._moved(act, act.object)
            return
        path = act.target if act.kind == "link" and act.target else act.object
        file = self._seen(act, path)
        if not act.ok:
            return
        file.what["emptied" if _empties(act) else _WORDS[act.kind]] = None
        if act.bytes is not None and act.kind in ("write", "create", "open_write"):
            file.bytes = (file.bytes or 0) + act.bytes
        self._state(act, file)
        for reason in _reasons(act, path):
            file.reasons[reason] = None
        if act.kind in _GONE and file.run:
            file.reasons[suspicious.DELETED_AFTER_RUN] = None

    def _state(self, act: Act, file: _File) -> None:
        if act.kind == "chmod":
            file.mode, file.exists = act.detail, True
        elif act.kind == "chown":
            file.owner, file.exists = act.detail, True
        elif act.kind in _GONE:
            file.exists = False
        else:
            file.exists = True
            file.written = file.written or act.kind in _MADE

    def _moved(self, act: Act, path: str) -> None:
        """Enter a rename at both of its ends."""
        before = self._seen(act, path)
        if not act.ok:
            return
        before.what["moved away"], before.moved_to, before.exists = None, act.target, False
        if reason := suspicious.emptied(path):
            before.reasons[reason] = None
        if act.target is None or is_no_file(act.target):
            return
        after = self._seen(act, act.target)
        after.what["moved here"], after.moved_from, after.exists, after.written = None, path, True, True
        for reason in suspicious.change(act.target):
            after.reasons[reason] = None

    def _run(self, act: Act, path: str) -> None:
        """Enter that a file was executed: one that was changed before, or lies where programs do not belong."""
        known = self.found.get((act.host, act.container, path))
        odd = suspicious.is_temporary(path) or suspicious.hidden(path) is not None
        if known is None and not odd:
            return
        file = self._seen(act, path)
        if not act.ok:
            return
        file.what["run"] = None
        file.run = True
        if file.written:
            file.reasons[suspicious.DROPPED] = None
        if suspicious.is_temporary(path):
            file.reasons[suspicious.RAN_FROM_TEMPORARY] = None
        for reason in suspicious.change(path) if odd else ():
            file.reasons[reason] = None

    def _seen(self, act: Act, path: str) -> _File:
        """Return the file an act is about, with the act entered."""
        file = self.found.setdefault((act.host, act.container, path), _File(first_ts=act.ts))
        file.last_ts = max(file.last_ts, act.last_ts)
        file.count += act.count
        file.failed += 0 if act.ok else act.count
        if len(file.acts) < _MOST_ACTS:
            file.acts.append(act.act)
        file.users[act.user or ("?" if act.uid is None else str(act.uid))] = None
        if act.process is not None:
            file.processes[act.process] = None
            if len(file.chains) < _MOST_CHAINS:
                file.chains[self._chain(act, act.process)] = None
        return file

    def _chain(self, act: Act, process: int) -> str:
        key = process, act.name
        if key not in self._chains:
            if process not in self._tops:
                self._tops[process] = entry(self.lineage, process).root
            self._chains[key] = self.lineage.chain(process, act.ts, self._tops[process])
        return self._chains[key]


def _empties(act: Act) -> bool:
    """Tell whether an act throws away what a file held."""
    return act.kind == "open_write" and "O_TRUNC" in (act.detail or "")


def _reasons(act: Act, path: str) -> Iterable[Reason]:
    """Yield why one successful act on a file may matter."""
    if act.kind in _GONE or _empties(act):
        if reason := suspicious.emptied(path):
            yield reason
        if reason := suspicious.place(path):
            yield reason
    if act.kind in _GONE:
        return
    if not (act.kind in ("mkdir", "chown") and suspicious.is_temporary(path)):
        yield from suspicious.change(path)
    if act.kind == "chmod":
        yield from set_id(act.detail)
        if suspicious.is_temporary(path) and is_executable(act.detail):
            yield suspicious.MADE_EXECUTABLE


def files(scene: Scene, *, container: str | None = None, suspicious_only: bool = False) -> pa.Table:
    """Return what happened to files, gravest first, then by time.

    Files that were only read are not in it.

    Args:
        container: only this container, by id; "" for the host.
        suspicious_only: only files with a reason of weight 2 or more.

    Returns:
        A table with the schema :data:`FILES`.
    """
    found = _Files(Lineage(scene.processes))
    for act in each(of_kinds(scene.acts, CHANGES | {"exec"})):
        if container is None or act.container == container:
            found.add(act)
    ordered = sorted(found.found.items(), key=lambda item: (-item[1].weight, item[1].first_ts, item[0]))
    rows = [_row(key, file) for key, file in ordered if not suspicious_only or file.weight >= 2]
    return pa.Table.from_pylist(rows, schema=FILES)


def _row(key: tuple[str, str, str], file: _File) -> dict[str, object]:
    reasons = sorted(file.reasons, key=lambda reason: -reason.weight)
    if any("temporary" in reason.words for reason in reasons if reason is not suspicious.TEMPORARY):
        reasons = [reason for reason in reasons if reason is not suspicious.TEMPORARY]
    return {
        "host": key[0],
        "container": key[1],
        "path": key[2],
        "what": list(file.what) or ["attempted"],
        "reasons": [reason.words for reason in reasons],
        "weight": file.weight,
        "chains": list(file.chains),
        "users": list(file.users),
        "first_ts": file.first_ts,
        "last_ts": file.last_ts,
        "count": file.count,
        "bytes": file.bytes,
        "moved_from": file.moved_from,
        "moved_to": file.moved_to,
        "mode": file.mode,
        "owner": file.owner,
        "exists": file.exists,
        "failed": file.failed,
        "processes": list(file.processes),
        "acts": file.acts,
    }
