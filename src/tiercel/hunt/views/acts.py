"""Quick views of what was done: ``network``, ``files_changed`` and ``timeline``, as SQL over events by type.

They show calls as they were made. What `tiercel case` reconstructs is richer: it follows descriptors, sums up bytes and
leaves out noise.
"""

from __future__ import annotations

from tiercel.hunt.views.dimensions import PLACE, PLACE_COLUMNS, file_cells
from tiercel.hunt.views.events import JOINS, WHEN, WHEN_COLUMNS, WHO, WHO_COLUMNS
from tiercel.hunt.views.model import Part, View, columns
from tiercel.model.columns import FdKind
from tiercel.wire.event_table import EVENTS, Event, ParamType

_AT_FDCWD = -100
_WRITING = 2 | 4 | 256 | 16384
"""Bits of the open flags that say a file may be written or was created: O_WRONLY, O_CREAT, O_TRUNC, O_F_CREATED."""
_CREATED = 16384

_NETWORK = [
    *("connect", "accept", "accept4", "bind", "listen", "socketpair", "shutdown"),
    *("sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg"),
]
_OPEN = ["open", "openat", "openat2", "creat", "open_by_handle_at"]
_CHANGES = {
    "unlink": "delete",
    "unlinkat": "delete",
    "rmdir": "rmdir",
    "rename": "rename",
    "renameat": "rename",
    "renameat2": "rename",
    "mkdir": "mkdir",
    "mkdirat": "mkdir",
    "link": "link",
    "linkat": "link",
    "symlink": "symlink",
    "symlinkat": "symlink",
    "chmod": "chmod",
    "fchmod": "chmod",
    "fchmodat": "chmod",
    "chown": "chown",
    "lchown": "chown",
    "fchown": "chown",
    "fchownat": "chown",
    "mknod": "mknod",
    "mknodat": "mknod",
}
_ACTS = {
    "execve": "exec",
    "execveat": "exec",
    "connect": "connect",
    "accept": "accept",
    "accept4": "accept",
    "bind": "bind",
    "listen": "listen",
    "setuid": "credential",
    "setgid": "credential",
    "setreuid": "credential",
    "setregid": "credential",
    "setresuid": "credential",
    "setresgid": "credential",
    "capset": "credential",
    "init_module": "module",
    "finit_module": "module",
    "delete_module": "module",
    "mount": "mount",
    "umount": "umount",
    "umount2": "umount",
    "setns": "namespace",
    "unshare": "namespace",
    "chroot": "chroot",
    "pivot_root": "pivot_root",
    "ptrace": "ptrace",
    "bpf": "bpf",
    "memfd_create": "memfd_create",
    "userfaultfd": "userfaultfd",
    "io_uring_setup": "io_uring",
    "keyctl": "keyctl",
    "kill": "kill",
    "tgkill": "kill",
    "tkill": "kill",
} | _CHANGES


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _numbers(names: list[str]) -> list[int]:
    """Return the numbers of all exit events with these names."""
    return [event.number for event in EVENTS if event.name in names and not event.is_enter]


def _by_type(names: list[str]) -> str:
    """Return the condition that an event is one of these: by number, which row groups have statistics of."""
    return f"e.type_id IN ({', '.join(map(str, _numbers(names)))})"


def _paths(event: Event) -> list[tuple[int, int]]:
    """Return the places of an event's paths among its parameters, each with that of its directory or -1."""
    types = (ParamType.FSPATH, ParamType.FSRELPATH)
    return [(k, param.dirfd) for k, param in enumerate(event.params) if param.type in types]


def _text(k: int) -> str:
    """Return parameter ``k`` as text; bytes that are no UTF-8 are shown as \\xNN."""
    blob = f"e.params[{k + 1}]"
    return f"rtrim(coalesce(try(decode({blob})), replace(CAST({blob} AS VARCHAR), '\\x00', '')), chr(0))"


def _path(nth: int, names: list[str]) -> str:
    """Return the ``nth`` path of these events: as given, after the current directory where it starts from there."""
    cases: dict[tuple[int, int], list[int]] = {}
    for number in _numbers(names):
        paths = _paths(EVENTS[number])
        if len(paths) > nth:
            cases.setdefault(paths[nth], []).append(number)
    whens = []
    for (k, directory), numbers in cases.items():
        here = "true" if directory < 0 else f"e.params[{directory + 1}] = {_bytes(_AT_FDCWD)}"
        given = _text(k)
        relative = f"coalesce(text(p.cwd), '') || {given}"
        whens.append(
            f"WHEN e.type_id IN ({', '.join(map(str, numbers))}) THEN"
            f" CASE WHEN {given} LIKE '/%' OR NOT {here} THEN {given} ELSE {relative} END"
        )
    return f"CASE {' '.join(whens)} END"


