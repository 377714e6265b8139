"""Why an act need not be shown in a timeline: the reasons, as data.

The first reason that holds counts. An act that an alert is about is always shown.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from tiercel.reconstruct.kinds import CHANGES
from tiercel.reconstruct.knowledge import suspicious
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.rows import Act


class Programs:
    """Which program a process ran at a time."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self._times = [[run["ts"] for run in runs] for runs in lineage.execs]

    def run(self, process: int, ts: int) -> tuple[str | None, str | None]:
        """Return (executable, command line) at ``ts``; before its first exec a process runs what its parent ran."""
        lineage = self.lineage
        for _ in range(64):
            done = bisect_right(self._times[process], ts)
            if done:
                last = lineage.execs[process][done - 1]
                return last["exepath"], last["cmdline"]
            parent = lineage.parent[process]
            if parent is None or lineage.from_start[process]:
                break
            ts, process = min(ts, lineage.start[process] or ts), parent
        return lineage.exepath[process], lineage.cmdline[process]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason to leave an act out. ``told``: a row says so where it happens, else only the totals do."""

    name: str
    sentence: str
    holds: Callable[[Act, Programs], bool]
    told: bool = False


_GRAVE = 5  # weight of what an intruder does to stay or to rise
_READING = frozenset({"open_read", "read"})
_LIBRARY = re.compile(r"/(?:usr/)?(?:local/)?lib(?:32|64|x32)?/(?:[^/]+/)*[^/]+\.so(?:\.[\w.]+)?$|/etc/ld\.so\.cache$")
_LOOKUP = re.compile(
    r"/etc/(?:passwd|group|nsswitch\.conf|hosts|host\.conf|resolv\.conf|gai\.conf|services|protocols|localtime|timezone"
    r"|locale\.alias|inputrc|login\.defs|ld\.so\.preload|ssl/openssl\.cnf)$|/(?:usr/)?lib/(?:ssl/openssl\.cnf$|terminfo/|locale/)"
    r"|/usr/(?:lib|share)/(?:[^/]+/)?(?:locale|gconv|zoneinfo|i18n|terminfo|misc)/|/etc/terminfo/|(?:/var)?/run/nscd/"
)
_DEVICE = re.compile(
    r"/dev/(?:null|zero|full|u?random|tty\w*|ptmx|console|std(?:in|out|err)|fd/\d+|pts/(?:\d+|ptmx))$"
    r"|/proc/(?:self|thread-self|\d+)/(?:task/\d+/)?(?:fd/|attr/|oom_score_adj$|comm$)"
)
_KERNEL = re.compile(r"/(?:proc|sys)/(?!(?:\d+|self|thread-self)/(?:environ|mem|root/|cwd/)|kcore$|kallsyms$|sysrq)")
_CGROUP = re.compile(r"/sys/fs/cgroup/(?!.*release_agent$)")

_REMEMBERED = 1 << 16  # paths whose verdicts are kept

_SYSTEM = r"(?:/usr(?:/local)?)?/s?bin/|/usr/libexec/|/opt/cni/bin/|/usr/lib/"
_RUNTIMES = re.compile(
    r"(?:runc|crun|youki|runsc|kata-(?:runtime|agent)|containerd(?:-shim(?:-\w+-v\d)?)?|dockerd|docker-(?:init|proxy)"
    r"|conmon(?:rs)?|crio|podman|buildah|catatonit)$"
)
_RUNTIME_COPY = re.compile(r"(?:/?memfd:)?(?:runc|crun|youki)(?:_cloned.*)?$")
"""A runtime that runs from a copy of itself, as runc does before it enters a container."""
_OF_RUNTIMES = re.compile(
    r"/(?:run|sys|proc|dev)/|/var/(?:run|lib/(?:docker|containerd|containers|kubelet|cni|rancher))/"
)
_SETTING_UP = frozenset(
    {"namespace", "mount", "umount", "pivot_root", "chroot", "credential", "keyctl", "kernel", "kill", "memfd_create"}
    | {"bpf", "mknod", "symlink", "io_uring", "ptrace"}
)
_PACKAGERS = re.compile(
    r"(?:dpkg(?:-\w+)*|apt(?:-get|-cache|itude)?|rpm|rpmdb|yum|dnf\d?|microdnf|zypper|apk|pacman|unattended-upgrades?"
    r"|packagekitd|snapd)$"
)


@lru_cache(_REMEMBERED)
def _is(pattern: re.Pattern[str], path: str) -> bool:
    return pattern.match(path) is not None


def _path(act: Act) -> str:
    return act.object or ""


@lru_cache(_REMEMBERED)
def _base(exepath: str | None, pattern: re.Pattern[str]) -> bool:
    """Whether an executable is one of these, where the system keeps them."""
    folder, slash, name = (exepath or "").rpartition("/")
    return pattern.match(name) is not None and re.match(_SYSTEM, folder + slash) is not None


def _bookkeeping(act: Act, programs: Programs) -> bool:
    return act.kind == "fork" or (act.kind == "exit" and not (act.res or 0) & 0x7F)


def _library(act: Act, programs: Programs) -> bool:
    return act.kind in _READING and act.ok and _is(_LIBRARY, _path(act))


def _lookup(act: Act, programs: Programs) -> bool:
    return (act.kind in _READING or act.kind == "connect") and act.ok and _is(_LOOKUP, _path(act))


def _device(act: Act, programs: Programs) -> bool:
    return act.kind in _READING | {"open_write", "write", "create"} and _is(_DEVICE, _path(act))


def _kernel(act: Act, programs: Programs) -> bool:
    return act.kind in _READING and act.ok and _is(_KERNEL, _path(act))


def _ordinary(act: Act, programs: Programs) -> bool:
    path = _path(act)
    return act.kind in _READING and act.ok and not suspicious.is_secret(path) and not suspicious.is_temporary(path)


def _unchanged(act: Act, programs: Programs) -> bool:
    return act.kind == "credential" and act.ok and (act.detail or "").endswith("unchanged)")


def _is_runtime(process: int, ts: int, programs: Programs) -> bool:
    """Whether a process is a container runtime where the system keeps them, or the copy that one made of itself."""
    program, _ = programs.run(process, ts)
    if _base(program, _RUNTIMES):
        return True
    if not program or _RUNTIME_COPY.match(program) is None:
        return False
    lineage, parent = programs.lineage, programs.lineage.parent[process]
    ran = [run["exepath"] or "" for run in lineage.execs[process] if run["ts"] <= ts]
    return (
        all(_base(path, _RUNTIMES) or _RUNTIME_COPY.match(path) for path in ran)
        and parent is not None
        and _base(programs.run(parent, ts)[0], _RUNTIMES)
    )


def _runtime(act: Act, programs: Programs) -> bool:
    if act.process is None:
        return False
    if not _is_runtime(act.process, act.ts, programs):
        return False
    if act.kind == "exec":
        return (act.detail or "").endswith(" init")
    if act.kind in _SETTING_UP or act.kind == "exit":
        return True
    if act.kind in CHANGES | _READING:
        return not _path(act) or _is(_OF_RUNTIMES, _path(act)) or _is(_CGROUP, _path(act))
    return act.proto == "unix"


def _packages(act: Act, programs: Programs) -> bool:
    if act.process is None or act.kind not in CHANGES:
        return False
    if not _base(programs.run(act.process, act.ts)[0], _PACKAGERS):
        return False
    place = suspicious.place(act.target or _path(act))
    return place is None or place.weight < _GRAVE


REASONS: tuple[Reason, ...] = (
    Reason("libraries", "shared libraries loaded", _library),
    Reason("lookups", "names of users and hosts, time zone, language, terminal looked up", _lookup),
    Reason("devices", "terminals, /dev/null and the like read or written", _device),
    Reason("kernel files", "files of /proc and /sys read", _kernel),
    Reason("runtime", "a container runtime setting up or entering a container", _runtime, told=True),
    Reason("packages", "a package manager installing or removing files", _packages, told=True),
    Reason("processes", "processes forked and ended by themselves (the tree shows them)", _bookkeeping),
    Reason("unchanged", "credentials set to what they were", _unchanged),
    Reason("reads", "files read that hold no secret and are not in a temporary directory", _ordinary),
)
"""The reasons that follow from an act itself."""

BYTES = "bytes"
REPEATED = "repeated"
SENTENCES: dict[str, str] = {reason.name: reason.sentence for reason in REASONS} | {
    BYTES: "bytes moved, counted in the row of the file or connection",
    REPEATED: "the same again by the same process, or by the same command of the same parent; counted in the first row",
}
"""Every reason by its name, in plain words."""
TOLD = frozenset(reason.name for reason in REASONS if reason.told)


def reason(act: Act, programs: Programs) -> str | None:
    """Return the name of the first reason to leave an act out, None to show it."""
    return next((reason.name for reason in REASONS if reason.holds(act, programs)), None)