def _bytes(number: int) -> str:
    """Return an int64 as the blob that a parameter holds it in."""
    escaped = "".join(f"\\x{byte:02X}" for byte in number.to_bytes(8, "little", signed=True))
    return f"'{escaped}'::BLOB"


def _renamed(names: dict[str, str]) -> str:
    whens = (f"WHEN '{name}' THEN '{act}'" for name, act in names.items())
    return f"CASE e.type {' '.join(whens)} END"


NETWORK = View(
    "network",
    "Calls on IPv4 and IPv6 sockets.",
    columns(
        *PLACE_COLUMNS,
        *WHEN_COLUMNS,
        "act VARCHAR connect, accept, bind, listen, sendto and so on.",
        "res BIGINT Result: bytes for sends and receives, a negative errno when the call failed.",
        *WHO_COLUMNS,
        "fd BIGINT Descriptor.",
        "name VARCHAR Both ends, client first.",
        "protocol VARCHAR tcp, udp, icmp or raw.",
        "client_ip VARCHAR Address of the client's end.",
        "client_port BIGINT Port of the client's end.",
        "server_ip VARCHAR Address of the server's end, or of a listening socket.",
        "server_port BIGINT Port of the server's end.",
    ),
    (
        Part(
            "events e",
            PLACE | WHEN | WHO | file_cells("f") | {"act": "e.type", "res": "e.res", "fd": "e.fd"},
            JOINS,
            f"{_by_type(_NETWORK)} AND f.kind IN ({FdKind.IPV4_SOCK:d}, {FdKind.IPV6_SOCK:d},"
            f" {FdKind.IPV4_SERVSOCK:d}, {FdKind.IPV6_SERVSOCK:d})",
        ),
    ),
)

_CHANGED = list(_CHANGES)
_CHANGED_PATH = f"coalesce({_path(0, _CHANGED)}, text(f.name))"

FILES_CHANGED = View(
    "files_changed",
    "Successful calls that open a file for writing, or create, delete, move or change one.",
    columns(
        *PLACE_COLUMNS,
        *WHEN_COLUMNS,
        "act VARCHAR create, write (opened for writing), delete, rename, mkdir, rmdir, link, symlink, chmod or chown.",
        "path VARCHAR The file. A path relative to another directory than the current one is as given.",
        "target VARCHAR The second path of a rename or link.",
        "res BIGINT Result of the call.",
        *WHO_COLUMNS,
    ),
    (
        Part(
            "events e",
            PLACE
            | WHEN
            | WHO
            | {
                "act": f"CASE WHEN (f.openflags & {_CREATED}) <> 0 THEN 'create' ELSE 'write' END",
                "path": "text(f.name)",
                "res": "e.res",
            },
            JOINS,
            f"{_by_type(_OPEN)} AND e.res >= 0 AND (f.openflags & {_WRITING}) <> 0",
        ),
        Part(
            "events e",
            PLACE
            | WHEN
            | WHO
            | {"act": _renamed(_CHANGES), "path": _CHANGED_PATH, "target": _path(1, _CHANGED), "res": "e.res"},
            JOINS,
            f"{_by_type(_CHANGED)} AND e.res >= 0",
        ),
    ),
)

_OTHERS = list(_ACTS)

TIMELINE = View(
    "timeline",
    "Security-relevant calls, successful or not, and alerts; order by ts.",
    columns(
        *PLACE_COLUMNS,
        *WHEN_COLUMNS,
        "kind VARCHAR exec, connect, write, delete, credential, mount, module and so on; or alert.",
        "what VARCHAR Command line, path, connection, or the alert's output.",
        "target VARCHAR The second path of a rename or link; the rule of an alert.",
        "res BIGINT Result of the call.",
        *WHO_COLUMNS,
    ),
    (
        Part(
            "events e",
            PLACE
            | WHEN
            | WHO
            | {
                "kind": _renamed(_ACTS),
                "what": "CASE WHEN e.type IN ('execve', 'execveat') THEN "
                f"{WHO['proc_cmdline']} ELSE coalesce({_path(0, _OTHERS)}, text(f.name)) END",
                "target": _path(1, _CHANGED),
                "res": "e.res",
            },
            JOINS,
            _by_type(_OTHERS),
        ),
        Part(
            "events e",
            PLACE
            | WHEN
            | WHO
            | {
                "kind": f"CASE WHEN (f.openflags & {_CREATED}) <> 0 THEN 'create' ELSE 'write' END",
                "what": "text(f.name)",
                "res": "e.res",
            },
            JOINS,
            f"{_by_type(_OPEN)} AND (f.openflags & {_WRITING}) <> 0",
        ),
        Part(
            "alerts e",
            PLACE | WHEN | {"kind": "'alert'", "what": "e.output", "target": "e.rule"},
        ),
    ),
)
